//! What `impasto video` promises, on clips that the `ffmpeg` program makes and `ffprobe` looks at.

#[path = "common/clips.rs"]
mod clips;
#[path = "common/need.rs"]
mod need;

use std::fs;

use clips::{Folder, finish, output};

fn assert_close(a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len(), "{a:?}\n{b:?}");
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() <= tolerance), "{a:?}\n{b:?}");
}

/// Frames at uneven times.
const UNEVEN: &str = "-vf select='not(eq(mod(n\\,7)\\,3))' -vsync passthrough";

#[test]
fn frames_and_sound_keep_their_exact_times_in_mp4_and_mov() {
    let folder = Folder::new();
    folder.clip("even.mp4", 2.0, "");
    folder.clip("uneven.mp4", 2.0, UNEVEN);
    folder.clip("even.mov", 1.0, "");
    for (input, output) in
        [("even.mp4", "a.mp4"), ("uneven.mp4", "b.mp4"), ("uneven.mp4", "c.mov"), ("even.mov", "d.mp4")]
    {
        let run = folder.paint(&format!("{input} -o {output}")).without_warnings();
        assert_eq!(folder.times(output), folder.times(input), "{input}");
        assert_eq!(folder.packets(output, "a"), folder.packets(input, "a"), "{input}");
        assert_eq!(run.frames(), folder.times(input).len());
    }
    assert_eq!(folder.times("a.mp4").len(), 50);
}

#[test]
fn frames_and_sound_keep_their_times_in_matroska_to_a_millisecond() {
    let folder = Folder::new();
    folder.clip("even.mp4", 1.0, "");
    folder.clip("uneven.mkv", 2.0, UNEVEN);
    folder.paint("uneven.mkv -o a.mkv").without_warnings();
    assert_eq!(folder.times("a.mkv"), folder.times("uneven.mkv"));
    assert_eq!(folder.packets("a.mkv", "a"), folder.packets("uneven.mkv", "a"));
    // Sound of an MP4 begins before 0; Matroska has no such times, and so everything moves together.
    folder.paint("even.mp4 -o b.mkv").without_warnings();
    let moved = |name: &str, by: f64| folder.times(name).iter().map(|time| time - by).collect::<Vec<_>>();
    let (first, sound) = (folder.times("b.mkv")[0], folder.first("even.mp4", "a"));
    assert_close(&moved("b.mkv", first), &folder.times("even.mp4"), 0.00101);
    assert!((folder.first("b.mkv", "a") - first - sound).abs() < 0.00101, "{first} {sound}");
    folder.paint("uneven.mkv -o c.mp4").without_warnings();
    assert_close(&folder.times("c.mp4"), &folder.times("uneven.mkv"), 1e-5);
}

#[test]
fn a_transport_stream_starts_at_zero_with_picture_and_sound_together() {
    let folder = Folder::new();
    folder.clip("in.ts", 1.0, "");
    folder.paint("in.ts -o out.mp4").without_warnings();
    assert!(folder.first("in.ts", "v") > 1.0, "transport streams start late");
    assert!(folder.first("out.mp4", "v") < 0.1);
    let gap = |name: &str| folder.first(name, "a") - folder.first(name, "v");
    assert!((gap("in.ts") - gap("out.mp4")).abs() < 0.001, "{} {}", gap("in.ts"), gap("out.mp4"));
    assert_eq!(folder.times("out.mp4").len(), 25);
}

#[test]
fn the_identity_style_gives_the_input_back() {
    let folder = Folder::new();
    folder.clip("in.mp4", 0.5, "-qp 10");
    folder.paint("in.mp4 -o a.mkv --codec ffv1").without_warnings();
    assert!(folder.psnr("in.mp4", "a.mkv") > 45.0, "{}", folder.psnr("in.mp4", "a.mkv"));
    folder.paint("in.mp4 -o b.mp4 --crf 8").without_warnings();
    assert!(folder.psnr("in.mp4", "b.mp4") > 35.0, "{}", folder.psnr("in.mp4", "b.mp4"));
}

