//! Numbered pictures as films, in and out.

#[path = "common/clips.rs"]
mod clips;
#[path = "common/need.rs"]
mod need;

use std::fs;
use std::time::{Duration, Instant};

use clips::Folder;

/// Twelve numbered pictures in `frames`, from number 1001, and the same as `film.mkv` at 24 frames a second.
fn folder_of_frames(ending: &str) -> Folder {
    let folder = Folder::new();
    fs::create_dir(folder.path("frames")).unwrap();
    folder.ffmpeg("-f lavfi -i testsrc2=s=90x50:r=24:d=0.5 -vf hue=s=0.4 -pix_fmt bgr0 -c:v ffv1 film.mkv");
    folder.ffmpeg(&format!("-i film.mkv -start_number 1001 -q:v 1 frames/%04d.{ending}"));
    folder
}

#[test]
fn numbered_pictures_become_a_film_at_the_rate_that_is_given() {
    let folder = folder_of_frames("png");
    let run =
        folder.paint("frames/%04d.png -o a.mkv --codec ffv1 --pix-fmt bgr0 --fps 24 --stabilize 0").without_warnings();
    assert_eq!(run.frames(), 12);
    assert_eq!(folder.facts("a.mkv", "avg_frame_rate"), "24/1");
    assert_eq!(folder.times("a.mkv"), folder.times("film.mkv"));
    assert!(folder.pictures("a.mkv") == folder.pictures("film.mkv"), "every pixel of every picture");
    folder.paint("frames/####.png -o b.mp4").without_warnings();
    assert_eq!(folder.facts("b.mp4", "avg_frame_rate"), "25/1");
}

#[test]
fn pictures_of_every_kind_that_film_makers_use_are_read() {
    for ending in ["jpg", "tif", "bmp", "dpx", "tga", "exr"] {
        let folder = folder_of_frames(ending);
        let luma = "-vf scale=out_range=tv:out_color_matrix=bt601 -pix_fmt yuv444p -c:v ffv1";
        folder.ffmpeg(&format!("-i film.mkv {luma} luma.mkv"));
        if ending == "exr" {
            // Linear light, as film makers store it; FFmpeg writes what it is given.
            folder.ffmpeg("-i film.mkv -vf format=gbrpf32,zscale=tin=iec61966-2-1:t=linear,format=gbrpf32 -start_number 1001 frames/%04d.exr");
        }
        folder.paint(&format!("frames/%04d.{ending} -o a.mkv --codec ffv1 --fps 24")).ok();
        folder.ffmpeg(&format!("-i a.mkv {luma} seen.mkv"));
        let psnr = folder.psnr("seen.mkv", "luma.mkv");
        assert!(psnr > 35.0, "{ending}: {psnr}");
    }
}

#[test]
fn a_film_becomes_numbered_pictures_of_its_pixels_and_its_sound_is_said_to_be_lost() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc2=s=91x51:r=25:d=0.4 -f lavfi -i sine=d=0.4 -pix_fmt bgr0 -c:v ffv1 -c:a pcm_s16le film.mkv");
    let run = folder.paint("film.mkv -o out/%03d.png").ok();
    assert!(run.warnings().contains("stream 1 (audio, pcm_s16le) is left out: PNG files"), "{}", run.warnings());
    let names: Vec<String> = (1..=10).map(|number| format!("{number:03}.png")).collect();
    let found: Vec<String> = names.iter().filter(|name| folder.path("out").join(name).is_file()).cloned().collect();
    assert_eq!((found, fs::read_dir(folder.path("out")).unwrap().count()), (names, 10));
    folder.ffmpeg("-i out/%03d.png -pix_fmt bgr0 -c:v ffv1 back.mkv");
    assert!(folder.pictures("back.mkv") == folder.pictures("film.mkv"));
    // No gamma of video, by which programs would show it darker.
    let bytes = fs::read(folder.path("out/001.png")).unwrap();
    assert!(!bytes.windows(4).any(|kind| kind == b"gAMA"));
    folder.paint("film.mkv -o jpegs/%d.jpg").ok();
    folder.ffmpeg("-i jpegs/%d.jpg -vf scale=out_range=tv -pix_fmt yuv444p -c:v ffv1 jpegs.mkv");
    folder.ffmpeg("-i film.mkv -vf scale=out_range=tv:out_color_matrix=bt601 -pix_fmt yuv444p -c:v ffv1 luma.mkv");
    assert!(folder.psnr("jpegs.mkv", "luma.mkv") > 35.0, "{}", folder.psnr("jpegs.mkv", "luma.mkv"));
}

