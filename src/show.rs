//! A running show as those see it who watch and steer it: the window, the page in the browser, the terminal.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::statistics::Percentiles;
use crate::style::catalog::{IDENTITY, did_you_mean};
use crate::style::expression::Expression;
use crate::sync::{Stop, lock};

/// What can be changed while the show runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The style, or several with weights.
    pub style: Expression,
    /// 0 shows the original, 1 the painting.
    pub strength: f32,
    /// Stroke size: 2 doubles the strokes.
    pub scale: f32,
    /// Keep the original's colours.
    pub keep_colors: bool,
    /// Left and right are exchanged, as in a mirror.
    pub mirror: bool,
    /// The original is shown beside the painting.
    pub compare: bool,
    /// The painting stands still.
    pub freeze: bool,
    /// The painting is recorded.
    pub record: bool,
}

impl Settings {
    /// The painting in this style, as it comes.
    pub fn plain(style: Expression) -> Self {
        Self {
            style,
            strength: 1.0,
            scale: 1.0,
            keep_colors: false,
            mirror: false,
            compare: false,
            freeze: false,
            record: false,
        }
    }
}

/// Some settings to change; what is `None` stays. The body of a request to the control API.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Patch {
    /// A style expression: `NAME` or `NAME:WEIGHT,NAME:WEIGHT`.
    pub style: Option<String>,
    /// 0 to 1.
    pub strength: Option<f32>,
    /// 0.05 to 20.
    pub scale: Option<f32>,
    /// See [`Settings::keep_colors`].
    pub keep_colors: Option<bool>,
    /// See [`Settings::mirror`].
    pub mirror: Option<bool>,
    /// See [`Settings::compare`].
    pub compare: Option<bool>,
    /// See [`Settings::freeze`].
    pub freeze: Option<bool>,
    /// See [`Settings::record`].
    pub record: Option<bool>,
}

impl Patch {
    /// From the body of a request.
    ///
    /// # Errors
    /// It is no JSON, names something that is no setting, or gives it something else than it takes.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(|error| Error::usage(format!("not a patch: {error}")))
    }
}

/// What a show measures about itself.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Statistics {
    /// Columns of the shown picture.
    pub width: u32,
    /// Its rows.
    pub height: u32,
    /// Columns and rows that the network sees now.
    pub seen: (u32, u32),
    /// Frames painted since the start.
    pub frames: u64,
    /// Frames of the camera that were left out because a newer one had come.
    pub dropped: u64,
    /// Frames painted in the last second.
    pub fps: f64,
    /// Of one run of the network, over the last seconds.
    pub inference_ms: Percentiles,
    /// From the camera to the display (without one, to the outputs), over the last seconds.
    pub latency_ms: Percentiles,
    /// What people should know now: a camera that is gone, an output that ended.
    pub notices: Vec<String>,
    /// The file that is being recorded.
    pub recording: Option<String>,
    /// The files that were recorded and are whole.
    pub recorded: Vec<String>,
}

/// State of a show, as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// Names of all styles, in the catalog's order.
    pub styles: Vec<String>,
    /// The style expression.
    pub style: String,
    /// See [`Settings::strength`].
    pub strength: f32,
    /// See [`Settings::scale`].
    pub scale: f32,
    /// See [`Settings::keep_colors`].
    pub keep_colors: bool,
    /// See [`Settings::mirror`].
    pub mirror: bool,
    /// See [`Settings::compare`].
    pub compare: bool,
    /// See [`Settings::freeze`].
    pub freeze: bool,
    /// See [`Settings::record`].
    pub record: bool,
    /// What the show measures about itself.
    pub statistics: Statistics,
}

/// Shared by the threads of a show.
#[derive(Debug)]
pub struct Show {
    styles: Vec<String>,
    settings: Mutex<(Settings, u64)>,
    changed: Condvar,
    statistics: Mutex<Statistics>,
    /// What people should know now, by what it is about.
    notices: Mutex<BTreeMap<String, String>>,
    /// Ends the show.
    pub stop: Stop,
}

/// What `--strength` and its like take.
pub const STRENGTH: std::ops::RangeInclusive<f32> = 0.0..=1.0;
/// What `--scale` and its like take.
pub const SCALE: std::ops::RangeInclusive<f32> = 0.05..=20.0;

impl Show {
    /// A show that begins with `settings` and can change among `styles`.
    pub fn new(styles: Vec<String>, settings: Settings, stop: Stop) -> Self {
        let (settings, changed) = (Mutex::new((settings, 0)), Condvar::new());
        Self { styles, settings, changed, statistics: Mutex::default(), notices: Mutex::default(), stop }
    }

    /// Names of all styles, in the catalog's order.
    pub fn styles(&self) -> &[String] {
        &self.styles
    }

    /// The settings as they are now.
    pub fn settings(&self) -> Settings {
        lock(&self.settings).0.clone()
    }

    /// Grows with each change of the settings.
    pub fn revision(&self) -> u64 {
        lock(&self.settings).1
    }

