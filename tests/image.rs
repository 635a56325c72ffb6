//! `impasto image`, from the outside: the identity style copies pixels, so what comes out tells what was read.

#[path = "common/need.rs"]
mod need;
#[path = "common/pictures.rs"]
mod pictures;
#[path = "common/python.rs"]
mod python;

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::{PngDecoder, PngEncoder};
use image::codecs::webp::{WebPDecoder, WebPEncoder};
use image::{
    DynamicImage, GrayAlphaImage, GrayImage, ImageDecoder, ImageEncoder, ImageFormat, Luma, LumaA, RgbImage, Rgba,
    RgbaImage,
};
use moxcms::ColorProfile;
use pictures::{assert_alike, exif, sample, stored_as};
use serde_json::Value;
use tempfile::TempDir;

/// A folder of its own for each test, and the program run in it.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        command.current_dir(self.folder.path()).arg("image").args(args).args(["--style", "identity", "--overwrite"]);
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs what must succeed; gives what was said.
    #[track_caller]
    fn paint(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        said
    }

    /// Runs what must end with `code`; gives the one line that says why.
    #[track_caller]
    fn fail(&self, code: i32, args: &[&str]) -> String {
        self.fail_running(code, &mut self.command(args))
    }

    #[track_caller]
    fn fail_running(&self, code: i32, command: &mut Command) -> String {
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{command:?}: {said}");
        let errors: Vec<&str> = said.lines().filter(|line| line.starts_with("impasto: ")).collect();
        assert_eq!(errors.len(), 1, "{said}");
        errors[0].to_owned()
    }

    fn open(&self, name: &str) -> DynamicImage {
        let bytes = fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        image::load_from_memory(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    encode(&image.into(), ImageFormat::Png)
}

fn jpeg(image: &RgbImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 98)).unwrap();
    bytes
}

fn inks_jpeg(inks: &[u8], width: u16, height: u16, color: jpeg_encoder::ColorType, icc: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 98);
    if let Some(icc) = icc {
        encoder.add_icc_profile(icc).unwrap();
    }
    encoder.encode(inks, width, height, color).unwrap();
    bytes
}

fn inks_tiff(inks: &[u8], width: u32, height: u32, icc: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut bytes).unwrap();
    let mut picture = encoder.new_image::<tiff::encoder::colortype::CMYK8>(width, height).unwrap();
    if let Some(icc) = icc {
        picture.encoder().write_tag(tiff::tags::Tag::IccProfile, icc).unwrap();
    }
    picture.write_data(inks).unwrap();
    bytes.into_inner()
}

/// A PNG header that claims a size, and nothing behind it.
fn claiming_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(RgbImage::new(1, 1));
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&sum.to_be_bytes());
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

#[test]
fn every_format_read_and_written_keeps_the_picture() {
    let desk = Desk::new();
    let upright = sample(64, 48);
    let image = DynamicImage::from(upright.clone());
    desk.put("in/jpeg.jpg", &jpeg(&upright));
    desk.put("in/png.png", &encode(&image, ImageFormat::Png));
    desk.put("in/webp.webp", &encode(&image, ImageFormat::WebP));
    desk.put("in/tiff.tif", &encode(&image, ImageFormat::Tiff));
    desk.put("in/bmp.bmp", &encode(&image, ImageFormat::Bmp));
    for (format, ending) in [("jpeg", "jpg"), ("png", "png"), ("webp", "webp"), ("tiff", "tif")] {
        desk.paint(&["in", "-o", ending, "--format", format, "--quality", "98"]);
        for stem in ["jpeg", "png", "webp", "tiff", "bmp"] {
            let name = format!("{ending}/{stem}.{ending}");
            let tolerance = if stem == "jpeg" || ending == "jpg" { 2.0 } else { 0.0 };
            assert_alike(&desk.open(&name).into_rgb8(), &upright, tolerance, &name);
        }
    }
    desk.paint(&["in", "-o", "own/"]);
    assert_eq!(desk.files("own"), ["bmp.png", "jpeg.jpg", "png.png", "tiff.tif", "webp.webp"]);
}