#[test]
fn every_codec_that_this_ffmpeg_has_is_written_and_the_others_are_named() {
    let folder = Folder::new();
    folder.clip("in.mp4", 0.4, "");
    let list = output(need::program("ffmpeg").args(["-v", "error", "-encoders"])).stdout;
    let list = String::from_utf8(list).unwrap();
    let cases = [
        ("h264", "mp4", &["libx264"][..], "h264"),
        ("hevc", "mp4", &["libx265"], "hevc"),
        ("av1", "mkv", &["libsvtav1", "libaom-av1"], "av1"),
        ("vp9", "webm", &["libvpx-vp9"], "vp9"),
        ("prores", "mov", &["prores_ks"], "prores"),
        ("ffv1", "mkv", &["ffv1"], "ffv1"),
    ];
    for (codec, ending, encoders, name) in cases {
        let args = format!("in.mp4 -o {codec}.{ending} --codec {codec}");
        if encoders.iter().any(|encoder| list.contains(&format!(" {encoder} "))) {
            folder.paint(&args).ok();
            assert_eq!(folder.facts(&format!("{codec}.{ending}"), "codec_name"), name);
            assert_eq!(folder.times(&format!("{codec}.{ending}")).len(), 10, "{codec}");
        } else {
            folder.refuses(&args, 2, "this FFmpeg has no encoder for");
        }
    }
    folder.paint("in.mp4 -o plain.webm").ok();
    assert_eq!(folder.facts("plain.webm", "codec_name"), "vp9", "the default of .webm");
    folder.paint("in.mp4 -o plain.avi").ok();
    // AVI has no times to count.
    assert_eq!(folder.probe("plain.avi", "-select_streams v -show_entries frame=pict_type").len(), 10);
}

#[test]
fn encoder_settings_are_passed_on_and_wrong_ones_are_named() {
    let folder = Folder::new();
    folder.clip("in.mp4", 0.4, "");
    let size = |name: &str| fs::metadata(folder.path(name)).unwrap().len();
    folder.paint("in.mp4 -o fine.mp4 --crf 5 --preset fast").without_warnings();
    folder.paint("in.mp4 -o coarse.mp4 --crf 45 --pix-fmt yuv444p").without_warnings();
    assert!(size("fine.mp4") > size("coarse.mp4"));
    assert_eq!(folder.facts("coarse.mp4", "pix_fmt"), "yuv444p");
    folder.paint("in.mp4 -o keys.mp4 --encoder-option g=5 --encoder-option x264-params=scenecut=0").without_warnings();
    let keys = folder.probe("keys.mp4", "-select_streams v -show_entries packet=flags");
    assert_eq!(keys.iter().filter(|flags| flags.starts_with('K')).count(), 2);
    for (args, words) in [
        ("--crf 99", "takes 0 (best) to 51"),
        ("--preset quick", "choose ultrafast, superfast"),
        ("--pix-fmt rgb565", "choose yuv420p"),
        ("--encoder-option nonsense=1", "no option 'nonsense'"),
        ("--encoder-option g=many", "does not accept 'many'"),
        ("--encoder-option g", "write NAME=VALUE"),
        ("--codec prores", "mp4 files cannot hold prores"),
    ] {
        folder.refuses(&format!("in.mp4 -o out.mp4 {args}"), 2, words);
    }
    folder.refuses("in.mp4 -o out.mkv --codec ffv1 --crf 3", 2, "it is lossless");
    folder.refuses("in.mp4 -o out.webm --codec h264", 2, "choose --codec av1 or vp9");
}

