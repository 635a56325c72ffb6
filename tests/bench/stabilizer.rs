//! The stabiliser on a moving scene with a camera's noise.

mod frames;

use divan::Bencher;
use frames::{BOTH, Size, scene};
use impasto::Frame;
use impasto::internals::temporal::{DEFAULT_AMOUNT, Stabilizer};

fn main() {
    divan::main();
}

/// Frames of the scene; it goes to and fro over them, so that no cut comes in between.
const LENGTH: usize = 12;

#[divan::bench(args = BOTH)]
fn stabilize(bencher: Bencher<'_, '_>, size: Size) {
    let inputs: Vec<Frame> = (0..LENGTH as u64).map(|index| scene(size, index)).collect();
    let order: Vec<usize> = (0..LENGTH).chain((1..LENGTH - 1).rev()).collect();
    let mut next = order.iter().copied().cycle();
    let mut stabilizer = Stabilizer::new(DEFAULT_AMOUNT);
    // The first frames are cheaper: nothing has been averaged yet.
    for place in next.by_ref().take(LENGTH) {
        stabilizer.stabilize(&inputs[place], &mut inputs[place].clone());
    }
    bencher
        .with_inputs(|| {
            let input = &inputs[next.next().expect("the order has no end")];
            (input, input.clone())
        })
        .bench_local_refs(|(input, styled)| stabilizer.stabilize(input, styled));
}
