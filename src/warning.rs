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
    /// A video has colours outside of BT.709, which are lost.
    WideGamut {
        /// The video.
        video: PathBuf,
    },
    /// A video has more than 8 bits per channel.
    DeepColor {
        /// The video.
        video: PathBuf,
        /// Its bits per channel.
        bits: u32,
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
        /// Number of packets that could not be decoded.
        packets: u64,
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
            Self::WideGamut { video } => {
                write!(out, "'{}' has wide-gamut colours; it is painted in BT.709, at 8 bits", video.display())
            }
            Self::DeepColor { video, bits } => {
                write!(out, "'{}' has {bits} bits per channel; it is painted at 8 bits", video.display())
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
                write!(
                    out,
                    "'{video}' is damaged: {frames} frames{of} were kept, {packets} packets could not be decoded; use an \
                     undamaged copy if you have one"
                )
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
                write!(out, "the closed captions in the pictures of '{video}' are lost; use --codec h264 to keep them")
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
                "standard input has {streams} more stream{}, which a pipe cannot keep; name the file itself to keep them",
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
mod tests {
    use std::collections::HashSet;
    use std::mem::discriminant;

    use super::*;

    /// A warning of every kind, with the values that its text names.
    fn samples() -> Vec<(Warning, Vec<&'static str>)> {
        let video = || PathBuf::from("clip.mp4");
        let reason = || "camera 7 was unplugged".to_owned();
        let network = || PathBuf::from("candy.onnx");
        let container = || "mov".to_owned();
        let (from, to) = (Size::new(161, 91), Size::new(160, 90));
        let (frames, expected) = (70, Some(75));
        vec![
            (Warning::Hdr { video: video() }, vec!["'clip.mp4'"]),
            (Warning::WideGamut { video: video() }, vec!["'clip.mp4'"]),
            (Warning::DeepColor { video: video(), bits: 10 }, vec!["'clip.mp4'", "10 bits"]),
            (Warning::VideoTransparency { video: video() }, vec!["'clip.mp4'"]),
            (Warning::NotInterlaced { video: video() }, vec!["'clip.mp4'"]),
            (Warning::Interlaced { video: video() }, vec!["'clip.mp4'"]),
            (Warning::SizeChanges { video: video(), to }, vec!["'clip.mp4'", "160x90"]),
            (
                Warning::CutOff { video: video(), frames, expected, seconds: 2.8 },
                vec!["'clip.mp4'", "70 frames of about 75", "2.80 s"],
            ),
            (
                Warning::Undecodable { video: video(), frames, expected, packets: 2 },
                vec!["'clip.mp4'", "70 frames of about 75", "2 packets"],
            ),
            (
                Warning::OddSides { codec: "h264".into(), pixel_format: "yuv420p".into(), from, to },
                vec!["h264", "yuv420p", "161x91 becomes 160x90"],
            ),
            (
                Warning::StreamLeftOut {
                    stream: 2,
                    kind: "subtitles".into(),
                    codec: "subrip".into(),
                    container: container(),
                    fits: Some("mkv".into()),
                },
                vec!["stream 2 (subtitles, subrip)", "mov", "write .mkv"],
            ),
            (Warning::TagsLeftOut { tags: "make, model".into(), container: container() }, vec!["mov", "make, model"]),
            (Warning::CaptionsLeftOut { video: video() }, vec!["'clip.mp4'", "captions"]),
            (Warning::FactsLeftOut { video: video(), kind: "AFD".into() }, vec!["'clip.mp4'", "(AFD)"]),
            (Warning::CoverLeftOut { stream: 3, container: container() }, vec!["stream 3", "mov"]),
            (Warning::RotationLost { container: container() }, vec!["mov"]),
            (Warning::PacketsLeftOut { container: container(), packets: 5 }, vec!["mov", "5 damaged packets"]),
            (
                Warning::SegmentsMissing { missing: "2 onwards".into(), output: "a.beginning.mp4".into(), frames },
                vec!["segments 2 onwards", "'a.beginning.mp4'", "70 frames"],
            ),
            (Warning::OtherPictures { output: "a%04d.png".into(), first: 7, last: 9 }, vec!["'a%04d.png'", "7 to 9"]),
            (Warning::PipeStreams { streams: 2 }, vec!["2 more streams"]),
            (Warning::PlainFrames { video: video() }, vec!["'clip.mp4'"]),
            (Warning::DamagedJpeg { flaw: "no end marker".into() }, vec!["(no end marker)"]),
            (Warning::Animation, vec!["animation"]),
            (Warning::Pages { pages: 3 }, vec!["3 pages"]),
            (Warning::ColorProfile, vec!["colour profile", "sRGB"]),
            (Warning::PictureTransparency { format: "JPEG".into() }, vec!["JPEG"]),
            (
                Warning::PaintsPlain { network: network(), like: Some("pytorch-unit".into()) },
                vec!["'candy.onnx'", "--like pytorch-unit"],
            ),
            (Warning::PaintsClipped { network: network(), percent: 81, like: None }, vec!["'candy.onnx'", "81 %"]),
            (Warning::LittleMemory { free: 512 }, vec!["512 MiB"]),
            (Warning::SourceLost { reason: reason() }, vec!["camera 7 was unplugged"]),
            (
                Warning::StyleRefused { reason: "'broken' is damaged".into(), kept: "night".into() },
                vec!["'broken' is damaged", "night"],
            ),
            (Warning::StrokesFallApart { width: 256, height: 144 }, vec!["sees only 256x144", "--fps"]),
            (Warning::PaintingFailed { reason: reason() }, vec!["camera 7 was unplugged"]),
            (
                Warning::OutputEnded { output: "page".into(), reason: reason() },
                vec!["page ended", "camera 7 was unplugged"],
            ),
            (
                Warning::RecordingEnded { reason: reason(), kept: Some("a.recording.mkv".into()) },
                vec!["camera 7 was unplugged", "'a.recording.mkv'"],
            ),
            (Warning::SendingFailed { reason: reason() }, vec!["camera 7 was unplugged"]),
        ]
    }

    /// How the last clause of a warning begins: with what to do, or with the thing that something was done about.
    const ENDS: [&str; 18] = [
        "add ",
        "check ",
        "choose ",
        "convert ",
        "extract ",
        "name ",
        "paint ",
        "record ",
        "use ",
        "write ",
        "'a.recording.mkv' holds",
        "all frames were",
        "impasto keeps",
        "it is painted",
        "the original is shown until you",
        "the other outputs are unaffected",
        "the show resumes",
        "the style stays",
    ];

    #[test]
    fn the_samples_have_a_warning_of_every_kind() {
        let kinds: HashSet<_> = samples().iter().map(|(warning, _)| discriminant(warning)).collect();
        let shown = include_str!("warning.rs").lines().filter(|line| line.starts_with("            Self::")).count();
        assert_eq!((kinds.len(), samples().len()), (shown, shown));
    }

    #[test]
    fn every_warning_is_one_sentence_that_names_its_values_and_ends_in_what_to_do() {
        for (warning, values) in samples() {
            let text = warning.to_string();
            for value in values {
                assert!(text.contains(value), "no {value}: {text}");
            }
            assert!(!text.ends_with(['.', ';', ' ']) && !text.contains(". ") && !text.contains("  "), "{text}");
            let last = text.rsplit("; ").next().unwrap();
            assert!(last != text && ENDS.iter().any(|end| last.starts_with(end)), "it ends in no action: {text}");
        }
    }

    #[test]
    fn what_is_unknown_is_left_out_and_the_cure_changes_with_it() {
        let undecodable = Warning::Undecodable { video: "a.mp4".into(), frames: 70, expected: None, packets: 2 };
        assert!(undecodable.to_string().starts_with("'a.mp4' is damaged: 70 frames were kept, 2 packets"));
        let stream = Warning::StreamLeftOut {
            stream: 1,
            kind: "data".into(),
            codec: "none".into(),
            container: "mp4".into(),
            fits: None,
        };
        assert!(stream.to_string().ends_with("; extract it from the input if you need it"));
        let recording = Warning::RecordingEnded { reason: "the disk is full".into(), kept: None };
        assert!(recording.to_string().ends_with("; record again once that is fixed"));
    }
}
