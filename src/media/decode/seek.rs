//! Going to a frame of a file that is open already.

use super::{Clock, Damage, Decoder};
use crate::error::Result;
use crate::media::MICROSECONDS;
use crate::media::rescale;
use ffmpeg_next::ffi;

/// How much earlier to look, in microseconds, where a seek landed behind the frame: the place that an index names may
/// lack what its first pictures refer to.
const EARLIER: [i64; 3] = [0, 2_000_000, 15_000_000];

impl Decoder {
    /// Goes to the frame at `time`, in ticks from [`super::VideoInfo::origin`]: it is the next one, and the `delivered`
    /// before it count as delivered. False where the file cannot seek, or no frame is found at exactly that time; the
    /// decoder is then of no use any more.
    ///
    /// # Errors
    /// None now.
    pub fn go_to(&mut self, time: i64, delivered: u64) -> Result<bool> {
        let wanted = time + self.info.origin;
        let damage = std::mem::take(&mut self.damage);
        for earlier in EARLIER {
            let target = wanted - rescale(earlier, MICROSECONDS, self.info.time_base);
            // SAFETY: the context is open for reading.
            let sought = unsafe {
                let (context, stream) = (self.input.as_mut_ptr(), self.info.stream as i32);
                ffi::avformat_seek_file(context, stream, i64::MIN, target, target, 0)
            };
            if sought < 0 {
                return Ok(false);
            }
            self.decoder.flush();
            self.clock = Clock { first: Some(wanted), seeking: true, last: None, usual: self.clock.usual };
            self.draining = false;
            self.damage = Damage::default();
            let found = self.first_frame()?;
            if found && self.clock.last.is_some_and(|(time, _)| time == wanted) {
                self.delivered = delivered;
                // What the decoder missed on its way here was no damage of the file.
                self.damage = damage;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Decodes one frame without looking at it; false at the end.
    ///
    /// # Errors
    /// None now: damage is no error.
    pub fn skip(&mut self) -> Result<bool> {
        if !std::mem::take(&mut self.pending) && !self.decode()? {
            return Ok(false);
        }
        self.delivered += 1;
        let time = self.clock.last.map(|(time, _)| time - self.info.origin);
        Ok(time.is_some_and(|time| self.info.end.is_none_or(|end| time < end)))
    }
}
