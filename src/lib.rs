//! impasto paints photos, videos and live cameras with neural style networks, on the computer that you have.
//!
//! The program `impasto` and this library are one crate. Start with a [`Studio`]: it knows the styles and what runs their
//! networks. It makes a [`Painter`] that paints frames and pictures, it paints films that survive an interruption, and it
//! paints stills by optimisation.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use impasto::{Machine, PaintSettings, Picture, Studio};
//!
//! # fn main() -> impasto::Result<()> {
//! let studio = Studio::open(Machine::default())?;
//! let mut painter = studio.painter(&PaintSettings { style: "scream".parse()?, ..PaintSettings::default() })?;
//! let photo = Picture::open(Path::new("photo.jpg"))?;
//! painter.paint_picture(photo)?.save(Path::new("painting.jpg"))?;
//! # Ok(())
//! # }
//! ```
//!
//! Two programs to begin with are `tests/examples/paint_a_photo.rs` and `tests/examples/live_filter.rs`. The manual of the
//! command line is the [`guide`].
//!
//! # The path of one frame
//!
//! This is how a film becomes a painting. Photos go the same way, through `picture` instead of `media`.
//!
//! 1. **A thread reads it.** `source::video` asks `media::read` for the next frame. FFmpeg decodes it and converts it to
//!    packed RGB8, in the film's own matrix and range, into a [`Frame`] whose buffer is reused. Its timestamp stays in
//!    ticks of the film's time base, so a variable frame rate survives exactly.
//!    Interlaced film is made progressive before that if asked (`media::read`), and HDR becomes SDR. If HDR is to be kept, the
//!    frame carries the original along, and step 6 puts the painting's change back onto its light (`media::pixels`).
//!    There `temporal::Carrier` finds the frame's grain, the noise that strokes grow from, for networks that take it: it
//!    depends on the frames before, so it is found in order, and it travels with the frame as a few coordinates.
//! 2. **It waits in a bounded channel.** `pipeline::ordered` owns all threads and channels. The number of frames is fixed;
//!    a reader that is faster than the networks waits for one to come back. So the memory of a job is bounded.
//! 3. **A worker paints it.** `stylize` scales it to the size that the networks were trained for, so that strokes have a size
//!    in the picture, runs the networks of the style expression (`style::catalog` found them), mixes their pictures, and
//!    keeps the colours or some of the original if asked. For a file there is one worker per core, and each paints a
//!    complete frame with one core: no core waits for another in the middle of a frame.
//! 4. **The network sees bytes.** `network` gives `uint8 [1,H,W,3]` to ONNX Runtime in bound memory and takes the same
//!    back; scaling, padding and clamping are nodes of the graph. `kernel::grain` writes the grain where the network reads
//!    it. Other people's networks get planes of floats instead
//!    (`kernel::planar`). Networks for any picture as the style get packed floats (`kernel::packed`) and a style vector,
//!    which `style::paintings` asked their predictor for once. Pictures too large for memory are painted in tiles that
//!    share the statistics of the complete picture (`network::tiled`).
//! 5. **It is put in order and stabilised.** Workers overtake each other; one thread holds early frames back until it is
//!    their turn. There `temporal::Stabilizer` compares the input with earlier input, and averages the painting where
//!    nothing moves. Like the grain, it remembers earlier frames, so it runs outside the workers. It works at the networks'
//!    size too; then `kernel::enlarge` brings the painting to the frame's size, with the original's edges.
//! 6. **It is encoded.** `media::write` converts RGB to the planes and tags of the input and encodes them. Every 300 frames
//!    make a segment: a file of its own, safe on the disk before it gets its name (`segments::writer`). Each segment starts
//!    a new encoder, `temporal::Relay` hands over the stabiliser and `temporal::Carrier` the grain. So no segment depends on
//!    another: an interrupted job resumes with the next segment and makes the same frames.
//! 7. **The segments are joined.** `media::write` moves their packets into one file and copies audio, subtitles, chapters
//!    and whatever else the container takes from the input; nothing is encoded twice. The file grows under a temporary
//!    name (`whole`), is closed explicitly, and gets its name as the job's last act (`segments::finished`). Ctrl-C stops step 1; the frames behind it are finished, and the
//!    complete segments are kept.
//!
//! An error in any thread closes its channels. The other threads run out of work and end, and the root cause is reported
//! ([`Error::root`]).
//!
//! # A live show
//!
//! A camera does not wait, so `pipeline::live` has no queue: each hand-over keeps only the newest frame (`sync::latest`).
//! One thread captures (`source::camera`), one paints with all cores, and each output (`sink`: recording, page, stream,
//! virtual camera) has its own; the window has the main thread. They share `show::Show`: the settings, which keys and the
//! page change, and the statistics. `pipeline::governor` holds the frame rate by the size that the network sees, and
//! `pipeline::fade` fades from one style to the next.
//!
//! # A still by optimisation
//!
//! [`Studio::paint_still`] uses no style network. VGG-19, its losses and their gradient are one graph (`network::vgg19`), and
//! an optimiser (`paint`) changes the pixels in the memory that the graph reads, on a thread of its own.
//!
//! # What may import what
//!
//! Every module has one rank, imports point strictly downwards, no two files import each other, and each outside crate has
//! one door: `tests/architecture.rs` checks the sources for it. From the top:
//!
//! ```text
//! main  lib
//! command  cli (clap)
//! service                                pictures, films and cameras of others
//! studio                                 the front door
//! segments  pipeline                     long jobs and threads
//! sink  source  show  web                where frames go, where they come from, what shows and servers share
//! setup                                  what a package leaves out
//! paint  stylize  style                  one painting, one frame, one name
//! temporal  network (ort)  picture  media (FFmpeg)  kernel
//! report  frame  whole  sync  statistics  digest  warning  installation  error  size
//! ```
//!
//! Four traits: [`live::Source`], `network::Network`, `sink::Sink` and `paint::optimizer::Problem`. A new camera, runtime or
//! output implements one of them and adds a line to one `match`.

