//! The network layer with real ONNX Runtime, on the tiny networks of scripts/make_test_networks.py.

#[path = "common/difference.rs"]
mod difference;
#[path = "common/need.rs"]
mod need;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use difference::largest_difference;
use impasto::Device;
use impasto::Image;
use impasto::MaxPixels;
use impasto::Result;
use impasto::internals::frame::byte_len;
use impasto::internals::kernel::grain::{Field, Grain};
use impasto::internals::kernel::planar::PlanarFormat;
use impasto::internals::network::provider::{Provider, ProviderOptions};
use impasto::internals::network::runtime::Runtime;
use impasto::internals::network::{self, Layout, Network, NetworkFile, Opening};
use impasto::internals::picture::read;
use impasto::internals::size::Size;

/// ONNX Runtime takes one environment a process.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::load(Some(&need::onnx_runtime()), false).unwrap())
}

fn cpu() -> Provider {
    Provider { device: Device::Cpu, options: ProviderOptions::default(), reason: String::new() }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/networks")
}

fn file(name: &str, layout: Layout, styles: usize) -> NetworkFile {
    let tiles = folder().join(name).with_extension("tiles.onnx");
    NetworkFile {
        name: name.trim_end_matches(".onnx").to_owned(),
        path: folder().join(name),
        tiles: tiles.is_file().then_some(tiles),
        layout,
        styles,
        side: 432,
        sha256: String::new(),
    }
}

const PLANAR: Layout = Layout::NchwF32(PlanarFormat::PYTORCH_EXAMPLES);

fn open(file: &NetworkFile, tile_above: Option<u64>) -> Result<Box<dyn Network>> {
    let provider = cpu();
    network::open(file, &Opening { runtime: runtime(), provider: &provider, threads: 2, tile_above })
}

/// A smooth picture with some texture.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(byte_len(width, height));
    for y in 0..height {
        for x in 0..width {
            let ripple = (f64::from(x * 7 + y * 3) / 9.0).sin() * 20.0;
            let shade = |full: f64| (30.0 + 190.0 * full + ripple) as u8;
            let (right, down) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
            pixels.extend([shade(right), shade(down), shade((right + down) / 2.0)]);
        }
    }
    pixels
}

fn paint(network: &mut dyn Network, width: u32, height: u32, pixels: &[u8], weights: &[f32]) -> Result<Vec<u8>> {
    let grain = Grain::still(Arc::new(Field::new(1)), Size::new(width, height));
    let mut out = vec![0; pixels.len()];
    network.run(Image { width, height, pixels }, weights, &grain, &mut out)?;
    Ok(out)
}

#[test]
fn weights_mix_the_styles_of_an_own_network_at_any_size() {
    let mut network = open(&file("original_and_negative.onnx", Layout::NhwcU8, 2), None).unwrap();
    for (width, height) in [(1, 1), (3, 5), (641, 361), (2, 900)] {
        let pixels = picture(width, height);
        let negative: Vec<u8> = pixels.iter().map(|byte| 255 - byte).collect();
        let mut paint = |weights: [f32; 2]| paint(network.as_mut(), width, height, &pixels, &weights).unwrap();
        assert_eq!(paint([1.0, 0.0]), pixels);
        assert_eq!(paint([0.0, 1.0]), negative);
        assert!(paint([0.5, 0.5]).iter().all(|&byte| byte.abs_diff(127) <= 1));
    }
}

#[test]
fn a_classic_network_gives_what_python_gives_within_one_level() {
    let input = read::load(&folder().join("classic.png"), MaxPixels::default()).unwrap().frame;
    let expected = read::load(&folder().join("classic.out.png"), MaxPixels::default()).unwrap().frame;
    let mut network = open(&file("classic.onnx", PLANAR, 1), None).unwrap();
    let painted = paint(network.as_mut(), input.width, input.height, &input.pixels, &[1.0]).unwrap();
    assert!(largest_difference(&painted, &expected.pixels) <= 1);
}