#[test]
fn pixel_shape_and_colour_tags_are_kept_and_a_rotated_video_is_stored_upright() {
    let folder = Folder::new();
    let tags = "-color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709";
    folder.clip("flat.mp4", 0.4, &format!("-aspect 4:3 {tags}"));
    // FFmpeg 6 has an option for it, FFmpeg 5 a tag.
    let turned = need::program("ffmpeg")
        .args("-v error -nostdin -y -display_rotation 90 -i flat.mp4 -c copy in.mp4".split(' '))
        .current_dir(folder.0.path())
        .output();
    if !turned.is_ok_and(|done| done.status.success()) {
        folder.ffmpeg("-i flat.mp4 -c copy -metadata:s:v:0 rotate=90 in.mp4");
    }
    let facts = "color_range,color_space,color_primaries,color_transfer,chroma_location";
    let shape = |name: &str| folder.facts(name, "width,height,sample_aspect_ratio:stream_side_data=rotation");
    assert!(shape("in.mp4").starts_with("160,90,3:4") && shape("in.mp4").contains("90"), "{}", shape("in.mp4"));
    for output in ["out.mp4", "out.mkv", "out.mov"] {
        folder.paint(&format!("in.mp4 -o {output}")).without_warnings();
        assert_eq!(folder.facts(output, facts), folder.facts("in.mp4", facts), "{output}");
        assert_eq!(shape(output), "90,160,4:3", "{output}");
    }
    assert!(folder.facts("out.mp4", facts).contains("bt709"));
    // FFmpeg's command line turns pictures upright, too.
    folder.ffmpeg("-i in.mp4 -c:v ffv1 -pix_fmt yuv420p upright.mkv");
    folder.paint("in.mp4 -o out.avi --codec ffv1 --pix-fmt yuv420p").without_warnings();
    assert!(folder.psnr("upright.mkv", "out.avi") > 36.0, "{}", folder.psnr("upright.mkv", "out.avi"));
    folder.paint("in.mp4 -o small.mp4 --size 60x80").without_warnings();
    assert!(shape("small.mp4").starts_with("60,80,1:1"), "{}", shape("small.mp4"));
}

#[test]
fn full_range_and_other_pixel_formats_keep_their_brightness() {
    let folder = Folder::new();
    let source = "-f lavfi -i testsrc2=s=160x90:r=25:d=0.2";
    for (format, codec) in [
        ("yuvj420p", "libx264"),
        ("yuv422p", "libx264"),
        ("yuv444p", "libx264"),
        ("nv12", "libx264"),
        ("yuv411p", "ffv1"),
        ("yuv420p10le", "ffv1"),
        ("yuv422p10le", "ffv1"),
        ("yuv444p10le", "ffv1"),
        ("gray", "ffv1"),
    ] {
        let out = format!("{format}.mkv");
        folder.ffmpeg(&format!("{source} -pix_fmt {format} -c:v {codec} -qp 5 in_{out}"));
        folder.paint(&format!("in_{out} -o {out} --codec ffv1")).ok();
        if format.contains("10") {
            folder.ffmpeg(&format!("-i in_{out} -pix_fmt yuv444p -c:v ffv1 8_{out}"));
            fs::rename(folder.path(&format!("8_{out}")), folder.path(&format!("in_{out}"))).unwrap();
        }
        let psnr = folder.psnr(&format!("in_{out}"), &out);
        assert!(psnr > 38.0, "{format}: {psnr}");
    }
    folder.paint("in_yuvj420p.mkv -o full.mp4").without_warnings();
    assert_eq!(folder.facts("full.mp4", "color_range"), "pc");
}

#[test]
fn ten_bit_and_hdr_video_is_said_to_be_painted_at_eight_bits() {
    let folder = Folder::new();
    folder.clip("ten.mp4", 0.2, "-pix_fmt yuv420p10le");
    let run = folder.paint("ten.mp4 -o a.mp4").ok();
    assert!(run.warnings().contains("has 10 bits per channel; it is painted at 8 bits"), "{}", run.warnings());
    let tags = "-color_range tv -colorspace bt2020nc -color_primaries bt2020 -color_trc smpte2084";
    folder.clip("hdr.mp4", 0.2, &format!("-pix_fmt yuv420p10le {tags}"));
    let run = folder.paint("hdr.mp4 -o b.mp4").ok();
    assert!(run.warnings().contains("is HDR video; it is painted in SDR"), "{}", run.warnings());
}

