//! Whether a file is cut off that is made of chunks, of which each tells its size: MP4 and MOV, AVI, ASF and WMV, FLV, MXF, GIF,
//! raw AV1, and Dirac, of which VC-2 is a part.

use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

/// What is read of each chunk: enough for the head of any kind.
const HEAD: usize = 25;

/// The size of the chunk that begins with these bytes, head and all. `None`: it is no chunk, or does not know its size.
type Size = fn(&[u8]) -> Option<u64>;

/// Whether a chunk of `file` ends behind its `length` bytes. They follow one another from `place` on.
pub fn run_over(file: impl Read + Seek, mut place: u64, length: u64, size: Size) -> io::Result<bool> {
    let mut file = BufReader::new(file);
    file.seek(SeekFrom::Start(place))?;
    while place < length {
        let mut head = Vec::new();
        (&mut file).take(HEAD as u64).read_to_end(&mut head)?;
        let read = head.len();
        // A head that is cut off is taken for one whose rest is zero.
        head.resize(HEAD, 0);
        let Some(size) = size(&head) else { return Ok(false) };
        place = place.saturating_add(size);
        if place < length {
            file.seek_relative(size.cast_signed() - read as i64)?;
        }
    }
    Ok(place > length)
}

/// A box of MP4 and MOV. One without a size lasts to the end.
pub fn iso(head: &[u8]) -> Option<u64> {
    // Spaces only fill a short name up.
    let is_name = head[4..8].trim_ascii_end().iter().all(|&byte| byte.is_ascii_graphic() || byte == 0xA9);
    let size = match u32::from_be_bytes(*head.first_chunk()?) {
        1 => u64::from_be_bytes(*head[8..].first_chunk()?),
        size => u64::from(size),
    };
    Some(size).filter(|&size| is_name && size >= 8)
}

/// A chunk of AVI; one that nobody finished has no size, or the greatest.
pub fn riff(head: &[u8]) -> Option<u64> {
    let size = u32::from_le_bytes(*head[4..].first_chunk()?);
    let is_known = [&b"RIFF"[..], b"JUNK", b"idx1"].iter().any(|name| head.starts_with(name));
    (is_known && (1..u32::MAX - 16).contains(&size)).then(|| 8 + u64::from(size))
}

/// An object of ASF.
pub fn asf(head: &[u8]) -> Option<u64> {
    // How the names of the header and the data end, and those of all indexes.
    let is_known = head[10..].starts_with(b"\0\xAA\0\x62\xCE\x6C") || head[10..].starts_with(b"\0\xA0\xC9\x03\x49");
    let size = u64::from_le_bytes(*head[16..].first_chunk()?);
    Some(size).filter(|&size| is_known && (24..u64::MAX >> 1).contains(&size))
}

/// A tag of FLV with its size behind it: sound, picture or data.
pub fn flv(head: &[u8]) -> Option<u64> {
    let size = u32::from_be_bytes([0, head[1], head[2], head[3]]);
    matches!(head[0] & 0x1F, 8 | 9 | 18).then(|| 11 + u64::from(size) + 4)
}

/// A triplet of MXF.
pub fn mxf(head: &[u8]) -> Option<u64> {
    if !head.starts_with(b"\x06\x0E\x2B\x34") {
        return None;
    }
    let (bytes, size) = match head[16] {
        size @ ..0x80 => (0, u64::from(size)),
        long => {
            let bytes = usize::from(long & 0x7F);
            let number = head.get(17..17 + bytes).filter(|_| (1..=8).contains(&bytes))?;
            (bytes as u64, number.iter().fold(0, |size, &byte| size << 8 | u64::from(byte)))
        }
    };
    size.checked_add(17 + bytes)
}

/// A data unit of Dirac or VC-2: its kind and the distance to the next one stand behind a mark. The end of a sequence, which is a
/// head alone, need not tell that; others that do not are of unknown length.
pub fn dirac(head: &[u8]) -> Option<u64> {
    const MARK: &[u8; 4] = b"BBCD";
    const END: u8 = 0x10;
    const LENGTH: u32 = 13;
    // Of a head that is cut off, the rest is zero.
    let is_cut = |from: usize| head[from..].iter().all(|&byte| byte == 0);
    let begun = head[..MARK.len()].iter().take_while(|&&byte| byte != 0).count();
    if begun == 0 || !MARK.starts_with(&head[..begun]) || (begun < MARK.len() && !is_cut(begun)) {
        return None;
    }
    match (head[4], u32::from_be_bytes(*head[5..].first_chunk()?)) {
        (END, _) => Some(LENGTH.into()),
        (_, size @ LENGTH..) => Some(size.into()),
        _ => is_cut(LENGTH as usize - 1).then_some(LENGTH.into()),
    }
}

/// A unit of raw AV1: its kind and size stand in front of it.
pub fn obu(head: &[u8]) -> Option<u64> {
    const KINDS: std::ops::RangeInclusive<u8> = 1..=8;
    let (kind, is_extended, has_size) = (head[0] >> 3, head[0] & 4 != 0, head[0] & 2 != 0);
    let start = if is_extended { 2 } else { 1 };
    let (mut size, mut bytes) = (0, 0);
    for &byte in &head[start..start + 8] {
        size |= u64::from(byte & 0x7F) << (7 * bytes);
        bytes += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    (has_size && KINDS.contains(&kind)).then_some((start + bytes) as u64 + size)
}

/// Whether a GIF ends within a block.
pub fn cuts_gif(file: impl Read + Seek) -> io::Result<bool> {
    match last_block(&mut BufReader::new(file)) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(true),
        read => read.map(|()| false),
    }
}