#[test]
fn a_planar_network_keeps_bytes_at_sizes_that_are_no_multiple_of_four() {
    let mut network = open(&file("planar.onnx", PLANAR, 1), None).unwrap();
    for (width, height) in [(1, 1), (5, 3), (641, 361)] {
        let pixels = picture(width, height);
        assert_eq!(paint(network.as_mut(), width, height, &pixels, &[1.0]).unwrap(), pixels);
    }
}

#[test]
fn a_network_gets_the_grain_of_its_seed_at_any_size_and_in_tiles_as_a_whole() {
    let file = file("grain.onnx", Layout::NhwcU8, 1);
    let (mut whole, mut tiled) = (open(&file, None).unwrap(), open(&file, Some(1000)).unwrap());
    assert!(whole.takes_grain() && tiled.takes_grain());
    for (width, height) in [(1, 1), (7, 5), (1501, 1103)] {
        let pixels = vec![128; byte_len(width, height)];
        let paint = |network: &mut dyn Network, seed: u64| {
            let grain = Grain::still(Arc::new(Field::new(seed)), Size::new(width, height));
            let mut out = vec![0; pixels.len()];
            network.run(Image { width, height, pixels: &pixels }, &[1.0], &grain, &mut out).unwrap();
            out
        };
        let first = paint(whole.as_mut(), 1);
        assert!(first == paint(whole.as_mut(), 1), "{width}x{height}: equal seeds");
        assert!(first != paint(whole.as_mut(), 2), "{width}x{height}: other seeds");
        assert!(first == paint(tiled.as_mut(), 1), "{width}x{height}: tiles do not meet");
    }
}

#[test]
fn a_network_without_grain_is_called_as_before() {
    let mut network = open(&file("original_and_negative.onnx", Layout::NhwcU8, 2), None).unwrap();
    assert!(!network.takes_grain());
    let pixels = picture(64, 36);
    assert_eq!(paint(network.as_mut(), 64, 36, &pixels, &[1.0, 0.0]).unwrap(), pixels);
}

#[test]
fn tiles_with_the_statistics_of_the_whole_picture_have_no_seam() {
    let file = file("normalised.onnx", Layout::NhwcU8, 1);
    // Just larger than the thumbnail, so its statistics are nearly the picture's own.
    let (width, height) = (1500, 1100);
    let pixels = picture(width, height);
    let whole = paint(open(&file, None).unwrap().as_mut(), width, height, &pixels, &[1.0]).unwrap();
    let tiled = paint(open(&file, Some(1000)).unwrap().as_mut(), width, height, &pixels, &[1.0]).unwrap();
    let difference = largest_difference(&whole, &tiled);
    assert!(difference <= 4, "{difference}");
}

#[test]
fn tiles_normalised_one_by_one_would_be_seen_by_the_seam_test() {
    let file = file("normalised.onnx", Layout::NhwcU8, 1);
    let (width, height) = (1500, 1100);
    let pixels = picture(width, height);
    let mut network = open(&file, None).unwrap();
    let whole = paint(network.as_mut(), width, height, &pixels, &[1.0]).unwrap();
    let corner: Vec<u8> = pixels.chunks(width as usize * 3).take(512).flat_map(|row| row[..512 * 3].to_vec()).collect();
    let alone = paint(network.as_mut(), 512, 512, &corner, &[1.0]).unwrap();
    let shown: Vec<u8> = whole.chunks(width as usize * 3).take(512).flat_map(|row| row[..512 * 3].to_vec()).collect();
    assert!(largest_difference(&alone, &shown) > 20);
}