#[test]
fn chapters_tags_subtitles_cover_and_languages_are_kept() {
    let folder = Folder::new();
    let chapters = ";FFMETADATA1\ntitle=The Film\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=One\n\
        [CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=1000\ntitle=Two\n";
    fs::write(folder.path("chapters.txt"), chapters).unwrap();
    fs::write(folder.path("words.srt"), "1\n00:00:00,100 --> 00:00:00,700\nHello\n").unwrap();
    folder.clip("plain.mp4", 1.0, "");
    folder.ffmpeg("-f lavfi -i color=red:s=32x32 -frames:v 1 cover.png");
    let parts = "-i plain.mp4 -i words.srt -i chapters.txt -i cover.png -map 0 -map 1 -map 3 -map_metadata 2 -c copy \
        -metadata:s:a:0 language=deu -metadata:s:s:0 language=fra -disposition:v:1 attached_pic";
    folder.ffmpeg(&format!("{parts} -c:s mov_text in.mp4"));
    folder.ffmpeg(
        "-i plain.mp4 -i words.srt -i chapters.txt -map 0 -map 1 -map_metadata 2 -c copy \
        -metadata:s:a:0 language=ger -attach cover.png -metadata:s:t mimetype=image/png in.mkv",
    );
    for (input, output) in [("in.mp4", "out.mp4"), ("in.mkv", "out.mkv")] {
        folder.paint(&format!("{input} -o {output}")).without_warnings();
        let same = |args: &str| assert_eq!(folder.probe(output, args), folder.probe(input, args), "{output}: {args}");
        same("-show_entries chapter=start_time,end_time:chapter_tags=title");
        same("-show_entries format_tags=title");
        same("-show_entries stream=index,codec_name:stream_tags=language:stream_disposition=default,attached_pic");
        same("-select_streams s -show_entries packet=pts_time,duration_time,size");
        assert_eq!(folder.probe(output, "-show_entries chapter_tags=title").concat(), "OneTwo");
    }
    // A cover becomes an attached file in Matroska, and nothing is said about it.
    folder.ffmpeg("-i plain.mp4 -i cover.png -map 0 -map 1 -c copy -disposition:v:1 attached_pic cover.mp4");
    folder.paint("cover.mp4 -o cover.mkv").without_warnings();
    // QuickTime has no place for one.
    let lost = folder.paint("cover.mp4 -o cover.mov").ok();
    assert!(lost.warnings().contains("the cover (stream 2) is left out: mov"), "{}", lost.warnings());
    folder.paint("cover.mp4 -o cover2.mp4").without_warnings();
    assert_eq!(folder.probe("cover2.mp4", "-select_streams v:1 -show_entries stream_disposition=attached_pic"), ["1"]);
    assert_eq!(folder.probe("cover.mkv", "-select_streams v:1 -show_entries stream_disposition=attached_pic"), ["1"]);
}

#[test]
fn streams_that_the_container_cannot_hold_are_named_with_a_cure() {
    let folder = Folder::new();
    fs::write(folder.path("words.srt"), "1\n00:00:00,100 --> 00:00:00,300\nHello\n").unwrap();
    folder.clip("plain.mp4", 0.4, "");
    folder.ffmpeg("-i plain.mp4 -i words.srt -map 0 -map 1 -c copy in.mkv");
    let warnings = folder.paint("in.mkv -o out.mp4").ok().warnings();
    assert!(warnings.contains("stream 2 (subtitles, subrip) is left out"), "{warnings}");
    assert!(warnings.contains("write .mkv to keep it"), "{warnings}");
    let warnings = folder.paint("plain.mp4 -o out.webm").ok().warnings();
    assert!(warnings.contains("stream 1 (audio, aac) is left out"), "{warnings}");
}

#[test]
fn odd_sizes_are_cropped_with_a_warning_or_kept_in_yuv444p() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc=s=161x91:r=25:d=0.2 -c:v ffv1 -pix_fmt yuv420p in.mkv");
    let run = folder.paint("in.mkv -o a.mp4").ok();
    assert!(run.warnings().contains("161x91 becomes 160x90"), "{}", run.warnings());
    assert_eq!(folder.facts("a.mp4", "width,height"), "160,90");
    folder.paint("in.mkv -o b.mp4 --pix-fmt yuv444p").without_warnings();
    assert_eq!(folder.facts("b.mp4", "width,height"), "161,91");
    folder.paint("in.mkv -o c.webm").without_warnings();
    assert_eq!(folder.facts("c.webm", "width,height"), "161,91");
    folder.ffmpeg("-f lavfi -i testsrc=s=32x32:r=25:d=0.2 -vf format=rgb24,crop=1:1 -c:v ffv1 dot.mkv");
    folder.refuses("dot.mkv -o dot.mp4", 2, "--pix-fmt yuv444p");
    folder.paint("dot.mkv -o dot.mkv.mkv --codec ffv1").without_warnings();
}

#[test]
fn a_single_frame_is_a_video_too() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc2=s=160x90:r=25 -frames:v 1 -c:v libx264 in.mp4");
    assert_eq!(folder.paint("in.mp4 -o out.mp4").without_warnings().frames(), 1);
    assert_eq!(folder.times("out.mp4"), [0.0]);
}

