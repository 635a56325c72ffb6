//! Photos of phones and of the web: HEIC, AVIF, JPEG XL and BigTIFF, made here box by box around what `ffmpeg` encodes.

#[path = "common/clips.rs"]
mod clips;
#[path = "common/need.rs"]
mod need;

use std::fs;
use std::process::Command;
use std::time::Duration;

use clips::{Folder, Run, finish};
use impasto::internals::picture::{heif, read};
use impasto::{MaxPixels, Picture};

fn boxed(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&((content.len() + 8) as u32).to_be_bytes()[..], name, content].concat()
}

/// A box with a version and flags of 0, or those given.
fn full(name: &[u8; 4], version: u32, content: &[u8]) -> Vec<u8> {
    boxed(name, &[&version.to_be_bytes()[..], content].concat())
}

/// The first box called `name` in `bytes`, with its head.
fn find(bytes: &[u8], name: &[u8; 4]) -> Vec<u8> {
    let place = bytes.windows(4).position(|window| window == name).expect("ffmpeg wrote the box") - 4;
    let length = u32::from_be_bytes(bytes[place..place + 4].try_into().unwrap()) as usize;
    bytes[place..place + length].to_vec()
}

/// One coded picture, and the box that configures its decoder.
struct Coded {
    kind: &'static [u8; 4],
    config: Vec<u8>,
    sample: Vec<u8>,
}

/// Encodes the film `from` as one picture.
fn coded(folder: &Folder, from: &str, codec: &str, format: &str) -> Coded {
    let (kind, config, options): (_, &[u8; 4], _) = match codec {
        "hevc" => (b"hvc1", b"hvcC", "-c:v libx265 -preset ultrafast -x265-params log-level=none:crf=2 -tag:v hvc1"),
        _ => (b"av01", b"av1C", "-c:v libaom-av1 -cpu-used 8 -crf 2 -b:v 0"),
    };
    folder.ffmpeg(&format!(
        "-i {from} -frames:v 1 -vf scale=out_color_matrix=bt709:out_range=pc -pix_fmt {format} {options} -color_range pc \
         -colorspace bt709 -color_primaries bt709 -color_trc iec61966-2-1 coded.mp4"
    ));
    let bytes = fs::read(folder.path("coded.mp4")).unwrap();
    Coded { kind, config: find(&bytes, config), sample: find(&bytes, b"mdat")[8..].to_vec() }
}

/// What a picture is, beside its pixels.
struct Facts {
    size: (u32, u32),
    bits: u8,
    /// Primaries and curve (ITU-T H.273).
    code_points: (u16, u16),
    /// Quarter turns to the left that bring it upright.
    turns: u8,
    /// Left and right are exchanged after that.
    mirrored: bool,
}

