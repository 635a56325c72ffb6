//! Painted frames that play from anywhere: sent to an address, or recorded to a file that may be cut off at any time.

use std::path::Path;

use ffmpeg_next::Packet;

use super::codec::Codec;
use super::container::Container;
use super::destination::Destination;
use super::encoder::Encoder;
use super::muxer::Muxer;
use super::settings::EncodeOptions;
use crate::error::Result;
use crate::frame::{Frame, Rational, Stamp};
use crate::media::info::{FrameFormat, VideoInfo};
use crate::media::pixels::ColorTags;

/// The format of a show's frames.
#[derive(Clone, Copy, Debug)]
pub struct StreamFormat {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Frames per second; [`Frame::time`] counts frames.
    pub frame_rate: Rational,
    /// The colours; the stream is encoded in BT.709's matrix and limited range.
    pub color: ColorTags,
}

/// Encodes frames (to H.264, or VP9 in WebM) and passes each packet on at once.
pub struct StreamWriter {
    muxer: Muxer,
    encoder: Encoder,
    packet: Packet,
}

impl StreamWriter {
    /// Opens `destination`.
    ///
    /// # Errors
    /// The address does not answer, the file cannot be written, or this FFmpeg lacks the encoder.
    pub fn open(destination: Destination, format: StreamFormat) -> Result<Self> {
        let container = destination.container()?;
        let is_sent = matches!(destination, Destination::Address { .. });
        let (info, encoder) = begin(format, container, is_sent)?;
        let mut muxer = Muxer::open(destination, container)?;
        muxer.add_painted(&info, &encoder, None)?;
        muxer.begin()?;
        Ok(Self { muxer, encoder, packet: Packet::empty() })
    }

    /// Checks that a recording of this name can be encoded; writes nothing.
    ///
    /// # Errors
    /// The name's ending is no container for any codec of impasto, or the encoder refuses the size.
    pub fn check(recording: &Path, format: StreamFormat) -> Result<()> {
        begin(format, Container::of(recording)?, false).map(|_| ())
    }

    /// Writes one frame, shown at `stamp`, later than those before.
    ///
    /// # Errors
    /// The encoder failed, the disk is full, or the other end is gone.
    pub fn put(&mut self, frame: &Frame, stamp: Stamp) -> Result<()> {
        self.encoder.send(frame, stamp)?;
        self.drain()
    }

    /// Closes the stream; a recording gets its final name.
    ///
    /// # Errors
    /// Those of [`Self::put`]. A recording then keeps its growing name.
    pub fn finish(mut self) -> Result<()> {
        self.encoder.end()?;
        self.drain()?;
        self.muxer.close()?;
        self.muxer.commit(None)
    }

    fn drain(&mut self) -> Result<()> {
        while self.encoder.receive(&mut self.packet)? {
            self.muxer.put_painted(&mut self.packet)?;
        }
        Ok(())
    }
}

/// The facts of a stream and its open encoder.
fn begin(format: StreamFormat, container: Container, is_sent: bool) -> Result<(VideoInfo, Encoder)> {
    let StreamFormat { width, height, frame_rate, color } = format;
    let time_base = Rational { num: frame_rate.den, den: frame_rate.num };
    let info =
        VideoInfo { time_base, frame_rate, color: color.for_stream(), ..VideoInfo::of_pictures(width, height, 30) };
    let frames = FrameFormat { width, height, time_base, frame_rate, aspect: info.aspect };
    let mut encoder = Encoder::open(&info, &frames, container, &options(is_sent, container, frame_rate))?;
    // A show repeats frames and leaves others out, which captions do not survive.
    encoder.takes_captions = false;
    Ok((info, encoder))
}

/// Fast enough to run beside a network, with key frames often enough to begin in the middle.
fn options(is_sent: bool, container: Container, rate: Rational) -> EncodeOptions {
    let second = rate.as_f64().round().max(1.0);
    let mut options = vec![format!("g={}", if is_sent { second } else { 2.0 * second })];
    if container.name() == "webm" {
        options.push("deadline=realtime".into());
        return EncodeOptions {
            codec: Some(Codec::Vp9),
            preset: Some("8".into()),
            options,
            ..EncodeOptions::default()
        };
    }
    if is_sent {
        options.push("tune=zerolatency".into());
    }
    let preset = if is_sent { "ultrafast" } else { "superfast" };
    // One thread: the cores belong to the network.
    let threads = Some(1);
    EncodeOptions {
        codec: Some(Codec::H264),
        preset: Some(preset.into()),
        options,
        threads,
        ..EncodeOptions::default()
    }
}