#[test]
fn start_and_duration_cut_picture_and_sound_at_the_frame() {
    let folder = Folder::new();
    folder.clip("in.mp4", 3.0, "");
    let run = folder.paint("in.mp4 -o out.mp4 --start 0.98 --duration 1 --codec h264 --crf 5").without_warnings();
    assert_eq!(run.frames(), 25, "from the frame at 1.00 to the one at 1.96");
    assert_close(&folder.times("out.mp4"), &(0..25).map(|n| f64::from(n) / 25.0).collect::<Vec<_>>(), 1e-6);
    folder.ffmpeg("-i in.mp4 -vf trim=start_frame=25:end_frame=50,setpts=PTS-STARTPTS -an -c:v ffv1 wanted.mkv");
    assert!(folder.psnr("wanted.mkv", "out.mp4") > 30.0, "the right frames");
    let sound = folder.packets("out.mp4", "a");
    assert!((41..=44).contains(&sound.len()), "0.98 s of packets of 1024 samples at 44100: {}", sound.len());
    let first: f64 = sound[0].split(',').next().unwrap().parse().unwrap();
    assert!((0.0..0.024).contains(&first), "{first}");
    assert_eq!(folder.paint("in.mp4 -o end.mkv --start 2.9").without_warnings().frames(), 2);
    folder.refuses("in.mp4 -o late.mp4 --start 10", 2, "ends at 3.000 s");
}

#[test]
fn size_and_rate_are_changed_before_painting() {
    let folder = Folder::new();
    folder.clip("in.mp4", 1.0, "");
    folder.paint("in.mp4 -o small.mp4 --size 80x-1").ok();
    assert_eq!(folder.facts("small.mp4", "width,height,sample_aspect_ratio"), "80,44,1:1");
    folder.paint("in.mp4 -o square.mp4 --size 90x90").without_warnings();
    assert_eq!(folder.facts("square.mp4", "width,height,display_aspect_ratio"), "90,90,16:9");
    let run = folder.paint("in.mp4 -o slow.mp4 --fps 10").without_warnings();
    assert_eq!(run.frames(), 10);
    assert_close(&folder.times("slow.mp4"), &(0..10).map(|n| f64::from(n) / 10.0).collect::<Vec<_>>(), 1e-6);
    assert_eq!(folder.paint("in.mp4 -o fast.mkv --fps 50").without_warnings().frames(), 50);
    assert_eq!(folder.packets("slow.mp4", "a"), folder.packets("in.mp4", "a"));
}

#[test]
fn a_cut_off_file_keeps_its_frames_and_says_how_many() {
    let folder = Folder::new();
    folder.clip("whole.mp4", 2.0, "-movflags +faststart");
    let bytes = fs::read(folder.path("whole.mp4")).unwrap();
    fs::write(folder.path("cut.mp4"), &bytes[..bytes.len() * 6 / 10]).unwrap();
    let run = folder.paint("cut.mp4 -o out.mp4").ok();
    assert!((20..45).contains(&run.frames()), "{}", run.frames());
    assert!(run.warnings().contains("damaged or cut off"), "{}", run.warnings());
    assert!(run.warnings().contains("of about 50"), "{}", run.warnings());
    assert_eq!(folder.times("out.mp4").len(), run.frames());
    folder.clip("whole.mkv", 2.0, "");
    let bytes = fs::read(folder.path("whole.mkv")).unwrap();
    fs::write(folder.path("cut.mkv"), &bytes[..bytes.len() / 2]).unwrap();
    let run = folder.paint("cut.mkv -o out.mkv").ok();
    assert!((10..45).contains(&run.frames()), "{}", run.frames());
    assert!(run.warnings().contains("damaged or cut off"), "{}", run.warnings());
    // Zeros in the middle: the frames behind them are kept too.
    let mut bytes = fs::read(folder.path("whole.mp4")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 2000].fill(0);
    fs::write(folder.path("hole.mp4"), bytes).unwrap();
    assert!(folder.paint("hole.mp4 -o hole.mkv").ok().frames() > 35);
    // No index, no frames.
    folder.clip("late.mp4", 1.0, "");
    let bytes = fs::read(folder.path("late.mp4")).unwrap();
    fs::write(folder.path("headless.mp4"), &bytes[..bytes.len() / 2]).unwrap();
    folder.refuses("headless.mp4 -o no.mp4", 1, "cut off");
    folder.refuses("late.mp4 -o rtmp://127.0.0.1:9/no.mp4", 2, "is an address");
}