/// A HEIF file: item 1 is the picture, item 2 its opacity.
fn file(brand: &[u8; 4], picture: &Coded, alpha: Option<&Coded>, facts: &Facts) -> Vec<u8> {
    let items: Vec<&Coded> = [Some(picture), alpha].into_iter().flatten().collect();
    let entry = |(index, item): (usize, &&Coded)| {
        full(b"infe", 2 << 24, &[&[0, index as u8 + 1, 0, 0], &item.kind[..], b"\0"].concat())
    };
    let entries: Vec<u8> = items.iter().enumerate().flat_map(entry).collect();
    let (primaries, curve) = facts.code_points;
    let colors =
        [b"nclx".to_vec(), primaries.to_be_bytes().into(), curve.to_be_bytes().into(), vec![0, 1, 0x80]].concat();
    let extent = [facts.size.0.to_be_bytes(), facts.size.1.to_be_bytes()].concat();
    let depth = |channels: u8| full(b"pixi", 0, &[&[channels][..], &vec![facts.bits; channels.into()]].concat());
    let mut properties = vec![
        full(b"ispe", 0, &extent),
        depth(3),
        boxed(b"colr", &colors),
        picture.config.clone(),
        boxed(b"irot", &[facts.turns]),
    ];
    let mut of_picture: Vec<u8> = vec![1, 2, 3, 0x84, 0x85];
    if facts.mirrored {
        // Axis 1: the horizontal direction is exchanged.
        properties.push(boxed(b"imir", &[1]));
        of_picture.push(0x80 | properties.len() as u8);
    }
    let mut associations = [&[0, 1, of_picture.len() as u8][..], &of_picture].concat();
    let mut references = Vec::new();
    if let Some(alpha) = alpha {
        let first = properties.len() as u8 + 1;
        properties.extend([
            alpha.config.clone(),
            depth(1),
            full(b"auxC", 0, b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"),
        ]);
        associations.extend([0, 2, 5, 1, 0x80 | first, first + 1, 0x80 | (first + 2), 0x85]);
        references = full(b"iref", 0, &boxed(b"auxl", &[0, 2, 0, 1, 0, 1]));
    }
    let count = (items.len() as u32).to_be_bytes();
    let ipma = full(b"ipma", 0, &[&count[..], &associations].concat());
    let iprp = boxed(b"iprp", &[boxed(b"ipco", &properties.concat()), ipma].concat());
    let build = |start: u32| {
        let mut place = start;
        let location = |(index, item): (usize, &&Coded)| {
            let at = place.to_be_bytes();
            place += item.sample.len() as u32;
            [&[0, index as u8 + 1, 0, 0, 0, 1][..], &at, &(item.sample.len() as u32).to_be_bytes()].concat()
        };
        let locations: Vec<u8> = items.iter().enumerate().flat_map(location).collect();
        let iloc = full(b"iloc", 0, &[&[0x44, 0, 0, items.len() as u8][..], &locations].concat());
        let handler = full(b"hdlr", 0, b"\0\0\0\0pict\0\0\0\0\0\0\0\0\0\0\0\0\0");
        let iinf = full(b"iinf", 0, &[&[0, items.len() as u8][..], &entries].concat());
        let pitm = full(b"pitm", 0, &[0, 1]);
        let meta = full(b"meta", 0, &[handler, pitm, iloc, iinf, references.clone(), iprp.clone()].concat());
        [boxed(b"ftyp", &[&brand[..], b"\0\0\0\0mif1", brand].concat()), meta].concat()
    };
    let head = build(0).len() as u32 + 8;
    let samples: Vec<u8> = items.iter().flat_map(|item| item.sample.clone()).collect();
    [build(head), boxed(b"mdat", &samples)].concat()
}

/// A picture of 64x32: red at the left, blue at the right, the upper half brighter.
fn flag(folder: &Folder) -> Facts {
    folder.ffmpeg(
        "-f lavfi -i color=s=64x32:c=0xC02020 -vf drawbox=x=32:w=32:h=32:c=0x2020C0:t=fill,drawbox=y=16:h=16:w=64:c=black@0.5:t=fill \
         -frames:v 1 -pix_fmt bgr0 -c:v ffv1 flag.mkv",
    );
    folder.ffmpeg("-f lavfi -i color=s=64x32:c=0x808080 -frames:v 1 -pix_fmt bgr0 -c:v ffv1 half.mkv");
    Facts { size: (64, 32), bits: 8, code_points: (1, 13), turns: 0, mirrored: false }
}

fn read(bytes: &[u8]) -> Picture {
    assert!(heif::version().is_some(), "libheif is missing; install it with: scripts/setup --tests");
    read::decode(bytes, "photo", MaxPixels::default()).unwrap()
}

#[track_caller]
fn assert_pixel(picture: &Picture, at: (u32, u32), color: [u8; 3]) {
    let place = ((at.1 * picture.frame.width + at.0) * 3) as usize;
    let seen = &picture.frame.pixels[place..place + 3];
    assert!(
        seen.iter().zip(color).all(|(seen, wanted)| seen.abs_diff(wanted) <= 5),
        "{seen:?} for {color:?} at {at:?}"
    );
}

const RED: [u8; 3] = [0xC0, 0x20, 0x20];
const BLUE: [u8; 3] = [0x20, 0x20, 0xC0];

#[test]
fn heic_and_avif_are_read_upright_at_eight_and_ten_bits() {
    let folder = Folder::new();
    let facts = flag(&folder);
    for (brand, codec, format, bits) in [
        (b"heic", "hevc", "yuv444p", 8),
        (b"heix", "hevc", "yuv444p10le", 10),
        (b"avif", "av1", "yuv444p", 8),
        (b"avif", "av1", "yuv444p10le", 10),
    ] {
        let picture = coded(&folder, "flag.mkv", codec, format);
        let of = |turns, mirrored| read(&file(brand, &picture, None, &Facts { bits, turns, mirrored, ..facts }));
        let plain = of(0, false);
        assert_eq!((plain.frame.width, plain.frame.height, plain.alpha.is_some()), (64, 32, false), "{codec} {bits}");
        assert_pixel(&plain, (8, 8), RED);
        assert_pixel(&plain, (56, 8), BLUE);
        // A quarter to the left: what was right is on top.
        let turned = of(1, false);
        assert_eq!((turned.frame.width, turned.frame.height), (32, 64));
        assert_pixel(&turned, (8, 8), BLUE);
        assert_pixel(&turned, (8, 56), RED);
        // libheif 1.15 mirrors no more than 8 bits itself.
        assert_pixel(&of(0, true), (8, 8), BLUE);
        let both = of(1, true);
        assert_eq!((both.frame.width, both.frame.height), (32, 64));
        // The upper half is brighter, and comes to the left, and by the mirror to the right.
        assert_pixel(&both, (24, 56), RED);
        assert_pixel(&both, (24, 8), BLUE);
        assert!(both.frame.pixels[8 * 32 * 3 + 8 * 3 + 2] < 0x80, "the darker half is at the left");
        let told = plain.notes.iter().any(|note| note.contains("its 10 bits"));
        assert_eq!(told, bits > 8, "{:?}", plain.notes);
    }
}

#[test]
fn opacity_and_colour_tags_of_heif_are_kept() {
    let folder = Folder::new();
    let facts = flag(&folder);
    for (brand, codec) in [(b"heic", "hevc"), (b"avif", "av1")] {
        let picture = coded(&folder, "flag.mkv", codec, "yuv444p");
        let alpha = coded(&folder, "half.mkv", codec, "gray");
        let seen = read(&file(brand, &picture, Some(&alpha), &facts));
        let opacity = seen.alpha.as_ref().expect("it has opacity")[100];
        assert!(opacity.abs_diff(0x80) <= 3, "{codec}: {opacity}");
        assert_pixel(&seen, (8, 8), RED);
        // The same numbers in Display P3 are a redder red in sRGB; in PQ they are other light.
        let wide = read(&file(brand, &picture, None, &Facts { code_points: (12, 13), ..facts }));
        assert!(wide.frame.pixels[24] > 0xC4 && wide.frame.pixels[25] < 0x1A, "{:?}", &wide.frame.pixels[24..27]);
        let hdr = read(&file(brand, &picture, None, &Facts { code_points: (9, 16), ..facts }));
        let like_png =
            read::decode(&png_of_code_points(&folder, "flag.mkv", 9, 16), "png", MaxPixels::default()).unwrap();
        let (ours, png) = (&hdr.frame.pixels[24..27], &like_png.frame.pixels[24..27]);
        assert!(ours.iter().zip(png).all(|(a, b)| a.abs_diff(*b) <= 12), "{ours:?}, and as PNG {png:?}");
        // 0xC0 of PQ is brighter than any SDR, and the matrix makes it redder.
        assert!(ours[0] > 0xF0 && hdr.notes.iter().any(|note| note.contains("HDR")), "{ours:?} {:?}", hdr.notes);
        // Video's own curve means a screen's.
        assert_pixel(&read(&file(brand, &picture, None, &Facts { code_points: (1, 1), ..facts })), (8, 8), RED);
    }
}

/// The film `from` as a PNG whose cICP chunk names the code points.
fn png_of_code_points(folder: &Folder, from: &str, primaries: u8, curve: u8) -> Vec<u8> {
    folder.ffmpeg(&format!("-i {from} -frames:v 1 flag.png"));
    let png = fs::read(folder.path("flag.png")).unwrap();
    // No reader here checks the sum of this chunk, which it skips.
    let chunk = [&[0, 0, 0, 4][..], b"cICP", &[primaries, curve, 0, 1]].concat();
    let sum = crc(&chunk[4..]).to_be_bytes();
    [&png[..33], &chunk, &sum, &png[33..]].concat()
}

fn crc(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & (0u32.wrapping_sub(sum & 1))))
    };
    !bytes.iter().fold(!0, step)
}

