//! `impasto styles export`: what another program paints with the file is what impasto paints.

#[path = "common/difference.rs"]
mod difference;
#[path = "common/need.rs"]
mod need;
#[path = "common/user.rs"]
#[allow(dead_code, reason = "only a share of it is used here")]
mod user;

use std::path::Path;

use difference::largest_difference;
use impasto::Frame;
use ort::environment::Environment;
use ort::session::Session;
use ort::value::Tensor;

use user::{User, network, pixels, words};

const SIZE: (usize, usize) = (90, 62);

/// A photo of that size, and impasto's painting of it in `style`.
fn painted(user: &User, style: &str) -> (Vec<u8>, Vec<u8>) {
    let mut frame = Frame::new(SIZE.0 as u32, SIZE.1 as u32);
    for (place, byte) in frame.pixels.iter_mut().enumerate() {
        let (x, y) = (place / 3 % SIZE.0, place / 3 / SIZE.0);
        *byte = ((x * 3 + y * 2 + (x / 9 + y / 9) % 2 * 60 + place % 3 * 40) % 256) as u8;
    }
    let photo = user.path("photo.png");
    let picture = impasto::Picture::new(frame);
    impasto::internals::picture::write::save(&picture, &photo, impasto::pictures::Format::Png, 90).unwrap();
    let out = user.path("painting.png");
    let args =
        ["image", photo.to_str().unwrap(), "-o", out.to_str().unwrap(), "-y", "--device", "cpu", "--style", style];
    user.json(&args);
    (pixels(&photo), pixels(&out))
}

/// Runs the exported file as another program does.
fn run(environment: &Environment, file: &Path, photo: &[u8], white: f32) -> Vec<u8> {
    let mut session = Session::builder(environment).unwrap().commit_from_file(file).unwrap();
    assert_eq!((session.inputs().len(), session.outputs().len()), (1, 1), "the style and the grain are inside");
    let plane = SIZE.0 * SIZE.1;
    let planes: Vec<f32> =
        (0..3 * plane).map(|place| f32::from(photo[place % plane * 3 + place / plane]) * white / 255.0).collect();
    let input = Tensor::from_array(([1, 3, SIZE.1, SIZE.0], planes)).unwrap();
    let outputs = session.run(ort::inputs![input]).unwrap();
    let (shape, values) = outputs[0].try_extract_tensor::<f32>().unwrap();
    assert_eq!(shape.to_vec(), [1, 3, SIZE.1 as i64, SIZE.0 as i64]);
    let byte = |value: f32| (value * 255.0 / white).round().clamp(0.0, 255.0) as u8;
    (0..3 * plane).map(|place| byte(values[place % 3 * plane + place / 3])).collect()
}

#[test]
fn an_exported_style_paints_what_impasto_paints() {
    let user = User::new();
    let size = format!("{}x{}", SIZE.0, SIZE.1);
    let environment = ort::init_from(need::onnx_runtime()).unwrap().build().unwrap();
    for (style, range, white) in
        [("starry-night", "1", 1.0), ("starry-night:0.6,scream:0.4", "255", 255.0), ("fine-starry-night", "1", 1.0)]
    {
        let (photo, painting) = painted(&user, style);
        let file = user.path("style.onnx");
        let args = ["styles", "export", style, "--size", &size, "-o", file.to_str().unwrap(), "-y", "--range", range];
        assert_eq!(user.json(&args)["width"], SIZE.0);
        let elsewhere = run(&environment, &file, &photo, white);
        let worst = largest_difference(&painting, &elsewhere);
        assert!(worst <= 1, "{style} differs by {worst}");
        let changed = largest_difference(&painting, &photo);
        assert!(changed > 20, "{style} paints nothing");
        // Other programs know ONNX's own operations alone.
        let bytes = std::fs::read(&file).unwrap();
        let names = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
        assert!(!names(b"FusedConv") && !names(b"NhwcConv"), "{style} needs ONNX Runtime's own operations");
    }
}

#[test]
fn what_cannot_be_exported_is_refused_with_the_cure() {
    let user = User::new();
    let out = user.path("style.onnx");
    let export = |style: &str, size: &str| {
        user.refused(&["styles", "export", style, "--size", size, "-o", out.to_str().unwrap()], 2)
    };
    assert!(export("starry-night,fine-scream", "64x36").contains("blends several networks"));
    assert!(export("identity", "64x36").contains("is no network"));
    assert!(export("starry-night", "64x-1").contains("needs both sides"));
    let planar = network("planar.onnx");
    let added = user.run(&[&["styles", "add", &planar, "--name", "mine"][..], &user::LICENCE].concat());
    assert!(added.status.success(), "{}", words(&added));
    assert!(export("mine", "64x36").contains("takes floats already"));
    std::fs::write(&out, "mine").unwrap();
    assert!(export("starry-night", "64x36").contains("--overwrite"));
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
}
