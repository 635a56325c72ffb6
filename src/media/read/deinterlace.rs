//! Interlaced pictures to progressive ones: FFmpeg's bwdif, one picture for each pair of fields.
//!
//! bwdif looks at the picture before and the one after. So a picture comes out once the next one is in, and a seek must
//! land a picture early.

use std::collections::VecDeque;

use ffmpeg_next::filter::{self, Graph};
use ffmpeg_next::{Error as FfmpegError, frame};

use crate::error::{Error, Result};
use crate::frame::Rational;
use crate::media::ffmpeg::rescale;
use crate::media::options::Deinterlace;

/// What belongs to a picture on its way through the filter.
#[derive(Clone, Copy, Debug)]
pub struct Stamped {
    /// When it is shown and for how long, in ticks of the stream.
    pub shown: (i64, i64),
    /// Whether it lies at or after the start.
    pub wanted: bool,
}

/// Deinterlaces the pictures of one stream.
pub struct Deinterlacer {
    kind: Deinterlace,
    threads: usize,
    /// The filter for pictures of the present size and format, behind those that still hold earlier pictures.
    chains: VecDeque<Chain>,
    /// What is inside, by the numbers that the filter sees as times.
    inside: VecDeque<(i64, Stamped)>,
    number: i64,
    /// Pictures that have come out since the last seek.
    pub taken: u64,
    /// Whether any picture was interlaced.
    pub found: bool,
}

/// Width, height, pixel format and pixel aspect ratio.
type Shape = (u32, u32, i32, (i32, i32));

struct Chain {
    graph: Graph,
    shape: Shape,
    ended: bool,
}

/// The unit of the numbers that the filter sees as times; any would do.
const TICK: Rational = Rational { num: 1, den: 25 };

impl Deinterlacer {
    /// A deinterlacer with this many `threads` (`None`: FFmpeg's choice).
    ///
    /// # Errors
    /// This FFmpeg lacks the filter.
    pub fn new(kind: Deinterlace, threads: Option<usize>) -> Result<Self> {
        if filter::find("bwdif").is_none() {
            return Err(Error::failed(
                "this FFmpeg has no bwdif filter, which --deinterlace needs; install a complete FFmpeg",
            ));
        }
        let (chains, inside) = Default::default();
        Ok(Self { kind, threads: threads.unwrap_or(0), chains, inside, number: 0, taken: 0, found: false })
    }

    /// Whether all pictures were left as they were, for none was marked as interlaced.
    pub fn did_nothing(&self) -> bool {
        self.kind == Deinterlace::Marked && !self.found
    }

    /// Takes a picture from the decoder, and leaves `picture` empty.
    ///
    /// # Errors
    /// FFmpeg's own: the filter refuses the picture.
    pub fn put(&mut self, picture: &mut frame::Video, stamped: Stamped) -> Result<(), FfmpegError> {
        self.found |= picture.is_interlaced() || self.kind != Deinterlace::Marked;
        // SAFETY: reads plain fields of a valid frame.
        let shape = unsafe {
            let raw = picture.as_ptr();
            let aspect = (*raw).sample_aspect_ratio;
            (picture.width(), picture.height(), (*raw).format, (aspect.num, aspect.den.max(1)))
        };
        if self.chains.back().is_none_or(|chain| chain.shape != shape || chain.ended) {
            self.end()?;
            let chain = Chain::open(self.kind, shape, self.threads)?;
            self.chains.push_back(chain);
        }
        picture.set_pts(Some(self.number));
        self.inside.push_back((self.number, stamped));
        self.number += 1;
        match self.chains.back_mut().and_then(|chain| chain.graph.get("in")) {
            Some(mut source) => source.source().add(picture),
            None => Err(FfmpegError::FilterNotFound),
        }
    }

    /// Ends the stream: what is inside comes out. False if it has ended already.
    ///
    /// # Errors
    /// FFmpeg's own.
    pub fn end(&mut self) -> Result<bool, FfmpegError> {
        let Some(chain) = self.chains.back_mut().filter(|chain| !chain.ended) else { return Ok(false) };
        chain.ended = true;
        if let Some(mut source) = chain.graph.get("in") {
            source.source().flush()?;
        }
        Ok(true)
    }

    /// Fills `picture` with the next one that is finished; `None` if there is none yet.
    pub fn take(&mut self, picture: &mut frame::Video) -> Option<Stamped> {
        while let Some(chain) = self.chains.front_mut() {
            if let Some(number) = chain.take(picture) {
                while let Some((place, stamped)) = self.inside.pop_front() {
                    if place == number {
                        self.taken += 1;
                        return Some(stamped);
                    }
                }
            }
            if !chain.ended {
                return None;
            }
            self.chains.pop_front();
        }
        None
    }

    /// Forgets what is inside, after a seek.
    pub fn reset(&mut self) {
        self.chains.clear();
        self.inside.clear();
        self.taken = 0;
    }
}

impl Chain {
    fn open(kind: Deinterlace, shape: Shape, threads: usize) -> Result<Self, FfmpegError> {
        let (width, height, format, (num, den)) = shape;
        let (parity, which) = match kind {
            Deinterlace::Marked => ("auto", "interlaced"),
            Deinterlace::TopFirst => ("tff", "all"),
            Deinterlace::BottomFirst => ("bff", "all"),
        };
        let mut graph = Graph::new();
        // SAFETY: a plain field of a graph that is not configured yet.
        unsafe { (*graph.as_mut_ptr()).nb_threads = threads as i32 };
        let find = |name| filter::find(name).ok_or(FfmpegError::FilterNotFound);
        let source = format!(
            "video_size={width}x{height}:pix_fmt={format}:time_base={}/{}:pixel_aspect={num}/{den}",
            TICK.num, TICK.den
        );
        graph.add(&find("buffer")?, "in", &source)?;
        graph.add(&find("buffersink")?, "out", "")?;
        let filter = format!("bwdif=mode=send_frame:parity={parity}:deint={which}");
        graph.output("in", 0)?.input("out", 0)?.parse(&filter)?;
        graph.validate()?;
        Ok(Self { graph, shape, ended: false })
    }

    /// Fills `picture`, and returns its number.
    fn take(&mut self, picture: &mut frame::Video) -> Option<i64> {
        let mut sink = self.graph.get("out")?;
        let mut sink = sink.sink();
        // What the filter cannot finish is lost, as a picture that the decoder cannot.
        sink.frame(picture).ok()?;
        picture.pts().map(|time| rescale(time, sink.time_base().into(), TICK))
    }
}
