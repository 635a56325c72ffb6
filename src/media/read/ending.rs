//! How the ends of files tell that they were cut off, where FFmpeg says nothing of it.

use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use ffmpeg_next::ffi;

use super::formats;
use super::open::Input;

/// C's name for "from here", by which FFmpeg is asked for its place.
const SEEK_CUR: i32 = 1;

/// Marks of EBML and Matroska: the head of the file, the element that holds all others, and one that holds some seconds.
const EBML: u64 = 0x1A45_DFA3;
const SEGMENT: u64 = 0x1853_8067;
const CLUSTER: u64 = 0x1F43_B675;

/// How each packet of a transport stream begins, and how long it is without what recorders put around it.
const SYNC: u8 = 0x47;
const PACKET: u64 = 188;
/// What a packet takes with what recorders put around it, and where in that its mark stands: a time before it, or codes that
/// correct errors behind it. FFmpeg tells the place of the former.
const SPACINGS: [(u64, u64); 3] = [(188, 0), (192, 4), (204, 16)];

/// How each page of Ogg begins, its head without the sizes of its pieces, and its greatest size.
const OGG: &[u8; 4] = b"OggS";
const OGG_HEAD: usize = 27;
const OGG_PAGE: u64 = 27 + 255 + 255 * 255;

impl Input {
    /// Whether it was cut off, as far as that can be known once its end is reached.
    pub fn is_cut_off(&mut self) -> bool {
        let path = self.film.as_ref().map(|(path, _)| path.clone());
        let length = match (&path, &self.pipe) {
            (Some(path), _) => fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|found| found.len()),
            (None, Some(pipe)) => Some(pipe.passed()),
            (None, None) => None,
        };
        let open = |path: &Path| File::open(path).ok();
        // SAFETY: every open input has a format, a static table.
        let format = formats::name(unsafe { &*(*self.as_ptr()).iformat }).to_owned();
        let ends_early = match (format.as_str(), length, &self.pipe) {
            ("matroska,webm", Some(length), Some(pipe)) => cuts_matroska(Cursor::new(pipe.head()), length),
            ("matroska,webm", Some(length), None) => {
                path.as_deref().and_then(open).is_some_and(|file| cuts_matroska(file, length))
            }
            ("mpegts", Some(length), _) => {
                self.packet_place.is_some_and(|place| cuts_transport(path.as_deref().and_then(open), length, place))
            }
            ("ogg", Some(length), None) => {
                path.as_deref().and_then(open).is_some_and(|file| cuts_ogg(file, length).unwrap_or(false))
            }
            ("yuv4mpegpipe", ..) => self.packet_end.is_some_and(|end| self.place() > end),
            _ => false,
        };
        // FFmpeg marks packets that end too early; the last one of each stream tells of the end.
        ends_early || self.is_corrupt.contains(&true)
    }

    /// Where FFmpeg reads.
    fn place(&mut self) -> i64 {
        // SAFETY: a plain field of an open input; its reader, if there is one, is asked for its place.
        unsafe {
            let reader = (*self.as_mut_ptr()).pb;
            if reader.is_null() { 0 } else { ffi::avio_seek(reader, 0, SEEK_CUR) }
        }
    }
}

