//! The segments of a film and the copied streams of its input to one file, without encoding again.

use std::path::Path;

use ffmpeg_next::{Error as FfmpegError, Packet};

use super::container::Container;
use super::copied::CopiedStreams;
use super::destination::Destination;
use super::encoder::Encoder;
use super::muxer::Muxer;
use super::storage_clock::StorageClock;
use crate::error::{Error, Result};
use crate::frame::Rational;
use crate::media::ffmpeg::rescale;
use crate::media::info::VideoInfo;
use crate::media::read::Opening;
use crate::media::side_data;
use crate::warning::Warning;

/// The final file. Dropped unfinished, it leaves nothing behind.
pub struct Joined {
    muxer: Muxer,
    copied: Option<CopiedStreams>,
    clock: StorageClock,
    /// The unit of all times.
    time_base: Rational,
    /// The decoder configuration in the file's header; each segment must have been encoded for it.
    extradata: Vec<u8>,
    /// Painted packets that were written, and packets that the container refused: damage of the input that shows only now.
    put: u64,
    refused: u64,
    warnings: Vec<Warning>,
}

/// When a frame of a segment is shown and for how long, in ticks of the film.
pub type Shown = (i64, i64);

impl Joined {
    /// Writes the header to `destination`: for packets of `encoder`, or of others with the same settings, and for the
    /// `copied` streams.
    ///
    /// # Errors
    /// The folder is missing or not writable, or the container refuses one of the streams.
    pub fn create(
        destination: Destination,
        container: Container,
        info: &VideoInfo,
        encoder: &Encoder,
        mut copied: Option<CopiedStreams>,
    ) -> Result<Self> {
        let mut muxer = Muxer::open(destination, container)?;
        match &mut copied {
            Some(copied) => copied.add_to(&mut muxer, |muxer, old| muxer.add_painted(info, encoder, Some(old)))?,
            None => muxer.add_painted(info, encoder, None)?,
        }
        muxer.begin()?;
        let mut warnings = encoder.warnings().to_vec();
        if let Some(copied) = &mut copied {
            copied.begin(&mut muxer)?;
            warnings.extend_from_slice(copied.warnings());
        }
        if side_data::is_rotated(&info.side_data) && !container.keeps_rotation() {
            warnings.push(Warning::RotationLost { container: container.name().to_owned() });
        }
        let layouts = side_data::layouts(&info.side_data);
        if !layouts.is_empty() && !container.keeps_layout() {
            warnings.push(Warning::TagsLeftOut { tags: layouts.join(", "), container: container.name().to_owned() });
        }
        let time_base = encoder.context().time_base().into();
        let clock = StorageClock::new(encoder.usual_duration());
        let extradata = encoder.extradata();
        Ok(Self { muxer, copied, clock, time_base, extradata, put: 0, refused: 0, warnings })
    }

    /// Warnings about the output.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Sets by how many places pictures are stored later than they are shown, at most. Call it before the first segment.
    pub fn expect_delay(&mut self, delay: usize) {
        self.clock.delay = delay;
    }

    /// Adds the segment in `path`, whose `frames` are later than all before. Returns early, between two packets, once
    /// `stop` returns true.
    ///
    /// # Errors
    /// The segment is damaged or was written by another encoder, or the output cannot be written.
    pub fn add(&mut self, path: &Path, frames: &[Shown], stop: &dyn Fn() -> bool) -> Result<()> {
        let mut segment = Opening::segment(path)?.open()?;
        let damaged = |what: &str| {
            let shown = path.display();
            Error::failed(format!("'{shown}' {what}; delete it, and run the same command without --join to repaint it"))
        };
        let stream = segment.streams().next().ok_or_else(|| damaged("is empty"))?;
        let unit = Rational::from(stream.time_base());
        // SAFETY: reads plain fields of a stream of the open input; the bytes are copied.
        let extradata = unsafe {
            let parameters = (*stream.as_ptr()).codecpar;
            super::encoder::copy_bytes((*parameters).extradata, (*parameters).extradata_size)
        };
        if extradata != self.extradata {
            return Err(damaged("was written by another version or configuration of its encoder"));
        }
        let mut packet = Packet::empty();
        let (mut origin, mut count) = (None, 0);
        while !stop() {
            match segment.next_packet(&mut packet) {
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
            self.put(&mut packet)?;
            count += 1;
        }
        if count != frames.len() && !stop() {
            return Err(damaged(&format!("is damaged: it has {count} packets for {} frames", frames.len())));
        }
        Ok(())
    }

    /// Writes a painted packet, and before it the copied ones that come first.
    fn put(&mut self, packet: &mut Packet) -> Result<()> {
        let time = packet.dts().or(packet.pts()).unwrap_or(0);
        let seconds = self.muxer.seconds(time);
        self.copy_until(seconds)?;
        self.put += 1;
        // What is refused may as well be a copied packet: FFmpeg looks at each when its turn comes.
        self.refused += u64::from(!self.muxer.offer_painted(packet)?);
        Ok(())
    }

    fn copy_until(&mut self, seconds: f64) -> Result<()> {
        if let Some(copied) = &mut self.copied {
            self.refused += copied.write_until(&mut self.muxer, seconds)?;
        }
        Ok(())
    }

    /// Writes the copied streams up to `until` seconds (infinity: all of them), closes the file and, once it is safe on
    /// the disk, gives it its final name, or `other` instead. Returns a warning if the container refused some of them.
    ///
    /// # Errors
    /// The disk is full, the folder has been removed, or the container refused painted frames; the file is then gone.
    pub fn finish(mut self, until: f64, other: Option<&Path>) -> Result<Option<Warning>> {
        self.copy_until(until)?;
        self.refused += self.muxer.flush()?;
        let kept = self.muxer.close()?;
        if self.refused > 0 && kept < self.put {
            let (name, lost) = (self.muxer.name(), self.put - kept);
            return Err(Error::failed(format!(
                "cannot write {name}: its container refuses {lost} of the painted frames, for their times or for damage in \
                 the streams copied from the input; write .mkv instead"
            )));
        }
        let (container, packets) = (self.muxer.container().name().to_owned(), self.refused);
        self.muxer.commit(other)?;
        Ok((packets > 0).then_some(Warning::PacketsLeftOut { container, packets }))
    }
}