#[test]
fn content_counts_not_the_name() {
    let desk = Desk::new();
    desk.put("really-png.jpg", &png(sample(9, 7)));
    desk.paint(&["really-png.jpg", "-o", "out"]);
    assert_eq!(image::guess_format(&fs::read(desk.path("out")).unwrap()).unwrap(), ImageFormat::Png);
    desk.paint(&["really-png.jpg", "-o", "folder/"]);
    assert_eq!(desk.files("folder"), ["really-png.png"]);
}

#[test]
fn grey_and_sixteen_bit_pictures_are_painted_in_eight_bit_colour_and_it_is_said() {
    let desk = Desk::new();
    let upright = DynamicImage::from(sample(20, 10));
    let grey = DynamicImage::from(upright.to_luma8()).into_rgb8();
    desk.put("grey.png", &png(upright.to_luma8()));
    desk.put("grey.jpg", &encode(&upright.to_luma8().into(), ImageFormat::Jpeg));
    for name in ["grey.png", "grey.jpg"] {
        let said = desk.paint(&[name, "-o", "out.png"]);
        assert!(!said.contains("bits"), "{said}");
        assert_alike(&desk.open("out.png").into_rgb8(), &grey, 2.0, name);
    }
    desk.put("deep/a.png", &png(upright.to_rgb16()));
    desk.put("deep/b.tif", &encode(&upright.to_rgba16().into(), ImageFormat::Tiff));
    desk.put("deep/c.png", &png(upright.to_luma16()));
    let said = desk.paint(&["deep", "-o", "out"]);
    assert_eq!(said.matches("16 bits").count(), 1, "{said}");
    assert_alike(&desk.open("out/a.png").into_rgb8(), &upright.to_rgb8(), 0.0, "16-bit PNG");
    assert_alike(&desk.open("out/b.tif").into_rgb8(), &upright.to_rgb8(), 0.0, "16-bit TIFF");
    assert_alike(&desk.open("out/c.png").into_rgb8(), &grey, 0.1, "16-bit grey");
}

#[test]
fn transparency_is_kept_where_the_format_holds_it_and_laid_on_white_in_jpeg() {
    let desk = Desk::new();
    let clear = RgbaImage::from_fn(16, 8, |x, y| Rgba([200, 40, 90, (x * 16 + y) as u8]));
    desk.put("clear.png", &png(clear.clone()));
    desk.put("clear.webp", &encode(&clear.clone().into(), ImageFormat::WebP));
    desk.put("grey.png", &png(GrayAlphaImage::from_fn(16, 8, |x, _| LumaA([77, (x * 16) as u8]))));
    for (from, to) in [("clear.png", "a.png"), ("clear.png", "a.webp"), ("clear.webp", "a.tif")] {
        let said = desk.paint(&[from, "-o", to]);
        assert!(!said.contains("warning"), "{said}");
        assert_eq!(desk.open(to).into_rgba8(), clear, "{from} to {to}");
    }
    desk.paint(&["grey.png", "-o", "g.png"]);
    assert_eq!(desk.open("g.png").into_rgba8().get_pixel(3, 0), &Rgba([77, 77, 77, 48]));
    let said = desk.paint(&["clear.png", "-o", "flat.jpg", "--quality", "100"]);
    assert!(said.contains("warning: 'clear.png': JPEG has no transparency"), "{said}");
    let flat = desk.open("flat.jpg").into_rgb8();
    assert!(flat.get_pixel(0, 0).0.iter().all(|&light| light > 245), "{:?}", flat.get_pixel(0, 0));
    assert_eq!(flat.dimensions(), (16, 8));
}

#[test]
fn an_opaque_alpha_channel_is_no_transparency() {
    let desk = Desk::new();
    desk.put("opaque.png", &png(DynamicImage::from(sample(8, 8)).into_rgba8()));
    let said = desk.paint(&["opaque.png", "-o", "flat.jpg"]);
    assert!(said.starts_with("flat.jpg: 8x8 in ") && said.lines().count() == 1, "{said}");
}

