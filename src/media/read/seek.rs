//! Moving an open decoder to another frame.

use super::damage::Damage;
use super::decoder::Decoder;
use super::deinterlace::Deinterlacer;
use crate::error::Result;
use crate::media::ffmpeg::{MICROSECONDS, rescale};

/// How much earlier to try, in microseconds, if a seek landed behind the frame: the place that an index names may lack
/// what its first pictures refer to.
const EARLIER: [i64; 3] = [0, 2_000_000, 15_000_000];

impl Decoder {
    /// Seeks to the frame at `time`, in ticks from [`crate::media::VideoInfo::origin`]. That frame comes next, and the
    /// `delivered` frames before it count as delivered. Returns false if the file cannot seek or has no frame at exactly
    /// that time; the decoder is then unusable.
    ///
    /// # Errors
    /// Pictures cannot be deinterlaced. A failed seek returns false, and damage is a warning.
    pub fn go_to(&mut self, time: i64, delivered: u64) -> Result<bool> {
        let wanted = time + self.info.origin;
        let damage = std::mem::take(&mut self.damage);
        for earlier in EARLIER {
            let target = wanted - rescale(earlier, MICROSECONDS, self.info.time_base);
            if !self.input.seek(self.info.stream as i32, target) {
                return Ok(false);
            }
            self.decoder.flush();
            self.inside.clear();
            self.deinterlacer.iter_mut().for_each(Deinterlacer::reset);
            self.clock.restart(wanted);
            self.draining = false;
            self.damage = Damage::default();
            let found = self.first_frame()?;
            // The first picture of the film alone has none before it.
            let is_same = self.deinterlacer.as_ref().is_none_or(|it| it.taken > 1 || delivered == 0);
            if found && is_same && self.shown.is_some_and(|(time, _)| time == wanted) {
                self.delivered = delivered;
                // What the decoder missed on the way is not damage.
                self.damage = damage;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Decodes one frame without converting it; false at the end.
    ///
    /// # Errors
    /// Pictures cannot be deinterlaced. Damage is a warning.
    pub fn skip(&mut self) -> Result<bool> {
        if !std::mem::take(&mut self.pending) && !self.decode()? {
            return Ok(false);
        }
        self.delivered += 1;
        let time = self.shown.map(|(time, _)| time - self.info.origin);
        Ok(time.is_some_and(|time| self.info.end.is_none_or(|end| time < end)))
    }
}
