//! Reads JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF and JPEG XL, recognised by content, into upright sRGB.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, ExtendedColorType, GrayImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
    RgbImage,
};

use super::color::{Channels, Profile, to_rgb};
use super::samples::{Depth, Samples, high, split, split_alpha};
use super::{Format, MAX_BYTES, MAX_SIDE, Picture, color, exif, foreign, heif, jpeg, jpeg_xl, png, tiff};
use crate::error::{Error, Result, cause};
use crate::frame::{Frame, MaxPixels, room_for};
use crate::kernel::turn::Turn;
use crate::media::pixels::photo_to_sdr;
use crate::size::Size;
use crate::sync::Stop;
use crate::sync::pipe::{self, Pipe};
use crate::warning::Warning;

/// Size limit for a picture's unpacked metadata, in bytes.
const MAX_METADATA: u64 = 64 << 20;
/// Extra bytes per decoded pixel while it is converted and rotated: an 8-bit sRGB copy and a rotated copy of that.
const WORKING_BYTES: u64 = 2 * 4;

impl Picture {
    /// Reads a JPEG, PNG, WebP, TIFF, BMP, HEIC, AVIF or JPEG XL file; HEIC and AVIF need libheif on the machine. The content
    /// decides the format, not the file name. The picture is rotated upright by its EXIF orientation and converted to sRGB by
    /// its colour profile; see [`Self::notes`] and [`Self::warnings`] for what else was done.
    ///
    /// # Errors
    /// The file cannot be read, is not one of these formats, is damaged, or has more pixels than [`MaxPixels::default`].
    pub fn open(path: &Path) -> Result<Self> {
        load(path, MaxPixels::default())
    }
}

/// Reads the picture in the file `path`.
///
/// # Errors
/// The file cannot be read, is not a picture, or is damaged or truncated. Or its header claims more than `most` pixels,
/// 65535 pixels a side, 4 GiB, or the memory that is available.
pub fn load(path: &Path, most: MaxPixels) -> Result<Picture> {
    let file = File::open(path).map_err(|error| Error::reading(path, &error))?;
    let bytes = read(file).map_err(|error| Error::reading(path, &error))?;
    decode(&bytes, &format!("'{}'", path.display()), most)
}

/// Reads a picture from a pipe: `-` is standard input.
///
/// # Errors
/// As [`load`]. [`Error::Interrupted`] if `stop` is requested before the pipe has given the picture.
pub fn load_pipe(path: &Path, most: MaxPixels, stop: &Stop) -> Result<Picture> {
    let name = pipe::shown(path);
    let bytes = Pipe::open(path, stop.flag()).and_then(read).map_err(|error| {
        if stop.requested() {
            return Error::Interrupted(format!("interrupted while reading {name}"));
        }
        Error::failed(format!("cannot read {name}: {}", cause(&error)))
    })?;
    decode(&bytes, &name, most)
}

/// The format to write a picture file back in: its own; if impasto cannot write that one, JPEG for photos and else PNG. `None` if the file cannot
/// be opened or its first bytes are not those of a readable picture.
pub fn sniff(path: &Path) -> Option<Format> {
    recognise(&start(path)).map(|kind| kind.written_as().unwrap_or(Format::Png))
}

/// Decodes a picture; messages call it `name`.
///
/// # Errors
/// As [`load`].
pub fn decode(bytes: &[u8], name: &str, most: MaxPixels) -> Result<Picture> {
    let kind = recognise(bytes);
    let raw = match kind {
        _ if bytes.is_empty() => return Err(Error::failed(format!("{name} is empty; choose another file"))),
        Some(Kind::Usual(ImageFormat::Jpeg)) => decode_jpeg(bytes, name, most)?,
        Some(Kind::Usual(format)) => decode_other(bytes, format, name, most)?,
        Some(Kind::Heif(kind)) => decode_heif(bytes, kind, name, most)?,
        Some(Kind::JpegXl) => decode_jpeg_xl(bytes, name, most)?,
        None if let Some((kind, cure)) = foreign::kind(bytes) => {
            return Err(Error::failed(format!("{name} is a {kind} picture, which impasto cannot read; {cure}")));
        }
        None => {
            let kinds = "JPEG, PNG, WebP, TIFF or BMP";
            return Err(Error::failed(format!(
                "{name} is not a picture that impasto can read; convert it to {kinds} first"
            )));
        }
    };
    Ok(raw.finish(kind.and_then(Kind::written_as)))
}