#[test]
fn all_eight_exif_orientations_come_out_upright_with_the_tag_reset_and_the_rest_kept() {
    let desk = Desk::new();
    let upright = sample(24, 16);
    for value in 1..=8 {
        let stored = stored_as(&upright, value);
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 98);
        encoder.set_exif_metadata(exif(value)).unwrap();
        stored.write_with_encoder(encoder).unwrap();
        desk.put(&format!("in/{value}.jpg"), &bytes);
    }
    desk.paint(&["in", "-o", "out", "--quality", "98"]);
    for value in 1..=8 {
        let name = format!("out/{value}.jpg");
        assert_alike(&desk.open(&name).into_rgb8(), &upright, 3.0, &name);
        let bytes = fs::read(desk.path(&name)).unwrap();
        let kept = JpegDecoder::new(Cursor::new(bytes)).unwrap().exif_metadata().unwrap();
        assert_eq!(kept, Some(exif(1)), "{name}");
    }
}

#[test]
fn exif_goes_along_into_png_and_webp_and_its_loss_in_tiff_is_said() {
    let desk = Desk::new();
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif(3)).unwrap();
    stored_as(&sample(12, 6), 3).write_with_encoder(encoder).unwrap();
    desk.put("turned.png", &bytes);
    // Some writers put JPEG's marker in front.
    let mut bytes = Vec::new();
    let mut encoder = WebPEncoder::new_lossless(&mut bytes);
    encoder.set_exif_metadata([b"Exif\0\0".to_vec(), exif(6)].concat()).unwrap();
    stored_as(&sample(12, 6), 6).write_with_encoder(encoder).unwrap();
    desk.put("turned.webp", &bytes);
    desk.paint(&["turned.png", "-o", "out.webp"]);
    desk.paint(&["turned.webp", "-o", "out.png"]);
    let said = desk.paint(&["turned.png", "-o", "out.tif"]);
    assert!(said.contains("EXIF metadata is left out of the TIFF file"), "{said}");
    for name in ["out.webp", "out.png", "out.tif"] {
        assert_alike(&desk.open(name).into_rgb8(), &sample(12, 6), 0.0, name);
    }
    let bytes = |name| Cursor::new(fs::read(desk.path(name)).unwrap());
    assert_eq!(WebPDecoder::new(bytes("out.webp")).unwrap().exif_metadata().unwrap(), Some(exif(1)));
    assert_eq!(PngDecoder::new(bytes("out.png")).unwrap().exif_metadata().unwrap(), Some(exif(1)));
}

#[test]
fn display_p3_is_converted_to_srgb_and_said_and_srgb_is_left_alone() {
    let desk = Desk::new();
    let with_profile = |profile: &ColorProfile| {
        let mut bytes = Vec::new();
        let mut encoder = PngEncoder::new(&mut bytes);
        encoder.set_icc_profile(profile.encode().unwrap()).unwrap();
        // By CSS Color 4's matrices, that is 219.19 94.45 31.48 in sRGB.
        RgbImage::from_pixel(5, 4, image::Rgb([204, 102, 51])).write_with_encoder(encoder).unwrap();
        bytes
    };
    desk.put("p3.png", &with_profile(&ColorProfile::new_display_p3()));
    desk.put("srgb.png", &with_profile(&ColorProfile::new_srgb()));
    for to in ["out.png", "out.tif", "out.webp"] {
        let said = desk.paint(&["p3.png", "-o", to]);
        assert!(said.contains("colours are converted from 'Display P3' to sRGB"), "{said}");
        let expected = RgbImage::from_pixel(5, 4, image::Rgb([219, 94, 31]));
        assert_alike(&desk.open(to).into_rgb8(), &expected, 1.0, to);
    }
    let written = fs::read(desk.path("out.png")).unwrap();
    let icc = PngDecoder::new(Cursor::new(written)).unwrap().icc_profile().unwrap().expect("a profile says sRGB");
    let (red, wanted) =
        (ColorProfile::new_from_slice(&icc).unwrap().red_colorant, ColorProfile::new_srgb().red_colorant);
    assert!((red.x - wanted.x).abs() < 1e-3 && (red.y - wanted.y).abs() < 1e-3, "{red:?}");
    let said = desk.paint(&["srgb.png", "-o", "same.png"]);
    assert!(said.starts_with("same.png: 5x4 in ") && said.lines().count() == 1, "{said}");
    assert_eq!(desk.open("same.png").into_rgb8().get_pixel(0, 0).0, [204, 102, 51]);
}

