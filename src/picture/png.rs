//! What a PNG says of its colours without a profile: gamma, chromaticities, or code points of video; and its EXIF data.

use std::borrow::Cow;

use super::color;

/// PNG's own units: a hundred-thousandth.
const UNIT: f32 = 100_000.0;
/// The gamma that stands for sRGB, which programs write where they mean sRGB.
const SRGB_GAMMA: u32 = 45_455;

/// The profile of the colours that the chunks of `bytes` describe, for one channel of grey or three. `None` if they
/// describe none, or sRGB; or if a profile or an sRGB chunk stands above them.
pub fn profile(bytes: &[u8], is_grey: bool) -> Option<Vec<u8>> {
    let (mut gamma, mut primaries) = (None, None);
    for (kind, data) in chunks(bytes) {
        let number = |place: usize| Some(u32::from_be_bytes(*data.get(place * 4..)?.first_chunk()?));
        match &kind {
            b"sRGB" | b"iCCP" => return None,
            b"cICP" => return color::of_shown_code_points(*data.first()?, *data.get(1)?).filter(|_| !is_grey),
            b"gAMA" => gamma = number(0).filter(|&gamma| (1000..=500_000).contains(&gamma)),
            b"cHRM" => {
                let all: Option<Vec<f32>> = (0..8).map(|place| Some(number(place)? as f32 / UNIT)).collect();
                primaries = all.filter(|all| all.iter().all(|value| (0.0..=1.0).contains(value)) && all[1] > 0.0);
            }
            _ => {}
        }
    }
    let gamma = gamma.filter(|gamma| gamma.abs_diff(SRGB_GAMMA) > 600).map(|gamma| UNIT / gamma as f32);
    match (gamma, primaries) {
        (None, None) => None,
        (None, Some(_)) if is_grey => None,
        (Some(gamma), _) if is_grey => color::grey(gamma),
        (gamma, primaries) => color::rgb(gamma, primaries.as_deref()),
    }
}

/// The code points of primaries and curve that a cICP chunk of `bytes` names.
pub fn code_points(bytes: &[u8]) -> Option<(u8, u8)> {
    let (_, data) = chunks(bytes).find(|(kind, _)| kind == b"cICP")?;
    Some((*data.first()?, *data.get(1)?))
}

/// The EXIF data, which may also stand behind the pixels.
pub fn exif(bytes: &[u8]) -> Option<Vec<u8>> {
    let bytes = bytes.strip_prefix(b"\x89PNG\r\n\x1A\n")?;
    all_chunks(bytes).find(|(kind, _)| kind == b"eXIf").map(|(_, data)| data.to_vec())
}

/// `bytes` with an end, if only that is missing: some writers are stopped before it, and the pixels are all there.
pub fn with_end(bytes: &[u8]) -> Cow<'_, [u8]> {
    const END: &[u8; 12] = b"\0\0\0\0IEND\xAE\x42\x60\x82";
    let Some(rest) = bytes.strip_prefix(b"\x89PNG\r\n\x1A\n") else { return bytes.into() };
    let (length, last) =
        all_chunks(rest).fold((0, [0; 4]), |(length, _), (kind, data)| (length + 12 + data.len(), kind));
    if length > 0 && last != *b"IEND" && length == rest.len() { [bytes, END].concat().into() } else { bytes.into() }
}

/// The keywords of texts in the file, which no output gets. XMP, which is one of them, is left out.
pub fn texts(bytes: &[u8]) -> Vec<String> {
    let rest = bytes.get(8..).unwrap_or_default();
    let texts = all_chunks(rest).filter(|(kind, _)| matches!(kind, b"tEXt" | b"zTXt" | b"iTXt"));
    let keywords = texts.filter_map(|(_, data)| data.split(|&byte| byte == 0).next());
    let mut found: Vec<String> = Vec::new();
    for keyword in keywords.map(|keyword| keyword.iter().map(|&byte| char::from(byte)).collect::<String>()) {
        if keyword != "XML:com.adobe.xmp" && !keyword.contains(char::is_control) && !found.contains(&keyword) {
            found.push(keyword);
        }
    }
    found
}

/// The chunks before the pixels.
fn chunks(bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    all_chunks(bytes.get(8..).unwrap_or_default()).take_while(|(kind, _)| kind != b"IDAT")
}

/// The chunks of `rest`, which is a PNG behind its first eight bytes.
fn all_chunks(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(*rest.first_chunk()?) as usize;
        let kind: [u8; 4] = *rest.get(4..)?.first_chunk()?;
        let data = rest.get(8..8usize.checked_add(length)?)?;
        rest = rest.get(12 + length..)?;
        Some((kind, data))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chunks without their check sums, which nobody here looks at.
    fn png(kinds: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let chunk = |(kind, data): &(&[u8; 4], &[u8])| {
            [&(data.len() as u32).to_be_bytes()[..], &kind[..], data, &[0; 4]].concat()
        };
        [b"\x89PNG\r\n\x1A\n".to_vec(), kinds.iter().flat_map(chunk).collect()].concat()
    }

    #[test]
    fn an_end_is_added_where_nothing_else_is_missing() {
        let whole = png(&[(b"IHDR", &[0; 13]), (b"IDAT", b"pixels"), (b"IEND", b"")]);
        let end = whole.len() - 12;
        assert_eq!(with_end(&whole[..end]).len(), whole.len());
        for bytes in [&whole[..], &whole[..end - 1], &[&whole[..], b"behind"].concat(), &whole[..8], b"no PNG"] {
            assert_eq!(with_end(bytes), bytes);
        }
    }

    #[test]
    fn keywords_of_texts_are_found_once_each() {
        let kinds: [(&[u8; 4], &[u8]); 4] =
            [(b"tEXt", b"Comment\0a"), (b"zTXt", b"Comment\0\0b"), (b"iTXt", b"XML:com.adobe.xmp\0"), (b"IDAT", b"")];
        assert_eq!(texts(&png(&[&kinds[..], &[(b"tEXt", b"Software\0c")]].concat())), ["Comment", "Software"]);
    }

    #[test]
    fn exif_is_found_before_and_behind_the_pixels_and_colours_only_before_them() {
        let before = png(&[(b"IHDR", &[0; 13]), (b"eXIf", b"MM"), (b"IDAT", b"pixels"), (b"IEND", b"")]);
        let behind = png(&[(b"IHDR", &[0; 13]), (b"IDAT", b"pixels"), (b"cICP", &[9, 16, 0, 1]), (b"eXIf", b"MM")]);
        for bytes in [&before, &behind] {
            assert_eq!(exif(bytes).unwrap(), b"MM");
            assert_eq!(code_points(bytes), None);
        }
        assert_eq!(exif(&behind[1..]), None);
        assert_eq!(exif(&png(&[(b"IDAT", b"pixels")])), None);
    }
}
