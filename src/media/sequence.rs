//! Sequences of numbered pictures, as film makers keep them: `frames/%04d.png`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Endings of pictures that make up sequences.
const ENDINGS: [&str; 17] = [
    "png", "jpg", "jpeg", "tif", "tiff", "bmp", "dpx", "exr", "tga", "webp", "sgi", "ppm", "pgm", "jp2", "jxl", "cin",
    "pcx",
];
/// How many gaps a message lists.
const LISTED: usize = 5;

/// The names of a sequence: a number of so many digits in a file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// As the user wrote it.
    pattern: PathBuf,
    before: String,
    after: String,
    /// The least number of digits, filled with zeros.
    digits: usize,
}

/// The pictures of a sequence that are there: without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// Their names.
    pub names: Numbered,
    /// The first number.
    pub first: u64,
    /// How many there are, at least 1.
    pub count: u64,
}

impl Numbered {
    /// The sequence that `path` stands for: `%d`, `%04d` or `####` stands once in its file name, which ends as a
    /// picture's. `None` for other names, and for a file that exists under this very name.
    pub fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?.to_ascii_lowercase();
        let name = path.file_name()?.to_str()?;
        if !ENDINGS.contains(&ending.as_str()) || path.is_file() {
            return None;
        }
        let (before, digits, after) = percent(name).or_else(|| hashes(name))?;
        Some(Self { pattern: path.to_owned(), before, after, digits })
    }

    /// The pattern as the user wrote it.
    pub fn pattern(&self) -> &Path {
        &self.pattern
    }

    /// The pattern as FFmpeg writes it.
    pub fn for_ffmpeg(&self) -> PathBuf {
        let escaped = |text: &str| text.replace('%', "%%");
        let folder = self.pattern.parent().map(|folder| escaped(&folder.to_string_lossy())).unwrap_or_default();
        Path::new(&folder).join(format!("{}%0{}d{}", escaped(&self.before), self.digits, escaped(&self.after)))
    }

    /// The file of picture `number`.
    pub fn file(&self, number: u64) -> PathBuf {
        let Self { before, after, digits, .. } = self;
        self.pattern.with_file_name(format!("{before}{number:0digits$}{after}"))
    }

    /// The number of the picture in the file `name`, if it belongs to the sequence.
    fn number(&self, name: &str) -> Option<u64> {
        let text = name.strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        let is_padded = text.len() == self.digits || (text.len() > self.digits && !text.starts_with('0'));
        (is_padded && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
    }

    /// The numbers of the pictures that exist, in order. Those of empty files are left out.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn numbers(&self) -> Result<Vec<u64>> {
        let folder = match self.pattern.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let entries = fs::read_dir(folder).map_err(|error| Error::reading(folder, &error))?;
        let number = |entry: fs::DirEntry| {
            let number = self.number(entry.file_name().to_str()?)?;
            fs::metadata(entry.path()).is_ok_and(|found| found.is_file() && found.len() > 0).then_some(number)
        };
        let mut numbers: Vec<u64> = entries.flatten().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Finds the pictures, from the first number that exists.
    ///
    /// # Errors
    /// There is none, or some between the first and the last are missing or empty.
    pub fn find(&self) -> Result<Sequence> {
        let (numbers, shown) = (self.numbers()?, self.pattern.display());
        let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else {
            let example = self.file(1);
            return Err(Error::failed(format!(
                "no pictures are named like '{shown}', such as '{}'; check the name, the folder and the number of digits",
                example.display()
            )));
        };
        let gaps = gaps(&numbers);
        if !gaps.is_empty() {
            let more = gaps.len().saturating_sub(LISTED);
            let listed = gaps.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
            let more = if more > 0 { format!(" and {more} more gaps") } else { String::new() };
            return Err(Error::failed(format!(
                "'{shown}' has pictures {first} to {last}, but {listed}{more} missing or empty: render those again, or number \
                 the files without gaps"
            )));
        }
        Ok(Sequence { names: self.clone(), first, count: last - first + 1 })
    }
}

