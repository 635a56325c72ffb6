//! The pure pixel functions that a frame passes on its way.

mod frames;

use divan::{Bencher, black_box};
use frames::{BOTH, FULL_HD, LARGE, SMALL, Size, scene};
use impasto::Image;
use impasto::internals::kernel::enlarge::Enlarger;
use impasto::internals::kernel::planar::{self, PlanarFormat};
use impasto::internals::kernel::resize::Resizer;
use impasto::internals::kernel::{blend, color};

fn main() {
    divan::main();
}

/// To half the size and back: what a stroke scale of 2 costs.
mod resize {
    use super::*;

    #[divan::bench(args = BOTH)]
    fn down(bencher: Bencher<'_, '_>, size: Size) {
        between(bencher, size, size.half());
    }

    #[divan::bench(args = BOTH)]
    fn up(bencher: Bencher<'_, '_>, size: Size) {
        between(bencher, size.half(), size);
    }

    fn between(bencher: Bencher<'_, '_>, from: Size, to: Size) {
        let frame = scene(from, 0);
        let (mut resizer, mut out) = (Resizer::default(), vec![0; to.pixels() * 3]);
        bencher.bench_local(|| resizer.resize(black_box(frame.image()), to.width, to.height, &mut out).unwrap());
    }
}

#[divan::bench(args = BOTH)]
fn blend(bencher: Bencher<'_, '_>, size: Size) {
    let (other, mut picture) = (scene(size, 0), scene(size, 1));
    bencher.bench_local(|| blend::toward(black_box(&other.pixels), &mut picture.pixels, 0.5));
}

#[divan::bench(args = BOTH)]
fn keep_chroma(bencher: Bencher<'_, '_>, size: Size) {
    let (original, mut painted) = (scene(size, 0), scene(size, 1));
    bencher.bench_local(|| color::keep_chroma(black_box(&original.pixels), &mut painted.pixels));
}

#[divan::bench(args = BOTH)]
fn planar_pack(bencher: Bencher<'_, '_>, size: Size) {
    let (frame, mut planes) = (scene(size, 0), vec![0.0; size.pixels() * 3]);
    bencher.bench_local(|| planar::pack(black_box(frame.image()), &PlanarFormat::PYTORCH_EXAMPLES, &mut planes));
}

#[divan::bench(args = BOTH)]
fn planar_unpack(bencher: Bencher<'_, '_>, size: Size) {
    let (frame, mut planes) = (scene(size, 0), vec![0.0; size.pixels() * 3]);
    planar::pack(frame.image(), &PlanarFormat::PYTORCH_EXAMPLES, &mut planes);
    let (sides, mut out) = ((size.width as usize, size.height as usize), vec![0; size.pixels() * 3]);
    bencher.bench_local(|| planar::unpack(black_box(&planes), sides, 255.0, sides, &mut out));
}

/// A painting of two fifths of the size, brought back with the original's edges.
#[divan::bench(args = [SMALL, LARGE, FULL_HD])]
fn enlarge(bencher: Bencher<'_, '_>, size: Size) {
    let (original, mut out) = (scene(size, 0), vec![0; size.pixels() * 3]);
    let seen = Size { width: size.width * 2 / 5, height: size.height * 2 / 5 };
    let (small, painted) = (scene(seen, 0), scene(seen, 1));
    let mut enlarger = Enlarger::default();
    bencher.bench_local(|| {
        let small = Image { width: seen.width, height: seen.height, pixels: black_box(&small.pixels) };
        enlarger.enlarge(original.image(), small, &painted.pixels, 0.0, &mut out);
    });
}