/// Reads up to the end of a GIF, be it marked or not, or to something else that stands there.
fn last_block(file: &mut BufReader<impl Read + Seek>) -> io::Result<()> {
    const EXTENSION: u8 = 0x21;
    const PICTURE: u8 = 0x2C;
    /// A table of colours, if these flags announce one.
    fn skip_colours(file: &mut BufReader<impl Read + Seek>, flags: u8) -> io::Result<()> {
        file.seek_relative(if flags & 0x80 == 0 { 0 } else { 6 << (flags & 7) })
    }
    let mut screen = [0; 13];
    file.read_exact(&mut screen)?;
    skip_colours(file, screen[10])?;
    let mut kind = [0];
    while file.read(&mut kind)? == 1 {
        let mut head = [0; 10];
        match kind[0] {
            EXTENSION => file.read_exact(&mut head[..1])?,
            PICTURE => {
                file.read_exact(&mut head[..9])?;
                skip_colours(file, head[8])?;
                file.read_exact(&mut head[9..])?;
            }
            _ => break,
        }
        let mut length = [1];
        while length[0] > 0 {
            file.read_exact(&mut length)?;
            file.seek_relative(i64::from(length[0]))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// Whether `chunks` are cut off wherever they end within the last one.
    fn is_told(chunks: &[Vec<u8>], size: Size, name: &str) {
        let whole = chunks.concat();
        let cut = |bytes: &[u8]| run_over(Cursor::new(bytes), 0, bytes.len() as u64, size).unwrap();
        assert!(!cut(&whole), "{name}");
        assert!(!cut(&[&whole[..], b"~ junk of another kind, behind it"].concat()), "{name}");
        for missing in 1..chunks.last().unwrap().len() - 20 {
            assert!(cut(&whole[..whole.len() - missing]), "{name} {missing}");
        }
    }

    #[test]
    fn a_file_of_chunks_is_cut_off_if_it_ends_within_one() {
        let content = [0x5A; 300];
        let short = (content.len() as u32 + 8).to_be_bytes();
        let long = (content.len() as u64 + 16).to_be_bytes();
        let boxes = [[&short[..], b"moov", &content].concat(), [&[0, 0, 0, 1][..], b"mdat", &long, &content].concat()];
        is_told(&boxes, iso, "MP4");
        let size = (content.len() as u32).to_le_bytes();
        is_told(&vec![[&b"RIFF"[..], &size, &content].concat(); 2], riff, "AVI");
        let names = [
            *b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9\0\xAA\0\x62\xCE\x6C",
            *b"\x90\x08\0\x33\xB1\xE5\xCF\x11\x89\xF4\0\xA0\xC9\x03\x49\xCB",
        ];
        let size = (content.len() as u64 + 24).to_le_bytes();
        is_told(&names.map(|name| [&name[..], &size, &content].concat()), asf, "ASF");
        let tag = [&[9, 0, 1, 44][..], &[0; 7], &content, &[0, 0, 1, 55]].concat();
        is_told(&[tag.clone(), tag], flv, "FLV");
        let key = [&b"\x06\x0E\x2B\x34"[..], &[1; 12]].concat();
        let triplets = [[&key[..], &[5, 1, 2, 3, 4, 5]].concat(), [&key[..], &[0x83, 0, 1, 44], &content].concat()];
        is_told(&triplets, mxf, "MXF");
        let units =
            [vec![0x12, 0], [&[0x32, 0xAC, 2][..], &content].concat(), [&[0x36, 9, 0xAC, 2][..], &content].concat()];
        is_told(&units, obu, "AV1");
        let unit = |kind: u8, size: u32| [&b"BBCD"[..], &[kind], &size.to_be_bytes(), &[0, 0, 0, 9]].concat();
        let picture = [&unit(0xE8, 313)[..], &content].concat();
        is_told(&[unit(0, 13), picture.clone(), picture.clone()], dirac, "Dirac");
        // Also within the head of the last one.
        let before = [unit(0, 13), picture].concat();
        let whole = [before.clone(), unit(0xE8, 313)].concat();
        for length in before.len() + 1..whole.len() {
            let file = Cursor::new(&whole[..length]);
            assert!(run_over(file, 0, length as u64, dirac).unwrap(), "{length}");
        }
        // The next one begins behind a head that tells no distance.
        let whole = [unit(0, 13), unit(0x10, 0)].concat();
        let cut = |bytes: &[u8]| run_over(Cursor::new(bytes), 0, bytes.len() as u64, dirac).unwrap();
        assert!(!cut(&whole) && cut(&whole[..25]) && !cut(&[unit(0, 13), unit(0xE8, 0), content.to_vec()].concat()));
    }

    #[test]
    fn a_gif_is_cut_off_if_it_ends_within_a_block() {
        let screen = [&b"GIF89a"[..], &[4, 0, 4, 0, 0x80, 0, 0], &[0; 6]].concat();
        let control = [0x21, 0xF9, 4, 0, 9, 0, 0, 0].to_vec();
        let picture =
            [&[0x2C, 0, 0, 0, 0, 4, 0, 4, 0, 0x81][..], &[0; 12], &[2, 3, 0x21, 0x3B, 0x2C, 1, 9, 0]].concat();
        let whole = [screen, control, picture.clone()].concat();
        let cut = |bytes: &[u8]| cuts_gif(Cursor::new(bytes)).unwrap();
        assert!(!cut(&whole) && !cut(&[&whole[..], b";"].concat()) && !cut(&[&whole[..], b";junk"].concat()));
        for missing in 1..picture.len() {
            assert!(cut(&whole[..whole.len() - missing]), "{missing}");
        }
    }
}
