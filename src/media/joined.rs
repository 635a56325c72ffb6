//! Segments of a film to one file, without encoding them again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::Path;
use std::ptr;

use ffmpeg_next::format::context::Input;
use ffmpeg_next::{Error as FfmpegError, Packet, ffi};

use super::encode::Encoder;
use super::file::VideoFile;
use super::{input, rescale, words};
use crate::error::{Error, Result};
use crate::frame::Rational;

/// Moves the packets of segments, one after the other, into a file.
pub struct Joined {
    file: VideoFile,
    clock: StorageClock,
    /// The unit of all times.
    time_base: Rational,
    /// The decoder's set-up as the file's header has it; each segment must have been encoded for it.
    extradata: Vec<u8>,
}

/// One frame of a segment: when it is shown and for how long, in ticks of the film.
pub type Shown = (i64, i64);

impl Joined {
    /// Goes on with `file`, whose header was written for `encoder`.
    pub fn new(file: VideoFile, encoder: &Encoder) -> Self {
        let context = encoder.context();
        // SAFETY: reads plain fields of an open encoder; the bytes are copied.
        let extradata = unsafe { bytes((*context.as_ptr()).extradata, (*context.as_ptr()).extradata_size) };
        let clock = StorageClock { delay: 0, usual: encoder.usual_duration(), waiting: BinaryHeap::new(), stored: 0 };
        Self { file, clock, time_base: context.time_base().into(), extradata }
    }

    /// Tells, before the first segment, by how many places pictures are stored later than they are shown, at most.
    pub fn expect_delay(&mut self, delay: usize) {
        self.clock.delay = delay;
    }

    /// Adds the segment in `path`, whose `frames` are later than all before. Stops between two packets when `stop` says so.
    ///
    /// # Errors
    /// The segment is damaged or of another encoder, or the output cannot be written.
    pub fn add(&mut self, path: &Path, frames: &[Shown], stop: &dyn Fn() -> bool) -> Result<()> {
        let mut segment = open(path)?;
        let damaged = |what: &str| {
            let shown = path.display();
            Error::failed(format!("'{shown}' {what}; delete it, and the same command without --join paints it again"))
        };
        let stream = segment.streams().next().ok_or_else(|| damaged("is empty"))?;
        let unit = Rational::from(stream.time_base());
        // SAFETY: reads plain fields of a stream of the open input; the bytes are copied.
        let extradata = unsafe {
            let parameters = (*stream.as_ptr()).codecpar;
            bytes((*parameters).extradata, (*parameters).extradata_size)
        };
        if extradata != self.extradata {
            return Err(damaged("was written by another version or set-up of its encoder"));
        }
        let mut packet = Packet::empty();
        let (mut origin, mut count) = (None, 0);
        while !stop() {
            match input::read(&mut packet, &mut segment) {
                Ok(()) => {}
                Err(FfmpegError::Eof) => break,
                Err(_) => return Err(damaged("is damaged")),
            }
            let (Some(stored), Some(first)) = (packet.pts(), frames.first()) else {
                return Err(damaged("is damaged: a packet has no time"));
            };
            // A new encoder begins with the first picture.
            let time = rescale(stored - *origin.get_or_insert(stored), unit, self.time_base) + first.0;
            let place = frames.binary_search_by_key(&time, |frame| frame.0);
            let place = place.map_err(|_| damaged("is damaged: a packet has a time that no frame has"))?;
            packet.set_pts(Some(time));
            packet.set_dts(Some(self.clock.next(time)));
            packet.set_duration(frames[place].1);
            packet.set_position(-1);
            self.file.put(&mut packet)?;
            count += 1;
        }
        if count != frames.len() && !stop() {
            return Err(damaged(&format!("is damaged: it has {count} packets of {} frames", frames.len())));
        }
        Ok(())
    }

    /// See [`VideoFile::finish`].
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(self, until: f64) -> Result<Vec<String>> {
        self.file.finish(until)
    }
}

/// Gives packets their decoding times. Those of the segments themselves will not do: each encoder counts back from its own
/// first frame, by the gaps between its own frames, and where these are wide, into the segment before.
struct StorageClock {
    delay: usize,
    /// Ticks of a frame at the average rate.
    usual: i64,
    /// Times of frames that are stored and whose time has not been given away.
    waiting: BinaryHeap<Reverse<i64>>,
    stored: usize,
}

impl StorageClock {
    /// The decoding time of the next packet in the file, which is shown at `time`: the time of the picture that is shown
    /// `delay` places before. That one is stored already, it grows, and it is never later than `time`.
    fn next(&mut self, time: i64) -> i64 {
        self.waiting.push(Reverse(time));
        self.stored += 1;
        if self.stored <= self.delay {
            // Nothing is shown before the first picture, which is stored first.
            let first = self.waiting.peek().map_or(time, |first| first.0);
            return first - (self.delay - self.stored + 1) as i64 * self.usual;
        }
        self.waiting.pop().map_or(time, |shown| shown.0)
    }
}

/// Opens a segment as it is: no packet is looked into, no time guessed.
fn open(path: &Path) -> Result<Input> {
    input::prepare();
    let url = input::url(path)?;
    let reading = |answer: i32| {
        let (shown, reason) = (path.display(), words(answer.into()));
        Error::failed(format!(
            "'{shown}' is no segment that can be read ({reason}); delete it, and it is painted again"
        ))
    };
    // SAFETY: the context is allocated here and either freed by FFmpeg on failure or owned by the result.
    unsafe {
        let mut context = ffi::avformat_alloc_context();
        if context.is_null() {
            return Err(Error::failed("out of memory while opening a segment"));
        }
        (*context).flags |= ffi::AVFMT_FLAG_NOPARSE | ffi::AVFMT_FLAG_NOFILLIN;
        let opened = ffi::avformat_open_input(&raw mut context, url.as_ptr(), ptr::null(), ptr::null_mut());
        if opened < 0 { Err(reading(opened)) } else { Ok(Input::wrap(context)) }
    }
}

/// A copy of FFmpeg's bytes.
///
/// # Safety
/// `start` is null or points to `len` bytes.
unsafe fn bytes(start: *const u8, len: i32) -> Vec<u8> {
    if start.is_null() || len <= 0 {
        return Vec::new();
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(start, len as usize) }.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoding_times(delay: usize, shown: &[i64]) -> Vec<i64> {
        let mut clock = StorageClock { delay, usual: 10, waiting: BinaryHeap::new(), stored: 0 };
        shown.iter().map(|&time| clock.next(time)).collect()
    }

    #[test]
    fn decoding_times_grow_over_joints_with_b_frames_and_uneven_gaps() {
        // Two segments: the first dense, the second with wide gaps; in each a picture is stored two places early.
        let shown = [0, 30, 10, 20, 40, 140, 340, 240, 440];
        let times = decoding_times(2, &shown);
        assert_eq!(times, [-20, -10, 0, 10, 20, 30, 40, 140, 240]);
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(times.iter().zip(shown).all(|(&stored, shown)| stored <= shown));
    }

    #[test]
    fn without_b_frames_a_picture_is_decoded_when_it_is_shown() {
        assert_eq!(decoding_times(0, &[-5, 3, 900]), [-5, 3, 900]);
    }
}
