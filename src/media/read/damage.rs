//! What was wrong with an input on the way.

use std::path::Path;

/// A reader or decoder that fails this many times in a row will not recover.
pub const HOPELESS: u32 = 1000;

/// Damage found so far.
#[derive(Debug, Default)]
pub struct Damage {
    /// A read failed before the end.
    pub unreadable: bool,
    /// Packets that could not be decoded.
    pub packets: u64,
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
    pub fn warning(&self, path: &Path, reached: &Reached) -> Option<String> {
        let (shown, Reached { kept, seconds, .. }) = (path.display(), reached);
        let of = match reached.expected {
            Some(expected) if expected > *kept => format!(" of about {expected}"),
            _ => String::new(),
        };
        if self.unreadable || reached.too_short {
            Some(format!("'{shown}' is damaged or cut off: {kept} frames{of} were kept, up to {seconds:.2} s"))
        } else if self.packets > 0 {
            let packets = self.packets;
            Some(format!("'{shown}' is damaged: {kept} frames{of} were kept; {packets} packets could not be decoded"))
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
        let warning = |damage: &Damage, too_short| damage.warning(Path::new("a.mp4"), &reached(too_short));
        assert_eq!(warning(&Damage::default(), false), None);
        let cut = "'a.mp4' is damaged or cut off: 70 frames of about 75 were kept, up to 2.80 s";
        assert_eq!(warning(&Damage::default(), true).as_deref(), Some(cut));
        assert_eq!(warning(&Damage { unreadable: true, ..Damage::default() }, false).as_deref(), Some(cut));
        let lost = "'a.mp4' is damaged: 70 frames of about 75 were kept; 2 packets could not be decoded";
        assert_eq!(warning(&Damage { packets: 2, ..Damage::default() }, false).as_deref(), Some(lost));
    }
}