    /// Waits up to `patience` for a change after `revision`; gives the revision there is then.
    pub fn wait_for_change(&self, revision: u64, patience: Duration) -> u64 {
        let unchanged = |settings: &mut (Settings, u64)| settings.1 == revision;
        let waited = self.changed.wait_timeout_while(lock(&self.settings), patience, unchanged);
        waited.unwrap_or_else(PoisonError::into_inner).0.1
    }

    /// Changes settings; numbers that leave their ranges are brought back.
    pub fn change(&self, change: impl FnOnce(&mut Settings)) {
        let mut guard = lock(&self.settings);
        let (settings, revision) = &mut *guard;
        change(settings);
        settings.strength = settings.strength.clamp(*STRENGTH.start(), *STRENGTH.end());
        settings.scale = settings.scale.clamp(*SCALE.start(), *SCALE.end());
        *revision += 1;
        drop(guard);
        self.changed.notify_all();
    }

    /// Says what people should know about `what` now, or that there is nothing any more.
    pub fn notice(&self, what: &str, words: Option<String>) {
        let mut notices = lock(&self.notices);
        match words {
            Some(words) => notices.insert(what.to_owned(), words),
            None => notices.remove(what),
        };
    }

    /// Changes what `patch` names; all of it or, where something is wrong, nothing.
    ///
    /// # Errors
    /// A style is unknown, or a number is out of its range; the sentence names both.
    pub fn apply(&self, patch: &Patch) -> Result<()> {
        let style = patch.style.as_deref().map(|text| self.style(text)).transpose()?;
        let within = |name: &str, value: Option<f32>, range: std::ops::RangeInclusive<f32>| match value {
            Some(value) if !range.contains(&value) => {
                Err(Error::usage(format!("{name} {value} is not from {} to {}", range.start(), range.end())))
            }
            _ => Ok(()),
        };
        within("strength", patch.strength, STRENGTH)?;
        within("scale", patch.scale, SCALE)?;
        self.change(|settings| {
            settings.style = style.unwrap_or_else(|| settings.style.clone());
            settings.strength = patch.strength.unwrap_or(settings.strength);
            settings.scale = patch.scale.unwrap_or(settings.scale);
            settings.keep_colors = patch.keep_colors.unwrap_or(settings.keep_colors);
            settings.mirror = patch.mirror.unwrap_or(settings.mirror);
            settings.compare = patch.compare.unwrap_or(settings.compare);
            settings.freeze = patch.freeze.unwrap_or(settings.freeze);
            settings.record = patch.record.unwrap_or(settings.record);
        });
        Ok(())
    }

    /// The expression that `text` is, its styles all known.
    fn style(&self, text: &str) -> Result<Expression> {
        let expression: Expression = text.parse().map_err(Error::Usage)?;
        let known = || self.styles.iter().map(String::as_str).chain([IDENTITY]);
        for (name, _) in expression.terms() {
            if !known().any(|known| known == name) {
                return Err(Error::usage(format!("no style '{name}'{}", did_you_mean(name, known()))));
            }
        }
        Ok(expression)
    }

    /// What was measured last.
    pub fn statistics(&self) -> Statistics {
        let notices = lock(&self.notices).values().cloned().collect();
        Statistics { notices, ..lock(&self.statistics).clone() }
    }

    /// Changes what was measured.
    pub fn measure(&self, change: impl FnOnce(&mut Statistics)) {
        change(&mut lock(&self.statistics));
    }

    /// Everything, for programs.
    pub fn state(&self) -> State {
        let Settings { style, strength, scale, keep_colors, mirror, compare, freeze, record } = self.settings();
        let (styles, style) = (self.styles.clone(), style.to_string());
        let statistics = self.statistics();
        State { styles, style, strength, scale, keep_colors, mirror, compare, freeze, record, statistics }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show() -> Show {
        let settings = Settings::plain(Expression::single("night"));
        Show::new(vec!["night".into(), "wave".into()], settings, Stop::default())
    }

    #[test]
    fn a_patch_changes_what_it_names_and_nothing_else() {
        let show = show();
        let patch: Patch = serde_json::from_str(r#"{"style": "wave:1,identity:1", "mirror": true}"#).unwrap();
        show.apply(&patch).unwrap();
        let state = show.state();
        assert_eq!((state.style.as_str(), state.mirror, state.strength), ("wave:0.5,identity:0.5", true, 1.0));
        assert_eq!(show.revision(), 1);
    }

    #[test]
    fn a_wrong_patch_changes_nothing_and_says_why() {
        let show = show();
        for (patch, reason) in [
            (r#"{"mirror": true, "style": "wafe"}"#, "no style 'wafe'; did you mean 'wave'?"),
            (r#"{"mirror": true, "strength": 2}"#, "strength 2 is not from 0 to 1"),
            (r#"{"mirror": true, "scale": 0}"#, "scale 0 is not from 0.05 to 20"),
        ] {
            let error = show.apply(&serde_json::from_str(patch).unwrap()).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
        assert!(!show.settings().mirror);
        assert!(serde_json::from_str::<Patch>(r#"{"miror": true}"#).is_err());
    }
}
