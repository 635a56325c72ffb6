//! What `impasto video --stabilize` promises, on noisy clips and with the style that copies pixels: what is left of the
//! noise is then what the stabiliser leaves.

#[path = "common/clips.rs"]
mod clips;
#[path = "common/need.rs"]
mod need;

use clips::Folder;

/// A test picture that stands still, in colours dull enough that noise is not cut off at black and full colour.
const STILL: &str = "testsrc2=s=160x90:r=25,trim=end_frame=1,loop=loop=49:size=1,\
    lutyuv=y=val*0.6+50:u=val*0.3+90:v=val*0.3+90";
/// The noise of a sensor, on every frame anew, the same in every run.
const NOISE: &str = "noise=c0s=14:c0f=t:c0_seed=7";

impl Folder {
    /// A lossless clip from a filter graph.
    fn lavfi(&self, name: &str, graph: &str) {
        self.ffmpeg(&format!("-f lavfi -i {graph},setpts=N/25/TB -frames:v 50 -pix_fmt yuv444p -c:v ffv1 {name}"));
    }

    /// Paints a clip and gives the frames.
    fn steady(&self, input: &str, args: &str) -> Vec<Vec<u8>> {
        self.paint(&format!("{input} -o out.mkv --codec ffv1 --pix-fmt yuv444p --overwrite {args}")).ok();
        self.pictures("out.mkv")
    }
}

/// Mean absolute difference of two frames.
fn apart(a: &[u8], b: &[u8]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}

/// Mean absolute change from frame to frame, after ten frames of settling.
fn change(frames: &[Vec<u8>]) -> f64 {
    let pairs = frames[10..].windows(2);
    let count = pairs.len() as f64;
    pairs.map(|pair| apart(&pair[0], &pair[1])).sum::<f64>() / count
}

#[test]
fn a_still_scene_of_a_noisy_camera_is_steady_by_default() {
    let folder = Folder::new();
    folder.lavfi("in.mkv", &format!("{STILL},{NOISE}"));
    let (off, on) = (change(&folder.steady("in.mkv", "--stabilize 0")), change(&folder.steady("in.mkv", "")));
    assert!(off > 2.5, "the clip is noisy: {off}");
    assert!(on / off < 0.15, "{on} of {off}");
}

#[test]
fn a_picture_that_moves_passes_as_it_was_painted() {
    let folder = Folder::new();
    folder.lavfi("in.mkv", "testsrc2=s=160x90:r=25,trim=end_frame=1,loop=loop=49:size=1,scroll=h=0.02:v=0.01");
    let (off, on) = (folder.steady("in.mkv", "--stabilize 0"), folder.steady("in.mkv", "--stabilize 1"));
    for (index, (off, on)) in off.iter().zip(&on).enumerate() {
        assert!(apart(off, on) < 0.2, "frame {index}: {}", apart(off, on));
    }
}

#[test]
fn the_first_frame_after_a_cut_is_exactly_as_it_was_painted() {
    let folder = Folder::new();
    folder.lavfi("a.mkv", &format!("{STILL},{NOISE}"));
    folder.lavfi("b.mkv", &format!("mandelbrot=s=160x90:r=25,trim=end_frame=1,loop=loop=49:size=1,{NOISE}"));
    folder.ffmpeg("-i a.mkv -i b.mkv -filter_complex [0:v][1:v]concat=n=2 -c:v ffv1 in.mkv");
    let (off, on) = (folder.steady("in.mkv", "--stabilize 0"), folder.steady("in.mkv", "--stabilize 1"));
    let same: Vec<usize> = (0..100).filter(|&index| off[index] == on[index]).collect();
    assert_eq!(same, [0, 50]);
}

#[test]
fn the_output_does_not_depend_on_the_number_of_workers() {
    let folder = Folder::new();
    folder.lavfi("in.mkv", &format!("testsrc2=s=160x90:r=25,{NOISE}"));
    let one = folder.steady("in.mkv", "--threads 1");
    assert_eq!(one.len(), 50);
    assert!(one == folder.steady("in.mkv", "--threads 5"));
}

#[test]
fn an_amount_that_is_none_is_refused() {
    let folder = Folder::new();
    folder.lavfi("in.mkv", STILL);
    for amount in ["1.5", "-1", "much", "nan"] {
        let run = folder.paint(&format!("in.mkv -o out.mkv --stabilize={amount}"));
        assert_eq!(run.code, 2, "{amount}");
        assert!(run.errors.contains("--stabilize"), "{}", run.errors);
    }
}
