//! Decodes JPEG. The only module that calls the decoder directly, to get unconverted inks and to detect truncated files.

use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;

use super::MAX_SIDE;
use super::color::Channels;
use crate::frame::Frame;

/// What a JPEG's header says.
#[derive(Debug)]
pub struct Header {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// What the channels mean.
    pub channels: Channels,
    /// EXIF metadata, as a TIFF structure.
    pub exif: Option<Vec<u8>>,
    /// The colour profile.
    pub icc: Option<Vec<u8>>,
    /// The file also has XMP or IPTC metadata.
    pub other_metadata: bool,
    stored: ColorSpace,
}

/// Decoded pixels.
#[derive(Debug)]
pub struct Pixels {
    /// 8 bits per channel, packed `[height][width][channels]`.
    pub bytes: Vec<u8>,
    /// How the file violates the format; the pixels are what could be read in spite of it.
    pub flaw: Option<String>,
}

/// What keeps the decoder from reading a picture that may well be sound; `None` for the kinds that it reads.
pub fn unsupported(bytes: &[u8]) -> Option<&'static str> {
    let (found, _) = segments(bytes);
    let frame =
        found.iter().find(|(marker, _)| matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC))?;
    match frame {
        (0xC3, _) => Some("lossless"),
        (0xC5..=0xC7 | 0xCD..=0xCF, _) => Some("hierarchical"),
        (0xC9..=0xCB, _) => Some("arithmetic coding"),
        (_, body) if body.first() == Some(&12) => Some("12 bits per channel"),
        _ => None,
    }
}

/// Reads the header.
///
/// # Errors
/// The file is not a JPEG, or is of an unsupported kind. The error is a clause.
pub fn header(bytes: &[u8]) -> Result<Header, String> {
    let mut decoder = decoder(bytes, false);
    decoder.decode_headers().map_err(|error| words(&error))?;
    let info = decoder.info().ok_or("it has no header")?;
    let stored = decoder.input_colorspace().ok_or("it has no colour space")?;
    let (stored, channels) = match (stored, info.components) {
        (_, 1) => (ColorSpace::Luma, Channels::Gray),
        (ColorSpace::CMYK | ColorSpace::YCCK, 4) => (stored, Channels::Cmyk),
        // Before the pixels are read, the decoder may report three plain channels as inks.
        (_, 3) => (ColorSpace::RGB, Channels::Rgb),
        (_, count) => return Err(format!("it has {count} channels")),
    };
    Ok(Header {
        width: u32::from(info.width),
        height: u32::from(info.height),
        channels,
        exif: decoder.exif().cloned(),
        icc: decoder.icc_profile(),
        other_metadata: decoder.xmp().is_some() || decoder.iptc().is_some(),
        stored,
    })
}

/// Decodes the pixels.
///
/// # Errors
/// The file is truncated or too damaged. The error is a clause.
pub fn pixels(bytes: &[u8], header: &Header) -> Result<Pixels, String> {
    if !has_end(bytes) {
        // Some writers leave the end marker out. Then the pixels are all there if what follows them changes none.
        let ended = |fill: u8| [bytes, &[fill; 256], &[0xFF, 0xD9]].concat();
        let seen = |fill| decode(&ended(fill), header.stored, false).ok();
        let is_whole = has_all_scans(bytes) && seen(0).is_some() && seen(0) == seen(0x55) && seen(0) == seen(0xAA);
        let complete = [bytes, &[0xFF, 0xD9]].concat();
        return if is_whole { pixels(&complete, header) } else { Err("it ends in the middle of the picture".into()) };
    }
    // The decoder fills what it cannot read with grey, and reports the damage in strict mode only.
    let (mut decoded, flaw) = match decode(bytes, header.stored, true) {
        Ok(decoded) => (decoded, None),
        Err(flaw) => (decode(bytes, header.stored, false).map_err(|error| words(&error))?, Some(words(&flaw))),
    };
    if header.stored == ColorSpace::YCCK {
        ycck_to_cmyk(&mut decoded);
    }
    // Adobe's programs store inverted inks, and mark their files.
    if header.channels == Channels::Cmyk && adobe(bytes) {
        decoded.iter_mut().for_each(|ink| *ink = 255 - *ink);
    }
    Ok(Pixels { bytes: decoded, flaw })
}