#[test]
fn painted_pictures_keep_the_numbers_of_the_input() {
    let folder = folder_of_frames("png");
    folder.paint("frames/%04d.png -o out/shot.####.png --fps 24 --stabilize 0").without_warnings();
    assert!(folder.path("out/shot.1001.png").is_file() && folder.path("out/shot.1012.png").is_file());
    folder.paint("frames/%04d.png -o part/%04d.png --fps 24 --stabilize 0 --start 0.25").without_warnings();
    assert!(folder.path("part/1007.png").is_file() && !folder.path("part/1006.png").exists());
    let bytes = |name: &str| fs::read(folder.path(name)).unwrap();
    assert!(bytes("part/1007.png") == bytes("out/shot.1007.png"), "the same picture");
}

#[test]
fn missing_and_empty_pictures_are_told_by_number_before_anything_is_painted() {
    let folder = folder_of_frames("png");
    fs::remove_file(folder.path("frames/1005.png")).unwrap();
    folder.refuses("frames/%04d.png -o a.mp4", 1, "pictures 1001 to 1012, but 1005 is missing or empty");
    fs::write(folder.path("frames/1007.png"), "").unwrap();
    fs::remove_file(folder.path("frames/1008.png")).unwrap();
    folder.refuses("frames/%04d.png -o a.mp4", 1, "but 1005, 1007-1008 are missing or empty");
    folder.refuses("frames/%03d.jpg -o a.mp4", 1, "no pictures are named like 'frames/%03d.jpg'");
}

#[test]
fn damaged_pictures_are_told_by_name_and_the_one_before_is_shown() {
    for ending in ["png", "jpg", "tif", "tga", "dpx", "exr"] {
        let folder = folder_of_frames(ending);
        let cut = |number: u32| {
            let path = folder.path(&format!("frames/{number}.{ending}"));
            let whole = fs::read(&path).unwrap();
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        };
        [1004, 1009].into_iter().for_each(cut);
        let run = folder.paint(&format!("frames/%04d.{ending} -o out/%04d.png --stabilize 0")).ok();
        let words = format!("'frames/1004.{ending}' and 1 more of its sequence are damaged");
        assert!(run.warnings().contains(&words), "{ending}: {}", run.warnings());
        let painted = |number: u32| fs::read(folder.path(&format!("out/{number}.png"))).unwrap();
        assert!(painted(1004) == painted(1003) && painted(1009) == painted(1008), "{ending}");
        assert!(painted(1005) != painted(1004), "{ending}");
        assert_eq!(fs::read_dir(folder.path("out")).unwrap().count(), 12, "{ending}");
        // The first one has none before it.
        (1001..=1012).for_each(cut);
        folder.refuses(&format!("frames/%04d.{ending} -o b.mkv"), 1, &format!("cannot decode 'frames/1001.{ending}'"));
    }
}

#[test]
fn damage_within_a_picture_of_openexr_is_told_by_name() {
    let folder = Folder::new();
    fs::create_dir(folder.path("frames")).unwrap();
    let colours = "-f lavfi -i testsrc2=s=160x90:r=25:d=0.2 -pix_fmt gbrpf32le";
    for compression in ["zip1", "zip16"] {
        folder.ffmpeg(&format!("{colours} -compression {compression} frames/%d.exr"));
        let run = folder.paint("frames/%d.exr -o whole/%d.png -y --stabilize 0").ok();
        assert!(
            run.warnings().contains("has floating-point channels") && !run.warnings().contains("damaged"),
            "{}",
            run.warnings()
        );
        let path = folder.path("frames/3.exr");
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 200].fill(0xA7);
        fs::write(&path, bytes).unwrap();
        let run = folder.paint("frames/%d.exr -o out/%d.png -y --stabilize 0").ok();
        assert!(run.warnings().contains("'frames/3.exr'"), "{compression}: {}", run.warnings());
        let picture = |name: &str| fs::read(folder.path(name)).unwrap();
        assert!(picture("out/3.png") == picture("whole/2.png"), "{compression}: the one before is shown");
        assert!(picture("out/4.png") == picture("whole/4.png"), "{compression}");
    }
}

#[test]
fn a_file_of_several_jpegs_is_a_film() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc2=s=160x90:r=25:d=0.4 -c:v mjpeg in.mjpeg");
    assert_eq!(folder.paint("in.mjpeg -o out.mkv").without_warnings().frames(), 10);
}

#[test]
fn one_picture_is_no_film_and_a_folder_of_pictures_is_told_how_to_be_one() {
    let folder = folder_of_frames("png");
    fs::copy(folder.path("frames/1001.png"), folder.path("photo.png")).unwrap();
    folder.refuses("photo.png -o a.mp4", 2, "paint it with `impasto image`");
    folder.refuses("frames -o painted/", 1, "as 'folder/%04d.png'");
    folder.refuses("film.mkv -o photo2.png", 2, "such as frame%04d.png");
    folder.refuses("film.mkv -o out%d.exr", 2, "use one of these");
    folder.refuses("film.mkv -o out%d.png --codec h264", 2, "omit --codec");
}

