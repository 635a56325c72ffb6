//! Inputs as phones, cameras, broadcasters and other programs make them: what they carry comes out, or is said.

#[path = "common/clips.rs"]
mod clips;
#[path = "common/difference.rs"]
mod difference;
#[path = "common/need.rs"]
mod need;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use clips::{Folder, Run, finish};
use difference::largest_difference;
use impasto::Frame;
use impasto::film::Deinterlace;
use impasto::internals::media::read::{DecodeOptions, Decoder};

/// `impasto` in the folder; `args` are separated by spaces.
fn impasto(folder: &Folder, args: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
    finish(command.args(args.split_whitespace()).current_dir(folder.0.path()))
}

fn seconds(folder: &Folder, name: &str, which: &str) -> f64 {
    let ends = folder.probe(name, &format!("-select_streams {which} -show_entries packet=pts_time,duration_time"));
    let end = |line: &String| line.split(',').map(|part| part.parse::<f64>().unwrap_or(0.0)).sum::<f64>();
    ends.iter().map(end).fold(0.0, f64::max)
}

#[test]
fn hdr_is_painted_and_tagged_as_sdr() {
    let folder = Folder::new();
    for (name, transfer) in [("hlg.mkv", "arib-std-b67"), ("pq.mkv", "smpte2084")] {
        let tags = format!("-color_range tv -colorspace bt2020nc -color_primaries bt2020 -color_trc {transfer}");
        folder
            .ffmpeg(&format!("-f lavfi -i testsrc2=s=160x90:r=25:d=0.2 -pix_fmt yuv420p10le -c:v ffv1 {tags} {name}"));
        let run = folder.paint(&format!("{name} -o {name}.mp4")).ok();
        assert!(run.warnings().contains("HDR"), "{}", run.warnings());
        let tags = folder.facts(&format!("{name}.mp4"), "color_range,color_space,color_transfer,color_primaries");
        assert_eq!(tags, "tv,bt709,bt709,bt709", "{name}");
    }
}

#[test]
fn a_video_of_several_that_fails_is_told_about_once() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    folder.clip("in/good.mp4", 0.2, "");
    fs::write(folder.path("in/bad.mp4"), b"no video").unwrap();
    let run = folder.paint("in -o out");
    assert_eq!(run.code, 1);
    assert!(run.errors.contains("1 of 2 videos failed; the warning above says why"), "{}", run.errors);
    assert_eq!(run.errors.matches("is not a video that FFmpeg can read").count(), 1, "{}", run.errors);
    let quiet = folder.paint("in -o quiet --quiet");
    assert!(quiet.errors.contains("is not a video that FFmpeg can read"), "{}", quiet.errors);
    // One video in a folder.
    fs::remove_file(folder.path("in/good.mp4")).unwrap();
    let alone = folder.paint("in -o alone");
    assert_eq!(alone.errors.matches("is not a video that FFmpeg can read").count(), 1, "{}", alone.errors);
}

/// What players need to know to show HDR.
const HDR_FACTS: &str = "color_range,color_space,color_transfer,color_primaries";

/// A smooth ramp of light and colour in 10 bits, from dark to some 800 cd/m², tagged with this transfer curve.
fn hdr(folder: &Folder, name: &str, transfer: &str, options: &str) {
    let ramp = "format=yuv420p10le,geq=lum=120+4*X+Y+N:cb=492+X/4:cr=500+Y/3";
    let tags = format!("-color_range tv -colorspace bt2020nc -color_primaries bt2020 -color_trc {transfer}");
    folder.ffmpeg(&format!("-f lavfi -i color=s=160x90:r=25:d=0.2 -vf {ramp} {tags} {options} {name}"));
}

/// The luma of the first picture of a video in a 10-bit format.
fn deep_luma(folder: &Folder, name: &str) -> Vec<u16> {
    let size: Vec<usize> = folder.facts(name, "width,height").split(',').map(|side| side.parse().unwrap()).collect();
    let picture = folder.pictures(name).swap_remove(0);
    picture.as_chunks::<2>().0.iter().take(size[0] * size[1]).map(|bytes| u16::from_le_bytes(*bytes)).collect()
}