/// Decodes one picture of an MJPEG camera into `frame`. Bytes after its end are ignored; damaged areas become grey.
///
/// # Errors
/// It is not a JPEG, or does not have `frame`'s size. The error is a clause.
pub fn motion_jpeg(bytes: &[u8], frame: &mut Frame) -> Result<(), String> {
    // Cameras may omit the standard Huffman tables. The decoder adds them for the JPEGs of AVI files, which this marker
    // identifies.
    const AVI1: [u8; 18] = *b"\xFF\xD8\xFF\xE0\0\x0EAVI1\0\0\0\0\0\0\0\0";
    let has_tables = segments(bytes).0.iter().any(|(marker, _)| *marker == 0xC4);
    let with_tables = (!has_tables).then(|| [&AVI1, bytes.get(2..).unwrap_or_default()].concat());
    let mut decoder = decoder(with_tables.as_deref().unwrap_or(bytes), false);
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(ColorSpace::RGB));
    decoder.decode_headers().map_err(|error| words(&error))?;
    let size = decoder.info().map(|info| (u32::from(info.width), u32::from(info.height)));
    if size != Some((frame.width, frame.height)) || decoder.output_buffer_size() != Some(frame.pixels.len()) {
        return Err(format!("its size is not {}x{}", frame.width, frame.height));
    }
    decoder.decode_into(&mut frame.pixels).map_err(|error| words(&error))
}

fn decoder(bytes: &[u8], strict: bool) -> JpegDecoder<ZCursor<&[u8]>> {
    let side = MAX_SIDE as usize;
    let options = DecoderOptions::default().set_strict_mode(strict).set_max_width(side).set_max_height(side);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options)
}

fn decode(bytes: &[u8], channels: ColorSpace, strict: bool) -> Result<Vec<u8>, DecodeErrors> {
    let mut decoder = decoder(bytes, strict);
    decoder.set_options(decoder.options().jpeg_set_out_colorspace(channels));
    decoder.decode()
}

/// Converts JFIF's YCbCr to CMY: `255 - R` and so on. Black is kept.
fn ycck_to_cmyk(pixels: &mut [u8]) {
    for pixel in pixels.as_chunks_mut::<4>().0 {
        let [y, cb, cr] = [pixel[0], pixel[1], pixel[2]].map(f32::from);
        let (cb, cr) = (cb - 128.0, cr - 128.0);
        let rgb = [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb];
        for (ink, light) in pixel.iter_mut().zip(rgb) {
            *ink = 255 - light.round().clamp(0.0, 255.0) as u8;
        }
    }
}

/// Whether the end marker follows the first scan. Its bytes cannot occur within scans, so it is missing only from truncated
/// files.
fn has_end(bytes: &[u8]) -> bool {
    let (_, scan) = segments(bytes);
    scan.windows(2).any(|pair| pair == [0xFF, 0xD9])
}

/// Whether no scan is missing that refines the picture: those that there are bring every coefficient of every channel to its last
/// bit. A picture that is not progressive has all of them in each scan.
fn has_all_scans(bytes: &[u8]) -> bool {
    const PROGRESSIVE: u8 = 0xC2;
    const SCAN: [u8; 2] = [0xFF, 0xDA];
    let (found, _) = segments(bytes);
    let Some((_, frame)) = found.iter().find(|(marker, _)| *marker == PROGRESSIVE) else { return true };
    let channels = frame.get(6..).unwrap_or_default().chunks(3).map(|channel| channel[0]);
    let starts =
        bytes.windows(2).enumerate().filter(|(_, pair)| *pair == SCAN).filter_map(|(at, _)| bytes.get(at + 4..));
    // Of each scan, its channels, its range of coefficients, and the bit that it ends at.
    let scan = |head: &[u8]| {
        let count = usize::from(*head.first()?);
        let ids: Vec<u8> = head.get(1..=2 * count)?.chunks(2).map(|channel| channel[0]).collect();
        let &[from, to, bits] = head.get(1 + 2 * count..)?.first_chunk()?;
        Some((ids, from..=to, bits & 15))
    };
    let scans: Vec<_> = starts.filter_map(scan).collect();
    channels.into_iter().all(|id| {
        (0..64)
            .all(|place| scans.iter().any(|(ids, range, bit)| *bit == 0 && ids.contains(&id) && range.contains(&place)))
    })
}

/// Whether the file has Adobe's marker segment (APP14).
fn adobe(bytes: &[u8]) -> bool {
    segments(bytes).0.iter().any(|(marker, body)| *marker == 0xEE && body.starts_with(b"Adobe"))
}