// An unwrap on input is a panic on input.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

mod cli;
mod command;
mod digest;
mod error;
mod frame;
pub mod guide;
mod installation;
mod kernel;
mod media;
mod network;
mod paint;
mod picture;
mod pipeline;
mod report;
mod segments;
mod service;
mod setup;
mod show;
mod sink;
mod size;
mod source;
mod statistics;
mod studio;
mod style;
mod stylize;
mod sync;
mod temporal;
mod warning;
mod web;
mod whole;

pub use error::{Error, Result};
pub use frame::{Frame, Image, MaxPixels, Rational};
pub use media::options::{FrameRate, SizeRequest};
pub use network::provider::Device;
pub use picture::Picture;
pub use size::Size;
pub use statistics::Percentiles;
pub use studio::{Machine, PaintSettings, Painter, Studio, Style};
pub use stylize::Scale;
pub use sync::Stop;
pub use warning::Warning;

/// Paint videos that survive an interruption: [`Studio::paint_film`].
///
/// ```no_run
/// use impasto::film::{FilmEvent, FilmJob, FilmSettings};
/// use impasto::{Machine, Stop, Studio};
///
/// # fn main() -> impasto::Result<()> {
/// let studio = Studio::open(Machine::default())?;
/// let settings = FilmSettings { crf: Some(20), ..FilmSettings::default() };
/// // Ctrl-C ends the job after the frames that are being painted; the same job then resumes.
/// let stop = Stop::at_ctrl_c()?;
/// studio.paint_film(&FilmJob::new("holiday.mp4", "painted.mp4"), settings, &stop, &|event| match event {
///     FilmEvent::Progress { frame, total: Some(total), .. } => println!("{frame} of {total} frames"),
///     FilmEvent::Warning(warning) => eprintln!("{warning}"),
///     _ => {}
/// })?;
/// # Ok(())
/// # }
/// ```
pub mod film {
    pub use crate::media::options::{Deinterlace, Seconds};
    pub use crate::media::read::RawVideo;
    pub use crate::media::write::{Codec, Plain};
    pub use crate::segments::SegmentRange;
    pub use crate::studio::film::{Done, FilmEvent, FilmJob, FilmSettings, Films, Indexed, Plan, Work};
}

/// Cameras, streams and screens as sources of frames, and a window to show them in.
///
/// ```no_run
/// use impasto::live::{SourceSettings, open_source};
/// use impasto::{Frame, Stop};
///
/// # fn main() -> impasto::Result<()> {
/// let settings = SourceSettings { name: "rtsp://camera.local/stream".into(), ..SourceSettings::default() };
/// let mut source = open_source(&settings, &Stop::at_ctrl_c()?)?;
/// let mut frame = Frame::default();
/// while source.next(&mut frame)? {
///     println!("{} x {} pixels", frame.width, frame.height);
/// }
/// # Ok(())
/// # }
/// ```
pub mod live {
    pub use crate::sink::window::{Key, Window};
    pub use crate::source::camera::PixelFormat;
    pub use crate::source::{Source, SourceFormat};
    pub use crate::studio::capture::{SourceSettings, open_source};
}