#[test]
fn kept_hdr_has_ten_bits_the_curve_the_gamut_and_the_mastering_of_its_input() {
    let folder = Folder::new();
    let mastering =
        "master-display=G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(10000000,50):max-cll=1000,300";
    hdr(&folder, "pq.mkv", "smpte2084", &format!("-c:v libx265 -x265-params log-level=none:lossless=1:{mastering}"));
    hdr(&folder, "hlg.mkv", "arib-std-b67", "-c:v ffv1");
    for (input, output, more, format) in [
        ("pq.mkv", "pq.mp4", "", "hevc,yuv420p10le"),
        ("pq.mkv", "pq1.mkv", "--codec av1", "av1,yuv420p10le"),
        ("hlg.mkv", "hlg.mp4", "--codec hevc", "hevc,yuv420p10le"),
        ("hlg.mkv", "hlg.webm", "", "vp9,yuv420p10le"),
        ("hlg.mkv", "hlg.mov", "--codec prores", "prores,yuv422p10le"),
    ] {
        folder.paint(&format!("{input} -o {output} --hdr keep {more}")).without_warnings();
        assert_eq!(folder.facts(output, "codec_name,pix_fmt"), format, "{output}");
        assert_eq!(folder.facts(output, HDR_FACTS), folder.facts(input, HDR_FACTS), "{output}");
        let found = folder.probe(output, "-select_streams v -show_entries stream_side_data_list").concat();
        // Matroska stores numbers, MP4 the fractions.
        let noted: &[&str] = match output {
            "pq.mp4" => &["35400/50000,14600/50000", "15635/50000,16450/50000", "50/10000,10000000/10000", "1000,300"],
            "pq1.mkv" => &["177/250,73/250", "3127/10000", "1/200,1000/1", "1000,300"],
            _ => &[],
        };
        assert!(noted.iter().all(|noted| found.contains(noted)), "{output}: {found}");
    }
    // In the pictures of HEVC, too: televisions read it there.
    let frames = folder.probe("pq.mp4", "-select_streams v -read_intervals %+#1 -show_entries frame_side_data_list");
    assert!(frames.concat().contains("35400/50000,14600/50000"), "{frames:?}");
}

#[test]
fn kept_hdr_that_is_not_painted_over_is_the_input_itself() {
    let folder = Folder::new();
    for transfer in ["smpte2084", "arib-std-b67"] {
        hdr(&folder, "in.mkv", transfer, "-c:v ffv1");
        let keep = "--hdr keep --codec ffv1 --pix-fmt yuv420p10le";
        folder.paint(&format!("in.mkv -o out.mkv -y {keep}")).without_warnings();
        let (before, after) = (deep_luma(&folder, "in.mkv"), deep_luma(&folder, "out.mkv"));
        assert!(before.iter().max() > Some(&840) && before.iter().min() < Some(&130));
        assert!(largest_difference(&before, &after) <= 2, "{transfer}: {}", largest_difference(&before, &after));
        // Scaled and turned, it is HDR of the same light.
        folder.paint(&format!("in.mkv -o small.mkv -y --size 80x46 {keep}")).without_warnings();
        let mean = |luma: &[u16]| luma.iter().map(|&code| f64::from(code)).sum::<f64>() / luma.len() as f64;
        let small = deep_luma(&folder, "small.mkv");
        assert!((mean(&small) - mean(&before)).abs() < 3.0, "{} {}", mean(&small), mean(&before));
        hdr(&folder, "flat.mp4", transfer, "-c:v libx265 -x265-params log-level=none:lossless=1");
        folder.ffmpeg("-i flat.mp4 -c copy -metadata:s:v:0 rotate=90 lying.mp4");
        folder.ffmpeg("-i lying.mp4 -pix_fmt yuv420p10le -c:v ffv1 upright.mkv");
        folder.paint(&format!("lying.mp4 -o turned.mkv -y {keep}")).without_warnings();
        assert_eq!(folder.facts("upright.mkv", "width,height"), "90,160");
        assert_eq!(folder.facts("turned.mkv", "width,height"), "90,160");
        let difference = largest_difference(&deep_luma(&folder, "upright.mkv"), &deep_luma(&folder, "turned.mkv"));
        assert!(difference <= 2, "{transfer}: {difference}");
    }
}

#[test]
fn kept_hdr_of_rgb_has_the_matrix_of_hdr() {
    let folder = Folder::new();
    let tags = "-color_primaries bt2020 -color_trc smpte2084";
    folder.ffmpeg(&format!("-f lavfi -i testsrc2=s=160x90:r=25:d=0.2 -pix_fmt gbrp10le {tags} -c:v ffv1 in.mkv"));
    folder.paint("in.mkv -o out.mp4 --hdr keep").without_warnings();
    assert_eq!(folder.facts("out.mp4", HDR_FACTS), "tv,bt2020nc,smpte2084,bt2020");
}