/// The marker segments before the first scan, each as marker and body, and the rest of the file from that scan on.
fn segments(bytes: &[u8]) -> (Vec<(u8, &[u8])>, &[u8]) {
    let mut found = Vec::new();
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Some(at) = rest.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF)) {
        let marker = rest[at + 1];
        rest = &rest[at + 2..];
        if marker == 0xDA {
            return (found, rest);
        }
        // Restart markers and TEM have no body.
        if matches!(marker, 0x01 | 0xD0..=0xD9) {
            continue;
        }
        let Some(length) = rest.first_chunk().map(|length| usize::from(u16::from_be_bytes(*length))) else { break };
        let Some(body) = rest.get(2..length.max(2)) else { break };
        found.push((marker, body));
        rest = &rest[length.max(2)..];
    }
    (found, &[])
}

fn words(error: &DecodeErrors) -> String {
    match error {
        DecodeErrors::FormatStatic(text) => (*text).to_owned(),
        DecodeErrors::Format(text) | DecodeErrors::HuffmanDecode(text) | DecodeErrors::MCUError(text) => text.clone(),
        DecodeErrors::IllegalMagicBytes(_) => "it does not start like a JPEG".into(),
        DecodeErrors::ZeroError => "its header claims a side of 0 pixels".into(),
        DecodeErrors::ExhaustedData | DecodeErrors::IoErrors(_) => "it ends too early".into(),
        other => {
            let text = format!("{other:?}");
            text.lines().next().unwrap_or("unknown damage").to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> (Vec<u8>, Vec<u8>) {
        let pixels: Vec<u8> = (0..32 * 16).flat_map(|i| [(i % 32 * 8) as u8, 90, 200 - (i / 32 * 8) as u8]).collect();
        let mut bytes = Vec::new();
        jpeg_encoder::Encoder::new(&mut bytes, 90).encode(&pixels, 32, 16, jpeg_encoder::ColorType::Rgb).unwrap();
        (bytes, pixels)
    }

    /// `bytes` without the marker segments of `marker`.
    fn without(bytes: &[u8], marker: u8) -> Vec<u8> {
        let (found, scan) = segments(bytes);
        let mut out = vec![0xFF, 0xD8];
        for (kind, body) in found.into_iter().filter(|(kind, _)| *kind != marker) {
            out.extend([0xFF, kind]);
            out.extend((body.len() as u16 + 2).to_be_bytes());
            out.extend(body);
        }
        out.extend([0xFF, 0xDA]);
        out.extend(scan);
        out
    }

    #[test]
    fn a_camera_picture_decodes_without_huffman_tables_and_with_trailing_bytes() {
        let (mut bytes, pixels) = picture();
        bytes.extend([0; 1000]);
        let bare = without(&bytes, 0xC4);
        assert!(bare.len() < bytes.len() - 400, "the tables are gone");
        for bytes in [bytes, bare] {
            let mut frame = Frame::new(32, 16);
            motion_jpeg(&bytes, &mut frame).unwrap();
            let worst = frame.pixels.iter().zip(&pixels).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(worst < Some(24), "{worst:?}");
        }
    }

    #[test]
    fn a_picture_without_its_end_marker_is_whole_and_one_without_its_last_rows_is_not() {
        let (bytes, _) = picture();
        let header = header(&bytes).unwrap();
        let complete = pixels(&bytes, &header).unwrap();
        let unmarked = pixels(&bytes[..bytes.len() - 2], &header).unwrap();
        assert_eq!((unmarked.bytes, unmarked.flaw), (complete.bytes, None));
        for cut in [40, 100, 200] {
            assert!(pixels(&bytes[..bytes.len() - cut], &header).is_err(), "{cut}");
        }
    }

    #[test]
    fn kinds_that_the_decoder_does_not_know_are_no_damage() {
        let (bytes, _) = picture();
        assert_eq!(unsupported(&bytes), None);
        let frame = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        for (marker, kind) in [(0xC9, "arithmetic coding"), (0xC3, "lossless"), (0xC7, "hierarchical")] {
            let mut changed = bytes.clone();
            changed[frame + 1] = marker;
            assert_eq!(unsupported(&changed), Some(kind));
        }
        let mut deep = bytes;
        deep[frame + 4] = 12;
        assert_eq!(unsupported(&deep), Some("12 bits per channel"));
    }

    #[test]
    fn a_picture_of_another_size_and_bytes_that_are_no_picture_are_errors() {
        let (bytes, _) = picture();
        assert!(motion_jpeg(&bytes, &mut Frame::new(16, 16)).unwrap_err().contains("not 16x16"));
        for rubbish in [&[][..], &[0xFF, 0xD8], &[7; 99], &bytes[..40]] {
            assert!(motion_jpeg(rubbish, &mut Frame::new(32, 16)).is_err());
        }
    }
}