#[test]
fn a_shipped_network_paints_every_style_without_a_seam() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let catalog = impasto::internals::style::catalog::Catalog::load(Some(&models)).unwrap();
    let styles: Vec<String> = catalog.styles().iter().map(|found| found.style.name.clone()).collect();
    assert!(styles.len() >= 3, "{styles:?}");
    // Two tiles wide; the seam is at column 1024.
    let (width, height) = (1400, 800);
    let pixels = picture(width, height);
    let mut paintings: Vec<(String, Vec<u8>)> = Vec::new();
    for style in styles {
        let choice = catalog.resolve(&style.parse().unwrap()).unwrap().remove(0);
        let file = choice.network.unwrap();
        let mut network = open(&file, Some(1000)).unwrap();
        let painted = paint(network.as_mut(), width, height, &pixels, &choice.weights).unwrap();
        if style.ends_with("photo") {
            assert_eq!(painted, pixels, "{style} is the picture itself");
            continue;
        }
        let step = |column: usize| -> f64 {
            let rows = painted.chunks(width as usize * 3);
            let steps = rows.map(|row| f64::from(row[column * 3].abs_diff(row[column * 3 - 3])));
            steps.sum::<f64>() / f64::from(height)
        };
        // The network paints in patches: a column is compared with those that lie alike in theirs.
        let alike: Vec<f64> = (880..1168).step_by(16).filter(|column| *column != 1024).map(step).collect();
        let elsewhere = alike.iter().sum::<f64>() / alike.len() as f64;
        let seam = step(1024);
        assert!(seam <= elsewhere * 1.5 + 0.5, "{style}: {seam} at the seam, {elsewhere} elsewhere");
        // Another network may paint the same painting's style, and alike.
        let mut others = paintings.iter().filter(|(network, _)| *network == file.name);
        assert!(others.all(|(_, other)| largest_difference(other, &painted) > 30), "{style} is like another");
        paintings.push((file.name, painted));
    }
}

#[test]
fn values_that_are_not_numbers_are_said() {
    let mut network = open(&file("nan.onnx", PLANAR, 1), None).unwrap();
    let error = paint(network.as_mut(), 8, 8, &picture(8, 8), &[1.0]).unwrap_err().to_string();
    assert!(error.contains("network 'nan' gave values that are not numbers"), "{error}");
}

#[test]
fn what_is_no_style_network_has_its_ends_named() {
    let refused = |name: &str, layout: Layout| match open(&file(name, layout, 1), None) {
        Ok(_) => panic!("{name} was taken for a style network"),
        Err(error) => error.to_string(),
    };
    let error = refused("classifier.onnx", PLANAR);
    assert!(error.contains("features f32 [1,10]") && error.contains("classes"), "{error}");
    let error = refused("classifier.onnx", Layout::NhwcU8);
    assert!(error.contains("image uint8 [1,H,W,3]"), "{error}");
    let error = refused("planar_fixed.onnx", PLANAR);
    assert!(error.contains("[1,3,64,64]") && error.contains("any H and W"), "{error}");
    let error = refused("planar.onnx", Layout::NhwcU8);
    assert!(error.contains("input1"), "{error}");
}

#[test]
fn a_missing_or_damaged_file_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let damaged = scratch.path().join("damaged.onnx");
    std::fs::write(&damaged, "not a graph").unwrap();
    for (path, words) in [(damaged, "damaged.onnx' is not an ONNX file"), (scratch.path().join("gone.onnx"), "no file")]
    {
        let file = NetworkFile {
            name: "x".into(),
            path,
            tiles: None,
            layout: PLANAR,
            styles: 1,
            side: 432,
            sha256: String::new(),
        };
        let error = open(&file, None).err().expect("it cannot be opened").to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_device_that_cannot_run_is_an_error_that_says_what_is_missing() {
    // What no wheel or plugin could bring to this system.
    let elsewhere =
        if cfg!(target_os = "macos") { (Device::Cuda, "NVIDIA") } else { (Device::CoreMl, "Apple silicon") };
    for (device, cure) in [(Device::DirectMl, "Windows"), elsewhere] {
        let error = Provider::choose(runtime(), device, ProviderOptions::default()).unwrap_err().to_string();
        assert!(error.contains("cannot run here") && error.contains(cure), "{error}");
    }
}

#[test]
fn the_processor_always_runs_and_auto_gives_its_reason() {
    let chosen = Provider::choose(runtime(), Device::Auto, ProviderOptions::default()).unwrap();
    assert_ne!(chosen.device, Device::Auto);
    assert!(!chosen.reason.is_empty());
    assert!(Provider::choose(runtime(), Device::Cpu, ProviderOptions::default()).is_ok());
}
