use super::*;

fn image(width: u32, height: u32, pixels: &[u8]) -> Image<'_> {
    Image { width, height, pixels }
}

/// Dark left of column `border`, light from there on.
fn step(width: u32, height: u32, border: u32, (dark, light): (u8, u8)) -> Vec<u8> {
    (0..height).flat_map(|_| (0..width).flat_map(move |x| [if x < border { dark } else { light }; 3])).collect()
}

/// `pixels` scaled down by a whole number: the mean of each square.
fn shrunk(width: usize, height: usize, by: usize, pixels: &[u8]) -> Vec<u8> {
    let mean = |row: usize, column: usize, channel: usize| {
        let square = (0..by * by).map(|at| (row * by + at / by) * width + column * by + at % by);
        let sum: usize = square.map(|pixel| usize::from(pixels[pixel * 3 + channel])).sum();
        (sum / (by * by)) as u8
    };
    let places = (0..height / by).flat_map(|row| (0..width / by).map(move |column| (row, column)));
    places.flat_map(|(row, column)| [0, 1, 2].map(|channel| mean(row, column, channel))).collect()
}

fn noise(count: usize, seed: u32) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn an_edge_of_the_original_stays_one_pixel_wide() {
    for border in 45..=50 {
        for tones in [(60, 160), (200, 80)] {
            let (original, truth) = (step(96, 12, border, (40, 220)), step(96, 12, border, tones));
            let (seen, painted) = (shrunk(96, 12, 3, &original), shrunk(96, 12, 3, &truth));
            let mut out = vec![0; original.len()];
            let small = image(32, 4, &seen);
            Enlarger::default().enlarge(image(96, 12, &original), small, &painted, 0.0, &mut out);
            let far = |(place, value): &(usize, &u8)| value.abs_diff(truth[*place]) > 15;
            let wrong = out.iter().enumerate().skip(96 * 3 * 6).take(96 * 3).filter(far).count() / 3;
            assert!(wrong <= 1, "an edge at {border} is {wrong} pixels wide");
        }
    }
}

#[test]
fn a_flat_original_gives_a_smooth_painting_without_steps() {
    let (original, seen) = (vec![128; 160 * 90 * 3], vec![128; 40 * 30 * 3]);
    let painted: Vec<u8> = (0..30).flat_map(|y| (0..40).flat_map(move |x| [4 * x + y; 3])).collect();
    let mut out = vec![0; original.len()];
    Enlarger::default().enlarge(image(160, 90, &original), image(40, 30, &seen), &painted, 0.0, &mut out);
    for (place, value) in out.iter().step_by(3).enumerate() {
        let (x, y) = ((place % 160) as f32, (place / 160) as f32);
        if (8.0..152.0).contains(&x) && (6.0..84.0).contains(&y) {
            let wanted = 4.0 * ((x + 0.5) / 4.0 - 0.5) + (y + 0.5) / 3.0 - 0.5;
            assert!((f32::from(*value) - wanted).abs() <= 1.5, "{x}, {y}: {value}, not {wanted}");
        }
    }
}

#[test]
fn there_are_no_halos_and_no_colours_that_were_not_painted_nearby() {
    let (original, seen) = (noise(120 * 80 * 3, 1), noise(48 * 32 * 3, 2));
    // Every channel has a range of its own.
    let painted: Vec<u8> =
        noise(48 * 32 * 3, 3).iter().enumerate().map(|(at, value)| value / 8 + [0, 90, 200][at % 3]).collect();
    let mut out = vec![0; original.len()];
    Enlarger::default().enlarge(image(120, 80, &original), image(48, 32, &seen), &painted, 0.0, &mut out);
    for pixel in out.as_chunks::<3>().0 {
        assert!(pixel[0] < 32 && (90..122).contains(&pixel[1]) && pixel[2] >= 200, "{pixel:?}");
    }
}

#[test]
fn a_full_share_of_detail_restores_the_original_where_nothing_was_painted() {
    let original = noise(90 * 60 * 3, 4);
    let seen = shrunk(90, 60, 3, &original);
    let mut out = vec![0; original.len()];
    Enlarger::default().enlarge(image(90, 60, &original), image(30, 20, &seen), &seen, 1.0, &mut out);
    assert_eq!(out, original);
}

#[test]
fn any_sizes_are_enlarged() {
    let mut enlarger = Enlarger::default();
    for (small, full) in [((1, 1), (1, 1)), ((1, 1), (7, 5)), ((2, 1), (3, 9)), ((31, 17), (97, 53)), ((5, 3), (5, 3))]
    {
        let pixels = |(width, height): (u32, u32)| vec![77; (width * height * 3) as usize];
        let (original, seen, mut out) = (pixels(full), pixels(small), pixels(full));
        out.fill(0);
        let small = image(small.0, small.1, &seen);
        enlarger.enlarge(image(full.0, full.1, &original), small, &seen, 0.5, &mut out);
        assert!(out.iter().all(|&value| value == 77), "{full:?}");
    }
    enlarger.enlarge(image(0, 0, &[]), image(0, 0, &[]), &[], 0.0, &mut []);
}

#[test]
fn vectors_of_any_width_make_the_same_picture() {
    for (small, full) in [((48, 32), (121, 80)), ((97, 9), (300, 27)), ((17, 5), (18, 5))] {
        let pixels = |(width, height): (u32, u32), seed| noise((width * height * 3) as usize, seed);
        let (original, seen, painted) = (pixels(full, 5), pixels(small, 6), pixels(small, 7));
        let (mut wide, mut narrow) = (vec![0; original.len()], vec![0; original.len()]);
        let (from, to) = (image(full.0, full.1, &original), image(small.0, small.1, &seen));
        Enlarger::default().enlarge(from, to, &painted, 0.5, &mut wide);
        let mut enlarger = Enlarger::default();
        let sides = |(width, height): (u32, u32)| (width as usize, height as usize);
        enlarger.fit(sides(small), sides(full));
        enlarger.run::<false>(&original, &seen, &painted, 0.5, &mut narrow);
        // One place of 64 may be rounded differently.
        assert!(wide.iter().zip(&narrow).all(|(wide, narrow)| wide.abs_diff(*narrow) <= 4), "{small:?}");
    }
}
