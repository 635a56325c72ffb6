//! Reads from the boxes of a HEIF file how its picture is turned, for versions of libheif that cannot turn it themselves.

use crate::kernel::turn::Turn;

/// The boxes in `bytes`, one after the other: name and content. Ends at damage.
fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (&size, name) = (bytes.first_chunk::<4>()?, bytes.get(4..8)?);
        let (head, size) = match u32::from_be_bytes(size) {
            0 => (8, bytes.len() as u64),
            1 => (16, u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?)),
            size => (8, u64::from(size)),
        };
        let size = usize::try_from(size).ok()?;
        let content = bytes.get(head..size)?;
        bytes = &bytes[size..];
        Some((name, content))
    })
}

/// The content of the first box of that name.
fn find<'a>(bytes: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(bytes).find(|(other, _)| *other == name).map(|(_, content)| content)
}

/// A big-endian number of `length` bytes at the start of `bytes`, which are moved behind it.
fn take(bytes: &mut &[u8], length: usize) -> Option<u32> {
    let (number, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(number.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
}

/// How the file's picture is turned (ISO/IEC 23008-12, `irot` and `imir`). `None` if it is also cropped, or if the boxes are
/// damaged.
pub fn turn(file: &[u8]) -> Option<Turn> {
    let meta = find(file, b"meta")?.get(4..)?;
    let mut primary = find(meta, b"pitm")?;
    let id_length = if take(&mut primary, 4)? >> 24 == 0 { 2 } else { 4 };
    let primary = take(&mut primary, id_length)?;
    let properties = find(meta, b"iprp")?;
    let all: Vec<_> = boxes(find(properties, b"ipco")?).collect();
    let mut turn = Turn::default();
    for (_, mut of_items) in boxes(properties).filter(|(name, _)| name == b"ipma") {
        let head = take(&mut of_items, 4)?;
        let (id_length, place_length) = (if head >> 24 == 0 { 2 } else { 4 }, if head & 1 == 0 { 1 } else { 2 });
        for _ in 0..take(&mut of_items, 4)? {
            let id = take(&mut of_items, id_length)?;
            for _ in 0..take(&mut of_items, 1)? {
                // The highest bit says that readers must know the property; places count from 1.
                let place = take(&mut of_items, place_length)? & if place_length == 1 { 0x7F } else { 0x7FFF };
                let property = (place as usize).checked_sub(1).and_then(|place| all.get(place));
                if let (Some((name, content)), true) = (property, id == primary) {
                    turn = then(turn, name, content)?;
                }
            }
        }
    }
    Some(turn)
}

/// `turn`, and then what a property does; `None` if it crops.
fn then(turn: Turn, name: &[u8], content: &[u8]) -> Option<Turn> {
    match name {
        b"clap" => None,
        // Quarter turns to the left: rows become columns, then top and bottom change places.
        b"irot" => Some((0..content.first()? & 3).fold(turn, |turn, _| Turn {
            transposed: !turn.transposed,
            mirrored: turn.flipped,
            flipped: !turn.mirrored,
        })),
        b"imir" if content.first()? & 1 == 1 => Some(Turn { mirrored: !turn.mirrored, ..turn }),
        b"imir" => Some(Turn { flipped: !turn.flipped, ..turn }),
        _ => Some(turn),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&((content.len() + 8) as u32).to_be_bytes()[..], name, content].concat()
    }

    /// A file whose picture, item 7, has these properties, and another item has a quarter turn.
    fn file(properties: &[(&[u8; 4], u8)]) -> Vec<u8> {
        let mut all = boxed(b"irot", &[1]);
        properties.iter().for_each(|(name, value)| all.extend(boxed(name, &[*value])));
        let own: Vec<u8> = (0..properties.len() as u8).map(|place| 0x80 | (place + 2)).collect();
        let ipma = [&[0, 0, 0, 0, 0, 0, 0, 2, 0, 3, 1, 0x81, 0, 7, own.len() as u8][..], &own].concat();
        let iprp = [boxed(b"ipco", &all), boxed(b"ipma", &ipma)].concat();
        let meta = [vec![0; 4], boxed(b"pitm", &[0, 0, 0, 0, 0, 7]), boxed(b"iprp", &iprp)].concat();
        [boxed(b"ftyp", b"heic"), boxed(b"meta", &meta)].concat()
    }

    #[test]
    fn turns_and_mirrors_add_up_in_their_order_and_a_crop_is_none() {
        let of = |properties: &[(&[u8; 4], u8)]| turn(&file(properties));
        let turned = |transposed, mirrored, flipped| Some(Turn { transposed, mirrored, flipped });
        assert_eq!(of(&[]), turned(false, false, false));
        assert_eq!(of(&[(b"irot", 1)]), turned(true, false, true));
        assert_eq!(of(&[(b"irot", 2)]), turned(false, true, true));
        assert_eq!(of(&[(b"irot", 3)]), turned(true, true, false));
        assert_eq!(of(&[(b"imir", 1)]), turned(false, true, false));
        assert_eq!(of(&[(b"imir", 0)]), turned(false, false, true));
        assert_eq!(of(&[(b"irot", 1), (b"imir", 1)]), turned(true, true, true));
        assert_eq!(of(&[(b"imir", 1), (b"irot", 1)]), turned(true, false, false));
        assert_eq!(of(&[(b"imir", 1), (b"clap", 0)]), None);
    }

    #[test]
    fn damaged_boxes_end_the_search() {
        let whole = file(&[(b"irot", 1), (b"imir", 1)]);
        for length in 0..whole.len() {
            assert_eq!(turn(&whole[..length]), None, "{length}");
        }
    }
}
