//! Each network of models/: one frame of 640x360, on all cores.

mod frames;
#[path = "../common/need.rs"]
mod need;
mod networks;

use std::sync::Arc;
use std::thread::available_parallelism;

use divan::Bencher;
use frames::{SMALL, scene};
use impasto::internals::kernel::grain::{Field, Grain};

fn main() {
    if need::onnx_runtime_or_skip("the network benchmarks").is_some() {
        divan::main();
    }
}

#[divan::bench(args = ["live.onnx", "fine.onnx"], sample_count = 30)]
fn run(bencher: Bencher<'_, '_>, file: &str) {
    let mut part = networks::part(file, available_parallelism().map_or(1, usize::from));
    let (frame, mut out) = (scene(SMALL, 0), vec![0; SMALL.pixels() * 3]);
    let grain = Grain::still(
        Arc::new(Field::new(1)),
        impasto::internals::size::Size { width: SMALL.width, height: SMALL.height },
    );
    let mut paint = || part.network.run(frame.image(), &part.weights, &grain, &mut out).unwrap();
    // The first runs allocate and plan.
    (0..3).for_each(|_| paint());
    bencher.bench_local(paint);
}