/// Whether the file is a picture by its first bytes, of a kind that impasto reads or knows by name.
pub fn is_picture(path: &Path) -> bool {
    let start = start(path);
    recognise(&start).is_some() || foreign::kind(&start).is_some()
}

/// The first bytes of a file; none of a pipe, which reading would empty.
fn start(path: &Path) -> Vec<u8> {
    let mut start = Vec::new();
    if path.metadata().is_ok_and(|found| found.is_file()) {
        // An unreadable file is no picture until it is opened, which says why.
        let _ = File::open(path).and_then(|file| file.take(16).read_to_end(&mut start));
    }
    start
}

fn read(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("it is larger than {} GiB", MAX_BYTES >> 30)));
    }
    Ok(bytes)
}

/// A kind of picture that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// By `image`, or by the decoders inside it.
    Usual(ImageFormat),
    /// By libheif: `HEIC` or `AVIF`.
    Heif(&'static str),
    JpegXl,
}

impl Kind {
    /// The format to write it in: its own, or JPEG for photos.
    fn written_as(self) -> Option<Format> {
        match self {
            Self::Usual(format) => written_as(format),
            Self::Heif(_) | Self::JpegXl => Some(Format::Jpeg),
        }
    }
}

/// Recognises a picture that can be read by its first bytes.
fn recognise(start: &[u8]) -> Option<Kind> {
    match foreign::brand(start) {
        Some(b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1") => {
            return Some(Kind::Heif("HEIC"));
        }
        Some(b"avif" | b"avis") => return Some(Kind::Heif("AVIF")),
        _ => {}
    }
    if start.starts_with(b"\xFF\x0A") || start.starts_with(b"\0\0\0\x0CJXL ") {
        return Some(Kind::JpegXl);
    }
    // BigTIFF, which `image` does not recognise and its decoder reads.
    if start.starts_with(b"II+\0") || start.starts_with(b"MM\0+") {
        return Some(Kind::Usual(ImageFormat::Tiff));
    }
    let format = image::guess_format(start).ok()?;
    (format == ImageFormat::Bmp || written_as(format).is_some()).then_some(Kind::Usual(format))
}

fn written_as(format: ImageFormat) -> Option<Format> {
    match format {
        ImageFormat::Jpeg => Some(Format::Jpeg),
        ImageFormat::Png => Some(Format::Png),
        ImageFormat::WebP => Some(Format::WebP),
        ImageFormat::Tiff => Some(Format::Tiff),
        _ => None,
    }
}

/// A picture as stored in the file: not rotated, in its own colour space.
struct Raw {
    width: u32,
    height: u32,
    samples: Samples,
    /// How deep they are in the file, if that is more than 8 bits.
    depth: Depth,
    channels: Channels,
    alpha: Option<Vec<u8>>,
    icc: Option<Vec<u8>>,
    /// Code points of primaries and curve (ITU-T H.273), which stand above the profile if the curve is that of HDR.
    code_points: Option<(u8, u8)>,
    exif: Option<Vec<u8>>,
    orientation: Orientation,
    notes: Vec<String>,
    warnings: Vec<Warning>,
}

fn decode_jpeg(bytes: &[u8], name: &str, most: MaxPixels) -> Result<Raw> {
    if let Some(reason) = jpeg::unsupported(bytes) {
        return Err(unsupported(name, ImageFormat::Jpeg, reason));
    }
    let damaged = |reason: String| damaged(name, ImageFormat::Jpeg, &reason);
    let header = jpeg::header(bytes).map_err(damaged)?;
    let bytes_per_pixel = header.channels.count() as u64;
    check_size(name, Size::new(header.width, header.height), bytes_per_pixel, most)?;
    let pixels = jpeg::pixels(bytes, &header).map_err(damaged)?;
    let orientation = header.exif.as_deref().and_then(exif::orientation).and_then(Orientation::from_exif);
    Ok(Raw {
        width: header.width,
        height: header.height,
        samples: Samples::Eight(pixels.bytes),
        depth: Depth::SIXTEEN,
        channels: header.channels,
        alpha: None,
        icc: header.icc,
        code_points: None,
        exif: header.exif,
        orientation: orientation.unwrap_or(Orientation::NoTransforms),
        notes: header.other_metadata.then(other_metadata).into_iter().collect(),
        warnings: pixels.flaw.map(|flaw| Warning::DamagedJpeg { flaw }).into_iter().collect(),
    })
}

