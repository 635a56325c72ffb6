//! What a person should know although the work continues. All texts of warnings are here.

use std::fmt;
use std::path::PathBuf;

use crate::size::Size;

/// A warning. It displays as one sentence that names the thing and ends in what to do, or in what was done about it.
///
/// Texts about a picture say "the picture": who shows them puts its name in front.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// A video has high dynamic range, which is lost.
    Hdr {
        /// The video.
        video: PathBuf,
    },
    /// A video is Dolby Vision whose pictures mean nothing to other decoders.
    DolbyVision {
        /// The video.
        video: PathBuf,
        /// Dolby's number for its kind.
        profile: u8,
    },
    /// A video has colours outside of BT.709, which are lost.
    WideGamut {
        /// The video.
        video: PathBuf,
    },
    /// A video has more than 8 bits per channel.
    DeepColor {
        /// The video.
        video: PathBuf,
        /// Its bits per channel; `None` if they are floating-point numbers.
        bits: Option<u32>,
    },
    /// A video has an alpha channel, which is lost.
    VideoTransparency {
        /// The video.
        video: PathBuf,
    },
    /// A video is to be deinterlaced, but none of its pictures is marked as interlaced.
    NotInterlaced {
        /// The file.
        video: PathBuf,
    },
    /// A video is interlaced.
    Interlaced {
        /// The video.
        video: PathBuf,
    },
    /// The frames of a video do not all have the same size.
    SizeChanges {
        /// The video.
        video: PathBuf,
        /// The size that all frames were scaled to.
        to: Size,
    },
    /// A file holds several recordings, and FFmpeg reads only the first.
    FirstOfSeveral {
        /// The input.
        video: PathBuf,
        /// Frames kept.
        frames: u64,
        /// Where the last kept frame ends, in seconds.
        seconds: f64,
    },
    /// A video is damaged or cut off, so its end is missing.
    CutOff {
        /// The video.
        video: PathBuf,
        /// Number of frames that were decoded.
        frames: u64,
        /// Number of frames that the file promises, if known.
        expected: Option<u64>,
        /// Where the last decoded frame ends, in seconds.
        seconds: f64,
    },
    /// Parts of a video could not be decoded.
    Undecodable {
        /// The video.
        video: PathBuf,
        /// Number of frames that were decoded.
        frames: u64,
        /// Number of frames that the file promises, if known.
        expected: Option<u64>,
        /// Number of packets that could not be decoded, or not fully.
        packets: u64,
    },
    /// Numbered pictures could not be decoded.
    DamagedPictures {
        /// The file of the first of them.
        first: PathBuf,
        /// Number of the others.
        others: u64,
    },
    /// A codec needs even sides, so a column or row is lost.
    OddSides {
        /// The codec.
        codec: String,
        /// The pixel format, by its FFmpeg name.
        pixel_format: String,
        /// The size of the frames.
        from: Size,
        /// The size that is written.
        to: Size,
    },
    /// A container cannot hold a stream of the input.
    StreamLeftOut {
        /// Number of the stream in the input, from 0.
        stream: usize,
        /// Its kind, such as `subtitles`.
        kind: String,
        /// Its codec.
        codec: String,
        /// The container.
        container: String,
        /// Extension of a container that can hold it, if there is one.
        fits: Option<String>,
    },
    /// A container cannot hold some tags of the input.
    TagsLeftOut {
        /// The tags' names.
        tags: String,
        /// The container.
        container: String,
    },
    /// Captions in the pictures of a video are lost.
    CaptionsLeftOut {
        /// The video.
        video: PathBuf,
    },
    /// Facts in the pictures of a video are lost.
    FactsLeftOut {
        /// The video.
        video: PathBuf,
        /// Their kind, by FFmpeg's name.
        kind: String,
    },
    /// A container refuses the cover of the input.
    CoverLeftOut {
        /// Number of the cover's stream in the input, from 0.
        stream: usize,
        /// The container.
        container: String,
    },
    /// A container cannot store the rotation of a video.
    RotationLost {
        /// The container.
        container: String,
    },
    /// A container refuses damaged packets of streams that are copied from the input.
    PacketsLeftOut {
        /// The container.
        container: String,
        /// Number of the packets.
        packets: u64,
    },
    /// The index of a video cannot be used.
    IndexUnusable {
        /// The video.
        video: PathBuf,
        /// Why.
        reason: String,
    },
    /// Segments of a film are missing, so only its beginning was written.
    SegmentsMissing {
        /// The missing segments, such as `3, 5-7 and 9 onwards`.
        missing: String,
        /// The file that was written.
        output: PathBuf,
        /// Number of frames in it.
        frames: u64,
    },
    /// Among the numbered pictures that were written are others of the same names.
    OtherPictures {
        /// The names.
        output: PathBuf,
        /// The first number that was written.
        first: u64,
        /// The last number that was written.
        last: u64,
    },
    /// What came through a pipe has streams that are lost.
    PipeStreams {
        /// Number of these streams.
        streams: usize,
    },
    /// Frames without compression carry nothing else of the video.
    PlainFrames {
        /// The video.
        video: PathBuf,
    },
    /// A JPEG is damaged.
    DamagedJpeg {
        /// What is wrong with it.
        flaw: String,
    },
    /// A picture is an animation.
    Animation,
    /// A picture has several pages.
    Pages {
        /// Their number.
        pages: u32,
    },
    /// The colour profile of a picture is damaged, or does not fit its channels.
    ColorProfile,
    /// A picture with transparency is written in a format that has none.
    PictureTransparency {
        /// The format.
        format: String,
    },
    /// A network that was added paints in nearly one colour.
    PaintsPlain {
        /// The network's file.
        network: PathBuf,
        /// The family that it paints better as, if there is one.
        like: Option<String>,
    },
    /// A network that was added paints much in pure black or white.
    PaintsClipped {
        /// The network's file.
        network: PathBuf,
        /// How much of a picture is black or white, in percent.
        percent: u32,
        /// The family that it paints better as, if there is one.
        like: Option<String>,
    },
    /// A network that was added does not run on the device that was asked for.
    AddedButNot {
        /// The device.
        device: String,
        /// Why, as a sentence.
        reason: String,
    },
    /// A network that was added paints something else on the device that was asked for.
    AddedDiffers {
        /// The device.
        device: String,
        /// The largest difference to the processor's painting, of 255.
        levels: u8,
    },
    /// A film resumes on another device, or with another ONNX Runtime.
    OtherDevice {
        /// What differs: `--device is 'cpu' and was 'webgpu'`.
        changes: String,
    },
    /// The device of a live show failed.
    DeviceFailed {
        /// Its name.
        device: String,
        /// Why, as a sentence.
        reason: String,
    },
    /// There is less free memory than the work needs.
    LittleMemory {
        /// The free memory in MiB.
        free: u64,
    },
    /// The camera or stream of a live show is gone.
    SourceLost {
        /// Why, as a sentence.
        reason: String,
    },
    /// A style that was chosen during a live show cannot be used.
    StyleRefused {
        /// Why, as a sentence.
        reason: String,
        /// The style that is kept.
        kept: String,
    },
    /// The networks of a live show see so little that strokes fall apart.
    StrokesFallApart {
        /// Columns that they see.
        width: u32,
        /// Rows that they see.
        height: u32,
    },
    /// A frame of a live show could not be painted.
    PaintingFailed {
        /// Why, as a sentence.
        reason: String,
    },
    /// An output of a live show has ended.
    OutputEnded {
        /// Name of the output.
        output: String,
        /// Why, as a sentence.
        reason: String,
    },
    /// The recording of a live show has ended.
    RecordingEnded {
        /// Why, as a sentence.
        reason: String,
        /// The file that holds what was recorded so far, if any.
        kept: Option<PathBuf>,
    },
    /// A live show cannot be sent at the moment.
    SendingFailed {
        /// Why, as a sentence.
        reason: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hdr { video } => {
                write!(out, "'{}' is HDR video; it is painted in SDR (BT.709, 8 bits)", video.display())
            }
            Self::DolbyVision { video, profile } => {
                let video = video.display();
                write!(
                    out,
                    "'{video}' is Dolby Vision of profile {profile}, whose colours only Dolby's own decoders know, so they look \
                     wrong; use a copy in HDR10, HLG or SDR"
                )
            }
            Self::WideGamut { video } => {
                write!(out, "'{}' has wide-gamut colours; it is painted in BT.709, at 8 bits", video.display())
            }
            Self::DeepColor { video, bits: Some(bits) } => {
                write!(out, "'{}' has {bits} bits per channel; it is painted at 8 bits", video.display())
            }
            Self::DeepColor { video, bits: None } => {
                write!(out, "'{}' has floating-point channels; it is painted at 8 bits", video.display())
            }
            Self::VideoTransparency { video } => {
                write!(out, "'{}' has transparency; it is painted as if it were opaque", video.display())
            }
            Self::NotInterlaced { video } => {
                write!(
                    out,
                    "no picture of '{}' is marked as interlaced, so none was deinterlaced; choose the field that comes first \
                     with --deinterlace=top or --deinterlace=bottom",
                    video.display()
                )
            }
            Self::Interlaced { video } => {
                let video = video.display();
                write!(out, "'{video}' is interlaced, so comb lines show in the painting; add --deinterlace")
            }
            Self::SizeChanges { video, to } => {
                write!(out, "'{}' changes its size midway; all frames were scaled to {to}", video.display())
            }
            Self::FirstOfSeveral { video, frames, seconds } => {
                let video = video.display();
                write!(
                    out,
                    "'{video}' holds several recordings, one after the other, and FFmpeg reads only the first: {frames} frames \
                     were kept, up to {seconds:.2} s; paint each recording separately"
                )
            }
            Self::CutOff { video, frames, expected, seconds } => {
                let (video, of) = (video.display(), of_about(*expected, *frames));
                write!(
                    out,
                    "'{video}' is damaged or cut off: {frames} frames{of} were kept, up to {seconds:.2} s; use a complete copy \
                     if you have one"
                )
            }
            Self::Undecodable { video, frames, expected, packets } => {
                let (video, of) = (video.display(), of_about(*expected, *frames));
                let plural = if *packets == 1 { "" } else { "s" };
                write!(
                    out,
                    "'{video}' is damaged: {frames} frames{of} were kept, {packets} packet{plural} could not be fully decoded; \
                     use an undamaged copy if you have one"
                )
            }
            Self::DamagedPictures { first, others } => {
                write!(out, "'{}'", first.display())?;
                match others {
                    0 => out.write_str(" is damaged, and the picture before it is shown instead; ")?,
                    others => write!(
                        out,
                        " and {others} more of its sequence are damaged, and the picture before each is shown instead; "
                    )?,
                }
                out.write_str("use undamaged copies, and add --restart")
            }
            Self::OddSides { codec, pixel_format, from, to } => write!(
                out,
                "{codec} in {pixel_format} needs even sides: {from} becomes {to}, without the last column or row; add \
                 --pix-fmt yuv444p to keep them, which fewer players support"
            ),
            Self::StreamLeftOut { stream, kind, codec, container, fits } => {
                write!(out, "stream {stream} ({kind}, {codec}) is left out: {container} files cannot hold it; ")?;
                match fits {
                    Some(ending) => write!(out, "write .{ending} to keep it"),
                    None => out.write_str("extract it from the input if you need it"),
                }
            }
            Self::TagsLeftOut { tags, container } => {
                write!(out, "{container} has no place for these tags of the input: {tags}; write .mkv to keep them")
            }
            Self::CaptionsLeftOut { video } => {
                let video = video.display();
                write!(out, "the closed captions in the pictures of '{video}' are lost; write .mp4 or .mkv with --codec h264 to keep them")
            }
            Self::FactsLeftOut { video, kind } => write!(
                out,
                "the frames of '{}' carry metadata that is lost ({kind}); extract it from the input if you need it",
                video.display()
            ),
            Self::CoverLeftOut { stream, container } => {
                write!(out, "the cover (stream {stream}) is left out: {container} refuses it; write .mkv to keep it")
            }
            Self::RotationLost { container } => write!(
                out,
                "{container} files cannot store the video's rotation by this angle; write .mp4 to keep it"
            ),
            Self::PacketsLeftOut { container, packets } => write!(
                out,
                "{container} refuses {packets} damaged packets of the copied streams, and they are left out; check the \
                 output's audio and subtitles"
            ),
            Self::IndexUnusable { video, reason } => write!(
                out,
                "the index of '{}' is not used ({reason}), so everything before the segments is decoded; write it again with \
                 --index",
                video.display()
            ),
            Self::SegmentsMissing { missing, output, frames } => {
                let output = output.display();
                write!(
                    out,
                    "segments {missing} are missing: '{output}' holds only the first {frames} frames; paint the missing \
                     segments and join again"
                )
            }
            Self::OtherPictures { output, first, last } => write!(
                out,
                "only pictures {first} to {last} of '{}' belong to this film, but there are others; check the folder, and \
                 remove those",
                output.display()
            ),
            Self::PipeStreams { streams } => write!(
                out,
                "the input has {streams} more stream{}, which a pipe cannot keep; name the file itself to keep them",
                if *streams == 1 { "" } else { "s" }
            ),
            Self::PlainFrames { video } => write!(
                out,
                "the audio and other streams of '{}' do not go through the pipe; add them after it, for example with ffmpeg \
                 -i - -i FILE -map 0 -map 1:a",
                video.display()
            ),
            Self::DamagedJpeg { flaw } => write!(
                out,
                "the picture is not a valid JPEG ({flaw}), so only its readable pixels are painted; use an undamaged copy if \
                 you have one"
            ),
            Self::Animation => out.write_str(
                "the picture is an animation and only its first frame is painted; use `impasto video` for all of them",
            ),
            Self::Pages { pages } => write!(
                out,
                "the picture has {pages} pages and only the first is painted; convert each of the others to a file of its own"
            ),
            Self::ColorProfile => out.write_str(
                "the picture's colour profile cannot be used, so its colours are taken as sRGB; convert it to sRGB first if \
                 they look wrong",
            ),
            Self::PictureTransparency { format } => write!(
                out,
                "{format} has no transparency, so the painting is laid on white; choose --format png to keep it"
            ),
            Self::PaintsPlain { network, like } => {
                write!(out, "'{}' painted a textured picture in nearly one colour; ", network.display())?;
                add_again(out, like.as_deref())
            }
            Self::PaintsClipped { network, percent, like } => {
                let network = network.display();
                write!(out, "'{network}' painted {percent} % of a textured picture pure black or white; ")?;
                add_again(out, like.as_deref())
            }
            Self::AddedButNot { device, reason } => {
                write!(out, "the network was added but does not run on {device} ({reason}); paint with --device cpu")
            }
            Self::AddedDiffers { device, levels } => write!(
                out,
                "the network was added but differs on {device} from the processor's painting by {levels} of 255; paint with \
                 --device cpu"
            ),
            Self::OtherDevice { changes } => write!(
                out,
                "the film resumes with a difference: {changes}; its frames may differ from the earlier ones by rounding; add \
                 --restart to paint all of them alike"
            ),
            Self::DeviceFailed { device, reason } => write!(
                out,
                "{device} failed ({reason}), and the show continues on the processor; restart it to use {device} again"
            ),
            Self::LittleMemory { free } => {
                write!(out, "only {free} MiB of memory are free; choose a smaller --tile or --size")
            }
            Self::SourceLost { reason } => write!(out, "{reason}; the show resumes when it is back"),
            Self::StyleRefused { reason, kept } => write!(out, "{reason}; the style stays {kept}"),
            Self::StrokesFallApart { width, height } => {
                write!(
                    out,
                    "strokes fall apart: to keep the frame rate, the network sees only {width}x{height}; choose a lower --fps \
                     or another style, or close other programs"
                )
            }
            Self::PaintingFailed { reason } => {
                write!(out, "{reason}; the original is shown until you choose another style")
            }
            Self::OutputEnded { output, reason } => {
                write!(out, "{output} ended: {reason}; the other outputs are unaffected")
            }
            Self::RecordingEnded { reason, kept } => {
                write!(out, "the recording ended: {reason}; ")?;
                match kept {
                    Some(kept) => write!(out, "'{}' holds what was recorded", kept.display()),
                    None => out.write_str("record again once that is fixed"),
                }
            }
            Self::SendingFailed { reason } => write!(out, "{reason}; impasto keeps trying"),
        }
    }
}

/// ` of about 75` if more frames were expected than there are.
fn of_about(expected: Option<u64>, frames: u64) -> String {
    expected.filter(|&expected| expected > frames).map_or_else(String::new, |expected| format!(" of about {expected}"))
}

/// What to do about a network that paints badly.
fn add_again(out: &mut fmt::Formatter<'_>, like: Option<&str>) -> fmt::Result {
    match like {
        Some(family) => write!(out, "add it again with --like {family} --replace"),
        None => out.write_str(
            "check a painting before you use it, since it may be badly trained or need another range of values",
        ),
    }
}

#[cfg(test)]
mod tests;