/// The runs of missing numbers, for a sentence: `7 is`, or `9-12 are`; the last one has the verb.
fn gaps(numbers: &[u64]) -> Vec<String> {
    let missing = numbers.windows(2).filter(|pair| pair[1] > pair[0] + 1).map(|pair| (pair[0] + 1, pair[1] - 1));
    let missing: Vec<(u64, u64)> = missing.collect();
    let shown = missing.len().min(LISTED);
    let verb = if let [(first, last)] = missing[..]
        && first == last
    {
        " is"
    } else {
        " are"
    };
    let words = missing.iter().enumerate().map(|(place, &(first, last))| {
        let verb = if place + 1 == shown && missing.len() <= LISTED { verb } else { "" };
        if first == last { format!("{first}{verb}") } else { format!("{first}-{last}{verb}") }
    });
    words.collect()
}

/// Splits a name at its only `%d` or `%04d`; `%%` stands for a percent sign.
fn percent(name: &str) -> Option<(String, usize, String)> {
    let (mut before, mut found, mut rest) = (String::new(), None, name);
    let mut after = String::new();
    while let Some(place) = rest.find('%') {
        let text = if found.is_some() { &mut after } else { &mut before };
        text.push_str(&rest[..place]);
        rest = &rest[place + 1..];
        if let Some(escaped) = rest.strip_prefix('%') {
            text.push('%');
            rest = escaped;
            continue;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if found.is_some() || rest.as_bytes().get(digits) != Some(&b'd') || digits > 3 {
            return None;
        }
        // `%4d` would fill with blanks, which nobody means.
        let width = if digits == 0 { 1 } else { rest[..digits].parse().ok()? };
        found = Some(usize::max(width, 1)).filter(|&width| width <= 20);
        rest = &rest[digits + 1..];
    }
    after.push_str(rest);
    Some((before, found?, after))
}

/// Splits a name at its only run of `#`, which stand for as many digits.
fn hashes(name: &str) -> Option<(String, usize, String)> {
    let start = name.find('#')?;
    let digits = name[start..].bytes().take_while(|&byte| byte == b'#').count();
    let (before, after) = (&name[..start], &name[start + digits..]);
    (!after.contains('#') && digits <= 20).then(|| (before.to_owned(), digits, after.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> Option<Numbered> {
        Numbered::of(Path::new(pattern))
    }

    #[test]
    fn a_pattern_names_files_as_ffmpeg_and_other_programs_do() {
        for (pattern, number, file) in [
            ("frames/%04d.png", 7, "frames/0007.png"),
            ("frames/%04d.png", 12345, "frames/12345.png"),
            ("shot.%d.EXR", 7, "shot.7.EXR"),
            ("shot.####.dpx", 1001, "shot.1001.dpx"),
            ("100%%_%03d.jpg", 7, "100%_007.jpg"),
            ("50%/a%02d.tif", 3, "50%/a03.tif"),
        ] {
            assert_eq!(names(pattern).unwrap().file(number), Path::new(file), "{pattern}");
        }
        for other in ["frames/0001.png", "film%04d.mp4", "a%s.png", "%d-%d.png", "a#b#.png", "%%d.png", "frames", "-"] {
            assert_eq!(names(other), None, "{other}");
        }
        assert_eq!(names("50%/100%_##.png").unwrap().for_ffmpeg(), Path::new("50%%/100%%_%02d.png"));
    }

    #[test]
    fn the_start_is_found_and_gaps_are_told_by_number() {
        let folder = tempfile::tempdir().unwrap();
        let put = |number: u64| fs::write(folder.path().join(format!("a{number:04}.png")), "x").unwrap();
        let pattern = names(folder.path().join("a%04d.png").to_str().unwrap()).unwrap();
        let refused = || pattern.find().unwrap_err().to_string();
        assert!(refused().contains("a0001.png"), "{}", refused());
        [1001, 1002, 1003, 1005].into_iter().for_each(put);
        assert!(refused().contains("pictures 1001 to 1005, but 1004 is missing or empty"), "{}", refused());
        put(1004);
        fs::write(folder.path().join("a7.png"), "not of four digits").unwrap();
        let found = pattern.find().unwrap();
        assert_eq!((found.first, found.count), (1001, 5));
        put(1009);
        fs::write(folder.path().join("a1002.png"), "").unwrap();
        assert!(refused().contains("but 1002, 1006-1008 are missing"), "{}", refused());
    }

    #[test]
    fn a_file_of_that_very_name_is_no_sequence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a%04d.png");
        assert!(Numbered::of(&path).is_some());
        fs::write(&path, "x").unwrap();
        assert_eq!(Numbered::of(&path), None);
    }
}