#[test]
fn a_recording_that_tells_no_length_is_said_to_be_cut_off_where_that_can_be_known() {
    let folder = Folder::new();
    // A live recording has no length, no index, and clusters one after the other; a broadcast has packets.
    folder.clip("live.mkv", 2.0, "-f matroska -live 1");
    folder.clip("sound.ts", 2.0, "");
    // Pictures of many packets each.
    let noise = "-vf noise=alls=60:allf=t -c:v libx264 -qp 20 -bf 0";
    folder.ffmpeg(&format!("-f lavfi -i testsrc2=s=320x180:r=25:d=0.6 {noise} silent.ts"));
    folder.clip("sound.ogv", 2.0, "-c:v libtheora -c:a libvorbis");
    for name in ["live.mkv", "sound.ts", "silent.ts", "sound.ogv"] {
        folder.paint(&format!("{name} -o whole.mkv -y")).without_warnings();
        let bytes = fs::read(folder.path(name)).unwrap();
        let half = bytes.len() / 2 / 188 * 188;
        // Within a packet; and between two packets of a picture, where the decoder misses the rest of it.
        let lengths = if name == "silent.ts" { [bytes.len() - 1, half] } else { [bytes.len() - 1, half + 1] };
        for length in lengths {
            let cut = name.replace('.', "-cut.");
            fs::write(folder.path(&cut), &bytes[..length]).unwrap();
            let run = folder.paint(&format!("{cut} -o out.mkv -y")).ok();
            let words = format!("cut off: {} frames", run.frames());
            assert!(run.warnings().contains(&words), "{name} {length}: {}", run.warnings());
        }
    }
    // Something behind the packets is no part of one.
    let bytes = fs::read(folder.path("sound.ts")).unwrap();
    fs::write(folder.path("tagged.ts"), [&bytes[..], b"TAG of some recorder"].concat()).unwrap();
    folder.paint("tagged.ts -o out.mkv -y").without_warnings();
}

#[test]
fn languages_and_titles_of_streams_survive_in_mov_and_mp4() {
    let folder = Folder::new();
    let tags = "-metadata:s:v title=Uncut -metadata:s:a language=deu -metadata:s:a title=Commentary";
    folder.clip("in.mkv", 0.2, tags);
    for (output, language) in [("out.mov", "ger"), ("out.mp4", "deu"), ("out.mkv", "deu")] {
        folder.paint(&format!("in.mkv -o {output}")).without_warnings();
        let found = folder.probe(output, "-show_entries stream_tags").concat();
        for value in ["Uncut", "Commentary", language] {
            assert!(found.contains(value), "{output}: {found}");
        }
    }
}

#[test]
fn a_film_whose_chunks_tell_their_sizes_is_said_to_be_cut_off() {
    let folder = Folder::new();
    for (name, options) in [
        ("film.mp4", "-movflags +faststart"),
        ("fragments.mp4", "-movflags +frag_keyframe+empty_moov"),
        ("film.dv", "-s 720x576 -pix_fmt yuv420p -c:v dvvideo -c:a pcm_s16le -ar 48000 -ac 2"),
        ("film.gif", "-c:v gif -an"),
        ("film.flv", "-c:v flv1 -bf 0 -c:a aac"),
        ("film.wmv", "-c:v wmv2 -bf 0 -c:a wmav2"),
        ("film.avi", "-c:v mjpeg -bf 0 -c:a pcm_s16le"),
        ("film.mxf", "-c:v mpeg2video -c:a pcm_s16le -ar 48000"),
        ("film.mpg", "-c:v mpeg2video -c:a mp2"),
        ("film.vob", "-c:v mpeg2video -c:a mp2"),
        ("film.nut", "-c:v mpeg4 -c:a pcm_s16le"),
        ("film.mjpeg", "-an -c:v mjpeg -bf 0"),
        ("film.obu", "-an -c:v libaom-av1 -bf 0 -cpu-used 8"),
        ("film.vc2", "-an -c:v vc2 -bf 0 -strict -1 -pix_fmt yuv422p"),
    ] {
        folder.clip(name, 1.0, options);
        let run = folder.paint(&format!("{name} -o whole.mkv -y")).ok();
        assert!(!run.warnings().contains("damaged"), "{name}: {}", run.warnings());
        let (bytes, cut) = (fs::read(folder.path(name)).unwrap(), format!("cut-{name}"));
        // Within a picture, and within whatever stands there.
        for length in [bytes.len() / 2 + 1, bytes.len() * 4 / 5 + 1] {
            fs::write(folder.path(&cut), &bytes[..length]).unwrap();
            let run = folder.paint(&format!("{cut} -o out.mkv -y")).ok();
            assert!(run.warnings().contains("is damaged"), "{name} {length}: {} {}", run.frames(), run.warnings());
        }
    }
}

