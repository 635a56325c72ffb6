//! When the network sees a smaller or a larger picture, to hold a frame rate, a still scene turns over into its new painting
//! and does not jump: held to the network that live shows use.

#[path = "common/need.rs"]
mod need;

use std::path::Path;

use impasto::Device;
use impasto::Frame;
use impasto::internals::network::provider::{Provider, ProviderOptions};
use impasto::internals::network::runtime::Runtime;
use impasto::internals::network::{self, Opening};
use impasto::internals::style::catalog::Catalog;
use impasto::internals::stylize::{Look, Stylizer, WeightedNetwork};
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
    for style in ["starry-night", "mosaic"] {
        let choice = catalog.resolve(&style.parse().unwrap()).unwrap().remove(0);
        let how = Opening { runtime: &runtime, provider: &provider, threads: 2, tile_above: None };
        let network = network::open(choice.network.as_ref().unwrap(), &how).unwrap();
        let part = WeightedNetwork { network, weights: choice.weights, share: 1.0, side: Some(432) };
        let mut stylizer = Stylizer::new(vec![part], Look::default());
        let mut stabilizer = Stabilizer::new(impasto::internals::temporal::DEFAULT_AMOUNT);
        let (mut painted, mut shown): (Vec<Frame>, Vec<Frame>) = (Vec::new(), Vec::new());
        // As the governor goes: one step down, then back up.
        for index in 0..110 {
            let reduction = if (30..70).contains(&index) { 1.25 } else { 1.0 };
            stylizer.set_look(Look { reduction, ..Look::default() });
            let (input, mut output) = (scene(index), Frame::default());
            stylizer.stylize(&input, &mut output).unwrap();
            painted.push(output.clone());
            stabilizer.stabilize(&input, &mut output);
            shown.push(output);
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