#[test]
fn hdr_is_kept_only_of_hdr_and_where_it_can_be_held() {
    let folder = Folder::new();
    hdr(&folder, "in.mkv", "smpte2084", "-c:v ffv1");
    folder.clip("sdr.mp4", 0.2, "");
    let refused = [
        ("sdr.mp4 -o out.mp4", "'sdr.mp4' is not HDR: its transfer curve is neither PQ nor HLG; omit --hdr keep"),
        ("in.mkv -o out.mp4 --codec h264", "choose --codec hevc, av1, vp9, prores or ffv1, or omit --hdr keep"),
        ("in.mkv -o out.mp4 --pix-fmt yuv420p", "omit --pix-fmt, or choose yuv420p10le"),
    ];
    for (args, words) in refused {
        folder.refuses(&format!("{args} --hdr keep"), 2, words);
    }
    // Without being asked, it is SDR.
    folder.paint("in.mkv -o out.mp4").ok();
    assert_eq!(folder.facts("out.mp4", "codec_name,pix_fmt,color_transfer"), "h264,yuv420p,bt709");
}

/// A unit of an HEVC stream, as it is stored: no three bytes in it look like the start of another.
fn unit(header: [u8; 2], content: &[u8]) -> Vec<u8> {
    let (mut out, mut zeros) = ([&[0, 0, 0, 1][..], &header].concat(), 0);
    for &byte in content {
        if zeros >= 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// `pq.hevc` with `before` in front of the pictures of one slice each, and `after` behind them.
fn with_units(folder: &Folder, name: &str, before: &[u8], after: &[u8]) {
    let stream = fs::read(folder.path("pq.hevc")).unwrap();
    let mut starts: Vec<usize> = (0..stream.len() - 3).filter(|&at| stream[at..at + 3] == [0, 0, 1]).collect();
    starts.push(stream.len());
    let mut out = Vec::new();
    for pair in starts.windows(2) {
        let is_picture = stream[pair[0] + 3] >> 1 < 32;
        out.extend(is_picture.then_some(before).into_iter().flatten());
        out.extend([&[0], &stream[pair[0]..pair[1]]].concat());
        out.extend(is_picture.then_some(after).into_iter().flatten());
    }
    fs::write(folder.path("units.hevc"), out).unwrap();
    folder.ffmpeg(&format!("-f hevc -framerate 25 -i units.hevc -c copy {name}"));
}

#[test]
fn dynamic_metadata_of_hdr_is_said_to_be_lost_where_hdr_is_kept() {
    let folder = Folder::new();
    hdr(&folder, "pq.mkv", "smpte2084", "-c:v libx265 -bf 0 -x265-params log-level=none:slices=1");
    folder.ffmpeg("-i pq.mkv -c copy -bsf:v hevc_mp4toannexb pq.hevc");
    // ST 2094-40: registered user data (4) of the United States, SMPTE, application 4, version 1, one window, all else zero.
    let plus = [&[4, 22, 0xB5, 0, 0x3C, 0, 1, 4, 1, 0x40][..], &[0; 14], &[0x80]].concat();
    // Dolby's own units have type 62; this one is of a kind that FFmpeg passes on unread.
    with_units(&folder, "plus.mkv", &unit([39 << 1, 1], &plus), &[]);
    with_units(&folder, "dolby.mkv", &[], &unit([62 << 1, 1], &[0x19, 3 << 2, 1, 2, 3, 4, 0x80]));
    for (name, kind) in [("plus.mkv", "HDR10+"), ("dolby.mkv", "Dolby Vision")] {
        let run = folder.paint(&format!("{name} -o keep.mp4 -y --hdr keep")).ok();
        assert!(run.warnings().contains("carry metadata that is lost"), "{name}: {}", run.warnings());
        assert!(run.warnings().contains(kind), "{name}: {}", run.warnings());
        // SDR has no use for it.
        let run = folder.paint(&format!("{name} -o sdr.mp4 -y")).ok();
        assert!(!run.warnings().contains("metadata that is lost"), "{name}: {}", run.warnings());
    }
    folder.paint("pq.mkv -o plain.mp4 --hdr keep").without_warnings();
}

#[test]
fn captions_in_the_pictures_are_kept_where_the_codec_takes_them_or_said_to_be_lost_with_a_cure_that_works() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc2=s=160x90:r=25:d=0.4 -c:v libx264 -bf 0 -x264-params slices=1 plain.h264");
    // Registered user data (4) of the United States, ATSC, GA94: captions (3), of one pair of letters.
    let captions = [6, 4, 14, 0xB5, 0, 0x31, b'G', b'A', b'9', b'4', 3, 0xC1, 0xFF, 0xFC, 0x94, 0x2C, 0xFF, 0x80];
    let stream = fs::read(folder.path("plain.h264")).unwrap();
    let mut captioned = Vec::new();
    for (at, &byte) in stream.iter().enumerate() {
        // In front of each picture.
        if stream[at..].starts_with(&[0, 0, 1]) && stream.get(at + 3).is_some_and(|unit| matches!(unit & 31, 1 | 5)) {
            captioned.extend([&[0, 0, 1][..], &captions].concat());
        }
        captioned.push(byte);
    }
    fs::write(folder.path("captioned.h264"), captioned).unwrap();
    folder.ffmpeg("-f h264 -framerate 25 -i captioned.h264 -c copy captioned.mkv");
    let count = |name: &str| {
        let found = folder.probe(name, "-select_streams v -show_entries frame_side_data=side_data_type");
        found.iter().filter(|line| line.contains("Closed Captions")).count()
    };
    assert_eq!(count("captioned.mkv"), 10);
    folder.paint("captioned.mkv -o kept.mp4").without_warnings();
    assert_eq!(count("kept.mp4"), 10);
    for lost in ["lost.webm", "lost.mkv --codec ffv1"] {
        let run = folder.paint(&format!("captioned.mkv -o {lost}")).ok();
        assert!(run.warnings().contains("are lost; write .mp4 or .mkv with --codec h264"), "{}", run.warnings());
    }
}

#[test]
fn a_layout_for_two_eyes_is_kept_also_where_only_the_pictures_tell_it_or_is_said_to_be_lost() {
    let folder = Folder::new();
    folder.clip("pictures.ts", 0.2, "-x264opts frame-packing=3");
    folder.clip("file.mkv", 0.2, "-metadata:s:v stereo_mode=left_right");
    for input in ["pictures.ts", "file.mkv"] {
        for output in ["out.mkv", "out.mp4"] {
            folder.paint(&format!("{input} -o {output} -y")).ok();
            let found = folder.probe(output, "-select_streams v -show_entries stream_side_data=type").concat();
            assert!(found.contains("side by side"), "{input} {output}: {found}");
        }
        let run = folder.paint(&format!("{input} -o out.mov -y")).ok();
        assert!(run.warnings().contains("no place for these tags of the input: stereo layout"), "{}", run.warnings());
    }
}

#[test]
fn dolby_vision_without_a_picture_for_others_is_said_to_look_wrong() {
    let folder = Folder::new();
    hdr(&folder, "pq.mp4", "smpte2084", "-c:v libx265 -x265-params log-level=none -tag:v hvc1");
    let whole = fs::read(folder.path("pq.mp4")).unwrap();
    for (profile, compatible) in [(5u8, 0u8), (8, 1)] {
        // Version 1.0, profile and level 3, no other layers; the boxes around it grow with it.
        let content = [1, 0, profile << 1, 3 << 3 | 0b101, compatible << 4];
        let name = if profile > 7 { b"dvvC" } else { b"dvcC" };
        let record = [&32u32.to_be_bytes()[..], name, &content, &[0; 19]].concat();
        let place = |name: &[u8; 4]| whole.windows(4).position(|window| window == name).unwrap() - 4;
        let end = |at: usize| at + u32::from_be_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
        let mut bytes = whole.clone();
        for name in [b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"hvc1"] {
            let at = place(name);
            let grown = (end(at) - at + record.len()) as u32;
            bytes[at..at + 4].copy_from_slice(&grown.to_be_bytes());
        }
        assert!(place(b"mdat") < place(b"moov"), "no offsets change");
        let at = end(place(b"hvcC"));
        bytes.splice(at..at, record);
        fs::write(folder.path("dolby.mp4"), bytes).unwrap();
        let run = folder.paint("dolby.mp4 -o out.mp4 -y").ok();
        assert_eq!(run.warnings().contains("Dolby Vision of profile 5"), profile == 5, "{}", run.warnings());
    }
}

/// A film of a moving pattern, 50 fields a second in 25 frames, with the `first` field earlier.
fn woven(folder: &Folder, name: &str, first: &str, options: &str) {
    let (weave, flag) = if first == "top" { ("interleave_top", "tff=1") } else { ("interleave_bottom", "bff=1") };
    folder.ffmpeg(&format!(
        "-f lavfi -i testsrc2=s=160x120:r=50:d=0.8 -vf tinterlace={weave} -c:v libx264 -qp 5 -x264opts {flag} {options} {name}"
    ));
}

#[test]
fn interlaced_film_is_deinterlaced_in_its_field_order_at_its_frame_rate() {
    let folder = Folder::new();
    for first in ["top", "bottom"] {
        woven(&folder, "in.mkv", first, "-flags +ilme+ildct");
        let run = folder.paint("in.mkv -o combed.mkv -y --codec ffv1").ok();
        assert!(run.warnings().contains("comb lines show in the painting; add --deinterlace"), "{}", run.warnings());
        folder.paint("in.mkv -o out.mkv -y --codec ffv1 --deinterlace").without_warnings();
        assert_eq!(folder.times("out.mkv"), folder.times("in.mkv"), "one frame for each pair of fields");
        assert_eq!(folder.facts("out.mkv", "r_frame_rate"), "25/1");
        assert_ne!(folder.facts("out.mkv", "field_order"), "tb");
        folder.ffmpeg("-i in.mkv -vf bwdif=mode=send_frame -pix_fmt yuv444p -c:v ffv1 right.mkv");
        let (psnr, combed) = (folder.psnr("right.mkv", "out.mkv"), folder.psnr("right.mkv", "combed.mkv"));
        assert!(psnr > 42.0 && combed < 35.0, "{first}: {psnr} {combed}");
    }
}

#[test]
fn a_seek_gives_the_deinterlaced_pictures_of_decoding_from_the_start() {
    let folder = Folder::new();
    woven(&folder, "in.mkv", "top", "-flags +ilme+ildct -g 6 -bf 2");
    let options = DecodeOptions { deinterlace: Some(Deinterlace::Marked), ..DecodeOptions::default() };
    let open = || Decoder::open(&folder.path("in.mkv"), &options).unwrap();
    let (mut decoder, mut frames) = (open(), Vec::new());
    let mut frame = Frame::default();
    while decoder.next(&mut frame).unwrap() {
        frames.push(frame.clone());
    }
    assert_eq!(frames.len(), 20);
    // Key frames, whose picture before is in another group, and others.
    for (index, expected) in frames.iter().enumerate() {
        assert!(decoder.go_to(expected.time, index as u64).unwrap(), "{index}");
        assert!(decoder.next(&mut frame).unwrap());
        assert!(frame == *expected, "{index}");
    }
}

#[test]
fn film_without_marks_is_deinterlaced_in_the_field_order_that_one_names() {
    let folder = Folder::new();
    woven(&folder, "woven.mkv", "bottom", "-flags +ilme+ildct");
    // The same pictures, without the marks.
    folder.ffmpeg("-i woven.mkv -vf setfield=prog -c:v ffv1 in.mkv");
    let run = folder.paint("in.mkv -o same.mkv --codec ffv1 --deinterlace").ok();
    assert!(run.warnings().contains("none was deinterlaced; choose the field that comes first"), "{}", run.warnings());
    folder.ffmpeg("-i in.mkv -pix_fmt yuv444p -c:v ffv1 stored.mkv");
    assert!(folder.psnr("stored.mkv", "same.mkv") > 42.0);
    folder.ffmpeg("-i woven.mkv -vf bwdif=mode=send_frame -pix_fmt yuv444p -c:v ffv1 right.mkv");
    for (first, least, most) in [("bottom", 42.0, 99.0), ("top", 0.0, 35.0)] {
        folder.paint(&format!("in.mkv -o {first}.mkv --codec ffv1 --deinterlace={first}")).without_warnings();
        let psnr = folder.psnr("right.mkv", &format!("{first}.mkv"));
        assert!((least..most).contains(&psnr), "{first}: {psnr}");
    }
    // A single picture has none before or after it.
    folder.ffmpeg("-i in.mkv -frames:v 1 -c:v ffv1 one.mkv");
    assert_eq!(folder.paint("one.mkv -o one.out.mkv --deinterlace=top").without_warnings().frames(), 1);
}

#[test]
fn every_matrix_and_range_is_read_as_ffmpeg_reads_it() {
    let folder = Folder::new();
    for matrix in ["bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc"] {
        for (range, format) in [("tv", "yuv444p"), ("pc", "yuv420p"), ("tv", "yuv420p10le")] {
            let convert = format!("format=gbrp,scale=out_color_matrix={matrix}:out_range={range},format={format}");
            folder.ffmpeg(&format!(
                    "-f lavfi -i color=c=0xC04080:s=32x32:r=5:d=0.4 -vf {convert} -colorspace {matrix} -color_range {range} \
                     -c:v ffv1 in.mkv"
                ));
            folder.ffmpeg("-i in.mkv -pix_fmt bgr0 -c:v ffv1 right.mkv");
            folder.paint("in.mkv -o out.mkv -y --codec ffv1 --pix-fmt bgr0").ok();
            let (own, right) = (folder.pictures("out.mkv"), folder.pictures("right.mkv"));
            let near = own[0][..3].iter().zip(&right[0][..3]).all(|(own, right)| own.abs_diff(*right) <= 4);
            assert!(near, "{matrix} {range} {format}: {:?} {:?}", &own[0][..3], &right[0][..3]);
        }
    }
}

#[test]
fn grey_without_a_tag_has_full_range_as_ffmpeg_reads_it() {
    let folder = Folder::new();
    for format in ["gray", "gray10le", "gray16le"] {
        folder.ffmpeg(&format!("-f lavfi -i testsrc2=s=160x90:r=25:d=0.2 -pix_fmt {format} -c:v ffv1 {format}.mkv"));
        folder.paint(&format!("{format}.mkv -o {format}.out.mkv --codec ffv1")).ok();
        for name in [format.to_owned(), format!("{format}.out")] {
            folder.ffmpeg(&format!("-i {name}.mkv -vf scale=out_range=tv -pix_fmt yuv444p -c:v ffv1 {name}.seen.mkv"));
        }
        let psnr = folder.psnr(&format!("{format}.seen.mkv"), &format!("{format}.out.seen.mkv"));
        assert!(psnr > 45.0, "{format}: {psnr}");
    }
}

#[test]
fn streams_with_a_broken_clock_are_joined_as_ffmpegs_command_line_joins_them() {
    let folder = Folder::new();
    for (name, first, second) in [("again", 0, 0), ("forward", 0, 3600), ("back", 3600, 0)] {
        folder.clip("a.ts", 2.0, &format!("-output_ts_offset {first}"));
        folder.clip("b.ts", 2.0, &format!("-output_ts_offset {second}"));
        let both = [fs::read(folder.path("a.ts")).unwrap(), fs::read(folder.path("b.ts")).unwrap()].concat();
        fs::write(folder.path("in.ts"), both).unwrap();
        folder.ffmpeg("-i in.ts -map 0 -c:v mpeg4 -c:a copy ffmpeg.mkv");
        for output in [format!("{name}.mp4"), format!("{name}.mkv")] {
            folder.paint(&format!("in.ts -o {output}")).without_warnings();
            for which in ["v", "a"] {
                let (own, theirs) = (seconds(&folder, &output, which), seconds(&folder, "ffmpeg.mkv", which));
                assert!((own - theirs).abs() < 0.1, "{output} {which}: {own} {theirs}");
            }
            assert_eq!(folder.times(&output).len(), 100, "{output}");
        }
    }
}

#[test]
fn files_glued_together_in_formats_that_know_no_joints_keep_all_frames_and_their_sound() {
    let folder = Folder::new();
    for (name, options) in [("a.mkv", ""), ("a.webm", "-c:v libvpx -c:a libopus"), ("a.flv", "-bf 0")] {
        folder.clip(name, 2.0, options);
        let part = fs::read(folder.path(name)).unwrap();
        // FLV's head has 13 bytes, and its second part none.
        let second = if name == "a.flv" { &part[13..] } else { &part[..] };
        let glued = format!("glued-{name}");
        fs::write(folder.path(&glued), [&part[..], second].concat()).unwrap();
        let run = folder.paint(&format!("{glued} -o out.mkv -y")).ok();
        assert!(!run.warnings().contains("damaged"), "{name}: {}", run.warnings());
        assert_eq!(run.frames(), 100, "{name}");
        let one = folder.packets(name, "a").len();
        assert_eq!(folder.packets("out.mkv", "a").len(), one * 2, "{name}");
        let (picture, sound) = (seconds(&folder, "out.mkv", "v"), seconds(&folder, "out.mkv", "a"));
        assert!((picture - 4.0).abs() < 0.15 && (sound - 4.0).abs() < 0.15, "{name}: {picture} {sound}");
        // Sound and picture of the second part begin together.
        let times = |which: &str| -> Vec<f64> {
            let lines = folder.packets("out.mkv", which);
            lines.iter().map(|line| line.split(',').next().unwrap().parse().unwrap()).collect()
        };
        let (second_picture, second_sound) = (folder.times("out.mkv")[50], times("a")[one]);
        let first = folder.times("out.mkv")[0] - times("a")[0];
        assert!(
            (second_picture - second_sound - first).abs() < 0.05,
            "{name}: {second_picture} {second_sound} {first}"
        );
    }
}

#[test]
fn ogg_files_glued_together_are_not_called_damaged() {
    let folder = Folder::new();
    for (name, serial) in [("a.ogv", 1), ("b.ogv", 100)] {
        folder.clip(name, 1.0, &format!("-c:v libtheora -c:a libvorbis -serial_offset {serial}"));
    }
    let both = [fs::read(folder.path("a.ogv")).unwrap(), fs::read(folder.path("b.ogv")).unwrap()].concat();
    fs::write(folder.path("both.ogv"), both).unwrap();
    let run = folder.paint("both.ogv -o out.mkv").ok();
    let words = "holds several recordings, one after the other, and FFmpeg reads only the first: 25 frames were kept";
    assert!(run.warnings().contains(words) && !run.warnings().contains("damaged"), "{}", run.warnings());
}

#[test]
fn first_pictures_without_a_time_begin_with_the_file() {
    let folder = Folder::new();
    folder.clip("a.mkv", 2.0, "");
    // Matroska holds no times so far below zero: those of the first pictures are unreadable.
    folder.ffmpeg("-i a.mkv -map 0 -c copy -avoid_negative_ts disabled -output_ts_offset -1 early.mkv");
    assert!(folder.probe("early.mkv", "-select_streams v -show_entries packet=pts_time")[0].starts_with("N/A"));
    folder.paint("early.mkv -o out.mkv").ok();
    let (picture, sound) = (folder.first("out.mkv", "v"), folder.first("out.mkv", "a"));
    assert!((picture - sound).abs() < 0.1, "{picture} {sound}");
}

#[test]
fn tags_of_phones_survive_in_mov_and_mp4_and_are_named_where_they_do_not() {
    let folder = Folder::new();
    let tags = "-metadata com.apple.quicktime.model=Phone -metadata make=Maker -metadata title=Name";
    folder.clip("in.mov", 0.2, &format!("-movflags use_metadata_tags {tags}"));
    for output in ["out.mov", "out.mp4", "out.mkv"] {
        folder.paint(&format!("in.mov -o {output}")).without_warnings();
        let found = folder.probe(output, "-show_entries format_tags").concat();
        for value in ["Phone", "Maker", "Name"] {
            assert!(found.contains(value), "{output}: {found}");
        }
    }
    let run = folder.paint("in.mov -o out.ts").ok();
    assert!(run.warnings().contains("com.apple.quicktime.model"), "{}", run.warnings());
}

#[test]
fn several_videos_keep_their_sound_and_each_is_told_about() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    // PCM in MP4 is what cameras write, and FFmpeg's MOV writer makes.
    folder.clip("in/one.mov", 0.2, "-c:a pcm_s16be");
    fs::rename(folder.path("in/one.mov"), folder.path("in/one.MP4")).unwrap();
    folder.ffmpeg("-f lavfi -i testsrc2=s=160x90:r=25:d=0.2 -pix_fmt yuva444p -c:v ffv1 clear.mkv");
    folder.ffmpeg("-i clear.mkv -vf colorchannelmixer=aa=0.5 -pix_fmt yuva444p -c:v ffv1 in/two.mkv");
    folder.ffmpeg("-i in/two.mkv -c copy in/three.mkv");
    let run = folder.paint("in -o out").ok();
    assert_eq!(folder.probe("out/one.mkv", "-show_entries stream=codec_type"), ["video", "audio"]);
    let videos = run.json["videos"].as_array().unwrap();
    let warned = |name: &str| {
        let found = videos.iter().find(|video| video["input"].as_str().unwrap().contains(name)).unwrap();
        found["warnings"].to_string()
    };
    assert_eq!(warned("one.MP4"), "[]");
    assert!(warned("two.mkv").contains("transparency") && warned("three.mkv").contains("transparency"), "{}", run.json);
    folder.paint("clear.mkv -o clear.mp4").without_warnings();
}