#[test]
fn damaged_and_cut_off_photos_are_refused_in_one_sentence() {
    let folder = Folder::new();
    let facts = flag(&folder);
    let whole = file(b"heic", &coded(&folder, "flag.mkv", "hevc", "yuv444p"), None, &facts);
    for length in [20, 60, 300, whole.len() / 2, whole.len() - 40] {
        let refused = read::decode(&whole[..length], "photo", MaxPixels::default());
        let words = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(
            length + 40 >= whole.len() || words.contains("libheif cannot read photo, which is HEIC"),
            "{length}: {words}"
        );
    }
    let small = MaxPixels::default();
    assert!(read::decode(&whole, "photo", small).is_ok());
}

#[test]
fn jpeg_xl_is_read_with_opacity_and_sixteen_bits() {
    let folder = Folder::new();
    flag(&folder);
    for format in ["rgb24", "rgb48le", "rgba"] {
        folder
            .ffmpeg(&format!("-i flag.mkv -frames:v 1 -pix_fmt {format} -c:v libjxl -distance 0.1 -f image2 flag.jxl"));
        let picture = read::decode(&fs::read(folder.path("flag.jxl")).unwrap(), "jxl", MaxPixels::default()).unwrap();
        assert_eq!((picture.frame.width, picture.frame.height), (64, 32));
        assert_pixel(&picture, (8, 8), RED);
        assert_pixel(&picture, (56, 8), BLUE);
    }
    let cut = fs::read(folder.path("flag.jxl")).unwrap();
    let refused = read::decode(&cut[..cut.len() / 2], "jxl", MaxPixels::default());
    assert!(refused.is_err_and(|error| error.to_string().contains("JPEG XL")));
}