/// Paint many picture files, from file to file: [`Studio::paint_pictures`].
///
/// While one is painted, the next is decoded and the last is encoded. A single [`Picture`] is painted by
/// [`Painter::paint_picture`].
///
/// ```no_run
/// use impasto::pictures::{Format, PictureJob, PictureSettings};
/// use impasto::{Machine, PaintSettings, Stop, Studio};
///
/// # fn main() -> impasto::Result<()> {
/// let studio = Studio::open(Machine::default())?;
/// let painter = studio.painter(&PaintSettings::default())?;
/// let job = |name: &str| PictureJob {
///     input: Some(name.into()),
///     output: Some(format!("painted/{name}").into()),
///     format: Some(Format::Jpeg),
/// };
/// let jobs = [job("cat.jpg"), job("dog.jpg")];
/// let settings = PictureSettings { quality: 95, ..PictureSettings::default() };
/// let outcome = studio.paint_pictures(&painter, &jobs, settings, &Stop::default(), &mut |_| Ok(()))?;
/// println!("{} pictures, {} failures", outcome.pictures.len(), outcome.failures.len());
/// # Ok(())
/// # }
/// ```
pub mod pictures {
    pub use crate::picture::Format;
    pub use crate::studio::pictures::{Outcome, Painted, PictureEvent, PictureJob, PictureListener, PictureSettings};
}

/// Paint one picture by optimisation, with no style network: [`Studio::paint_still`].
///
/// It takes minutes, and any painting can be the style. [`still::StillJob`] has an example.
pub mod still {
    pub use crate::network::vgg19::Pooling;
    pub use crate::paint::{Init, Method};
    pub use crate::studio::still::{
        KeepColors, StillDone, StillEvent, StillJob, StillListener, StillLoss, StillSettings,
    };
}

/// What a [`Style`] is made of: names with weights, or pictures with weights.
pub mod styles {
    pub use crate::studio::StyleInfo;
    pub use crate::style::expression::Expression;
    pub use crate::style::paintings::{Painting, Paintings};
}

/// What the program itself, its tests, benches and fuzz targets need beyond the public names. It may change at any time.
#[doc(hidden)]
#[allow(missing_docs, reason = "what it re-exports is documented at home")]
pub mod internals {
    pub use crate::command::{command_line, run};
    pub use crate::report::{explain_aborts, print_error};

    pub mod digest {
        pub use crate::digest::sha256;
    }
    pub mod frame {
        pub use crate::frame::{Stamp, byte_len};
    }
    pub mod kernel {
        pub use crate::kernel::{blend, color, enlarge, grain, planar, resize};
    }
    pub mod media {
        pub mod pixels {
            pub use crate::media::pixels::{ColorTags, FromRgb, ToRgb, ToYuyv, camera};
        }
        pub mod write {
            pub use crate::media::write::StreamFormat;
        }
        pub mod read {
            pub use crate::media::read::{DecodeOptions, Decoder};
        }
    }
    pub mod network {
        pub use crate::network::{Identity, Layout, Network, NetworkFile, Opening, open};
        pub use crate::network::{device, inspect, library, provider, runtime, vgg19, web};
    }
    pub mod paint {
        pub use crate::paint::{Recipe, Subject, paint};
        pub use crate::paint::{objective, optimizer, state};
    }
    pub mod picture {
        pub use crate::picture::{heif, read, write};
    }
    pub mod pipeline {
        pub use crate::pipeline::ordered;
    }
    pub mod segments {
        pub mod folder {
            pub use crate::segments::folder::Segment;
        }
        pub mod journal {
            pub use crate::segments::journal::Journal;
        }
    }
    pub mod show {
        pub use crate::show::{Patch, SCALE, STRENGTH, Settings, Show};
    }
    pub mod size {
        pub use crate::size::Size;
    }
    pub mod sink {
        pub use crate::sink::Sink;
        #[cfg(all(target_os = "linux", feature = "pipewire"))]
        pub use crate::sink::pipewire;
        #[cfg(target_os = "linux")]
        pub use crate::sink::v4l2;
        pub use crate::sink::{http, null, recording, virtual_camera};
    }
    pub mod source {
        pub use crate::source::{camera, synthetic};
    }
    pub mod style {
        pub mod catalog {
            pub use crate::style::catalog::Catalog;
        }
        pub mod manifest {
            pub use crate::style::manifest::Manifest;
        }
    }
    pub mod stylize {
        pub use crate::stylize::{FullSize, Look, Scale, Small, Stylizer, WeightedNetwork};
    }
    pub mod web {
        pub use crate::web::guard;
    }
    pub mod temporal {
        pub use crate::temporal::{Carrier, DEFAULT_AMOUNT, Stabilizer};
    }
}