#[test]
fn opacity_of_webm_is_said_to_be_lost_only_where_it_is_less_than_full() {
    let folder = Folder::new();
    for codec in ["libvpx", "libvpx-vp9"] {
        for (opacity, is_clear) in [("0.4", true), ("1.0", false)] {
            let color = format!("color=red@{opacity}:s=160x90:r=25:d=0.2,format=yuva420p");
            folder.ffmpeg(&format!("-f lavfi -i {color} -c:v {codec} -auto-alt-ref 0 in.webm"));
            let run = folder.paint("in.webm -o out.mp4 -y").ok();
            assert_eq!(run.warnings().contains("has transparency"), is_clear, "{codec} {opacity}: {}", run.warnings());
            assert_eq!(folder.times("out.mp4").len(), 5);
        }
    }
}

#[test]
fn a_show_says_that_its_film_is_hdr_and_sees_a_turned_one_upright() {
    let folder = Folder::new();
    let ramp = "format=yuv420p10le,geq=lum=120+4*X+Y+N:cb=492+X/4:cr=500+Y/3";
    let tags = "-color_range tv -colorspace bt2020nc -color_primaries bt2020 -color_trc arib-std-b67";
    folder.ffmpeg(&format!("-f lavfi -i color=s=160x90:r=5:d=8 -vf {ramp} {tags} -c:v ffv1 hlg.mkv"));
    folder.paint("hlg.mkv -o video.mp4 --pix-fmt yuv420p").ok();
    let show = "--no-window --style identity --duration 6";
    let run = impasto(&folder, &format!("live --camera hlg.mkv {show} --record show.mp4"));
    assert!(run.code == 0 && run.errors.contains("'hlg.mkv' is HDR video; it is painted in SDR"), "{}", run.errors);
    assert_eq!(folder.facts("show.mp4", HDR_FACTS), folder.facts("video.mp4", HDR_FACTS));
    let (video, show_) = (folder.pictures("video.mp4").swap_remove(0), folder.pictures("show.mp4").swap_remove(0));
    let mean = |picture: &[u8]| picture[..160 * 90].iter().map(|&luma| f64::from(luma)).sum::<f64>() / 14_400.0;
    assert!((mean(&video) - mean(&show_)).abs() < 3.0, "{} {}", mean(&video), mean(&show_));
    folder.ffmpeg("-f lavfi -i testsrc2=s=160x90:r=5:d=8 -c:v libx264 flat.mp4");
    folder.ffmpeg("-i flat.mp4 -c copy -metadata:s:v:0 rotate=90 turned.mp4");
    let run = impasto(&folder, &format!("live --camera turned.mp4 {show} --record turned.mkv"));
    assert_eq!((run.code, folder.facts("turned.mkv", "width,height").as_str()), (0, "90,160"), "{}", run.errors);
}

