//! Identifies a still job for its saved state, by everything that determines its picture.

use super::job::StillJob;
use super::settings::StillSettings;

/// Describes a job in one line, by the names that users know. A state resumes only the job with the same line.
///
/// The job and its settings are destructured without `..`, so a new one does not compile until this function decides whether
/// it belongs to a job's identity.
pub fn fingerprint(job: &StillJob, settings: &StillSettings) -> String {
    let StillJob {
        content,
        styles,
        masks,
        // Where the result goes does not change the picture.
        output: _,
        resume: _,
        save_every: _,
        timelapse: _,
        preview: _,
    } = job;
    let StillSettings {
        size,
        content_weight,
        style_weight,
        tv_weight,
        layer_weights,
        init,
        optimizer,
        rate,
        average,
        scales,
        scale_step,
        style_scale,
        keep_colors,
        pooling,
        seed,
        // Limits on time and memory do not change the picture.
        iterations: _,
        tolerance: _,
        tile: _,
        // It is optimised before it is encoded.
        quality: _,
        // The graphs are checked against the hashes of the only ones that there are.
        vgg: _,
    } = settings;
    let mut words = vec![content.display().to_string()];
    words.extend(styles.iter().map(|style| format!("{}:{}", style.path.display(), style.weight)));
    words.extend(masks.iter().map(|mask| format!("--mask {}", mask.display())));
    let layers: Vec<String> = layer_weights.iter().map(f64::to_string).collect();
    words.extend([
        format!("--size {size}"),
        format!("--content-weight {content_weight}"),
        format!("--style-weight {style_weight}"),
        format!("--tv-weight {tv_weight}"),
        format!("--layer-weights {}", layers.join(",")),
        format!("--init {}", format!("{init:?}").to_lowercase()),
        format!("--optimizer {}", format!("{optimizer:?}").to_lowercase()),
        format!("--rate {rate}"),
        format!("--average {average}"),
        format!("--scale-step {scale_step}"),
        format!("--style-scale {style_scale}"),
        format!("--pooling {pooling}"),
        format!("--seed {seed}"),
    ]);
    words.extend(scales.map(|count| format!("--scales {count}")));
    words.extend(keep_colors.map(|how| format!("--keep-colors {}", format!("{how:?}").to_lowercase())));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::still::KeepColors;

    #[test]
    fn only_what_changes_the_picture_changes_the_identity() {
        let usual = StillSettings::default;
        let job = StillJob::new("photo.jpg", "night.jpg", "out.png");
        let own = fingerprint(&job, &usual());
        let same = [
            StillSettings { iterations: 5, ..usual() },
            StillSettings { tolerance: 0.5, ..usual() },
            StillSettings { tile: Some(256), ..usual() },
            StillSettings { quality: 50, ..usual() },
        ];
        same.iter().for_each(|settings| assert_eq!(fingerprint(&job, settings), own));
        let others = [
            StillSettings { size: 300, ..usual() },
            StillSettings { seed: 1, ..usual() },
            StillSettings { scales: Some(2), ..usual() },
            StillSettings { keep_colors: Some(KeepColors::Match), ..usual() },
            StillSettings { layer_weights: [1.0, 1.0, 1.0, 1.0, 0.0], ..usual() },
        ];
        others.iter().for_each(|settings| assert_ne!(fingerprint(&job, settings), own));
        assert_eq!(fingerprint(&StillJob { resume: true, save_every: Some(3), ..job.clone() }, &usual()), own);
        assert_ne!(fingerprint(&StillJob { masks: vec!["mask.png".into()], ..job }, &usual()), own);
    }
}
