//! Joins streams whose clock jumps, by the rules of FFmpeg's command line (`process_input` in fftools/ffmpeg.c): recordings
//! that were glued together, and broadcasts whose encoder was restarted.

use ffmpeg_next::ffi;
use ffmpeg_next::{Packet, media};

use crate::frame::Rational;
use crate::media::ffmpeg::{MICROSECONDS, rescale};

/// FFmpeg's `-dts_delta_threshold`: a larger step in either direction is a cut.
const CUT: i64 = 10_000_000;
/// A smaller step back is a cut too: decoding times never go back.
const BACK: i64 = 100_000;
/// Where a format has no cuts, a step back by more is one all the same: files that were glued together. FFmpeg's command line
/// squeezes the sound of what follows, and drops its pictures.
const AGAIN: i64 = 500_000;
/// FFmpeg's `-dts_error_threshold`: formats that have no cuts have no such steps either; the time is a mistake.
const MISTAKE: i64 = 30 * 3600 * 1_000_000;

/// Moves the times of packets. All times in here are microseconds.
#[derive(Debug, Default)]
pub struct Joint {
    /// What to expect of the format.
    kind: Jumps,
    /// Added to all times from here on.
    offset: i64,
    /// Decoding time of the last packet.
    last: Option<i64>,
    /// Of each stream, the last decoding time and the one that should come next.
    streams: Vec<Option<(i64, i64)>>,
    /// Number of cuts so far.
    pub cuts: u64,
}

/// Whether streams of a format may jump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jumps {
    /// They do not.
    #[default]
    Never,
    /// Files of it are glued together, though the format has no word for that.
    Glued,
    /// The format allows it.
    Allowed,
}

/// What is known of a packet's stream.
#[derive(Clone, Copy, Debug)]
pub struct Track {
    /// Its index.
    pub index: usize,
    /// Its kind; other streams than video and audio are moved, and tell nothing.
    pub kind: media::Type,
    /// Its unit.
    pub time_base: Rational,
    /// Duration of a packet that says none.
    pub usual: i64,
}

impl Joint {
    /// For an input of a format of this `kind`.
    pub fn new(kind: Jumps) -> Self {
        Self { kind, ..Self::default() }
    }

    /// Whether all video and audio must be read to know where the cuts are.
    pub fn needs_all_streams(&self) -> bool {
        self.kind != Jumps::Never
    }

    /// Whether the format allows cuts.
    pub fn may_jump(&self) -> bool {
        self.kind == Jumps::Allowed
    }

    /// Starts again behind a seek.
    pub fn restart(&mut self) {
        *self = Self { cuts: self.cuts, ..Self::new(self.kind) };
    }

    /// Gives `packet` of `track` its place in the joined stream.
    pub fn place(&mut self, packet: &mut Packet, track: Track) {
        let micros = |time: i64| rescale(time, track.time_base, MICROSECONDS);
        if self.streams.len() <= track.index {
            self.streams.resize(track.index + 1, None);
        }
        let tells = matches!(track.kind, media::Type::Video | media::Type::Audio);
        let (known, may_jump) = (self.streams[track.index], self.may_jump());
        if let Some(dts) = packet.dts().filter(|_| tells) {
            let time = micros(dts) + self.offset;
            match (known, self.last) {
                (Some((last, next)), _) if may_jump && ((time - next).abs() > CUT || time + BACK < last) => {
                    self.cut(time - next);
                }
                (None, Some(last)) if may_jump && (time - last).abs() > CUT => self.cut(time - last),
                (Some((last, next)), _) if !may_jump => {
                    if (time - next).abs() > MISTAKE {
                        packet.set_dts(None);
                    } else if time + AGAIN < last {
                        self.cut(time - next);
                    }
                    if packet.pts().is_some_and(|pts| (micros(pts) - next).abs() > MISTAKE) {
                        packet.set_pts(None);
                    }
                }
                _ => {}
            }
        }
        let offset = rescale(self.offset, MICROSECONDS, track.time_base);
        if offset != 0 {
            packet.set_pts(packet.pts().map(|time| time + offset));
            packet.set_dts(packet.dts().map(|time| time + offset));
        }
        let duration = if packet.duration() > 0 { micros(packet.duration()) } else { track.usual };
        match (packet.dts(), known) {
            (Some(dts), _) => {
                let time = micros(dts);
                self.last = Some(time);
                self.streams[track.index] = Some((time, time + duration));
            }
            (None, Some((_, next))) => self.streams[track.index] = Some((next, next + duration)),
            (None, None) => {}
        }
    }

