//! Whether a stream of packets or pages is cut off: MPEG's transport and program streams, Ogg, NUT, and JPEGs
//! one after the other.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

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

/// How the index of NUT begins, and how much of other streams may stand between the last picture and it.
const NUT_INDEX: &[u8; 8] = b"NX\xDD\x67\x2F\x23\xE6\x4E";
const NUT_TAIL: u64 = 16 << 20;

/// No JPEG of a film is larger.
const JPEG_TAIL: u64 = 16 << 20;

/// How the codes of a program stream begin, and those of a pack and of the end.
const START: &[u8; 3] = &[0, 0, 1];
const PACK: u8 = 0xBA;
const END: u8 = 0xB9;
/// Two packets are no longer than this together.
const TAIL: u64 = 3 << 16;

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
pub fn cuts_ogg(mut file: impl Read + Seek, length: u64) -> io::Result<bool> {
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

/// Whether a file of JPEGs, one after the other, and of `length` bytes ends within one: its last one has no end. Nothing within a
/// JPEG looks like its beginning or its end.
pub fn cuts_jpegs(mut file: impl Read + Seek, length: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(length.saturating_sub(JPEG_TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let last = |marker: u8| tail.windows(2).rposition(|pair| pair == [0xFF, marker]);
    Ok(last(0xD9) < last(0xD8))
}

/// Whether an Ogg file is several, one behind the other: its last page belongs to none of the streams that its beginning opens.
pub fn is_chain(mut file: impl Read + Seek, length: u64) -> io::Result<bool> {
    const OPENS_STREAM: u8 = 2;
    let mut head = Vec::new();
    (&mut file).take(OGG_PAGE).read_to_end(&mut head)?;
    file.seek(SeekFrom::Start(length.saturating_sub(2 * OGG_PAGE)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let pages = |bytes: &'_ [u8]| -> Vec<(u8, [u8; 4])> {
        let heads = bytes.windows(OGG_HEAD).filter(|head| head.starts_with(OGG));
        heads.map(|head| (head[5], [head[14], head[15], head[16], head[17]])).collect()
    };
    let first = pages(&head);
    let opened: Vec<_> =
        first.iter().take_while(|(flags, _)| flags & OPENS_STREAM != 0).map(|(_, stream)| stream).collect();
    Ok(pages(&tail).last().is_some_and(|(_, stream)| !opened.is_empty() && !opened.contains(&stream)))
}

/// Whether a NUT file of `length` bytes has lost its end: its writers put an index there. Its last picture ends at `end`.
pub fn cuts_nut(mut file: impl Read + Seek, length: u64, end: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(end))?;
    let mut tail = Vec::new();
    file.take(NUT_TAIL).read_to_end(&mut tail)?;
    let has_index = tail.windows(NUT_INDEX.len()).any(|bytes| bytes == NUT_INDEX);
    Ok(end > 0 && length.saturating_sub(end) < NUT_TAIL && !has_index)
}

/// Whether a program stream of `length` bytes (MPEG-1 or MPEG-2, DVDs too) ends within a packet.
pub fn cuts_program(mut file: impl Read + Seek, length: u64) -> io::Result<bool> {
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    // Only a pack is known to begin no picture; what its packets hold may look like anything.
    let is_pack = |bytes: &[u8]| bytes.starts_with(START) && bytes[3] == PACK;
    let Some(mut place) = tail.windows(4).position(is_pack) else { return Ok(false) };
    while let Some(rest) = tail.get(place..).filter(|rest| !rest.is_empty()) {
        let Some(&[a, b, c, code]) = rest.first_chunk::<4>() else {
            return Ok(rest.starts_with(&START[..rest.len().min(3)]));
        };
        if [a, b, c] != *START || code < END {
            // What stands here belongs to something else.
            return Ok(false);
        }
        let size = match (code, rest.get(4)) {
            (END, _) => return Ok(false),
            // MPEG-2 has stuffing behind its pack heads.
            (PACK, Some(kind)) if kind >> 6 == 1 => rest.get(13).map(|&stuffing| 14 + usize::from(stuffing & 7)),
            (PACK, _) => Some(12),
            _ => rest.get(4..6).map(|size| 6 + usize::from(u16::from_be_bytes([size[0], size[1]]))),
        };
        match size {
            Some(size) if size <= rest.len() => place += size,
            _ => return Ok(true),
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

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
    fn a_film_of_jpegs_whose_last_one_has_no_end_is_cut_off() {
        let picture = [0xFF, 0xD8, 0xFF, 0xDA, 1, 2, 3, 0xFF, 0, 4, 0xFF, 0xD9];
        let cut = |bytes: &[u8]| cuts_jpegs(Cursor::new(bytes), bytes.len() as u64).unwrap();
        let whole = picture.repeat(3);
        assert!(!cut(&whole) && !cut(&whole[..24]) && !cut(b"no JPEG"));
        for missing in 1..10 {
            assert!(cut(&whole[..whole.len() - missing]), "{missing}");
        }
    }

    #[test]
    fn an_ogg_file_behind_another_makes_a_chain() {
        let page =
            |flags: u8, stream: u8| [&OGG[..], &[0, flags], &[0; 8], &[stream; 4], &[0; 8], &[1, 3, 7, 7, 7]].concat();
        let file = |a: u8, b: u8| [page(2, a), page(2, b), page(0, a), page(0, b), page(4, a)].concat();
        let chain = |bytes: &[u8]| is_chain(Cursor::new(bytes), bytes.len() as u64).unwrap();
        assert!(!chain(&file(1, 2)) && !chain(b"no Ogg"));
        assert!(chain(&[file(1, 2), file(3, 4)].concat()));
    }

    #[test]
    fn a_nut_file_without_an_index_behind_its_pictures_is_cut_off() {
        let whole = [&[1; 100][..], NUT_INDEX, &[2; 30]].concat();
        let cut = |bytes: &[u8], end| cuts_nut(Cursor::new(bytes), bytes.len() as u64, end).unwrap();
        assert!(!cut(&whole, 100) && !cut(&whole, 60) && !cut(&whole[..50], 0));
        assert!(cut(&whole[..100], 100) && cut(&whole[..100], 60) && cut(&whole[..107], 100));
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

    #[test]
    fn a_program_stream_that_ends_within_a_packet_is_cut_off() {
        let (first, second) = (
            [&[0, 0, 1, PACK, 0x21][..], &[7; 7]].concat(),
            [&[0, 0, 1, PACK, 0x44][..], &[7; 8], &[2, 9, 9]].concat(),
        );
        for pack in [first, second] {
            // Its content looks like another code.
            let packet = [&[0, 0, 1, 0xE0, 0, 9][..], &[0, 0, 1, PACK, 0, 0, 1, 0xE0, 5]].concat();
            let whole = [&pack[..], &packet, &packet].concat().repeat(3);
            let cut = |bytes: &[u8]| cuts_program(Cursor::new(bytes), bytes.len() as u64).unwrap();
            assert!(
                !cut(&whole) && !cut(&[&whole[..], &[0, 0, 1, END]].concat()) && !cut(&[&whole[..], b"junk"].concat())
            );
            for missing in 1..packet.len() {
                assert!(cut(&whole[..whole.len() - missing]), "{missing}");
            }
        }
        assert!(!cuts_program(Cursor::new(b"no program"), 10).unwrap());
    }
}