fn decode_heif(bytes: &[u8], kind: &str, name: &str, most: MaxPixels) -> Result<Raw> {
    let failed = |failure: heif::Failure| match failure {
        heif::Failure::NoLibrary => Error::failed(format!(
            "{name} is a {kind} picture, which needs libheif; install it (Debian, Ubuntu: apt install libheif1; macOS: brew \
             install libheif), or convert the picture to JPEG or PNG first"
        )),
        heif::Failure::Refused(reason) => Error::failed(format!(
            "libheif cannot read {name}, which is {kind} ({reason}); use an undamaged copy, or convert it to JPEG or PNG first"
        )),
    };
    let picture = heif::Heif::open(bytes).map_err(failed)?;
    let (width, height) = picture.size();
    check_size(name, Size::new(width, height), 4 * if picture.is_deep() { 2 } else { 1 }, most)?;
    let mut warnings = Vec::new();
    if picture.pictures() > 1 {
        warnings.push(Warning::Pages { pages: picture.pictures() });
    }
    let notes = picture.has_xmp().then(other_metadata).into_iter().collect();
    let code_points = picture.code_points();
    let icc = picture.icc().or_else(|| {
        let (primaries, transfer) = code_points?;
        color::of_shown_code_points(primaries, transfer)
    });
    let heif::Pixels { size: (width, height), samples, turn } = picture.pixels().map_err(failed)?;
    let (has_alpha, is_multiplied) = (picture.has_alpha(), picture.is_premultiplied());
    let (samples, channels, alpha) = match samples {
        heif::Samples::Eight(raw) => {
            let color = if has_alpha { ColorType::Rgba8 } else { ColorType::Rgb8 };
            let (channels, colors, alpha) = split_alpha(raw, color, |opacity| opacity, is_multiplied);
            (Samples::Eight(colors), channels, alpha)
        }
        heif::Samples::Sixteen(raw) => {
            let color = if has_alpha { ColorType::Rgba16 } else { ColorType::Rgb16 };
            let (channels, colors, alpha) = split_alpha(raw, color, high, is_multiplied);
            (Samples::Sixteen(colors), channels, alpha)
        }
    };
    let (exif, orientation) = (picture.exif(), orientation(turn));
    let depth = Depth { bits: picture.bits(), is_float: false };
    Ok(Raw { width, height, samples, depth, channels, alpha, icc, code_points, exif, orientation, notes, warnings })
}

fn decode_jpeg_xl(bytes: &[u8], name: &str, most: MaxPixels) -> Result<Raw> {
    let failed = |error: ImageError| {
        Error::failed(format!(
            "{name} is a damaged JPEG XL file ({error}); use an undamaged copy, or convert it to PNG first"
        ))
    };
    let mut decoder = jpeg_xl::decoder(bytes).map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(name, Size::new(width, height), u64::from(decoder.color_type().bytes_per_pixel()), most)?;
    let icc = decoder.icc_profile().unwrap_or_default();
    let exif = decoder.exif_metadata().unwrap_or_default().map(exif::without_marker);
    let jpeg_xl::Facts { is_multiplied, depth, is_animated, has_xmp } = jpeg_xl::facts(bytes);
    let (samples, channels, alpha) = split(DynamicImage::from_decoder(decoder).map_err(failed)?, is_multiplied);
    // It is turned upright already.
    let orientation = Orientation::NoTransforms;
    let (code_points, notes) = (None, has_xmp.then(other_metadata).into_iter().collect());
    let warnings = is_animated.then_some(Warning::Animation).into_iter().collect();
    Ok(Raw { width, height, samples, depth, channels, alpha, icc, code_points, exif, orientation, notes, warnings })
}

