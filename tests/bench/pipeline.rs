//! A whole job without files: source, workers, stabiliser and sink, each on its own threads. `item/s` is frames per second.

mod frames;
#[path = "../common/need.rs"]
mod need;
mod networks;

use std::sync::Arc;
use std::thread::available_parallelism;

use divan::Bencher;
use divan::counter::ItemsCount;
use frames::{BOTH, SMALL, Size};
use impasto::internals::kernel::grain::Field;
use impasto::internals::network::Identity;
use impasto::internals::pipeline::ordered;
use impasto::internals::sink::null::NullSink;
use impasto::internals::source::synthetic::SyntheticSource;
use impasto::internals::stylize::{Look, Stylizer, WeightedNetwork};
use impasto::internals::temporal::{Carrier, DEFAULT_AMOUNT, Stabilizer};
use impasto::{Frame, Stop};

fn main() {
    divan::main();
}

/// The networks copy: what is left is everything around them.
#[divan::bench(args = BOTH, sample_count = 10)]
fn identity(bencher: Bencher<'_, '_>, size: Size) {
    let part = || WeightedNetwork { network: Box::new(Identity), weights: vec![1.0], share: 1.0, side: None };
    job(bencher, size, 120, part);
}

#[divan::bench(args = [SMALL], sample_count = 5)]
fn starry_night(bencher: Bencher<'_, '_>, size: Size) {
    if need::onnx_runtime_or_skip("the pipeline benchmark with a style").is_none() {
        return;
    }
    job(bencher, size, 30, || networks::part("live.onnx", 1));
}

/// A worker for each core, as for a file.
fn job(bencher: Bencher<'_, '_>, size: Size, frames: u64, part: impl Fn() -> WeightedNetwork) {
    let cores = available_parallelism().map_or(1, usize::from);
    let mut workers: Vec<_> = (0..cores).map(|_| Stylizer::new(vec![part()], Look::default())).collect();
    let mut run = |frames| {
        let mut source = SyntheticSource::new(size.width, size.height, Some(frames));
        let (mut carrier, mut stabilizer) = (Carrier::new(Arc::new(Field::new(1))), Stabilizer::new(DEFAULT_AMOUNT));
        let wanted = workers[0].takes_grain();
        let carry = &mut |input: &Frame| {
            carrier.carry(input, impasto::internals::size::Size { width: size.width, height: size.height }, wanted)
        };
        let steady = &mut |input: &_, styled: &mut _| stabilizer.stabilize(input, styled);
        ordered::run(&mut source, carry, &mut workers, steady, Box::new(NullSink), &Stop::default(), &|_| {}).unwrap();
    };
    // The first runs allocate and plan.
    run(2 * cores as u64);
    bencher.counter(ItemsCount::new(frames)).bench_local(|| run(frames));
}