#[test]
fn hdr_jpeg_xl_is_painted_as_the_same_png_is() {
    let folder = Folder::new();
    flag(&folder);
    // FFmpeg notes a display of 255 cd/m², so what goes through JPEG XL's own colours must not be brighter.
    for (from, name, code, format, distance) in [
        ("flag.mkv", "smpte2084", 16, "rgb48le", "0"),
        ("flag.mkv", "arib-std-b67", 18, "rgb48le", "0"),
        ("flag.mkv", "smpte2084", 16, "rgb24", "0"),
        ("half.mkv", "smpte2084", 16, "rgb48le", "0.1"),
    ] {
        folder.ffmpeg(&format!(
            "-i {from} -frames:v 1 -vf setparams=color_primaries=bt2020:color_trc={name} -pix_fmt {format} -c:v libjxl \
             -distance {distance} -color_primaries bt2020 -color_trc {name} -f image2 hdr.jxl"
        ));
        let decode = |bytes: &[u8]| read::decode(bytes, "photo", MaxPixels::default()).unwrap();
        let seen = decode(&fs::read(folder.path("hdr.jxl")).unwrap());
        let png = decode(&png_of_code_points(&folder, from, 9, code));
        assert!(seen.notes.iter().any(|note| note.contains("HDR")), "{name}: {:?}", seen.notes);
        for at in [(8, 8), (56, 8), (8, 24), (56, 24)] {
            let place = (at.1 * 64 + at.0) * 3;
            let (ours, theirs) = (&seen.frame.pixels[place..place + 3], &png.frame.pixels[place..place + 3]);
            let is_near = ours.iter().zip(theirs).all(|(a, b)| a.abs_diff(*b) <= 3);
            assert!(is_near, "{name} {distance} at {at:?}: {ours:?}, and as PNG {theirs:?}");
        }
    }
}

