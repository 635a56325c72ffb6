//! impasto paints photos and videos with neural style networks, at the speed of the machine that you have.
//!
//! # The path of one frame
//!
//! A clip becomes a painting like this; photos take the same road through [`picture`] instead of [`media`].
//!
//! 1. **A thread reads it.** [`source::video`] asks [`media::decode`] for the next frame. FFmpeg decodes it, and the
//!    planes become packed RGB8 in the clip's own matrix and range, in a [`frame::Frame`] whose buffer has been round
//!    before. Its timestamp stays in ticks of the clip's own time base, so a variable frame rate survives exactly.
//! 2. **It waits in a bounded channel.** [`pipeline::ordered`] owns the channels of a job and all its threads but the
//!    one that closes segments. A fixed number of frames exists; a reader that is faster than the networks waits for one to
//!    come back.
//! 3. **A worker paints it.** [`stylize::Stylizer`] scales it for the stroke size, runs the networks that the style
//!    expression chose ([`style::catalog`]), mixes their pictures, keeps the colours or some of the original if asked.
//!    For a file there are as many workers as cores, each with one core and one whole frame: no core ever waits for
//!    another in the middle of a frame.
//! 4. **The network sees bytes.** [`network`] hands `uint8 [1,H,W,3]` to ONNX Runtime in bound memory and takes the same
//!    back; scaling, padding and clamping are nodes of the graph. Classic networks get planes of floats instead
//!    ([`kernel::planar`]), and those that paint in the style of any picture packed floats ([`kernel::packed`]) with the
//!    style vector that [`style::paintings`] asked of their predictor once. Pictures too large for memory go in tiles that share the statistics of the whole picture
//!    (`network/tiled.rs`).
//! 5. **It is put in order and steadied.** Workers overtake each other; one thread holds early frames back until their
//!    turn has come. There [`temporal::Stabilizer`] compares the input with what it was and averages the painting where
//!    nothing moves: it is the one part of a job that remembers earlier frames, so it is outside of the workers.
//! 6. **It is encoded.** [`media::encode`] turns RGB into the planes and tags that the input had and encodes them. Every 300
//!    frames are a segment: a file of its own, complete and safe on the disk before it gets its name ([`segments::writer`]).
//!    There the encoder is a fresh one and [`temporal::Relay`] hands the stabiliser over, so a segment depends on no other: an
//!    interrupted job resumes with the next segment ([`segments::resume`]) and gives the same frames.
//! 7. **The segments are joined.** [`media::joined`] moves their packets into one file, and a second look at the input supplies
//!    sound, subtitles, chapters and whatever else the container takes ([`media::copied`]); nothing is encoded again. The file
//!    grows under a temporary name ([`whole`]), is closed explicitly and renamed. Ctrl-C ends step 1; what is behind it
//!    finishes, and the whole segments are kept.
//!
//! An error in any thread closes its channels; the others run out of work and end, and the root cause is what is shown
//! ([`error::Error::root`]).
//!
//! # A live show
//!
//! A camera does not wait, so [`pipeline::live`] has no queue: each hand-over keeps the newest frame only
//! ([`sync::latest`]). One thread captures ([`source::camera`]), one paints with all cores, each output ([`sink`]: recording, page,
//! transport stream, virtual camera) has its own, and the window its main thread. What they share is [`show::Show`]: the settings,
//! changed by keys and by the page alike, and the statistics. [`pipeline::governor`] holds the frame rate by the size that the
//! network sees, [`kernel::edges`] puts back what that loses, and [`pipeline::fade`] turns one style into the next.
//!
//! # A still by optimisation
//!
//! [`paint`] has no network that paints: VGG-19's losses and their gradient are one graph ([`network::vgg19`]), and a
//! minimiser changes the pixels in the very memory that the graph reads, in a thread of its own.
//!
//! # What may know what
//!
//! Every module has one rank, imports point strictly downwards, no two files import each other, and each outside crate has one
//! door: `tests/architecture.rs` checks the sources for it. From the top:
//!
//! ```text
//! main  lib
//! command  cli (clap)
//! segments  pipeline                     threads and long jobs
//! sink  source  show                     where frames go, where they come from, what a show shares
//! paint  stylize  style                  one painting, one frame, one name
//! temporal  network (ort)  picture  media (FFmpeg)  kernel
//! report  frame                          the ground floor, that everyone stands on
//! whole  sync  statistics  digest  error  size
//! ```
//!
//! Four traits: [`source::Source`], [`network::Network`], [`sink::Sink`], [`paint::optimizer::Problem`]. A new camera,
//! runtime or output is a new member of one of them and a line in one `match`.

// An unwrap on input is a panic on input.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

pub mod cli;
pub mod command;
pub mod digest;
pub mod error;
pub mod frame;
pub mod kernel;
pub mod media;
pub mod network;
pub mod paint;
pub mod picture;
pub mod pipeline;
pub mod report;
pub mod segments;
pub mod show;
pub mod sink;
pub mod size;
pub mod source;
pub mod statistics;
pub mod style;
pub mod stylize;
pub mod sync;
pub mod temporal;
pub mod whole;

pub use command::run;