/// Whether a Matroska file of `length` bytes that begins with `file` ends within an element. `file` is read up to the last
/// element if the file does not tell its length, as recordings in progress do not; what ends behind an element is whole then,
/// as far as anybody can know.
pub fn cuts_matroska(file: impl Read + Seek, length: u64) -> bool {
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

/// Whether a transport stream of `length` bytes ends within a packet. One of its packets stands at `place`, by FFmpeg's count.
/// Without the `file`, only its length tells, so nothing is said where one of the usual spacings fits it.
pub fn cuts_transport(file: Option<File>, length: u64, place: u64) -> bool {
    let Some(span) = length.checked_sub(place) else { return false };
    let Some(mut file) = file else {
        return SPACINGS.iter().all(|(spacing, mark)| span % spacing != 0 && span % spacing != *mark);
    };
    let mut is_mark = |place: u64| {
        let mut byte = [0];
        let read = file.seek(SeekFrom::Start(place)).and_then(|_| file.read_exact(&mut byte));
        read.is_ok() && byte[0] == SYNC
    };
    // The last mark in the file, at the spacing that the packets have here.
    let last = SPACINGS.iter().find_map(|(spacing, mark)| {
        let first = place + mark;
        let count = length.checked_sub(first + 1)? / spacing;
        (is_mark(first) && (count == 0 || is_mark(first + spacing))).then_some(first + count * spacing)
    });
    last.is_some_and(|last| is_mark(last) && length - last < PACKET)
}

/// Whether an Ogg file of `length` bytes ends within a page.
fn cuts_ogg(mut file: impl Read + Seek, length: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(length.saturating_sub(2 * OGG_PAGE)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let Some(last) = tail.windows(OGG.len()).rposition(|bytes| bytes == OGG) else { return Ok(false) };
    let page = &tail[last..];
    let count = page.get(OGG_HEAD - 1).map_or(0, |&count| usize::from(count));
    let Some(pieces) = page.get(OGG_HEAD..OGG_HEAD + count).filter(|_| page.len() >= OGG_HEAD) else { return Ok(true) };
    let content: usize = pieces.iter().map(|&size| usize::from(size)).sum();
    Ok(page.len() < OGG_HEAD + count + content)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    /// An element with this mark around `content`; it does not tell its size if `is_open`.
    fn element(id: u32, content: &[u8], is_open: bool) -> Vec<u8> {
        let size = if is_open { 0xFF } else { 0x80 | content.len() as u8 };
        let id: Vec<u8> = id.to_be_bytes().into_iter().skip_while(|&byte| byte == 0).collect();
        [&id[..], &[size], content].concat()
    }

    fn cut(bytes: &[u8]) -> bool {
        cuts_matroska(Cursor::new(bytes), bytes.len() as u64)
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

    #[test]
    fn an_ogg_file_that_ends_within_a_page_is_cut_off() {
        let page = [&OGG[..], &[0; 22], &[2, 255, 3], &[7; 258]].concat();
        let whole = page.repeat(3);
        let cut = |bytes: &[u8]| cuts_ogg(Cursor::new(bytes), bytes.len() as u64).unwrap();
        assert!(!cut(&whole) && !cut(&whole[..page.len() * 2]));
        for missing in 1..page.len() - OGG.len() {
            assert!(cut(&whole[..whole.len() - missing]), "{missing}");
        }
        assert!(!cut(b"no Ogg"));
    }

    #[test]
    fn a_transport_stream_that_ends_within_a_packet_is_cut_off() {
        for (before, after) in [(0, 0), (4, 0), (0, 16)] {
            let packet = [vec![9; before], vec![SYNC], vec![1; 187], vec![2; after]].concat();
            let whole = packet.repeat(5);
            // FFmpeg's count takes what is behind a packet for what is before the next one.
            let place = (packet.len() as u64 * 2).saturating_sub(after as u64);
            let cut = |bytes: &[u8]| {
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(bytes).unwrap();
                cuts_transport(Some(file), bytes.len() as u64, place)
            };
            let piped = |bytes: &[u8]| cuts_transport(None, bytes.len() as u64, place);
            assert!(!cut(&whole) && !piped(&whole), "{before} {after}");
            let part = &whole[..whole.len() - after - 1];
            assert!(cut(part) && piped(part), "{before} {after}");
            let part = &whole[..whole.len() - after - 187];
            assert!(cut(part), "{before} {after}");
            // What is no packet is not a part of one.
            assert!(!cut(&[&whole[..], b"TAG"].concat()), "{before} {after}");
        }
    }
}