/// The orientation, in EXIF's terms, that moves pixels as `turn` does.
fn orientation(turn: Turn) -> Orientation {
    let number = match turn {
        Turn { transposed: false, mirrored, flipped: false } => 1 + u8::from(mirrored),
        Turn { transposed: false, mirrored, flipped: true } => 4 - u8::from(mirrored),
        Turn { transposed: true, mirrored, flipped: false } => 5 + u8::from(mirrored),
        Turn { transposed: true, mirrored, flipped: true } => 8 - u8::from(mirrored),
    };
    Orientation::from_exif(number).unwrap_or(Orientation::NoTransforms)
}

/// Decodes a TIFF of more than 16 bits per sample, or of grey with opacity, which `image` reads in part or not at all.
fn decode_deep(bytes: &[u8], metadata: tiff::Metadata, name: &str, most: MaxPixels) -> Result<Raw> {
    let refused = |refusal| refused_tiff(name, refusal);
    let (width, height) = tiff::size(bytes).map_err(refused)?;
    // RGB and opacity in 64 bits, at most.
    check_size(name, Size::new(width, height), 4 * 8, most)?;
    let tiff::Deep { is_shallow, depth, samples, channels, alpha } = tiff::deep(bytes).map_err(refused)?;
    let color = match (channels, alpha) {
        (Channels::Gray, false) => ColorType::L16,
        (Channels::Gray, true) => ColorType::La16,
        (_, false) => ColorType::Rgb16,
        (_, true) => ColorType::Rgba16,
    };
    let (channels, colors, alpha) = split_alpha(samples, color, high, metadata.premultiplied);
    let samples =
        if is_shallow { Samples::Eight(colors.into_iter().map(high).collect()) } else { Samples::Sixteen(colors) };
    let orientation = metadata.orientation.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms);
    let (notes, warnings) = (tiff_notes(&metadata), tiff_warnings(&metadata).into_iter().collect());
    Ok(Raw {
        width,
        height,
        samples,
        depth,
        channels,
        alpha,
        icc: metadata.icc,
        code_points: None,
        exif: None,
        orientation,
        notes,
        warnings,
    })
}

fn refused_tiff(name: &str, refusal: tiff::Refusal) -> Error {
    match refusal {
        tiff::Refusal::Damaged(reason) => damaged(name, ImageFormat::Tiff, &reason),
        tiff::Refusal::Unsupported(reason) => unsupported(name, ImageFormat::Tiff, &reason),
    }
}

/// What is not kept of a TIFF's metadata.
fn tiff_notes(metadata: &tiff::Metadata) -> Vec<String> {
    let exif = || "its EXIF metadata, in TIFF's own tags, is not kept".to_owned();
    metadata.other.then(other_metadata).into_iter().chain(metadata.exif.then(exif)).collect()
}

fn tiff_warnings(metadata: &tiff::Metadata) -> Option<Warning> {
    (metadata.pages > 1).then_some(Warning::Pages { pages: metadata.pages })
}