#[test]
fn the_srgb_profile_that_is_written_is_valid_and_always_the_same() {
    let desk = Desk::new();
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_icc_profile(ColorProfile::new_display_p3().encode().unwrap()).unwrap();
    sample(12, 6).write_with_encoder(encoder).unwrap();
    desk.put("p3.png", &bytes);
    let names = ["out.png", "out.jpg", "out.webp", "out.tif"];
    let written = |name: &str| {
        desk.paint(&["p3.png", "-o", name]);
        fs::read(desk.path(name)).unwrap()
    };
    let first = names.map(written);
    // Profiles tell the second in which they were made.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert!(first == names.map(written));
    let check = r#"
import io, sys
from PIL import Image, ImageCms

found = set()
for name in sys.argv[1:]:
    icc = Image.open(name).info["icc_profile"]
    found.add(icc)
    # What libpng checks: the size, the illuminant of profiles, and where tags begin.
    assert int.from_bytes(icc[:4], "big") == len(icc), name
    assert icc[36:40] == b"acsp" and icc[68:80] == bytes.fromhex("0000f6d6000100000000d32d"), name
    count = int.from_bytes(icc[128:132], "big")
    for at in range(132, 132 + 12 * count, 12):
        place, length = (int.from_bytes(icc[at + k : at + k + 4], "big") for k in (4, 8))
        assert place % 4 == 0 and 132 + 12 * count <= place and place + length <= len(icc), (name, icc[at : at + 4])
    # What Little CMS makes of it: its own sRGB, to the level.
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    assert profile.profile.profile_description == "sRGB" and profile.profile.copyright == "CC0", name
    assert profile.profile.is_matrix_shaper and profile.profile.version == 4.3, name
    levels = range(0, 256, 15)
    ramp = Image.new("RGB", (18, 324))
    ramp.putdata([(red, green, blue) for red in levels for green in levels for blue in levels])
    for intent in range(4):
        seen = ImageCms.profileToProfile(ramp, profile, ImageCms.createProfile("sRGB"), intent)
        worst = max(abs(a - b) for a, b in zip(ramp.tobytes(), seen.tobytes()))
        assert worst <= 1, (name, intent, worst)
assert len(found) == 1
"#;
    let paths: Vec<_> = names.iter().map(|name| desk.path(name).display().to_string()).collect();
    let arguments: Vec<&str> = ["-c", check].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let done = python::python(&arguments);
    assert!(done.status.success(), "{}", python::words(&done));
}

#[test]
fn a_damaged_colour_profile_is_warned_of_and_the_picture_painted() {
    let desk = Desk::new();
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_icc_profile(b"no profile at all".to_vec()).unwrap();
    sample(5, 4).write_with_encoder(encoder).unwrap();
    desk.put("odd.png", &bytes);
    let said = desk.paint(&["odd.png", "-o", "out.png"]);
    assert!(said.contains("warning: 'odd.png': the picture's colour profile cannot be used"), "{said}");
    assert_alike(&desk.open("out.png").into_rgb8(), &sample(5, 4), 0.0, "odd.png");
}

#[test]
fn inks_become_colours_by_their_profile_or_by_a_plain_formula_which_is_said() {
    let desk = Desk::new();
    let (width, height) = (16, 16);
    let full_cyan = [255, 0, 0, 0].repeat(width * height);
    let profile = pictures::red_cyan_profile();
    for (kind, icc) in [("plain", None), ("profiled", Some(profile.as_slice()))] {
        let jpeg = |color| inks_jpeg(&full_cyan, width as u16, height as u16, color, icc);
        desk.put(&format!("{kind}-cmyk.jpg"), &jpeg(jpeg_encoder::ColorType::Cmyk));
        desk.put(&format!("{kind}-ycck.jpg"), &jpeg(jpeg_encoder::ColorType::CmykAsYcck));
        desk.put(&format!("{kind}.tif"), &inks_tiff(&full_cyan, width as u32, height as u32, icc));
        for name in [format!("{kind}-cmyk.jpg"), format!("{kind}-ycck.jpg"), format!("{kind}.tif")] {
            let said = desk.paint(&[&name, "-o", "out.png"]);
            let (clause, color) = match icc {
                None => ("CMYK colours have no profile", [0, 255, 255]),
                Some(_) => ("colours are converted from 'unnamed' to sRGB", [255, 0, 0]),
            };
            assert!(said.contains(clause), "{name}: {said}");
            let expected = RgbImage::from_pixel(width as u32, height as u32, image::Rgb(color));
            assert_alike(&desk.open("out.png").into_rgb8(), &expected, 4.0, &name);
        }
    }
}

