//! Reads TIFF's inks and metadata. The only module that calls the TIFF decoder directly: `image` converts inks to RGB by a
//! simple formula, and loses the colour profiles of small pictures (its limits count a profile against the pixels).

use std::io::{Cursor, ErrorKind};

use tiff::TiffError;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use super::MAX_BYTES;
use super::color::Channels;
use super::samples::Depth;

/// Inks as stored, packed `[height][width][4]`; the largest value is full ink.
#[derive(Debug)]
pub enum Inks {
    /// 8 bits each.
    Eight(Vec<u8>),
    /// 16 bits each.
    Sixteen(Vec<u16>),
}

/// The metadata of a file.
#[derive(Debug, Default)]
pub struct Metadata {
    /// The colour profile.
    pub icc: Option<Vec<u8>>,
    /// The file has a directory of EXIF or GPS tags.
    pub exif: bool,
    /// The file has XMP or IPTC metadata.
    pub other: bool,
    /// Its colours are multiplied by their opacity.
    pub premultiplied: bool,
    /// How it is turned, 1 to 8 as in EXIF.
    pub orientation: Option<u8>,
    /// Number of its pages, without thumbnails.
    pub pages: u32,
    /// How its samples are stored.
    pub stored: Stored,
}

/// How samples are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stored {
    /// As unsigned integers of up to 16 bits, or in a way that the decoder itself refuses.
    #[default]
    Usual,
    /// As larger integers, as numbers from 0 to 1, or as grey with opacity: [`deep`] reads them.
    Deep,
    /// As integers below and above zero, which are no colours.
    Signed,
    /// As numbers that are complex, or without a meaning.
    Other,
}

/// Pixels that are brought to 16 bits.
#[derive(Debug)]
pub struct Deep {
    /// The file has 8 bits.
    pub is_shallow: bool,
    /// How deep the file's samples are.
    pub depth: Depth,
    /// Packed `[height][width][channels]`, opacity last.
    pub samples: Vec<u16>,
    /// What the channels mean, without the opacity.
    pub channels: Channels,
    /// Whether opacity is there.
    pub alpha: bool,
}

/// Why pixels were not read, as a clause.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The file is damaged.
    Damaged(String),
    /// The file may be sound, and this is not read.
    Unsupported(String),
}

impl From<TiffError> for Refusal {
    fn from(error: TiffError) -> Self {
        match error {
            TiffError::IoError(cause) if cause.kind() == ErrorKind::UnexpectedEof => {
                Self::Damaged("it ends in the middle of the picture".into())
            }
            TiffError::UnsupportedError(cause) => Self::Unsupported(cause.to_string()),
            error => Self::Damaged(error.to_string()),
        }
    }
}

/// Reads the metadata; empty if the file is damaged.
pub fn metadata(bytes: &[u8]) -> Metadata {
    let Ok(mut decoder) = Decoder::new(Cursor::new(bytes)) else { return Metadata::default() };
    let mut has = |tag| matches!(decoder.find_tag(tag), Ok(Some(_)));
    let exif = has(Tag::ExifDirectory) || has(Tag::GpsDirectory);
    // XMP and IPTC by their registered numbers.
    let other = has(Tag::from_u16_exhaustive(700)) || has(Tag::from_u16_exhaustive(33_723));
    let icc = decoder.get_tag_u8_vec(Tag::IccProfile).ok();
    let mut first = |tag| decoder.find_tag_unsigned_vec::<u16>(tag).ok().flatten().and_then(|all| all.first().copied());
    let bits = first(Tag::BitsPerSample).unwrap_or(1);
    const BLACK_IS_ZERO: u16 = 1;
    let is_grey = first(Tag::PhotometricInterpretation) == Some(BLACK_IS_ZERO);
    let has_grey_alpha = is_grey && first(Tag::SamplesPerPixel) == Some(2) && matches!(bits, 8 | 16);
    let stored = match first(Tag::SampleFormat) {
        None | Some(1) if has_grey_alpha => Stored::Deep,
        None | Some(1) if bits <= 16 => Stored::Usual,
        None | Some(1 | 3) => Stored::Deep,
        Some(2) => Stored::Signed,
        Some(_) => Stored::Other,
    };
    let premultiplied = first(Tag::ExtraSamples) == Some(1);
    let orientation = first(Tag::Orientation).and_then(|turn| u8::try_from(turn).ok());
    let pages = pages(&mut decoder);
    Metadata { icc, exif, other, premultiplied, orientation, pages, stored }
}

/// Number of pages; smaller copies of another page are none.
fn pages(decoder: &mut Decoder<Cursor<&[u8]>>) -> u32 {
    let mut count = 1;
    // A loop of directories has no end.
    for _ in 0..10_000 {
        if !decoder.more_images() || decoder.next_image().is_err() {
            break;
        }
        let kind = decoder.find_tag_unsigned::<u32>(Tag::NewSubfileType).ok().flatten();
        count += u32::from(kind.is_none_or(|kind| kind & 1 == 0));
    }
    count
}

