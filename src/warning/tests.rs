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
        (Warning::DolbyVision { video: video(), profile: 5 }, vec!["'clip.mp4'", "profile 5"]),
        (Warning::WideGamut { video: video() }, vec!["'clip.mp4'"]),
        (Warning::DeepColor { video: video(), bits: Some(10) }, vec!["'clip.mp4'", "10 bits"]),
        (Warning::DeepColor { video: video(), bits: None }, vec!["'clip.mp4'", "floating-point channels"]),
        (Warning::VideoTransparency { video: video() }, vec!["'clip.mp4'"]),
        (Warning::NotInterlaced { video: video() }, vec!["'clip.mp4'"]),
        (Warning::Interlaced { video: video() }, vec!["'clip.mp4'"]),
        (Warning::SizeChanges { video: video(), to }, vec!["'clip.mp4'", "160x90"]),
        (Warning::FirstOfSeveral { video: video(), frames, seconds: 2.8 }, vec!["'clip.mp4'", "70 frames", "2.80 s"]),
        (
            Warning::CutOff { video: video(), frames, expected, seconds: 2.8 },
            vec!["'clip.mp4'", "70 frames of about 75", "2.80 s"],
        ),
        (
            Warning::Undecodable { video: video(), frames, expected, packets: 2 },
            vec!["'clip.mp4'", "70 frames of about 75", "2 packets"],
        ),
        (Warning::DamagedPictures { first: "a/0104.png".into(), others: 2 }, vec!["'a/0104.png' and 2 more"]),
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
            Warning::IndexUnusable { video: video(), reason: "its frames differ".into() },
            vec!["'clip.mp4'", "its frames differ", "--index"],
        ),
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
        (
            Warning::AddedButNot { device: "webgpu".into(), reason: "no card".into() },
            vec!["webgpu", "no card", "--device cpu"],
        ),
        (Warning::AddedDiffers { device: "webgpu".into(), levels: 9 }, vec!["webgpu", "9 of 255", "--device cpu"]),
        (
            Warning::OtherDevice { changes: "--device is 'cpu' and was 'webgpu'".into() },
            vec!["--device is 'cpu' and was 'webgpu'", "--restart"],
        ),
        (
            Warning::DeviceFailed { device: "webgpu".into(), reason: "the card was lost".into() },
            vec!["webgpu", "the card was lost", "on the processor"],
        ),
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
const ENDS: [&str; 19] = [
    "add ",
    "check ",
    "choose ",
    "convert ",
    "extract ",
    "name ",
    "paint ",
    "record ",
    "restart ",
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
    let shown = include_str!("../warning.rs").lines().filter_map(|line| line.strip_prefix("            Self::"));
    let shown: Vec<_> = shown.map(|line| line.split([' ', '(', ',']).next()).collect();
    let names: HashSet<_> = shown.iter().collect();
    assert_eq!((kinds.len(), samples().len()), (names.len(), shown.len()));
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