fn decode_other(bytes: &[u8], format: ImageFormat, name: &str, most: MaxPixels) -> Result<Raw> {
    let metadata = if format == ImageFormat::Tiff { tiff::metadata(bytes) } else { tiff::Metadata::default() };
    match metadata.stored {
        tiff::Stored::Usual => {}
        tiff::Stored::Deep => return decode_deep(bytes, metadata, name, most),
        tiff::Stored::Signed => return Err(unsupported(name, format, "its samples are signed integers")),
        tiff::Stored::Other => return Err(unsupported(name, format, "its samples are no real numbers")),
    }
    let failed = |error: ImageError| match error {
        ImageError::Limits(_) => {
            let most = MAX_BYTES >> 30;
            Error::failed(format!(
                "{name} unpacks to more than {most} GiB, or its metadata to more than {} MiB; use a smaller copy",
                MAX_METADATA >> 20
            ))
        }
        ImageError::Unsupported(cause) => unsupported(name, format, &tiff::oddity(bytes).unwrap_or(cause.to_string())),
        ImageError::Decoding(reason) if reason.to_string().contains("CRC error") => {
            damaged(name, format, "a checksum in it is wrong")
        }
        ImageError::Decoding(reason) => damaged(name, format, &reason.to_string()),
        ImageError::IoError(reason) if reason.kind() == io::ErrorKind::UnexpectedEof => {
            damaged(name, format, "it ends in the middle of the picture")
        }
        other => damaged(name, format, &other.to_string()),
    };
    let ended = png::with_end(bytes);
    let mut reader = ImageReader::with_format(Cursor::new(&ended[..]), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_METADATA);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    check_size(name, Size::new(width, height), u64::from(decoder.color_type().bytes_per_pixel()), most)?;
    limits.max_alloc = Some(MAX_BYTES);
    decoder.set_limits(limits).map_err(failed)?;
    let stored = decoder.original_color_type();
    // Unreadable metadata is no reason to reject the pixels.
    let mut icc = decoder.icc_profile().unwrap_or_default();
    let exif = decoder.exif_metadata().unwrap_or_default().or_else(|| png::exif(bytes)).map(exif::without_marker);
    let other = decoder.xmp_metadata().is_ok_and(|xmp| xmp.is_some())
        || decoder.iptc_metadata().is_ok_and(|iptc| iptc.is_some());
    let from_exif = exif.as_deref().and_then(exif::orientation).and_then(Orientation::from_exif);
    let orientation = from_exif.or(decoder.orientation().ok()).unwrap_or(Orientation::NoTransforms);
    let mut notes: Vec<String> = other.then(other_metadata).into_iter().collect();
    let mut warnings: Vec<Warning> = animated(bytes, format).then_some(Warning::Animation).into_iter().collect();
    let image = DynamicImage::from_decoder(decoder).map_err(failed)?;
    let (samples, channels, alpha) = split(image, metadata.premultiplied);
    if format == ImageFormat::Png && icc.is_none() {
        icc = png::profile(bytes, channels == Channels::Gray);
    }
    let texts = if format == ImageFormat::Png { png::texts(bytes) } else { Vec::new() };
    if !texts.is_empty() {
        notes.push(format!("its texts are not kept ({})", texts.join(", ")));
    }
    if format == ImageFormat::Tiff {
        warnings.extend(tiff_warnings(&metadata));
        notes = tiff_notes(&metadata);
        icc = metadata.icc;
    }
    let code_points = (format == ImageFormat::Png).then(|| png::code_points(bytes)).flatten();
    let depth = Depth::SIXTEEN;
    let mut raw =
        Raw { width, height, samples, depth, channels, alpha, icc, code_points, exif, orientation, notes, warnings };
    if matches!(stored, ExtendedColorType::Cmyk8 | ExtendedColorType::Cmyk16) {
        raw.channels = Channels::Cmyk;
        raw.samples = match tiff::inks(bytes).map_err(|refusal| refused_tiff(name, refusal))? {
            tiff::Inks::Eight(inks) => Samples::Eight(inks),
            tiff::Inks::Sixteen(inks) => Samples::Sixteen(inks),
        };
    }
    Ok(raw)
}

impl Raw {
    /// Rotates the picture upright and converts it to sRGB. `format` is the one to write it in.
    fn finish(mut self, format: Option<Format>) -> Picture {
        let tagged = self.icc.is_some();
        let rgb = self.rgb8();
        let (width, height) = (self.width, self.height);
        let turn = |mut image: DynamicImage| {
            image.apply_orientation(self.orientation);
            image
        };
        // The buffers have the decoder's own sizes, so both constructors accept them.
        let turned = turn(RgbImage::from_raw(width, height, rgb).unwrap_or_default().into());
        let alpha = self
            .alpha
            .map(|alpha| turn(GrayImage::from_raw(width, height, alpha).unwrap_or_default().into()).into_bytes());
        let (width, height) = (turned.width(), turned.height());
        if let Some(exif) = &mut self.exif {
            exif::describe_painted(exif, width, height);
        }
        Picture {
            frame: Frame { width, height, pixels: turned.into_bytes(), ..Frame::default() },
            alpha,
            format,
            exif: self.exif,
            tagged,
            notes: self.notes,
            warnings: self.warnings,
        }
    }

