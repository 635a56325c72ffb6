//! Films on many machines: what scripts/cluster.py decides and keeps. `scripts/test_cluster.py` and `scripts/test_slurm` try it
//! on machines.

#[path = "common/clips.rs"]
mod clips;
#[path = "common/need.rs"]
mod need;

use std::path::Path;

use clips::Folder;

fn python(code: &[&str]) -> std::process::Output {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    need::program("python3").args(code).current_dir(scripts).output().unwrap()
}

#[test]
fn segments_are_handed_out_and_kept_as_the_tests_in_python_claim() {
    let run = python(&["-m", "unittest", "impasto_cluster.tests"]);
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("OK"), "{said}");
}

#[test]
fn both_languages_know_a_film_by_the_same_fingerprint() {
    let folder = Folder::new();
    // Larger than what is hashed completely, and smaller.
    for (name, size) in [("long.mkv", "640x360"), ("short.mkv", "64x36")] {
        folder.ffmpeg(&format!("-f lavfi -t 1 -i testsrc2=s={size},noise=alls=60:allf=t -c:v ffv1 {name}"));
        let plan = folder.paint(&format!("{name} -o out.mkv --join --plan"));
        let film = folder.path(name).display().to_string();
        let code = "import sys; from pathlib import Path; from impasto_cluster.storage import fingerprint; print(fingerprint(Path(sys.argv[1])))";
        let printed = String::from_utf8(python(&["-c", code, &film]).stdout).unwrap();
        assert_eq!(plan.json["facts"]["input"], printed.trim(), "{name}: {}", plan.errors);
    }
}
