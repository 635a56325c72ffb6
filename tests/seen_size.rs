//! The size at which networks see pictures. Strokes have a size in the picture, whatever its resolution. When the network
//! sees a smaller or a larger picture, to hold a frame rate, a still scene turns over into its new painting and does not jump:
//! held to the network that live shows use.

#[path = "common/need.rs"]
mod need;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "common/pictures.rs"]
mod pictures;

use std::path::Path;
use std::sync::Arc;

use impasto::Device;
use impasto::Frame;
use impasto::Image;
use impasto::internals::kernel::grain::{Field, Grain};
use impasto::internals::kernel::resize::Resizer;
use impasto::internals::network::Network;
use impasto::internals::network::provider::{Provider, ProviderOptions};
use impasto::internals::network::runtime::Runtime;
use impasto::internals::network::{self, Opening};
use impasto::internals::size::Size;
use impasto::internals::style::catalog::Catalog;
use impasto::internals::stylize::{FullSize, Look, Small, Stylizer, WeightedNetwork};
use impasto::internals::temporal::Stabilizer;

const SIZE: (u32, u32) = (320, 180);

/// A still scene: smooth shades, edges and ripples, with a sensor's noise on top.
fn scene(index: u64) -> Frame {
    let mut frame = Frame::new(SIZE.0, SIZE.1);
    let mut state = index.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut noise = || {
        // Four uniform numbers: near enough to normal, with a deviation of about 2 levels.
        let four = (0..4).map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f64 / f64::from(1 << 24) - 0.5
        });
        four.sum::<f64>() * 3.5
    };
    for (place, pixel) in frame.pixels.chunks_exact_mut(3).enumerate() {
        let (x, y) = (f64::from(place as u32 % SIZE.0), f64::from(place as u32 / SIZE.0));
        let disc = if (x - 110.0).hypot(y - 90.0) < 50.0 { 70.0 } else { 0.0 };
        let ripple = ((x * 0.31).sin() + (y * 0.23 + x * 0.05).cos()) * 18.0;
        let shade = [60.0 + x * 0.3 + disc, 110.0 + y * 0.4 - disc, 150.0 - x * 0.2 + disc * 0.5];
        pixel.iter_mut().zip(shade).for_each(|(value, shade)| *value = (shade + ripple + noise()) as u8);
    }
    frame
}

/// Mean absolute difference of two frames.
fn apart(a: &Frame, b: &Frame) -> f64 {
    a.pixels.iter().zip(&b.pixels).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.pixels.len() as f64
}

#[test]
fn another_size_for_the_network_glides_into_a_still_picture() {
    let catalog = Catalog::load(Some(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models"))).unwrap();
    let runtime = Runtime::load(Some(&need::onnx_runtime()), false).unwrap();
    let provider = Provider { device: Device::Cpu, options: ProviderOptions::default(), reason: String::new() };
    for style in ["starry-night", "metzinger"] {
        let choice = catalog.resolve(&style.parse().unwrap()).unwrap().remove(0);
        let how = Opening { runtime: &runtime, provider: &provider, threads: 2, tile_above: None };
        let network = network::open(choice.network.as_ref().unwrap(), &how).unwrap();
        let part = WeightedNetwork { network, weights: choice.weights, share: 1.0, side: Some(432) };
        let mut stylizer = Stylizer::new(vec![part], Look::default());
        let field = Arc::new(Field::new(1));
        let mut stabilizer = Stabilizer::new(impasto::internals::temporal::DEFAULT_AMOUNT);
        let (mut painted, mut shown): (Vec<Frame>, Vec<Frame>) = (Vec::new(), Vec::new());
        let mut full_size = FullSize::default();
        // As the governor goes: one step down, then back up.
        for index in 0..110 {
            let reduction = if (30..70).contains(&index) { 1.25 } else { 1.0 };
            stylizer.set_look(Look { reduction, ..Look::default() });
            let (input, mut small) = (scene(index), Small::default());
            let grain = stylizer.still_grain(&field, Size::new(input.width, input.height));
            stylizer.sketch(&input, &grain, &mut small).unwrap();
            let mut full = |mut small: Small| {
                let mut output = Frame::default();
                full_size.restore(&input, &mut small, &mut output).unwrap();
                output
            };
            painted.push(full(small.clone()));
            let mut styled = std::mem::take(&mut small.painted);
            stabilizer.stabilize(small.seen(&input), &mut styled);
            small.painted = styled;
            shown.push(full(small));
        }
        for switch in [30, 70] {
            let jump = apart(&painted[switch - 1], &painted[switch]);
            let flicker = apart(&painted[switch - 2], &painted[switch - 1]);
            let steps: Vec<f64> = (switch..switch + 30).map(|at| apart(&shown[at - 1], &shown[at])).collect();
            let usual = apart(&shown[switch - 2], &shown[switch - 1]);
            let most = steps.iter().copied().fold(0.0, f64::max);
            assert!(jump > 2.0 * flicker, "{style}: the sizes do not differ: {jump:.2} beside {flicker:.2}");
            assert!(most < 0.15 * jump, "{style}: it jumps by {most:.2} of {jump:.2}, {usual:.2} before");
            // And it arrives.
            let end = steps[steps.len() - 1];
            assert!(end < 0.5 * most, "{style}: still on its way: {steps:?}");
        }
    }
}

/// Paints diagonal strokes that are 8 pixels wide in what it sees, over the picture's own colours.
struct Strokes;

impl Network for Strokes {
    fn style_count(&self) -> usize {
        1
    }

    fn run(&mut self, image: Image<'_>, _weights: &[f32], _grain: &Grain, out: &mut [u8]) -> impasto::Result<()> {
        let width = image.width as usize;
        for (place, (out, &value)) in out.iter_mut().zip(image.pixels).enumerate() {
            let (x, y) = (place / 3 % width, place / 3 / width);
            *out = value / 2 + if (x + y) / 8 % 2 == 0 { 100 } else { 20 };
        }
        Ok(())
    }
}

#[test]
fn a_photo_has_the_same_strokes_at_twelve_megapixels_and_at_one() {
    let painted = |width: u32, height: u32| {
        let part = WeightedNetwork { network: Box::new(Strokes), weights: vec![1.0], share: 1.0, side: Some(150) };
        let photo = Frame { pixels: pictures::sample(width, height).into_raw(), ..Frame::new(width, height) };
        let mut output = Frame::default();
        let mut stylizer = Stylizer::new(vec![part], Look::default());
        let grain = stylizer.still_grain(&Arc::new(Field::new(1)), Size::new(photo.width, photo.height));
        stylizer.stylize(&photo, &grain, &mut output).unwrap();
        assert_eq!((output.width, output.height), (width, height));
        output
    };
    let (large, small) = (painted(4000, 3000), painted(1000, 750));
    let mut reduced = Frame::new(1000, 750);
    Resizer::default().resize(large.image(), 1000, 750, &mut reduced.pixels).unwrap();
    let picture = |frame: Frame| image::RgbImage::from_raw(frame.width, frame.height, frame.pixels).unwrap();
    let (reduced, small) = (picture(reduced), picture(small));
    pictures::assert_alike(&reduced, &small, 2.0, "the strokes");
    // Strokes of eight pixels out of 150 are forty pixels wide in the smaller photo: they are in neither by chance.
    let dark = (0..1000).filter(|&x| small.get_pixel(x, 375)[1] < 150).count();
    assert!((400..600).contains(&dark), "{dark} of 1000 pixels are dark");
}