    /// The colours in 8-bit sRGB; adds a note for each conversion.
    fn rgb8(&mut self) -> Vec<u8> {
        let samples = std::mem::replace(&mut self.samples, Samples::Eight(Vec::new()));
        if let Some(seen) = self.tone_mapped(&samples) {
            self.notes.push("its HDR is painted in SDR".into());
            return seen;
        }
        let profile = self.profile();
        if profile.is_none() && self.channels == Channels::Cmyk {
            self.notes.push(plain_inks());
        }
        let rgb = match samples {
            Samples::Eight(pixels) => match profile.as_ref().map(|profile| profile.to_srgb8(&pixels)) {
                Some(Some(converted)) => converted,
                _ if self.channels == Channels::Rgb => pixels,
                _ => to_rgb(&pixels, self.channels),
            },
            Samples::Sixteen(pixels) => {
                self.notes.push(self.depth.note());
                let converted = profile.as_ref().and_then(|profile| profile.to_srgb16(&pixels));
                let pixels = converted.unwrap_or_else(|| to_rgb(&pixels, self.channels));
                pixels.into_iter().map(high).collect()
            }
        };
        if let Some(profile) = profile {
            self.notes.push(format!("its colours are converted from '{}' to sRGB", profile.name()));
        }
        rgb
    }

    /// HDR in SDR; `None` if the picture is not HDR.
    fn tone_mapped(&self, samples: &Samples) -> Option<Vec<u8>> {
        let noted = || Profile::parse(self.icc.as_ref()?)?.code_points();
        let (primaries, transfer) = self.code_points.or_else(noted).filter(|_| self.channels == Channels::Rgb)?;
        match samples {
            Samples::Sixteen(pixels) => photo_to_sdr(primaries, transfer, pixels),
            Samples::Eight(pixels) => {
                let pixels: Vec<u16> = pixels.iter().map(|&level| u16::from(level) * 257).collect();
                photo_to_sdr(primaries, transfer, &pixels)
            }
        }
    }

    /// The embedded colour profile, if it must be applied: it is usable, fits the channels and is not sRGB itself.
    fn profile(&mut self) -> Option<Profile> {
        let icc = self.icc.as_ref()?;
        let usable = Profile::parse(icc).filter(|profile| profile.channels() == Some(self.channels));
        let black = vec![0; self.channels.count()];
        let Some(profile) = usable.filter(|profile| profile.to_srgb8(&black).is_some()) else {
            self.warnings.push(Warning::ColorProfile);
            return None;
        };
        (!profile.is_srgb()).then_some(profile)
    }
}

fn check_size(name: &str, size: Size, bytes_per_pixel: u64, most: MaxPixels) -> Result<()> {
    most.check(name, size.width, size.height)?;
    let pixels = size.pixels();
    if pixels * bytes_per_pixel > MAX_BYTES || size.width.max(size.height) > MAX_SIDE {
        let Size { width, height } = size;
        let gib = MAX_BYTES >> 30;
        return Err(Error::failed(format!(
            "{name} claims {width} x {height} pixels; scale it down first, to at most {MAX_SIDE} pixels a side and {gib} GiB"
        )));
    }
    room_for(name, pixels * (bytes_per_pixel + WORKING_BYTES))
}

fn damaged(name: &str, format: ImageFormat, reason: &str) -> Error {
    let kind = kind(format);
    Error::failed(format!("{name} is a damaged {kind} file ({reason}); use an undamaged copy"))
}

/// The error for a file that may be sound, and that the decoder does not know.
fn unsupported(name: &str, format: ImageFormat, reason: &str) -> Error {
    let kind = kind(format);
    Error::failed(format!("{name} is a {kind} file of an unsupported kind ({reason}); convert it to PNG first"))
}

fn kind(format: ImageFormat) -> String {
    written_as(format).map_or_else(|| "BMP".to_owned(), |format| format.to_string())
}

/// Whether the file is an animation; false if it is damaged, which decoding reports.
fn animated(bytes: &[u8], format: ImageFormat) -> bool {
    match format {
        ImageFormat::Png => {
            let decoder = PngDecoder::with_limits(Cursor::new(bytes), Limits::default());
            decoder.and_then(|png| png.is_apng()).unwrap_or(false)
        }
        ImageFormat::WebP => WebPDecoder::new(Cursor::new(bytes)).is_ok_and(|webp| webp.has_animation()),
        _ => false,
    }
}

fn plain_inks() -> String {
    "its CMYK colours have no profile, so a simple formula converts them to sRGB".into()
}

fn other_metadata() -> String {
    "its XMP and IPTC metadata is not kept".into()
}
