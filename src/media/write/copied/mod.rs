//! Everything from the input but the painted pictures: audio, subtitles, other streams, cover art, chapters and tags.
//!
//! The input is opened a second time, and its packets are read only as far as the painted video has come. So only frames
//! pass through the pipeline, and no queue grows.

mod header;
mod plan;
mod route;

use std::path::Path;

use ffmpeg_next::ffi;
use ffmpeg_next::format::stream::Stream;
use ffmpeg_next::{Error as FfmpegError, Packet, media};

use self::header::{Cut, add_stream, copy_chapters, copy_tags, word_stream_tags};
use self::plan::{Plan, plan};
use self::route::Route;
use super::container::Container;
use super::muxer::Muxer;
use crate::error::{Error, Result};
use crate::frame::MaxPixels;
use crate::media::ffmpeg::{MICROSECONDS, rescale};
use crate::media::info::VideoInfo;
use crate::media::read::{Input, Opening};
use crate::warning::Warning;

/// The input's other streams on their way to the output.
pub struct CopiedStreams {
    input: Input,
    /// Index of the painted stream.
    painted: usize,
    /// For each stream of the input, its route to the output.
    routes: Vec<Option<Route>>,
    /// Already read, but later than what was asked for so far.
    waiting: Option<Packet>,
    ended: bool,
    cut: Cut,
    warnings: Vec<Warning>,
}

impl CopiedStreams {
    /// Opens `path` again, whose stream `info.stream` is painted. `cut` means that the beginning is left out.
    ///
    /// # Errors
    /// The file has been removed or changed since the decoder opened it.
    pub fn open(path: &Path, info: &VideoInfo, cut: bool) -> Result<Self> {
        let mut input = Opening::film(path, info.max_pixels)?.open()?;
        if cut {
            let origin = rescale(info.origin, info.time_base, MICROSECONDS);
            // A file that cannot seek is read from its start instead.
            input.seek(-1, origin);
        }
        let end = info.end.map(|end| end + info.origin);
        let cut = Cut { origin: info.origin, end, time_base: info.time_base };
        let (painted, routes, warnings) = (info.stream, Vec::new(), Vec::new());
        Ok(Self { input, painted, routes, waiting: None, ended: false, cut, warnings })
    }