#[test]
fn pictures_that_exist_are_not_overwritten_unless_told_and_strangers_among_them_are_said() {
    let folder = folder_of_frames("png");
    let before = fs::read(folder.path("frames/1001.png")).unwrap();
    folder.refuses("film.mkv -o frames/%04d.png", 2, "'frames/1001.png' exists, and 11 more like it");
    folder.refuses("frames/%04d.png -o frames/%04d.png -y", 2, "is the input itself");
    assert_eq!(fs::read(folder.path("frames/1001.png")).unwrap(), before);
    let run = folder.paint("film.mkv -o frames/%04d.png --overwrite").ok();
    assert!(run.warnings().contains("only pictures 1 to 12"), "{}", run.warnings());
}

#[test]
fn an_interrupted_sequence_resumes_and_ends_with_the_same_pictures() {
    let folder = Folder::new();
    fs::create_dir(folder.path("frames")).unwrap();
    folder.ffmpeg("-f lavfi -i testsrc2=s=160x90:r=25:d=8 frames/%04d.jpg");
    folder.paint("frames/%04d.jpg -o whole/%04d.png --segment-frames 32").without_warnings();
    let mut child = folder.command("frames/%04d.jpg -o out/%04d.png --segment-frames 32").spawn().unwrap();
    let begun = Instant::now();
    while !folder.path("out/%04d.png.parts/000001.json").exists() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.path("out/0001.png").exists(), "no picture before the end");
    let run = folder.paint("frames/%04d.jpg -o out/%04d.png --segment-frames 32").ok();
    assert!(run.json["resumed"].as_u64().unwrap() >= 64, "{}", run.json);
    assert_eq!(run.frames(), 200);
    for number in 1..=200 {
        let file = |of: &str| fs::read(folder.path(of).join(format!("{number:04}.png"))).unwrap();
        assert!(file("out") == file("whole"), "picture {number}");
    }
    assert_eq!(fs::read_dir(folder.path("out")).unwrap().count(), 200, "nothing else is left");
}

#[test]
fn animations_are_films_with_their_own_times() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x36:r=10:d=0.6 -vf hue=s=0.4 -pix_fmt bgr0 -c:v ffv1 film.mkv");
    folder.ffmpeg("-i film.mkv -pix_fmt bgra -c:v libwebp_anim -lossless 1 a.webp");
    folder.ffmpeg("-i film.mkv -pix_fmt rgb24 -f apng a.png");
    folder.ffmpeg("-i film.mkv a.gif");
    // FFmpeg's encoder may join the first two frames of a WebP.
    let webp = times_of_webp(&fs::read(folder.path("a.webp")).unwrap());
    assert!(webp.len() >= 5, "{webp:?}");
    for name in ["a.webp", "a.png", "a.gif"] {
        let times = if name == "a.webp" { webp.clone() } else { folder.times("film.mkv") };
        let run = folder.paint(&format!("{name} -o {name}.mkv --codec ffv1 --pix-fmt bgr0 --stabilize 0")).ok();
        assert_eq!((run.frames(), folder.times(&format!("{name}.mkv"))), (times.len(), times), "{name}");
        if name != "a.gif" {
            let (seen, film) = (folder.pictures(&format!("{name}.mkv")), folder.pictures("film.mkv"));
            // Laying a frame of a WebP on the one before rounds by one level here and there.
            let alike = |a: &Vec<u8>, b: &Vec<u8>| a.iter().zip(b).all(|(a, b)| a.abs_diff(*b) <= 1);
            let known = seen.iter().all(|frame| film.iter().any(|other| alike(frame, other)));
            assert!(known, "{name}: every pixel of every picture");
            assert!(!run.warnings().contains("transparency"), "{name}: {}", run.warnings());
        }
    }
    folder.ffmpeg("-i film.mkv -vf format=bgra,colorchannelmixer=aa=0.5 -c:v libwebp_anim clear.webp");
    assert!(folder.paint("clear.webp -o clear.mkv").ok().warnings().contains("has transparency"));
    let whole = fs::read(folder.path("a.webp")).unwrap();
    fs::write(folder.path("cut.webp"), &whole[..whole.len() / 2]).unwrap();
    folder.refuses("cut.webp -o cut.mp4", 1, "damaged");
}

/// When the frames of an animated WebP begin, in seconds.
fn times_of_webp(bytes: &[u8]) -> Vec<f64> {
    let (mut place, mut time, mut times) = (12, 0, Vec::new());
    while place + 8 <= bytes.len() {
        let length = u32::from_le_bytes(bytes[place + 4..place + 8].try_into().unwrap()) as usize;
        if bytes[place..].starts_with(b"ANMF") {
            times.push(f64::from(time) / 1000.0);
            time += u32::from_le_bytes([bytes[place + 20], bytes[place + 21], bytes[place + 22], 0]);
        }
        place += 8 + length + length % 2;
    }
    times
}
