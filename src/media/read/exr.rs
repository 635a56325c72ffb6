//! Whether an OpenEXR picture is all there: FFmpeg leaves what is missing as the memory was, and says nothing.

/// The first bytes of every OpenEXR file.
const MAGIC: u32 = 20_000_630;
/// Bits of its version: pixels come in tiles; the file holds something else than one plain picture.
const TILED: u32 = 0x200;
const OTHER: u32 = 0x1800;

/// Rows in each block, by the number of the compression: none, run lengths, ZIPS, ZIP, PIZ, PXR24, B44, B44A, DWAA, DWAB.
const ROWS: [u64; 10] = [1, 1, 1, 16, 32, 16, 32, 32, 32, 256];

/// Whether every block of pixels that the header promises stands in `file`. What is no plain OpenEXR is not judged.
pub fn is_whole(file: &[u8]) -> bool {
    let mut rest = file;
    let Some((MAGIC, version)) = word(&mut rest).zip(word(&mut rest)) else { return true };
    if version & OTHER != 0 {
        return true;
    }
    let Some(header) = Header::read(&mut rest) else { return false };
    let Some(blocks) = header.blocks(version & TILED != 0) else { return true };
    let table = file.len() - rest.len();
    blocks.are_there(file, table)
}

/// What the header says of the blocks.
#[derive(Default)]
struct Header {
    /// First and last column and row.
    window: Option<[i64; 4]>,
    compression: Option<u8>,
    /// Columns and rows of a tile.
    tile: Option<(u64, u64)>,
}

impl Header {
    /// Reads all attributes; `None` if the file ends before they do.
    fn read(rest: &mut &[u8]) -> Option<Self> {
        let mut header = Self::default();
        loop {
            let name = text(rest)?;
            if name.is_empty() {
                return Some(header);
            }
            let _kind = text(rest)?;
            let size = word(rest)? as usize;
            let mut value = rest.get(..size)?;
            *rest = &rest[size..];
            match name {
                b"dataWindow" => {
                    let mut side = || word(&mut value).map(|side| i64::from(side.cast_signed()));
                    header.window = Some([side()?, side()?, side()?, side()?]);
                }
                b"compression" => header.compression = value.first().copied(),
                b"tiles" => header.tile = Some((u64::from(word(&mut value)?), u64::from(word(&mut value)?))),
                _ => {}
            }
        }
    }

    /// `None` if the header makes no sense, which the decoder says itself.
    fn blocks(&self, is_tiled: bool) -> Option<Blocks> {
        let [left, top, right, bottom] = self.window?;
        let width = u64::try_from(right - left + 1).ok()?;
        let height = u64::try_from(bottom - top + 1).ok()?;
        if is_tiled {
            let (across, down) = self.tile.filter(|&(across, down)| across > 0 && down > 0)?;
            return Some(Blocks { across: width.div_ceil(across), down: height.div_ceil(down), rows: None, top: 0 });
        }
        let rows = *ROWS.get(usize::from(self.compression?))?;
        Some(Blocks { across: 1, down: height.div_ceil(rows), rows: Some(rows), top })
    }
}

/// The blocks of a picture: tiles, or strips of `rows` rows from row `top`.
struct Blocks {
    across: u64,
    down: u64,
    rows: Option<u64>,
    top: i64,
}

impl Blocks {
    /// Whether each is in `file`, where a table of their places stands at `table`. A program that was interrupted has left the
    /// table empty; then they follow one another behind it.
    fn are_there(&self, file: &[u8], table: usize) -> bool {
        let count = self.across.saturating_mul(self.down);
        let Some(places) = usize::try_from(count).ok().and_then(|count| {
            let end = table.checked_add(count.checked_mul(8)?)?;
            file.get(table..end)
        }) else {
            return false;
        };
        let mut found = vec![false; places.len() / 8];
        let mut next = table + places.len();
        let is_listed = places.first_chunk::<8>().is_some_and(|first| *first != [0; 8]);
        for place in places.as_chunks::<8>().0 {
            let place = if is_listed { usize::try_from(u64::from_le_bytes(*place)).ok() } else { Some(next) };
            let Some((number, end)) = place.and_then(|place| self.block(file, place)) else { return false };
            next = end;
            match usize::try_from(number).ok().and_then(|number| found.get_mut(number)) {
                Some(found) => *found = true,
                None => return false,
            }
        }
        found.iter().all(|&found| found)
    }

