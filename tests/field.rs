//! Inputs as phones, cameras, broadcasters and other programs make them: what they carry comes out, or is said.

#[path = "common/clips.rs"]
mod clips;
#[path = "common/need.rs"]
mod need;

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use clips::{Folder, Run, finish};

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
}

/// A TIFF of one pixel with these tags, each as number and short.
fn tiff(tags: &[(u16, u16)], pixel: &[u8]) -> Vec<u8> {
    let data = 8 + 2 + 12 * (tags.len() + 2) as u32 + 4;
    let entry = |tag: u16, kind: u16, value: u32| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &1u32.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let mut entries: Vec<(u16, Vec<u8>)> =
        tags.iter().map(|&(tag, value)| (tag, entry(tag, 3, u32::from(value)))).collect();
    entries.push((273, entry(273, 4, data)));
    entries.push((279, entry(279, 4, pixel.len() as u32)));
    entries.sort();
    let count = entries.len() as u16;
    let body: Vec<u8> = entries.into_iter().flat_map(|(_, entry)| entry).collect();
    [b"II*\0\x08\0\0\0", &count.to_le_bytes()[..], &body, &[0; 4], pixel].concat()
}

/// What `impasto image` makes of a picture of one grey pixel.
fn painted(folder: &Folder, name: &str, bytes: &[u8]) -> (Run, Option<image::Rgba<u8>>) {
    fs::write(folder.path(name), bytes).unwrap();
    let run = impasto(folder, &format!("image {name} -o out.png --style identity"));
    let pixel = image::open(folder.path("out.png")).ok().map(|image| *image.to_rgba8().get_pixel(0, 0));
    (run, pixel)
}

#[test]
fn samples_of_tiff_are_read_as_they_are_stored_or_refused_by_name() {
    let folder = Folder::new();
    let size = [(256, 1), (257, 1), (259, 1), (278, 1), (262, 1)];
    let with = |more: &[(u16, u16)], pixel: &[u8]| tiff(&[&size[..], more].concat(), pixel);
    let deep = with(&[(258, 32), (277, 1)], &0x8000_0000u32.to_le_bytes());
    let (run, pixel) = painted(&folder, "deep.tif", &deep);
    assert_eq!(pixel.unwrap().0, [128, 128, 128, 255], "{}", run.errors);
    let float = with(&[(258, 32), (277, 1), (339, 3)], &0.25f32.to_le_bytes());
    assert_eq!(painted(&folder, "float.tif", &float).1.unwrap().0, [64, 64, 64, 255]);
    let signed = with(&[(258, 16), (277, 1), (339, 2)], &1000u16.to_le_bytes());
    let (run, _) = painted(&folder, "signed.tif", &signed);
    assert!(
        run.code == 1 && run.errors.contains("signed integers") && !run.errors.contains("damaged"),
        "{}",
        run.errors
    );
}

#[test]
fn pictures_of_unknown_kinds_are_named_also_in_a_folder() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    fs::write(folder.path("in/a.psd"), b"8BPS\0\x01\0\0\0\0\0\0\0\x03").unwrap();
    let run = impasto(&folder, "image in -o out --style identity");
    assert!(run.code == 1 && run.errors.contains("is a Photoshop picture"), "{}", run.errors);
}
