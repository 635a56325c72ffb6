//! YUV to RGB and back: what decoded files, encoders, cameras and virtual cameras need for each frame.

mod frames;

use divan::{Bencher, black_box};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::frame::Video;
use frames::{BOTH, Size, scene};
use impasto::Frame;
use impasto::internals::media::pixels::{ColorTags, FromRgb, ToRgb, ToYuyv, camera as raw};

fn main() {
    divan::main();
}

/// Pictures of files; 10 bits are those of HDR.
mod file {
    use super::*;

    #[divan::bench(args = BOTH)]
    fn decoded_yuv420(bencher: Bencher<'_, '_>, size: Size) {
        decoded(bencher, size, Pixel::YUV420P);
    }

    #[divan::bench(args = BOTH)]
    fn decoded_yuv420_10_bits(bencher: Bencher<'_, '_>, size: Size) {
        decoded(bencher, size, Pixel::YUV420P10LE);
    }

    #[divan::bench(args = BOTH)]
    fn encoded_yuv420(bencher: Bencher<'_, '_>, size: Size) {
        let (frame, mut picture) = (scene(size, 0), Video::new(Pixel::YUV420P, size.width, size.height));
        let mut from_rgb = FromRgb::default();
        bencher.bench_local(|| from_rgb.convert(black_box(&frame), ColorTags::BT709, &mut picture).unwrap());
    }

    fn decoded(bencher: Bencher<'_, '_>, size: Size, format: Pixel) {
        let mut picture = Video::new(format, size.width, size.height);
        FromRgb::default().convert(&scene(size, 0), ColorTags::BT709, &mut picture).unwrap();
        let (mut to_rgb, mut frame) = (ToRgb::default(), Frame::default());
        bencher.bench_local(|| to_rgb.convert(black_box(&picture), ColorTags::BT709, &mut frame).unwrap());
    }
}

mod camera {
    use super::*;

    #[divan::bench(args = BOTH)]
    fn from_yuyv(bencher: Bencher<'_, '_>, size: Size) {
        let (mut frame, mut packed) = (scene(size, 0), vec![0; size.pixels() * 2]);
        ToYuyv::default().convert(frame.image(), size.width * 2, &mut packed).unwrap();
        bencher.bench_local(|| raw::yuyv_to_rgb(black_box(&packed), size.width * 2, &mut frame).unwrap());
    }

    #[divan::bench(args = BOTH)]
    fn from_nv12(bencher: Bencher<'_, '_>, size: Size) {
        // A plane of brightness, and half as many bytes of chroma.
        let mut picture: Vec<u8> = scene(size, 0).pixels.into_iter().step_by(3).collect();
        picture.resize(size.pixels() * 3 / 2, 128);
        let mut frame = Frame::new(size.width, size.height);
        bencher.bench_local(|| raw::nv12_to_rgb(black_box(&picture), size.width, &mut frame).unwrap());
    }

    #[divan::bench(args = BOTH)]
    fn to_yuyv(bencher: Bencher<'_, '_>, size: Size) {
        let (frame, mut packed) = (scene(size, 0), vec![0; size.pixels() * 2]);
        let mut to_yuyv = ToYuyv::default();
        bencher.bench_local(|| to_yuyv.convert(black_box(frame.image()), size.width * 2, &mut packed).unwrap());
    }
}