#[test]
fn standard_input_and_output_take_a_picture() {
    let desk = Desk::new();
    let mut child = desk.command(&["-", "-o", "-"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&png(sample(30, 20))).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(image::guess_format(&output.stdout).unwrap(), ImageFormat::Png, "its own format");
    assert_alike(
        &image::load_from_memory(&output.stdout).unwrap().into_rgb8(),
        &sample(30, 20),
        0.0,
        "standard output",
    );
    desk.put("a.png", &png(sample(3, 3)));
    let output = desk.run(&["a.png", "-o", "-", "--format", "jpeg"]);
    assert_eq!(image::guess_format(&output.stdout).unwrap(), ImageFormat::Jpeg);
    assert!(desk.fail(2, &["a.png", "-o", "-", "--json"]).contains("--json"));
    assert!(desk.fail(2, &["a.png", "a.png", "-o", "-"]).contains("one picture"));
    assert!(desk.fail(2, &["-", "-o", "folder/"]).contains("standard input has no name"));
}

#[test]
fn a_folder_goes_into_a_folder_which_is_made_and_other_files_are_counted() {
    let desk = Desk::new();
    desk.put("in/one.png", &png(sample(4, 4)));
    desk.put("in/two.jpg", &jpeg(&sample(5, 5)));
    desk.put("in/no-ending", &png(sample(6, 6)));
    desk.put("in/notes.txt", b"not a picture");
    desk.put("in/.hidden.png", b"not looked at");
    desk.put("in/below/three.png", &png(sample(4, 4)));
    desk.put("more.png", &png(sample(7, 7)));
    let said = desk.paint(&["in", "more.png", "-o", "new/out"]);
    assert!(said.contains("'in': 3 pictures; skipped 1 other file and 1 subfolder"), "{said}");
    assert_eq!(desk.files("new/out"), ["more.png", "no-ending.png", "one.png", "two.jpg"]);
}

#[test]
fn one_damaged_file_does_not_stop_the_others() {
    let desk = Desk::new();
    desk.put("in/a.png", &png(sample(4, 4)));
    desk.put("in/b.png", &png(sample(40, 40))[..200]);
    desk.put("in/c.png", &png(sample(5, 5)));
    let run = desk.run(&["in", "-o", "out"]);
    let said = String::from_utf8_lossy(&run.stderr);
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(said.contains("1 of 3 pictures failed; the warning above says why"), "{said}");
    assert_eq!(said.matches("b.png").count(), 1, "told once: {said}");
    let quiet = desk.fail(1, &["in", "-o", "quiet", "--quiet"]);
    assert!(quiet.contains("1 of 3 pictures failed: ") && quiet.contains("b.png"), "{quiet}");
    assert_eq!(desk.files("out"), ["a.png", "c.png"]);
}

#[test]
fn json_tells_what_was_done() {
    let desk = Desk::new();
    desk.put("in/a.png", &png(sample(4, 3)));
    desk.put("in/b.png", b"damaged");
    let output = desk.run(&["in", "-o", "out", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["command"], &told["frames"], &told["dropped"]), (&"image".into(), &1.into(), &0.into()));
    assert_eq!((&told["width"], &told["height"], &told["style"]), (&4.into(), &3.into(), &"identity".into()));
    assert_eq!((&told["input"][0], &told["output"]), (&"in".into(), &"out".into()));
    assert!(told["seconds"].as_f64().unwrap() > 0.0 && told["inference_ms"]["p50"].is_number(), "{told}");
    let output = Path::new("out").join("a.png");
    assert_eq!(told["pictures"][0]["output"], output.to_str().unwrap());
    assert!(told["warnings"][0].as_str().unwrap().contains("b.png"), "{told}");
}

#[test]
fn the_smallest_and_the_thinnest_pictures_are_painted() {
    let desk = Desk::new();
    for (width, height) in [(1, 1), (1, 1000), (1000, 1), (3, 2)] {
        desk.put("a.png", &png(sample(width, height)));
        desk.put("a.jpg", &jpeg(&sample(width, height)));
        for ending in ["jpg", "png", "webp", "tif"] {
            let out = format!("out.{ending}");
            desk.paint(&["a.png", "-o", &out]);
            let tolerance = if ending == "jpg" { 6.0 } else { 0.0 };
            assert_alike(&desk.open(&out).into_rgb8(), &sample(width, height), tolerance, &out);
        }
        desk.paint(&["a.jpg", "-o", "out.png"]);
        assert_eq!(desk.open("out.png").into_rgb8().dimensions(), (width, height));
    }
}

#[test]
fn what_is_no_whole_picture_is_refused_by_name_and_leaves_nothing_behind() {
    let desk = Desk::new();
    let (png, jpeg) = (png(sample(80, 60)), jpeg(&sample(80, 60)));
    let webp = encode(&sample(80, 60).into(), ImageFormat::WebP);
    let tiff = encode(&sample(80, 60).into(), ImageFormat::Tiff);
    let bmp = encode(&sample(80, 60).into(), ImageFormat::Bmp);
    desk.put("empty.png", b"");
    desk.put("text.jpg", b"Dear diary, today I saw no picture at all.");
    desk.put("half.png", &png[..png.len() / 2]);
    desk.put("half.jpg", &jpeg[..jpeg.len() / 2]);
    desk.put("nearly.jpg", &jpeg[..jpeg.len() - 8]);
    desk.put("half.webp", &webp[..webp.len() / 2]);
    desk.put("half.tif", &tiff[..tiff.len() / 2]);
    desk.put("half.bmp", &bmp[..bmp.len() / 2]);
    desk.put("huge.png", &claiming_png(60_000, 60_000));
    desk.put("none.png", &claiming_png(0, 4));
    fs::create_dir(desk.path("out")).unwrap();
    for (name, reason) in [
        ("empty.png", "is empty"),
        ("text.jpg", "is not a picture"),
        ("half.png", "damaged PNG"),
        ("half.jpg", "damaged JPEG"),
        ("nearly.jpg", "ends in the middle"),
        ("half.webp", "damaged WebP"),
        ("half.tif", "damaged TIFF"),
        ("half.bmp", "damaged BMP"),
        ("huge.png", "60000 x 60000"),
        ("none.png", "none.png"),
        ("missing.png", "no file"),
    ] {
        let error = desk.fail(1, &[name, "-o", "out/painted.png"]);
        assert!(error.contains(reason) && error.contains(&format!("'{name}'")), "{error}");
        assert_eq!(desk.files("out"), [""; 0], "{name}");
    }
}

#[test]
fn a_picture_that_lacks_only_its_end_mark_is_painted_and_one_that_lacks_a_scan_is_not() {
    let desk = Desk::new();
    for progressive in [false, true] {
        let mut whole = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut whole, 90);
        encoder.set_progressive(progressive);
        encoder.encode(sample(80, 60).as_raw(), 80, 60, jpeg_encoder::ColorType::Rgb).unwrap();
        let last_scan = whole.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
        desk.put("whole.jpg", &whole);
        desk.put("endless.jpg", &whole[..whole.len() - 2]);
        desk.put("cut.jpg", &whole[..last_scan]);
        desk.paint(&["whole.jpg", "-o", "whole.png"]);
        let said = desk.paint(&["endless.jpg", "-o", "endless.png"]);
        assert!(!said.contains("warning"), "{said}");
        assert_alike(&desk.open("endless.png").into_rgb8(), &desk.open("whole.png").into_rgb8(), 0.0, "endless");
        let said = desk.fail(1, &["cut.jpg", "-o", "cut.png"]);
        assert!(said.contains("is a damaged JPEG file"), "{said}");
    }
    let whole = png(sample(80, 60));
    desk.put("endless.png", &whole[..whole.len() - 12]);
    let said = desk.paint(&["endless.png", "-o", "out.png"]);
    assert!(!said.contains("warning"), "{said}");
    assert_alike(&desk.open("out.png").into_rgb8(), &sample(80, 60), 0.0, "without an end");
    let mut other = whole.clone();
    let data = whole.windows(4).position(|name| name == b"IDAT").unwrap();
    other[data + 10] ^= 1;
    desk.put("other.png", &other);
    let said = desk.fail(1, &["other.png", "-o", "no.png"]);
    assert!(said.contains("'other.png' is a damaged PNG file (") && !said.contains("ChunkType"), "{said}");
}