#[test]
#[cfg(unix)]
fn a_signal_ends_a_show_whatever_its_film_waits_for() {
    let folder = Folder::new();
    folder.clip("a.ts", 1.0, "-output_ts_offset 3600");
    folder.clip("b.ts", 1.0, "");
    let joined = [fs::read(folder.path("a.ts")).unwrap(), fs::read(folder.path("b.ts")).unwrap()].concat();
    fs::write(folder.path("back.ts"), joined).unwrap();
    // One frame, and the next one twenty seconds later.
    folder.clip("gap.mp4", 0.2, "-an -vf setpts=N/TB*20 -vsync passthrough");
    for film in ["gap.mp4", "back.ts"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        command.args(["live", "--camera", film, "--no-window", "--style", "identity", "--loop"]);
        let mut child = command.current_dir(folder.0.path()).spawn().unwrap();
        std::thread::sleep(Duration::from_secs(4));
        let told = Instant::now();
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{film}");
        assert!(told.elapsed() < Duration::from_secs(3), "{film}: {:?}", told.elapsed());
    }
}

#[test]
fn a_still_and_an_animation_loop_at_their_own_speed() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x36:r=5:d=0.6 moving.gif");
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x36 -frames:v 1 still.gif");
    for (name, most) in [("moving.gif", 5.5), ("still.gif", 60.5)] {
        let args = format!("live --json --camera {name} --loop --duration 3 --no-window --style identity");
        let run = impasto(&folder, &args);
        assert_eq!(run.code, 0, "{name}: {}", run.errors);
        assert!(!run.errors.contains("transparency"), "{name}: {}", run.errors);
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        let lines = clips::output(command.args(args.split(' ')).current_dir(folder.0.path())).stdout;
        let last = String::from_utf8(lines).unwrap().lines().last().unwrap().to_owned();
        let report: serde_json::Value = serde_json::from_str(&last).unwrap();
        let (frames, seconds) = (report["frames"].as_f64().unwrap(), report["seconds"].as_f64().unwrap());
        assert!(frames >= 1.0 && frames <= most * seconds + 1.0, "{name}: {report}");
    }
}

#[test]
fn a_show_ends_when_it_is_told_to_and_sees_a_film_upright() {
    let folder = Folder::new();
    folder.clip("flat.mp4", 1.0, "-vf setpts=N/TB*8 -vsync passthrough -aspect 16:9");
    let start = Instant::now();
    let run =
        impasto(&folder, "live --json --camera flat.mp4 --no-window --style identity --duration 1 --record a.mp4");
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
    assert_eq!(run.code, 0, "{}", run.errors);
    assert!(!folder.times("a.mp4").is_empty());
    let run = impasto(&folder, "live --camera synthetic --no-window --style identity --duration 1 --record a.gif");
    assert!(run.code == 2 && run.errors.contains("gif files cannot hold"), "{}", run.errors);
    // Nothing is painted so soon.
    let run = impasto(&folder, "live --camera synthetic --no-window --style identity --duration 0.0001 --record b.mp4");
    assert!(run.code == 1 && run.errors.contains("'b.mp4' was not recorded"), "{}", run.errors);
}