/// What the decoder does not know about the first page, as a clause; `None` if it is something else.
pub fn oddity(bytes: &[u8]) -> Option<String> {
    const FAX: u16 = 3;
    const LZMA: u16 = 34_925;
    const ZSTANDARD: u16 = 50_000;
    const WEBP: u16 = 50_001;
    const PALETTE: u16 = 3;
    const SEPARATED: u16 = 5;
    const YCBCR: u16 = 6;
    const CIELAB: std::ops::RangeInclusive<u16> = 8..=10;
    let mut decoder = Decoder::new(Cursor::new(bytes)).ok()?;
    let mut first = |tag| decoder.find_tag_unsigned_vec::<u16>(tag).ok().flatten().and_then(|all| all.first().copied());
    let codec = match first(Tag::Compression) {
        Some(2 | FAX) => Some("fax codes of Group 3"),
        Some(LZMA) => Some("LZMA"),
        Some(ZSTANDARD) => Some("Zstandard"),
        Some(WEBP) => Some("WebP"),
        _ => None,
    };
    if let Some(codec) = codec {
        return Some(format!("compressed as {codec}"));
    }
    let kind = first(Tag::PhotometricInterpretation).unwrap_or(u16::MAX);
    let channels = first(Tag::SamplesPerPixel).unwrap_or(1);
    let has_opacity = matches!(first(Tag::ExtraSamples), Some(1 | 2));
    match (kind, first(Tag::BitsPerSample)) {
        (PALETTE, _) => Some("colours of a palette".into()),
        (YCBCR, _) => Some("colours in YCbCr".into()),
        (SEPARATED, _) if has_opacity => Some("CMYK with opacity".into()),
        (SEPARATED, _) if channels != 4 => Some(format!("{channels} inks")),
        (kind, _) if CIELAB.contains(&kind) => Some("colours in CIE L*a*b*".into()),
        (0 | 1, _) if channels > 1 => Some(format!("grey in {channels} channels")),
        (_, Some(bits)) if !matches!(bits, 1 | 8 | 16 | 32 | 64) => Some(format!("{bits} bits per channel")),
        _ => None,
    }
}

/// Width and height of the first page.
///
/// # Errors
/// The file is damaged.
pub fn size(bytes: &[u8]) -> Result<(u32, u32), Refusal> {
    Ok(Decoder::new(Cursor::new(bytes))?.dimensions()?)
}

/// Reads the pixels of [`Stored::Deep`].
///
/// # Errors
/// The file is damaged, or its channels are not grey or RGB.
pub fn deep(bytes: &[u8]) -> Result<Deep, Refusal> {
    let unsupported = |reason: String| Err(Refusal::Unsupported(reason));
    let (mut decoder, count) = open(bytes)?;
    let (channels, alpha) = match decoder.colortype()? {
        tiff::ColorType::Gray(_) => (Channels::Gray, false),
        // Of the files that are read here, those of two samples are grey with opacity: see `metadata`.
        tiff::ColorType::GrayA(_) | tiff::ColorType::Multiband { num_samples: 2, .. } => (Channels::Gray, true),
        tiff::ColorType::RGB(_) => (Channels::Rgb, false),
        tiff::ColorType::RGBA(_) => (Channels::Rgb, true),
        color => return unsupported(format!("its channels are stored as {color:?}")),
    };
    let level = |share: f64| (share.clamp(0.0, 1.0) * 65_535.0).round() as u16;
    let read = decoder.read_image()?;
    let is_shallow = matches!(read, DecodingResult::U8(_));
    let (bits, is_float) = match &read {
        DecodingResult::U32(_) => (32, false),
        DecodingResult::U64(_) => (64, false),
        DecodingResult::F16(_) => (16, true),
        DecodingResult::F32(_) => (32, true),
        DecodingResult::F64(_) => (64, true),
        _ => (16, false),
    };
    let samples: Vec<u16> = match read {
        DecodingResult::U8(samples) => samples.into_iter().map(|sample| u16::from(sample) * 257).collect(),
        DecodingResult::U16(samples) => samples,
        DecodingResult::U32(samples) => samples.into_iter().map(|sample| (sample >> 16) as u16).collect(),
        DecodingResult::U64(samples) => samples.into_iter().map(|sample| (sample >> 48) as u16).collect(),
        DecodingResult::F16(samples) => samples.into_iter().map(|sample| level(f64::from(sample.to_f32()))).collect(),
        DecodingResult::F32(samples) => samples.into_iter().map(|sample| level(f64::from(sample))).collect(),
        DecodingResult::F64(samples) => samples.into_iter().map(level).collect(),
        _ => return unsupported("its samples have another size than it says".into()),
    };
    if samples.len() as u64 != count * (channels.count() as u64 + u64::from(alpha)) {
        return unsupported("its channels are stored in planes".into());
    }
    Ok(Deep { is_shallow, depth: Depth { bits, is_float }, samples, channels, alpha })
}

/// A decoder, and the number of pixels of its first page.
type Opened<'a> = (Decoder<Cursor<&'a [u8]>>, u64);

/// A decoder without limits but those on pictures, and the number of pixels.
fn open(bytes: &[u8]) -> Result<Opened<'_>, Refusal> {
    let mut limits = Limits::unlimited();
    limits.decoding_buffer_size = usize::try_from(MAX_BYTES).unwrap_or(usize::MAX);
    limits.intermediate_buffer_size = limits.decoding_buffer_size;
    let mut decoder = Decoder::new(Cursor::new(bytes))?.with_limits(limits);
    let (width, height) = decoder.dimensions()?;
    Ok((decoder, u64::from(width) * u64::from(height)))
}

/// Reads the pixels of a CMYK file.
///
/// # Errors
/// The file is damaged, or is not CMYK of 8 or 16 bits with packed channels.
pub fn inks(bytes: &[u8]) -> Result<Inks, Refusal> {
    let (mut decoder, count) = open(bytes)?;
    let (color, samples) = (decoder.colortype()?, decoder.read_image()?);
    let count = count as usize * 4;
    match (color, samples) {
        (tiff::ColorType::CMYK(8), DecodingResult::U8(inks)) if inks.len() == count => Ok(Inks::Eight(inks)),
        (tiff::ColorType::CMYK(16), DecodingResult::U16(inks)) if inks.len() == count => Ok(Inks::Sixteen(inks)),
        (color, _) => Err(Refusal::Unsupported(format!("its inks are stored as {color:?}"))),
    }
}
