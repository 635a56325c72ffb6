//! Pictures made on the spot, and the one way in which tests compare pictures.

use image::metadata::Orientation;
use image::{DynamicImage, Rgb, RgbImage};

/// A picture that looks different from every side, smooth enough for lossy formats.
pub fn sample(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (across, down) = (x * 255 / width.max(2), y * 255 / height.max(2));
        Rgb([across as u8, down as u8, (255 - across / 2 - down / 2) as u8])
    })
}

/// Checks that two pictures have one size and differ by at most `tolerance` of 255 on average, and by ten times that
/// anywhere.
#[track_caller]
pub fn assert_alike(actual: &RgbImage, expected: &RgbImage, tolerance: f64, what: &str) {
    assert_eq!(actual.dimensions(), expected.dimensions(), "{what}: size");
    let differences = || actual.as_raw().iter().zip(expected.as_raw()).map(|(a, b)| f64::from(a.abs_diff(*b)));
    let mean = differences().sum::<f64>() / expected.as_raw().len().max(1) as f64;
    let most = differences().fold(0.0, f64::max);
    assert!(mean <= tolerance, "{what}: differs by {mean:.2} on average, tolerance {tolerance}");
    assert!(most <= tolerance * 10.0, "{what}: differs by {most} somewhere, tolerance {}", tolerance * 10.0);
}

/// `upright` as a camera stores it that writes EXIF orientation `value`, 1 to 8.
pub fn stored_as(upright: &RgbImage, value: u8) -> RgbImage {
    // The inverse of a quarter turn is three of them; all others undo themselves.
    let inverse = match value {
        6 => 8,
        8 => 6,
        other => other,
    };
    let mut image = DynamicImage::from(upright.clone());
    image.apply_orientation(Orientation::from_exif(inverse).expect("1 to 8"));
    image.into_rgb8()
}

/// EXIF, a little-endian TIFF structure, with an orientation and a camera's name.
pub fn exif(orientation: u8) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x02\0".to_vec();
    // Make, ASCII, 4 bytes in place: "Cam".
    tiff.extend([0x0F, 0x01, 2, 0, 4, 0, 0, 0, b'C', b'a', b'm', 0]);
    // Orientation, SHORT, one.
    tiff.extend([0x12, 0x01, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    tiff.extend([0; 4]);
    tiff
}

/// A CMYK profile (ICC version 2, one lookup table) of a press whose cyan ink is red, so that nothing but the profile
/// can have made red of it.
pub fn red_cyan_profile() -> Vec<u8> {
    // Lab of the 16 corners, 8 bits: L 0..255, a and b 128 neutral. sRGB red is about L 54, a 81, b 70.
    let corner = |index: usize| -> [u8; 3] {
        let (cyan, black) = (index & 8 != 0, index & 1 != 0);
        match (cyan, black) {
            (_, true) => [0, 128, 128],
            (true, false) => [137, 209, 198],
            (false, false) => [255, 128, 128],
        }
    };
    let ramp = || (0..=255u8).collect::<Vec<_>>();
    let mut table = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
    for value in [1i32, 0, 0, 0, 1, 0, 0, 0, 1] {
        table.extend((value << 16).to_be_bytes());
    }
    (0..4).for_each(|_| table.extend(ramp()));
    table.extend((0..16).flat_map(corner));
    (0..3).for_each(|_| table.extend(ramp()));
    table.resize(table.len().next_multiple_of(4), 0);

    let mut icc = vec![0; 128];
    icc[8..12].copy_from_slice(&[2, 0x20, 0, 0]);
    icc[12..24].copy_from_slice(b"prtrCMYKLab ");
    icc[24..36].copy_from_slice(&[0x07, 0xE8, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]);
    icc[36..40].copy_from_slice(b"acsp");
    // The connection space's illuminant, D50.
    icc[68..80].copy_from_slice(&[0, 0, 0xF6, 0xD6, 0, 1, 0, 0, 0, 0, 0xD3, 0x2D]);
    icc.extend(1u32.to_be_bytes());
    icc.extend(b"A2B0");
    icc.extend(144u32.to_be_bytes());
    icc.extend((table.len() as u32).to_be_bytes());
    icc.extend(table);
    let length = icc.len() as u32;
    icc[..4].copy_from_slice(&length.to_be_bytes());
    icc
}
