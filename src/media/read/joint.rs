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
/// FFmpeg's `-dts_error_threshold`: formats that have no cuts have no such steps either; the time is a mistake.
const MISTAKE: i64 = 30 * 3600 * 1_000_000;

/// Moves the times of packets. All times in here are microseconds.
#[derive(Debug, Default)]
pub struct Joint {
    /// The format may hold streams that jump.
    may_jump: bool,
    /// Added to all times from here on.
    offset: i64,
    /// Decoding time of the last packet.
    last: Option<i64>,
    /// Of each stream, the last decoding time and the one that should come next.
    streams: Vec<Option<(i64, i64)>>,
    /// Number of cuts so far.
    pub cuts: u64,
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
    /// For an input whose format `may_jump`.
    pub fn new(may_jump: bool) -> Self {
        Self { may_jump, ..Self::default() }
    }

    /// Whether all video and audio must be read to know where the cuts are.
    pub fn needs_all_streams(&self) -> bool {
        self.may_jump
    }

    /// Starts again behind a seek.
    pub fn restart(&mut self) {
        *self = Self { cuts: self.cuts, ..Self::new(self.may_jump) };
    }

    /// Gives `packet` of `track` its place in the joined stream.
    pub fn place(&mut self, packet: &mut Packet, track: Track) {
        let micros = |time: i64| rescale(time, track.time_base, MICROSECONDS);
        if self.streams.len() <= track.index {
            self.streams.resize(track.index + 1, None);
        }
        let tells = matches!(track.kind, media::Type::Video | media::Type::Audio);
        let known = self.streams[track.index];
        if let Some(dts) = packet.dts().filter(|_| tells) {
            let time = micros(dts) + self.offset;
            match (known, self.last) {
                (Some((last, next)), _) if self.may_jump && ((time - next).abs() > CUT || time + BACK < last) => {
                    self.cut(time - next);
                }
                (None, Some(last)) if self.may_jump && (time - last).abs() > CUT => self.cut(time - last),
                (Some((_, next)), _) if !self.may_jump => {
                    if (time - next).abs() > MISTAKE {
                        packet.set_dts(None);
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

/// Whether a format may hold streams that jump.
pub fn may_jump(flags: i32) -> bool {
    flags & ffi::AVFMT_TS_DISCONT != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decoding times of a video at 25 frames and a sound at 10 packets per second, in milliseconds, once they are joined.
    fn joined(may_jump: bool, packets: &[(usize, i64)]) -> Vec<Option<i64>> {
        let mut joint = Joint::new(may_jump);
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
        assert_eq!(joined(true, &back), whole(&[5000, 5000, 5040, 5080, 5080, 5120]));
        let forward = [(0, 0), (1, 0), (0, 40), (0, 3_600_000), (1, 3_600_020), (0, 3_600_040)];
        assert_eq!(joined(true, &forward), whole(&[0, 0, 40, 80, 100, 120]));
    }

    #[test]
    fn a_gap_of_some_seconds_stays_and_so_does_one_in_a_format_that_cannot_be_glued() {
        assert_eq!(joined(true, &[(0, 0), (0, 9000)]), whole(&[0, 9000]));
        assert_eq!(joined(false, &[(0, 0), (0, 3_600_000)]), whole(&[0, 3_600_000]));
        assert_eq!(joined(false, &[(0, 0), (0, 200_000_000)]), [Some(0), None]);
    }

    #[test]
    fn sound_of_the_old_part_that_comes_late_keeps_its_place() {
        let late = [(0, 60_000), (1, 59_900), (0, 1000), (1, 60_000), (1, 1000), (0, 1040)];
        assert_eq!(joined(true, &late), whole(&[60_000, 59_900, 60_040, 60_000, 60_100, 60_140]));
    }
}