#[test]
fn texts_in_a_png_are_said_to_be_lost_by_their_keywords() {
    let desk = Desk::new();
    let whole = png(sample(8, 6));
    // Behind the header; the check sum is of the kind and its text.
    let text: &[u8] = b"tEXtComment\0by hand";
    let sum = !text.iter().fold(!0u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xEDB8_8320 & 0u32.wrapping_sub(sum & 1)))
    });
    let chunk = [&(text.len() as u32 - 4).to_be_bytes()[..], text, &sum.to_be_bytes()].concat();
    desk.put("said.png", &[&whole[..33], &chunk, &whole[33..]].concat());
    let said = desk.paint(&["said.png", "-o", "out.png"]);
    assert!(said.contains("'said.png': its texts are not kept (Comment)"), "{said}");
}

#[test]
fn a_jpeg_damaged_in_the_middle_is_painted_with_a_warning() {
    let desk = Desk::new();
    let mut bytes = jpeg(&sample(200, 200));
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40].fill(0xFE);
    bytes[middle] = 0xFF;
    bytes[middle + 1] = 0xC8;
    desk.put("hurt.jpg", &bytes);
    let said = desk.paint(&["hurt.jpg", "-o", "out.png"]);
    assert!(said.contains("warning: 'hurt.jpg': the picture is not a valid JPEG"), "{said}");
    assert_eq!(desk.open("out.png").into_rgb8().dimensions(), (200, 200));
    // Another picture with the same damage is not passed over.
    desk.put("copy.jpg", &bytes);
    let said = desk.paint(&["hurt.jpg", "copy.jpg", "-o", "out/"]);
    for name in ["hurt", "copy"] {
        assert!(said.contains(&format!("warning: '{name}.jpg': the picture is not a valid JPEG")), "{said}");
    }
}

