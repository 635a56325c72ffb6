//! What was wrong with an input on the way.

use std::path::Path;

use crate::media::sequence::Sequence;
use crate::warning::Warning;

/// A reader or decoder that fails this many times in a row will not recover.
pub const HOPELESS: u32 = 1000;

/// Damage found so far.
#[derive(Debug, Default)]
pub struct Damage {
    /// A read failed before the end.
    pub unreadable: bool,
    /// Packets that could not be decoded, or not fully.
    pub packets: u64,
    /// Numbers of those that are numbered pictures.
    pub pictures: Vec<u64>,
    /// The decoder says that it does not know how to decode a packet, whole as it may be.
    pub unsupported: bool,
    /// Failed reads since the last good one.
    pub in_a_row: u32,
}

/// How far the decoder came.
pub struct Reached {
    /// Frames delivered.
    pub kept: u64,
    /// Frames that the file promised.
    pub expected: Option<u64>,
    /// Where the last frame ends, in seconds.
    pub seconds: f64,
    /// The file says that it is longer.
    pub too_short: bool,
}

impl Damage {
    /// Nothing was wrong.
    pub fn is_none(&self) -> bool {
        !self.unreadable && self.packets == 0
    }

    /// The warning at the end; `None` for a sound file.
    pub fn warning(&self, video: &Path, sequence: Option<&Sequence>, reached: &Reached) -> Option<Warning> {
        if let (Some(sequence), Some(&first)) = (sequence, self.pictures.iter().min()) {
            let others = self.pictures.iter().filter(|&&number| number != first).count() as u64;
            return Some(Warning::DamagedPictures { first: sequence.names.file(first), others });
        }
        let (video, &Reached { kept: frames, expected, seconds, too_short }) = (video.to_owned(), reached);
        if self.unreadable || too_short {
            Some(Warning::CutOff { video, frames, expected, seconds })
        } else if self.packets > 0 {
            Some(Warning::Undecodable { video, frames, expected, packets: self.packets })
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_says_how_much_was_kept_and_a_sound_file_gets_none() {
        let reached = |too_short| Reached { kept: 70, expected: Some(75), seconds: 2.8, too_short };
        let warning = |damage: &Damage, too_short| damage.warning(Path::new("a.mp4"), None, &reached(too_short));
        assert_eq!(warning(&Damage::default(), false), None);
        let (video, frames, expected) = (|| "a.mp4".into(), 70, Some(75));
        let cut = || Some(Warning::CutOff { video: video(), frames, expected, seconds: 2.8 });
        assert_eq!(warning(&Damage::default(), true), cut());
        assert_eq!(warning(&Damage { unreadable: true, ..Damage::default() }, false), cut());
        let lost = Some(Warning::Undecodable { video: video(), frames, expected, packets: 2 });
        assert_eq!(warning(&Damage { packets: 2, ..Damage::default() }, false), lost);
    }
}