    /// The number of the block at `place`, and where it ends; `None` if it is not all there.
    fn block(&self, file: &[u8], place: usize) -> Option<(u64, usize)> {
        let mut rest = file.get(place..)?;
        let number = match self.rows {
            Some(rows) => {
                let row = i64::from(word(&mut rest)?.cast_signed()) - self.top;
                u64::try_from(row).ok()? / rows
            }
            None => {
                let (across, down) = (u64::from(word(&mut rest)?), u64::from(word(&mut rest)?));
                let level = (word(&mut rest)?, word(&mut rest)?);
                if level != (0, 0) || across >= self.across {
                    return None;
                }
                down.checked_mul(self.across)?.checked_add(across)?
            }
        };
        let size = word(&mut rest)? as usize;
        let end = (file.len() - rest.len()).checked_add(size)?;
        (end <= file.len()).then_some((number, end))
    }
}

/// The next four bytes as a number.
fn word(rest: &mut &[u8]) -> Option<u32> {
    let (word, behind) = rest.split_first_chunk::<4>()?;
    *rest = behind;
    Some(u32::from_le_bytes(*word))
}

/// The bytes up to the next zero, which is skipped.
fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = rest.iter().position(|&byte| byte == 0)?;
    let text = &rest[..length];
    *rest = &rest[length + 1..];
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(name: &str, value: &[u8]) -> Vec<u8> {
        [name.as_bytes(), b"\0kind\0", &(value.len() as u32).to_le_bytes(), value].concat()
    }

    fn words(words: &[i32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// A picture of 5 columns and 40 rows from row -3 on: strips of 16 rows, or tiles of 4x16. `listed` tells whether the table
    /// names the blocks; the first `kept` are there.
    fn picture(is_tiled: bool, listed: bool, kept: usize) -> Vec<u8> {
        let mut file = words(&[MAGIC as i32, if is_tiled { 0x202 } else { 2 }]);
        file.extend(attribute("compression", &[3]));
        file.extend(attribute("dataWindow", &words(&[0, -3, 4, 36])));
        file.extend(attribute("tiles", &[&words(&[4, 16])[..], &[0]].concat()));
        file.push(0);
        let blocks: Vec<Vec<u8>> = if is_tiled {
            (0..6).map(|tile| words(&[tile % 2, tile / 2, 0, 0, 4, tile])).collect()
        } else {
            (0..3).map(|strip| words(&[strip * 16 - 3, 4, strip])).collect()
        };
        let mut place = file.len() + blocks.len() * 8;
        for block in &blocks {
            file.extend(if listed { place as u64 } else { 0 }.to_le_bytes());
            place += block.len();
        }
        blocks.iter().take(kept).for_each(|block| file.extend(block));
        file
    }

    #[test]
    fn a_picture_is_whole_if_all_its_blocks_are_there() {
        for (is_tiled, count) in [(false, 3), (true, 6)] {
            for listed in [true, false] {
                let whole = picture(is_tiled, listed, count);
                assert!(is_whole(&whole), "{is_tiled} {listed}");
                for length in 8..whole.len() {
                    assert!(!is_whole(&whole[..length]), "{is_tiled} {listed} {length}");
                }
                for kept in 0..count {
                    assert!(!is_whole(&picture(is_tiled, listed, kept)), "{is_tiled} {listed} {kept}");
                }
            }
            // The first block stands twice, and the second not at all.
            let mut twice = picture(is_tiled, true, count);
            let places = picture(is_tiled, true, 0).len() - count * 8;
            twice.copy_within(places..places + 8, places + 8);
            assert!(!is_whole(&twice), "{is_tiled}");
        }
    }

    #[test]
    fn what_is_no_plain_picture_is_left_to_the_decoder() {
        assert!(is_whole(b"no EXR at all"));
        assert!(is_whole(&words(&[MAGIC as i32, 0x1002])));
        assert!(is_whole(b""));
    }
}
