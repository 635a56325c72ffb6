//! Whether a Matroska or WebM file is cut off: its elements tell their sizes.

use std::io::{self, BufReader, Read, Seek};

/// Marks of EBML and Matroska: the head of the file, the element that holds all others, and one that holds some seconds.
const EBML: u64 = 0x1A45_DFA3;
const SEGMENT: u64 = 0x1853_8067;
const CLUSTER: u64 = 0x1F43_B675;

/// Whether a Matroska file of `length` bytes that begins with `file` ends within an element. `file` is read up to the last
/// element if the file does not tell its length, as recordings in progress do not; what ends behind an element is whole then,
/// as far as anybody can know.
pub fn is_cut(file: impl Read + Seek, length: u64) -> bool {
    last_element(&mut BufReader::new(file), length).is_ok_and(|ends| ends > length)
}

/// Where the last element that begins within `length` bytes ends, according to its head.
fn last_element(file: &mut BufReader<impl Read + Seek>, length: u64) -> io::Result<u64> {
    let mut place = 0;
    while place < length {
        let Some((id, size, head)) = element(file)? else {
            // Its head is cut off; or it is none, and nothing is known.
            let left = length - place;
            return Ok(if left < 12 && place > 0 { length + 1 } else { 0 });
        };
        if place == 0 && id != EBML {
            return Ok(0);
        }
        place += head;
        match (id, size) {
            (SEGMENT, Some(size)) => return Ok(place.saturating_add(size)),
            // They end where the next one begins.
            (SEGMENT | CLUSTER, None) => {}
            (_, Some(size)) => {
                place = place.saturating_add(size);
                if place < length {
                    file.seek_relative(size.cast_signed())?;
                }
            }
            (_, None) => return Ok(0),
        }
    }
    Ok(place)
}

/// The mark and size of the element that begins here, and how long its head is. Its size is `None` if it says that it does not
/// know. `None` if this is no head, or only a part of one.
fn element(file: &mut impl Read) -> io::Result<Option<(u64, Option<u64>, u64)>> {
    let Some((id, id_length)) = number(file, 4, true)? else { return Ok(None) };
    let Some((size, size_length)) = number(file, 8, false)? else { return Ok(None) };
    let unknown = (1_u64 << (7 * size_length)) - 1;
    Ok(Some((id, Some(size).filter(|&size| size != unknown), id_length + size_length)))
}

/// A number of EBML with at most `longest` bytes, with or without the bit that tells its length, and that length.
fn number(file: &mut impl Read, longest: u32, with_mark: bool) -> io::Result<Option<(u64, u64)>> {
    let mut bytes = [0; 8];
    if file.read(&mut bytes[..1])? == 0 {
        return Ok(None);
    }
    let zeros = bytes[0].leading_zeros();
    if zeros >= longest {
        return Ok(None);
    }
    let more = zeros as usize;
    match file.read_exact(&mut bytes[1..=more]) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    if !with_mark {
        bytes[0] &= u8::MAX.checked_shr(zeros + 1).unwrap_or(0);
    }
    let value = bytes[..=more].iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
    Ok(Some((value, more as u64 + 1)))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// An element with this mark around `content`; it does not tell its size if `is_open`.
    fn element(id: u32, content: &[u8], is_open: bool) -> Vec<u8> {
        let size = if is_open { 0xFF } else { 0x80 | content.len() as u8 };
        let id: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect();
        [&id[..], &[size], content].concat()
    }

    fn cut(bytes: &[u8]) -> bool {
        is_cut(Cursor::new(bytes), bytes.len() as u64)
    }

    #[test]
    fn a_matroska_file_that_ends_within_an_element_is_cut_off() {
        let head = element(0x1A45_DFA3, &[0; 5], false);
        let block = element(0xA3, &[1; 9], false);
        for (segment_is_open, cluster_is_open) in [(false, false), (true, false), (true, true)] {
            let clusters = element(0x1F43_B675, &[&block[..], &block].concat(), cluster_is_open).repeat(2);
            let file = [&head[..], &element(0x1853_8067, &clusters, segment_is_open)].concat();
            assert!(!cut(&file), "{segment_is_open} {cluster_is_open}");
            for missing in 1..block.len() {
                assert!(cut(&file[..file.len() - missing]), "{segment_is_open} {cluster_is_open} {missing}");
            }
        }
        // A segment that tells its size is known to be cut off behind a cluster too.
        let cluster = element(0x1F43_B675, &block, false);
        let file = [&head[..], &element(0x1853_8067, &[&cluster[..], &cluster].concat(), false)].concat();
        assert!(cut(&file[..file.len() - cluster.len()]));
        // What stands behind it belongs to something else.
        assert!(!cut(&[&file[..], b"junk"].concat()));
        assert!(!cut(b"no Matroska"));
        assert!(!cut(b""));
    }
}