#[test]
fn outputs_that_make_no_sense_are_wrong_usage() {
    let desk = Desk::new();
    desk.put("a.png", &png(sample(4, 4)));
    desk.put("b.png", &png(sample(4, 4)));
    desk.put("sub/a.png", &png(sample(4, 4)));
    let before = fs::read(desk.path("a.png")).unwrap();
    for (args, reason) in [
        (&["a.png", "-o", "out.gif"] as &[&str], ".webp"),
        (&["a.png", "-o", "a.png"], "is an input"),
        (&["a.png", "-o", "./sub/../a.png"], "is an input"),
        (&["a.png", "b.png", "-o", "."], "is an input"),
        (&["a.png", "b.png", "-o", "out.jpg"], "need a folder"),
        (&["sub", "-o", "b.png"], "is a file"),
        (&["a.png", "sub/a.png", "-o", "out"], "both be written"),
        (&["film.mp4", "-o", "out.jpg"], "paint it with `impasto video`"),
    ] {
        let error = desk.fail(2, args);
        assert!(error.contains(reason), "{args:?}: {error}");
    }
    assert_eq!(fs::read(desk.path("a.png")).unwrap(), before);
    assert_eq!(desk.files("."), ["a.png", "b.png", "sub"]);
    fs::create_dir(desk.path("void")).unwrap();
    assert!(desk.fail(1, &["void", "-o", "out"]).contains("no pictures"));
}

#[test]
fn a_format_that_cannot_hold_the_size_is_told_before_it_breaks() {
    let desk = Desk::new();
    desk.put("wide.png", &png(GrayImage::from_pixel(16_384, 1, Luma([9]))));
    let error = desk.fail(1, &["wide.png", "-o", "out.webp"]);
    assert!(error.contains("the painting of 'wide.png': 16384 x 1 pixels do not fit into WebP"), "{error}");
}