    fn cut(&mut self, step: i64) {
        self.offset -= step;
        self.cuts += 1;
    }
}

/// Whether streams of a format may jump, by FFmpeg's name of it and its flags.
pub fn may_jump(format: &str, flags: i32) -> Jumps {
    match format {
        _ if flags & ffi::AVFMT_TS_DISCONT != 0 => Jumps::Allowed,
        "matroska,webm" | "flv" | "asf" => Jumps::Glued,
        _ => Jumps::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decoding times of a video at 25 frames and a sound at 10 packets per second, in milliseconds, once they are joined.
    fn joined(kind: Jumps, packets: &[(usize, i64)]) -> Vec<Option<i64>> {
        let mut joint = Joint::new(kind);
        let place = |&(index, time): &(usize, i64)| {
            let kind = [media::Type::Video, media::Type::Audio][index];
            let usual = [40_000, 100_000][index];
            let track = Track { index, kind, time_base: Rational { num: 1, den: 1000 }, usual };
            let mut packet = Packet::empty();
            packet.set_dts(Some(time));
            packet.set_pts(Some(time));
            joint.place(&mut packet, track);
            packet.dts()
        };
        packets.iter().map(place).collect()
    }

    fn whole(times: &[i64]) -> Vec<Option<i64>> {
        times.iter().copied().map(Some).collect()
    }

    #[test]
    fn a_recording_that_starts_again_follows_the_one_before() {
        let back = [(0, 5000), (1, 5000), (0, 5040), (0, 1000), (1, 1000), (0, 1040)];
        assert_eq!(joined(Jumps::Allowed, &back), whole(&[5000, 5000, 5040, 5080, 5080, 5120]));
        let forward = [(0, 0), (1, 0), (0, 40), (0, 3_600_000), (1, 3_600_020), (0, 3_600_040)];
        assert_eq!(joined(Jumps::Allowed, &forward), whole(&[0, 0, 40, 80, 100, 120]));
    }

    #[test]
    fn a_gap_of_some_seconds_stays_and_so_does_one_in_a_format_that_cannot_be_glued() {
        assert_eq!(joined(Jumps::Allowed, &[(0, 0), (0, 9000)]), whole(&[0, 9000]));
        assert_eq!(joined(Jumps::Never, &[(0, 0), (0, 3_600_000)]), whole(&[0, 3_600_000]));
        assert_eq!(joined(Jumps::Never, &[(0, 0), (0, 200_000_000)]), [Some(0), None]);
    }

    #[test]
    fn files_that_were_glued_follow_one_another_in_any_format_and_small_steps_back_are_none() {
        let glued = [(0, 0), (1, 0), (0, 1960), (1, 1900), (0, 0), (1, 0), (0, 40), (1, 100)];
        assert_eq!(joined(Jumps::Glued, &glued), whole(&[0, 0, 1960, 1900, 2000, 2000, 2040, 2100]));
        assert_eq!(joined(Jumps::Never, &[(0, 3000), (0, 0), (0, 40)]), whole(&[3000, 3040, 3080]));
        assert_eq!(joined(Jumps::Glued, &[(0, 1000), (0, 600)]), whole(&[1000, 600]));
    }

    #[test]
    fn sound_of_the_old_part_that_comes_late_keeps_its_place() {
        let late = [(0, 60_000), (1, 59_900), (0, 1000), (1, 60_000), (1, 1000), (0, 1040)];
        assert_eq!(joined(Jumps::Allowed, &late), whole(&[60_000, 59_900, 60_040, 60_000, 60_100, 60_140]));
    }
}
