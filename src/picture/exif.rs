//! Edits EXIF metadata in place: a painted picture keeps its camera, date and place, and loses what no longer holds.
//!
//! An edit overwrites a value and never moves anything, so maker notes with absolute offsets stay valid.

/// TIFF tag numbers, as EXIF 2.3 names them.
const ORIENTATION: u16 = 0x0112;
const EXIF_IFD: u16 = 0x8769;
const COLOR_SPACE: u16 = 0xA001;
const PIXEL_X_DIMENSION: u16 = 0xA002;
const PIXEL_Y_DIMENSION: u16 = 0xA003;
/// Value of `COLOR_SPACE`.
const SRGB: u32 = 1;
/// TIFF field types.
const SHORT: u16 = 3;
const LONG: u16 = 4;

/// The TIFF structure in `chunk`, without the JPEG marker that some WebP and PNG writers put in front of it.
pub fn without_marker(chunk: Vec<u8>) -> Vec<u8> {
    match chunk.strip_prefix(b"Exif\0\0") {
        Some(tiff) => tiff.to_vec(),
        None => chunk,
    }
}

/// The orientation, 1 to 8; `None` if the metadata is damaged or has none.
pub fn orientation(tiff: &[u8]) -> Option<u8> {
    let reader = Reader::new(tiff)?;
    let entry = reader.entries(reader.first_directory()?).find(|entry| entry.tag == ORIENTATION)?;
    let value = reader.value(entry)?;
    (1..=8).contains(&value).then_some(value as u8)
}

/// Updates the metadata for the painted picture: upright, sRGB, `width` x `height`. Unlinks the thumbnail, which shows the
/// unpainted photo. In damaged metadata, only the entries that can be found are changed.
pub fn describe_painted(tiff: &mut [u8], width: u32, height: u32) {
    let Some(reader) = Reader::new(tiff) else { return };
    let Some(first) = reader.first_directory() else { return };
    let mut edits = Vec::new();
    let mut directories = vec![first];
    if let Some(entry) = reader.entries(first).find(|entry| entry.tag == EXIF_IFD) {
        directories.extend(reader.value(entry).map(|offset| offset as usize));
    }
    for directory in directories {
        for entry in reader.entries(directory) {
            let value = match entry.tag {
                ORIENTATION => 1,
                COLOR_SPACE => SRGB,
                PIXEL_X_DIMENSION => width,
                PIXEL_Y_DIMENSION => height,
                _ => continue,
            };
            edits.extend(reader.edit(entry, value));
        }
    }
    // The first directory's entries are followed by the offset of the second, which holds the thumbnail.
    if let Some(count) = reader.short(first) {
        edits.push((first + 2 + 12 * usize::from(count), vec![0; 4]));
    }
    for (offset, bytes) in edits {
        if let Some(place) = tiff.get_mut(offset..offset + bytes.len()) {
            place.copy_from_slice(&bytes);
        }
    }
}

/// One entry of a directory.
#[derive(Clone, Copy)]
struct Entry {
    tag: u16,
    /// Field type.
    kind: u16,
    count: u32,
    /// Offset of its four value bytes.
    place: usize,
}

/// Reads a TIFF structure whose offsets cannot be trusted.
struct Reader<'a> {
    bytes: &'a [u8],
    big_endian: bool,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        match bytes.get(..4)? {
            b"II*\0" => Some(Self { bytes, big_endian: false }),
            b"MM\0*" => Some(Self { bytes, big_endian: true }),
            _ => None,
        }
    }

    fn first_directory(&self) -> Option<usize> {
        self.long(4).map(|offset| offset as usize)
    }

    fn entries(&self, directory: usize) -> impl Iterator<Item = Entry> {
        let count = self.short(directory).unwrap_or(0);
        (0..usize::from(count)).map_while(move |index| {
            let start = directory + 2 + 12 * index;
            let (tag, kind) = (self.short(start)?, self.short(start + 2)?);
            Some(Entry { tag, kind, count: self.long(start + 4)?, place: start + 8 })
        })
    }

    /// The entry's value, if it is a single number.
    fn value(&self, entry: Entry) -> Option<u32> {
        match (entry.kind, entry.count) {
            (SHORT, 1) => self.short(entry.place).map(u32::from),
            (LONG, 1) => self.long(entry.place),
            _ => None,
        }
    }

    /// The offset and bytes that set the entry's single number; `None` if the value does not fit.
    fn edit(&self, entry: Entry, value: u32) -> Option<(usize, Vec<u8>)> {
        let bytes = match (entry.kind, entry.count) {
            (SHORT, 1) if self.big_endian => u16::try_from(value).ok()?.to_be_bytes().to_vec(),
            (SHORT, 1) => u16::try_from(value).ok()?.to_le_bytes().to_vec(),
            (LONG, 1) if self.big_endian => value.to_be_bytes().to_vec(),
            (LONG, 1) => value.to_le_bytes().to_vec(),
            _ => return None,
        };
        Some((entry.place, bytes))
    }

    fn short(&self, offset: usize) -> Option<u16> {
        let bytes = self.bytes.get(offset..)?.first_chunk()?;
        Some(if self.big_endian { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) })
    }

    fn long(&self, offset: usize) -> Option<u32> {
        let bytes = self.bytes.get(offset..)?.first_chunk()?;
        Some(if self.big_endian { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orientation and an Exif directory with colour space and size, then a second directory at offset 99.
    fn sample(big_endian: bool) -> Vec<u8> {
        let short = |value: u16| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let long = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let mut tiff = if big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        tiff.extend(long(8));
        let mut directory = |entries: &[(u16, u16, u32)], next: u32| {
            tiff.extend(short(entries.len() as u16));
            for &(tag, kind, value) in entries {
                tiff.extend([short(tag), short(kind)].concat());
                tiff.extend(long(1));
                if kind == SHORT {
                    tiff.extend([short(value as u16), short(0)].concat());
                } else {
                    tiff.extend(long(value));
                }
            }
            tiff.extend(long(next));
        };
        directory(&[(ORIENTATION, SHORT, 6), (EXIF_IFD, LONG, 38)], 99);
        directory(&[(COLOR_SPACE, SHORT, 65535), (PIXEL_X_DIMENSION, LONG, 40), (PIXEL_Y_DIMENSION, SHORT, 30)], 0);
        tiff
    }

    #[test]
    fn a_painted_picture_is_described_as_upright_srgb_with_its_size_and_no_thumbnail() {
        for big_endian in [false, true] {
            let mut tiff = sample(big_endian);
            assert_eq!(orientation(&tiff), Some(6));
            describe_painted(&mut tiff, 30, 40);
            let reader = Reader::new(&tiff).unwrap();
            let values = |offset| reader.entries(offset).map(|entry| reader.value(entry).unwrap()).collect::<Vec<_>>();
            assert_eq!(values(8), [1, 38]);
            assert_eq!(values(38), [1, 30, 40]);
            assert_eq!(reader.long(34), Some(0), "the thumbnail's directory");
        }
    }

    #[test]
    fn metadata_truncated_at_any_length_causes_no_panic() {
        let complete = sample(true);
        for length in 0..complete.len() {
            let mut cut = complete[..length].to_vec();
            describe_painted(&mut cut, 1, 1);
            let _ = orientation(&cut);
        }
        let mut wild = complete;
        wild[4..8].fill(0xFF);
        describe_painted(&mut wild, 1, 1);
        assert_eq!(orientation(&wild), None);
    }
}