#[test]
fn bigtiff_is_read_like_tiff() {
    let tag = |id: u16, kind: u16, count: u64, value: u64| {
        [&id.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let pixels: Vec<u8> = (0..4 * 3 * 3).map(|value| value * 7).collect();
    let tags = [
        tag(256, 3, 1, 4),
        tag(257, 3, 1, 3),
        tag(258, 3, 3, 0x0008_0008_0008),
        tag(259, 3, 1, 1),
        tag(262, 3, 1, 2),
        tag(273, 16, 1, 16 + 8 + 9 * 20 + 8),
        tag(277, 3, 1, 3),
        tag(278, 3, 1, 3),
        tag(279, 16, 1, pixels.len() as u64),
    ];
    let mut bytes = b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec();
    bytes.extend((tags.len() as u64).to_le_bytes());
    bytes.extend(tags.concat());
    bytes.extend(0u64.to_le_bytes());
    bytes.extend(&pixels);
    let picture = read::decode(&bytes, "big", MaxPixels::default()).unwrap();
    assert_eq!((picture.frame.width, picture.frame.height), (4, 3));
    assert_eq!(picture.frame.pixels, pixels);
    assert_eq!(picture.format, Some(impasto::pictures::Format::Tiff));
}

#[test]
fn a_folder_of_photos_is_painted_to_jpegs() {
    let folder = Folder::new();
    let facts = flag(&folder);
    fs::create_dir(folder.path("phone")).unwrap();
    let heic = file(b"heic", &coded(&folder, "flag.mkv", "hevc", "yuv444p"), None, &Facts { turns: 1, ..facts });
    fs::write(folder.path("phone/IMG_0001.HEIC"), heic).unwrap();
    folder.ffmpeg("-i flag.mkv -frames:v 1 -c:v libjxl -f image2 phone/b.jxl");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_impasto"));
    command.args("image phone -o painted --style identity --json".split(' ')).current_dir(folder.0.path());
    let run = clips::finish(&mut command).without_warnings();
    assert_eq!(run.frames(), 2);
    let painted = Picture::open(&folder.path("painted/IMG_0001.jpg")).unwrap();
    assert_eq!((painted.frame.width, painted.frame.height), (32, 64));
    assert!(folder.path("painted/b.jpg").is_file());
}

/// `impasto` in the folder; `args` are separated by spaces.
fn impasto(folder: &Folder, args: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
    finish(command.args(args.split_whitespace()).current_dir(folder.0.path()))
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
    let run = impasto(folder, &format!("image {name} -o out.png -y --style identity"));
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
    assert!(run.errors.contains("its 32 bits per channel are painted at 8"), "{}", run.errors);
    let float = with(&[(258, 32), (277, 1), (339, 3)], &0.25f32.to_le_bytes());
    let (run, pixel) = painted(&folder, "float.tif", &float);
    assert_eq!(pixel.unwrap().0, [64, 64, 64, 255]);
    assert!(run.errors.contains("its 32-bit floating-point channels are painted at 8 bits"), "{}", run.errors);
    // Grey and opacity of 16 bits, half of it associated: divided before anything is rounded.
    let pixel = [193u16, 386].map(u16::to_le_bytes).concat();
    let associated = with(&[(258, 16), (277, 2), (338, 1)], &pixel);
    let (run, pixel) = painted(&folder, "associated.tif", &associated);
    assert_eq!(pixel.unwrap().0, [128, 128, 128, 2], "{}", run.errors);
    assert!(run.errors.contains("its 16 bits per channel are painted at 8"), "{}", run.errors);
    let straight = with(&[(258, 16), (277, 2), (338, 2)], &[0x8000u16, 0x4000].map(u16::to_le_bytes).concat());
    assert_eq!(painted(&folder, "straight.tif", &straight).1.unwrap().0, [128, 128, 128, 64]);
    let (run, pixel) = painted(&folder, "eight.tif", &with(&[(258, 8), (277, 2), (338, 2)], &[77, 200]));
    assert_eq!(pixel.unwrap().0, [77, 77, 77, 200], "{}", run.errors);
    assert!(!run.errors.contains("16 bits"), "{}", run.errors);
    // What ends in its pixels is damaged, and not of a kind that nobody reads.
    for whole in [&deep, &straight] {
        let (run, _) = painted(&folder, "cut.tif", &whole[..whole.len() - 1]);
        assert!(run.code == 1 && run.errors.contains("is a damaged TIFF file"), "{}", run.errors);
    }
    // Compression, photometric interpretation, bits.
    for (kind, reason) in [
        ([50_000, 1, 8], "compressed as Zstandard"),
        ([3, 0, 1], "compressed as fax codes of Group 3"),
        ([1, 3, 8], "colours of a palette"),
        ([1, 8, 8], "colours in CIE L*a*b*"),
        ([1, 1, 12], "12 bits per channel"),
        ([1, 5, 8], "1 inks"),
    ] {
        let tags = [(256, 1), (257, 1), (259, kind[0]), (278, 1), (262, kind[1]), (258, kind[2]), (277, 1)];
        let (run, _) = painted(&folder, "odd.tif", &tiff(&tags, &[0; 4]));
        let words = format!("of an unsupported kind ({reason})");
        assert!(run.code == 1 && run.errors.contains(&words), "{}", run.errors);
    }
    for (more, reason) in [
        (&[(262, 5), (277, 5), (338, 2)][..], "CMYK with opacity"),
        (&[(262, 5), (277, 6)], "6 inks"),
        (&[(262, 1), (277, 3)], "grey in 3 channels"),
    ] {
        let tags = [&[(256, 1), (257, 1), (259, 1), (278, 1), (258, 8)], more].concat();
        let (run, _) = painted(&folder, "odd.tif", &tiff(&tags, &[0; 6]));
        let words = format!("of an unsupported kind ({reason})");
        assert!(run.code == 1 && run.errors.contains(&words), "{}", run.errors);
    }
    let signed = with(&[(258, 16), (277, 1), (339, 2)], &1000u16.to_le_bytes());
    let (run, _) = painted(&folder, "signed.tif", &signed);
    assert!(
        run.code == 1 && run.errors.contains("signed integers") && !run.errors.contains("damaged"),
        "{}",
        run.errors
    );
}

#[test]
fn pages_that_are_dropped_are_said_and_arithmetic_coding_is_not_called_damage() {
    let folder = Folder::new();
    // The last four bytes of a directory lead to the next one; here to a copy of the first, whose pixel stands in both.
    let one = tiff(&[(256, 1), (257, 1), (259, 1), (278, 1), (262, 1), (258, 8), (277, 1)], &[77]);
    let (body, end) = (&one[8..one.len() - 1], one.len() - 5);
    let mut two = one.clone();
    two[end..end + 4].copy_from_slice(&(one.len() as u32).to_le_bytes());
    two.extend(body);
    let (run, pixel) = painted(&folder, "two.tif", &two);
    assert_eq!(pixel.unwrap().0, [77, 77, 77, 255], "{}", run.errors);
    assert!(run.errors.contains("2 pages"), "{}", run.errors);
    let (run, _) = painted(&folder, "one.tif", &one);
    assert!(!run.errors.contains("pages"), "{}", run.errors);
    let mut jpeg = Vec::new();
    image::RgbImage::new(8, 8).write_with_encoder(image::codecs::jpeg::JpegEncoder::new(&mut jpeg)).unwrap();
    let at = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[at + 1] = 0xC9;
    let (run, _) = painted(&folder, "arithmetic.jpg", &jpeg);
    assert!(run.code == 1 && run.errors.contains("unsupported kind (arithmetic coding)"), "{}", run.errors);
    assert!(!run.errors.contains("damaged"), "{}", run.errors);
}

#[test]
fn a_painted_png_is_the_same_file_each_time() {
    let folder = Folder::new();
    folder.ffmpeg("-f lavfi -i testsrc2=s=64x36 -frames:v 1 in.png");
    for output in ["a.png", "b.png"] {
        assert_eq!(impasto(&folder, &format!("image in.png -o {output} --style identity")).code, 0);
        std::thread::sleep(Duration::from_millis(1100));
    }
    assert!(fs::read(folder.path("a.png")).unwrap() == fs::read(folder.path("b.png")).unwrap());
}

#[test]
fn pictures_of_unknown_kinds_are_named_also_in_a_folder() {
    let folder = Folder::new();
    fs::create_dir(folder.path("in")).unwrap();
    fs::write(folder.path("in/a.psd"), b"8BPS\0\x01\0\0\0\0\0\0\0\x03").unwrap();
    let run = impasto(&folder, "image in -o out --style identity");
    assert!(run.code == 1 && run.errors.contains("is a Photoshop picture"), "{}", run.errors);
}