#[test]
fn an_output_that_cannot_be_written_is_told_before_painting() {
    let desk = Desk::new();
    desk.put("a.png", &png(sample(4, 4)));
    let error = desk.fail(1, &["a.png", "-o", "nowhere/out.png"]);
    assert!(error.contains("its folder does not exist"), "{error}");
    let error = desk.fail(1, &["a.png", "-o", "a.png/out.png"]);
    assert!(error.contains("a.png/out.png"), "{error}");
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_written_picture_has_the_permissions_of_any_new_file() {
        let desk = Desk::new();
        desk.put("a.png", &png(sample(4, 4)));
        desk.put("plain", b"");
        desk.paint(&["a.png", "-o", "out.png"]);
        let mode = |name| fs::metadata(desk.path(name)).unwrap().permissions().mode();
        assert_eq!(mode("out.png"), mode("plain"));
    }

    #[test]
    fn nothing_is_overwritten_without_being_told() {
        let desk = Desk::new();
        desk.put("a.png", &png(sample(4, 4)));
        desk.put("b.png", &png(sample(4, 4)));
        desk.put("out.png", b"theirs");
        desk.put("many/a.png", b"theirs");
        let image = |args: &str| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_impasto"));
            command.arg("image").args(args.split(' ')).args(["--style", "identity"]).current_dir(desk.path(""));
            let done = command.output().unwrap();
            (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
        };
        let (code, said) = image("a.png -o out.png");
        assert!(code == Some(2) && said.contains("'out.png' exists") && said.contains("--overwrite"), "{said}");
        let (code, said) = image("a.png b.png -o many");
        assert!(code == Some(0) && said.contains("1 picture painted already, skipped"), "{said}");
        let bytes = |name: &str| fs::read(desk.path(name)).unwrap();
        assert!(bytes("out.png") == b"theirs" && bytes("many/a.png") == b"theirs" && desk.path("many/b.png").is_file());
        let (code, said) = image("a.png b.png -o many");
        assert_eq!(code, Some(0), "{said}");
        let (code, said) = image("a.png -o out.png -y");
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(desk.open("out.png").into_rgb8(), sample(4, 4));
    }

    #[test]
    fn a_link_stays_a_link_and_a_device_a_device() {
        let desk = Desk::new();
        desk.put("a.png", &png(sample(4, 4)));
        desk.put("store/real.png", b"old");
        symlink("store/real.png", desk.path("link.png")).unwrap();
        desk.paint(&["a.png", "-o", "link.png"]);
        assert!(desk.path("link.png").is_symlink());
        assert_eq!(desk.open("store/real.png").into_rgb8(), sample(4, 4));
        desk.paint(&["a.png", "-o", "/dev/null"]);
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        if Path::new("/dev/full").exists() {
            let error = desk.fail(1, &["a.png", "-o", "/dev/full"]);
            assert!(error.contains("the disk is full"), "{error}");
        }
    }

    #[test]
    fn a_folder_without_write_permission_is_told() {
        let desk = Desk::new();
        desk.put("a.png", &png(sample(4, 4)));
        fs::create_dir(desk.path("locked")).unwrap();
        fs::set_permissions(desk.path("locked"), fs::Permissions::from_mode(0o555)).unwrap();
        let mut command = desk.command(&["a.png", "-o", "locked/out.png"]);
        // The superuser may write everywhere, unless that right is taken away.
        if fs::write(desk.path("locked/try"), b"").is_ok() {
            let mut lessened = Command::new("setpriv");
            lessened.arg("--bounding-set=-dac_override,-dac_read_search").arg(command.get_program());
            lessened.args(command.get_args()).current_dir(desk.path(""));
            command = lessened;
        }
        let error = desk.fail_running(1, &mut command);
        assert!(error.contains("is not writable"), "{error}");
    }

    #[test]
    fn ctrl_c_keeps_the_pictures_that_are_done() {
        let desk = Desk::new();
        let slow = png(RgbImage::from_fn(1500, 1000, |x, y| image::Rgb([(x * y) as u8, x as u8, (y * 7) as u8])));
        for number in 0..40 {
            desk.put(&format!("in/{number:02}.png"), &slow);
        }
        let mut child = desk.command(&["in", "-o", "out"]).stderr(Stdio::piped()).spawn().unwrap();
        let first = desk.path("out/00.png");
        while !first.exists() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{said}");
        let kept = desk.files("out");
        assert!(said.contains(&format!("interrupted; {} of 40 pictures", kept.len())), "{said} {kept:?}");
        kept.iter().for_each(|name| assert_eq!(desk.open(&format!("out/{name}")).width(), 1500));
    }
}
