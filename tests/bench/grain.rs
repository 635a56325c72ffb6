//! What grain costs a frame: the search for motion with the coordinates, and the cells for a network that sees 640x360.

mod frames;

use std::sync::Arc;

use divan::Bencher;
use frames::{BOTH, SMALL, Size, scene};
use impasto::Frame;
use impasto::internals::kernel::grain::{CELL, CHANNELS, Field};
use impasto::internals::temporal::Carrier;

fn main() {
    divan::main();
}

fn seen(frame: &Frame) -> impasto::internals::size::Size {
    impasto::internals::size::Size::new(frame.width, frame.height)
}

/// Frames of the scene; it goes to and fro over them, so that no cut comes in between.
const LENGTH: usize = 12;

#[divan::bench(args = BOTH)]
fn carry(bencher: Bencher<'_, '_>, size: Size) {
    let inputs: Vec<Frame> = (0..LENGTH as u64).map(|index| scene(size, index)).collect();
    let order: Vec<usize> = (0..LENGTH).chain((1..LENGTH - 1).rev()).collect();
    let mut next = order.iter().copied().cycle();
    let mut carrier = Carrier::new(Arc::new(Field::new(1)));
    bencher
        .with_inputs(|| &inputs[next.next().expect("the order has no end")])
        .bench_local_values(|input| carrier.carry(input, seen(input), true));
}

#[divan::bench]
fn fill(bencher: Bencher<'_, '_>) {
    let mut carrier = Carrier::new(Arc::new(Field::new(1)));
    let frame = scene(SMALL, 0);
    let grain = carrier.carry(&frame, seen(&frame), true);
    let (columns, rows) = (frame.width.div_ceil(CELL), frame.height.div_ceil(CELL));
    let mut cells = vec![0.0; (columns * rows) as usize * CHANNELS];
    bencher.bench_local(|| grain.fill(seen(&frame), 0..columns, 0..rows, &mut cells));
}