    /// Warnings about the streams of the film at `path` that the container cannot hold.
    ///
    /// # Errors
    /// The file is no video that can be read.
    pub fn losses(path: &Path, max_pixels: MaxPixels, container: Container) -> Result<Vec<Warning>> {
        let input = Opening::film(path, max_pixels)?.open()?;
        let painted = input.streams().best(media::Type::Video).map(|stream| stream.index());
        let has_chapters = input.nb_chapters() > 0;
        let others = input.streams().filter(|stream| Some(stream.index()) != painted);
        let loss = |stream: Stream<'_>| match plan(&stream, has_chapters, container) {
            Plan::LeaveOut(warning) => Some(warning),
            Plan::Copy | Plan::Attach | Plan::Skip => None,
        };
        Ok(others.filter_map(loss).collect())
    }

    /// Number of streams of the film at `path` beside its pictures.
    ///
    /// # Errors
    /// The file is no video that can be read.
    pub fn count(path: &Path, max_pixels: MaxPixels) -> Result<usize> {
        let input = Opening::film(path, max_pixels)?.open()?;
        Ok((input.nb_streams() as usize).saturating_sub(1))
    }

    /// What cannot be copied and why; complete once the output's header is written.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Adds the input's streams to `muxer` in their order; calls `add_painted` in the place of the painted one.
    pub(super) fn add_to(
        &mut self,
        muxer: &mut Muxer,
        mut add_painted: impl FnMut(&mut Muxer, &Stream<'_>) -> Result<()>,
    ) -> Result<()> {
        let has_chapters = self.input.nb_chapters() > 0;
        for index in 0..self.input.nb_streams() as usize {
            let Some(stream) = self.input.stream(index) else { continue };
            let route = if index == self.painted {
                add_painted(muxer, &stream)?;
                None
            } else {
                match plan(&stream, has_chapters, muxer.container()) {
                    Plan::Copy => Some(add_stream(muxer.output(), &stream, false, self.cut)?),
                    Plan::Attach => Some(add_stream(muxer.output(), &stream, true, self.cut)?),
                    Plan::Skip => None,
                    Plan::LeaveOut(warning) => {
                        self.warnings.push(warning);
                        None
                    }
                }
            };
            self.routes.push(route);
        }
        let all = self.input.needs_all_streams();
        for (mut stream, route) in self.input.streams_mut().zip(&self.routes) {
            let tells = all && matches!(stream.parameters().medium(), media::Type::Video | media::Type::Audio);
            let wanted = tells || route.as_ref().is_some_and(|route| !route.cover);
            // SAFETY: a plain field that the caller is meant to set.
            unsafe {
                (*stream.as_mut_ptr()).discard =
                    if wanted { ffi::AVDiscard::AVDISCARD_DEFAULT } else { ffi::AVDiscard::AVDISCARD_ALL };
            }
        }
        let (container, has_cover) = (muxer.container(), self.routes.iter().flatten().any(|route| route.cover));
        let homeless = copy_tags(&self.input, muxer.output(), container);
        let has_list = container.is_quicktime() && !container.name().starts_with("3g");
        if !homeless.is_empty() && has_list && !has_cover {
            // QuickTime's own list holds any tag, but no cover.
            muxer.list_tags();
        } else if !homeless.is_empty() {
            let container = container.name().to_owned();
            self.warnings.push(Warning::TagsLeftOut { tags: homeless.join(", "), container });
        }
        word_stream_tags(muxer.output(), container);
        copy_chapters(&self.input, muxer.output(), self.cut)
    }

    /// Learns the output's units after its header is written, and writes the covers.
    ///
    /// # Errors
    /// The disk is full, or there is not enough memory.
    pub(super) fn begin(&mut self, muxer: &mut Muxer) -> Result<()> {
        for (index, route) in self.routes.iter_mut().enumerate() {
            let Some(route) = route else { continue };
            let Some(output) = muxer.output().stream(route.output) else { continue };
            route.to = output.time_base().into();
            let is_attachment = output.parameters().medium() == ffmpeg_next::media::Type::Attachment;
            if route.cover && !is_attachment {
                let Some(stream) = self.input.stream(index) else { continue };
                if !muxer.offer(&cover(&stream, route.output)?)? {
                    let container = muxer.container().name().to_owned();
                    self.warnings.push(Warning::CoverLeftOut { stream: index, container });
                }
            }
        }
        Ok(())
    }

    /// Writes all packets up to `seconds` of the output; all that are left if that is infinite. Returns how many the
    /// container refused.
    ///
    /// # Errors
    /// The disk is full. Damage in the input is not an error.
    pub(super) fn write_until(&mut self, muxer: &mut Muxer, seconds: f64) -> Result<u64> {
        let mut refused = 0;
        while !self.ended {
            let Some(mut packet) = self.waiting.take().or_else(|| self.read()) else {
                self.ended = true;
                break;
            };
            let Some(route) = self.routes.get_mut(packet.stream()).and_then(Option::as_mut) else { continue };
            if route.is_later(&packet, seconds) {
                self.waiting = Some(packet);
                break;
            }
            if route.take(&mut packet) {
                refused += u64::from(!muxer.offer(&packet)?);
            }
            self.ended = self.routes.iter().flatten().all(|route| route.done);
        }
        Ok(refused)
    }

    /// The next packet of a stream that is copied.
    fn read(&mut self) -> Option<Packet> {
        if self.routes.iter().all(Option::is_none) {
            return None;
        }
        let mut failures = 0;
        let mut packet = Packet::empty();
        loop {
            match self.input.next_packet(&mut packet) {
                Ok(()) => match self.routes.get(packet.stream()) {
                    Some(Some(route)) if !route.cover => return Some(packet),
                    _ => failures = 0,
                },
                // The decoder reads the same file and warns about damage.
                Err(FfmpegError::InvalidData) if failures < 1000 => failures += 1,
                Err(FfmpegError::Other { errno }) if errno == ffmpeg_next::error::EAGAIN => {}
                Err(_) => return None,
            }
        }
    }
}

/// The picture of a cover as a packet for stream `output`.
fn cover(stream: &Stream<'_>, output: usize) -> Result<Packet> {
    let mut packet = Packet::empty();
    // SAFETY: the picture belongs to the stream; the packet gets its own reference.
    let made = unsafe {
        use ffmpeg_next::packet::Mut;
        ffi::av_packet_ref(packet.as_mut_ptr(), &raw const (*stream.as_ptr()).attached_pic)
    };
    if made < 0 {
        return Err(Error::failed("out of memory while copying the cover"));
    }
    packet.set_pts(Some(0));
    packet.set_dts(Some(0));
    packet.set_stream(output);
    Ok(packet)
}
