use super::*;

const FPS: f64 = 30.0;

/// What a level costs if the largest costs `seconds`, with the usual fixed part.
fn usual(seconds: f64, level: usize) -> f64 {
    seconds * (0.1 + 0.9 * area(level))
}

/// The reductions over `frames` frames that take `seconds(frame)` where the network sees everything.
fn run(governor: &mut Governor, frames: usize, seconds: impl Fn(usize) -> f64) -> Vec<f32> {
    run_at(governor, frames, |frame, level| usual(seconds(frame), level))
}

/// The reductions over frames that take `seconds(frame, level)`.
fn run_at(governor: &mut Governor, frames: usize, seconds: impl Fn(usize, usize) -> f64) -> Vec<f32> {
    let mut seen = Vec::new();
    for frame in 0..frames {
        governor.add(Duration::from_secs_f64(seconds(frame, governor.level)));
        seen.push(governor.reduction());
    }
    seen
}

fn changes(seen: &[f32]) -> usize {
    seen.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

/// Which reduction for how many frames.
fn told(seen: &[f32]) -> String {
    let spans = seen.chunk_by(|a, b| a == b).map(|span| format!("{} for {}", span[0], span.len()));
    spans.collect::<Vec<_>>().join(", ")
}

/// The largest size at which frames that take `seconds` at full size leave room.
fn right(seconds: f64) -> f32 {
    REDUCTIONS[(0..LEVELS).find(|&level| usual(seconds, level) <= ROOM / FPS).unwrap()]
}

/// Whether a level is fast enough, and no larger size would leave room.
fn is_right(level: usize, took: impl Fn(usize) -> f64) -> bool {
    took(level) <= FULL / FPS && (0..level).all(|larger| took(larger) > ROOM / FPS)
}

#[test]
fn the_sizes_include_640x360_and_512x288_of_a_network_trained_for_432_pixels() {
    let seen = REDUCTIONS.map(|reduction| [768.0, 432.0].map(|side: f32| (side / reduction).round()));
    assert!(seen.contains(&[640.0, 360.0]) && seen.contains(&[512.0, 288.0]), "{seen:?}");
}

#[test]
fn a_network_that_was_measured_before_begins_at_the_right_size_and_stays_there() {
    for cost in [0.010, 0.038, 0.060, 0.110] {
        let mut governor = Governor::new(Some(FPS));
        governor.run(Costs::default().with(1.5, usual(cost, 4)));
        assert_eq!(governor.reduction(), right(cost), "{cost}");
        assert_eq!(changes(&run(&mut governor, 600, |_| cost)), 0, "{cost}");
    }
}

#[test]
fn a_network_that_was_never_measured_goes_straight_to_the_right_size() {
    let mut governor = Governor::new(Some(FPS));
    let seen = run(&mut governor, 600, |_| 0.060);
    assert_eq!(seen[14], right(0.060));
    assert_eq!(changes(&seen[1..]), 1, "{}", told(&seen));
}

#[test]
fn a_part_of_the_time_that_no_smaller_size_saves_is_found_at_once() {
    for (fixed, per_area) in
        [(0.0, 0.060), (0.004, 0.045), (0.009, 0.030), (0.014, 0.024), (0.020, 0.012), (0.024, 0.030)]
    {
        let took = |level: usize| fixed + per_area * area(level);
        let mut governor = Governor::new(Some(FPS));
        let seen = run_at(&mut governor, 900, |_, level| took(level));
        assert!(changes(&seen) <= 4 && changes(&seen[60..]) == 0, "{fixed} {per_area}: {}", told(&seen));
        assert!(is_right(governor.level, took), "{fixed} {per_area}: {}", told(&seen));
        let mut next = Governor::new(Some(FPS));
        next.run(governor.measured());
        let seen = run_at(&mut next, 900, |_, level| took(level));
        assert!(changes(&seen) <= 1 && is_right(next.level, took), "{fixed} {per_area}, again: {}", told(&seen));
    }
}

#[test]
fn it_does_not_shrink_where_that_gains_nothing() {
    // Measured on two cores that had other work: a smaller size was hardly faster.
    let took = |level: usize| 0.0209 + 0.0107 * area(level);
    let mut governor = Governor::new(Some(FPS));
    governor.run(Costs::default().with(1.7, 0.0246).with(2.0, 0.0230).with(2.5, 0.0226));
    let seen = run_at(&mut governor, 600, |_, level| took(level));
    assert!(changes(&seen) <= 2 && is_right(governor.level, took), "{}", told(&seen));
    // Too slow at any size, and hardly less so at a small one.
    let mut governor = Governor::new(Some(FPS));
    let seen = run_at(&mut governor, 600, |_, level| 0.050 + 0.001 * area(level));
    assert!(seen.iter().filter(|&&reduction| reduction > 1.0).count() < 80, "{}", told(&seen));
}

#[test]
fn a_network_that_is_fast_enough_sees_everything_also_with_a_slow_frame_now_and_then() {
    let seen = run(&mut Governor::new(Some(FPS)), 600, |frame| if frame % 50 == 20 { 0.060 } else { 0.020 });
    assert!(seen.iter().all(|&reduction| reduction == 1.0));
}

#[test]
fn when_the_load_goes_the_size_comes_back_in_one_step_within_a_second() {
    for slower in [1.5, 3.0, 6.0] {
        let mut governor = Governor::new(Some(FPS));
        governor.run(Costs::default().with(1.0, 0.036));
        run(&mut governor, 120, |_| 0.036);
        let usual = governor.reduction();
        // Six seconds in which everything takes longer.
        let under_load = run(&mut governor, 180, |_| 0.036 * slower);
        assert!(under_load[20] > usual);
        // The average has to come down first.
        let after = run(&mut governor, 600, |_| 0.036);
        assert_eq!(after[30], usual, "{slower}: {}", told(&after));
        assert!(changes(&after) <= 2, "{slower}: {}", told(&after));
        assert!(after[60..].iter().all(|&reduction| reduction == usual));
    }
}

#[test]
fn a_load_that_ends_just_after_the_size_changed_is_not_held_against_the_size() {
    let mut governor = Governor::new(Some(FPS));
    governor.run(Costs::default().with(1.0, 0.036));
    let usual = governor.reduction();
    let burst = |frame: usize| if (60..70).contains(&frame) { 0.120 } else { 0.036 };
    let seen = run(&mut governor, 200, burst);
    assert!(seen[69] > usual);
    assert_eq!(seen[150], usual, "{}", told(&seen));
}

#[test]
fn a_size_that_costs_more_than_foreseen_is_left_and_not_tried_again_at_once() {
    // Level 2 costs a fifth more than its area says, so that it does not fit.
    let took = |_: usize, level: usize| 0.039 * area(level) * if level <= 2 { 1.22 } else { 1.0 };
    let mut governor = Governor::new(Some(FPS));
    governor.run(Costs::default().with(1.0, 0.039));
    let seen = run_at(&mut governor, 900, took);
    assert!(changes(&seen) <= 7, "{} changes", changes(&seen));
    let slow = seen.iter().filter(|&&reduction| reduction < 1.3).count();
    assert!(slow < 150, "{slow} slow frames");
}

#[test]
fn noise_around_the_limit_does_not_make_it_swing() {
    for base in [0.027, 0.029, 0.031, 0.034, 0.040] {
        let mut governor = Governor::new(Some(FPS));
        let noise = |frame: usize| base * (0.9 + 0.2 * ((frame * 7919 % 101) as f64 / 100.0));
        let seen = run(&mut governor, 3000, noise);
        assert!(changes(&seen[60..]) <= 2, "{base}: {} changes", changes(&seen[60..]));
    }
}

#[test]
fn without_a_rate_the_size_stays() {
    let mut governor = Governor::new(None);
    governor.run(Costs::default().with(1.0, 0.5));
    assert!(run(&mut governor, 100, |_| 0.5).iter().all(|&reduction| reduction == 1.0));
}

#[test]
fn two_networks_in_place_of_one_and_smaller_strokes_are_foreseen() {
    let costs = Costs::default().with(1.0, 0.018);
    let mut governor = Governor::new(Some(FPS));
    governor.run(costs.clone());
    run(&mut governor, 50, |_| 0.018);
    assert_eq!(governor.reduction(), 1.0);
    governor.run(costs.plus(&costs));
    assert_eq!(governor.reduction(), right(0.036));
    governor.run(costs);
    run(&mut governor, 30, |_| 0.018);
    assert_eq!(governor.reduction(), 1.0);
    governor.expect(4.0);
    assert_eq!(governor.reduction(), right(0.072));
}

#[test]
fn the_costs_of_the_sizes_that_were_used_are_kept() {
    let mut governor = Governor::new(Some(FPS));
    governor.run(Costs::default().with(1.0, 0.030));
    run(&mut governor, 300, |_| 0.033);
    let measured = governor.measured();
    assert!((measured.at(1) - 0.033 * area(1)).abs() < 0.001, "{measured:?}");
    let mut next = Governor::new(Some(FPS));
    next.run(measured);
    assert_eq!(next.reduction(), governor.reduction());
}