#[test]
fn a_size_that_changes_midway_is_scaled_to_the_first() {
    let folder = Folder::new();
    let part = |size: &str, name: &str| {
        folder.ffmpeg(&format!("-f lavfi -i testsrc2=s={size}:r=25:d=0.4 -c:v libx264 -f h264 {name}"));
        fs::read(folder.path(name)).unwrap()
    };
    let joined = [part("160x90", "a.h264"), part("320x180", "b.h264")].concat();
    fs::write(folder.path("in.h264"), joined).unwrap();
    let run = folder.paint("in.h264 -o out.mp4").ok();
    assert_eq!(run.frames(), 20);
    assert!(run.warnings().contains("changes its size midway; all frames were scaled to"), "{}", run.warnings());
    assert_eq!(folder.facts("out.mp4", "width,height"), "160,90");
}

#[test]
fn what_is_no_video_is_refused_in_one_sentence() {
    let folder = Folder::new();
    fs::write(folder.path("text.mp4"), "this is no video\n".repeat(100)).unwrap();
    fs::write(folder.path("empty.mp4"), "").unwrap();
    fs::create_dir(folder.path("folder.mp4")).unwrap();
    folder.ffmpeg("-f lavfi -i sine=d=0.2 sound.wav");
    folder.refuses("text.mp4 -o out.mp4", 1, "is not a video that FFmpeg can read");
    folder.refuses("empty.mp4 -o out.mp4", 1, "is empty");
    folder.refuses("folder.mp4 -o out/", 1, "no videos in the folder");
    folder.refuses("sound.wav -o out.mp4", 1, "has no video");
    folder.refuses("missing.mp4 -o out.mp4", 1, "no file 'missing.mp4'");
}

#[test]
fn outputs_that_cannot_be_or_would_destroy_are_refused() {
    let folder = Folder::new();
    folder.clip("in.mp4", 0.4, "");
    folder.clip("there.mp4", 0.2, "");
    fs::create_dir(folder.path("folder.mp4")).unwrap();
    let before = fs::read(folder.path("in.mp4")).unwrap();
    folder.refuses("in.mp4 -o there.mp4", 2, "add --overwrite");
    folder.refuses("in.mp4 -o in.mp4 --overwrite", 2, "is the input itself");
    folder.refuses("in.mp4 -o folder.mp4", 2, "is a folder");
    folder.refuses("in.mp4 -o missing/out.mp4", 1, "cannot write 'missing/out.mp4': its folder does not exist");
    folder.refuses("in.mp4 -o there.mp4/out.mp4", 1, "cannot write");
    folder.refuses("in.mp4 -o out.xyz", 2, "use .mp4, .mkv, .mov or .webm");
    folder.refuses("in.mp4 -o out", 2, "use .mp4, .mkv, .mov or .webm");
    folder.refuses("in.mp4 -o out.gif", 2, "use .mp4, .mkv, .mov or .webm");
    assert_eq!(fs::read(folder.path("in.mp4")).unwrap(), before);
    folder.paint("in.mp4 -o there.mp4 --overwrite").without_warnings();
    assert_eq!(folder.times("there.mp4").len(), 10);
}

#[test]
fn a_name_that_looks_like_an_address_is_a_file() {
    let folder = Folder::new();
    folder.clip("plain.mp4", 0.2, "");
    fs::rename(folder.path("plain.mp4"), folder.path("a:b %03d é.mp4")).unwrap();
    let mut command = folder.command("-o http:c.mp4");
    assert_eq!(finish(command.arg("a:b %03d é.mp4")).without_warnings().frames(), 5);
    assert!(folder.path("http:c.mp4").exists());
}
