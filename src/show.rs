//! The shared state of a running show: its settings, statistics and notices, for the window, the page and the terminal.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, within};
use crate::statistics::Percentiles;
use crate::style::catalog::{IDENTITY, did_you_mean};
use crate::style::expression::Expression;
use crate::stylize::FACTORS;
use crate::sync::{Stop, lock};
use crate::warning::Warning;

/// Declares the settings of a show once: what it holds now, and the patch that changes some of them.
macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $kind:ty,)*) => {
        /// What can be changed while the show runs.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        pub struct Settings {
            $($(#[$doc])* pub $name: $kind,)*
        }

        /// Changes to some settings; `None` leaves one as it is. The body of a request to the control API.
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Patch {
            $($(#[$doc])* pub $name: Option<$kind>,)*
        }

        impl Patch {
            /// Changes `settings` as this says.
            fn apply(&self, settings: &mut Settings) {
                $(if let Some(value) = &self.$name {
                    settings.$name = value.clone();
                })*
            }
        }
    };
}

settings! {
    /// A style expression: `NAME` or `NAME:WEIGHT,NAME:WEIGHT`.
    style: Expression,
    /// 0 shows the original, 1 the painting.
    strength: f32,
    /// Stroke size from 0.05 to 20; 2 doubles the strokes.
    scale: f32,
    /// Keep the original's colours.
    keep_colors: bool,
    /// Swap left and right, as in a mirror.
    mirror: bool,
    /// Show the original beside the painting.
    compare: bool,
    /// Freeze the painting.
    freeze: bool,
    /// Record the painting.
    record: bool,
}

impl Settings {
    /// The plain painting in this style.
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

impl Patch {
    /// The settings in the body of a request.
    ///
    /// # Errors
    /// It is not JSON, has an unknown field, or a value of the wrong type.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(|error| Error::usage(format!("these settings are not valid: {error}")))
    }
}

/// What a show measures about itself.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Statistics {
    /// Columns of the shown picture.
    pub width: u32,
    /// Its rows.
    pub height: u32,
    /// Columns and rows of what the network sees now.
    pub seen: (u32, u32),
    /// Frames painted since the start.
    pub frames: u64,
    /// Frames of the source that were never painted: lost by the camera, undecodable, or replaced by a newer one.
    pub dropped: u64,
    /// Frames painted in the last second.
    pub fps: f64,
    /// Time to paint a frame, over the last few seconds.
    pub inference_ms: Percentiles,
    /// From a frame's arrival to the display (without a window, to the outputs), over the last few seconds.
    pub latency_ms: Percentiles,
    /// What a person should know now: a camera is gone, an output has ended.
    pub notices: Vec<String>,
    /// The file that is being recorded.
    pub recording: Option<String>,
    /// The complete recordings.
    pub recorded: Vec<String>,
}

/// State of a show, as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    /// Names of the styles to choose from, in the catalog's order.
    pub styles: Vec<String>,
    /// Names of the styles that leave the picture unpainted: for blends.
    pub unstyled: Vec<String>,
    /// The settings.
    #[serde(flatten)]
    pub settings: Settings,
    /// What the show measures about itself.
    pub statistics: Statistics,
}

/// Shared by the threads of a show.
#[derive(Debug)]
pub struct Show {
    styles: Vec<String>,
    unstyled: Vec<String>,
    settings: Mutex<(Settings, u64)>,
    changed: Condvar,
    statistics: Mutex<Statistics>,
    /// What a person should know now, by subject.
    notices: Mutex<BTreeMap<String, Warning>>,
    /// Ends the show.
    pub stop: Stop,
}

/// The range of [`Settings::strength`].
pub const STRENGTH: std::ops::RangeInclusive<f32> = 0.0..=1.0;
/// The range of [`Settings::scale`].
pub const SCALE: std::ops::RangeInclusive<f32> = FACTORS;

impl Show {
    /// A show that starts with `settings` and offers `styles`.
    pub fn new(styles: Vec<String>, settings: Settings, stop: Stop) -> Self {
        let (settings, changed) = (Mutex::new((settings, 0)), Condvar::new());
        let (statistics, notices) = (Mutex::default(), Mutex::default());
        Self { styles, unstyled: Vec::new(), settings, changed, statistics, notices, stop }
    }

    /// Adds styles that leave the picture unpainted: they can be named and blended, but are not offered by themselves.
    #[must_use]
    pub fn with_unstyled(self, unstyled: Vec<String>) -> Self {
        Self { unstyled, ..self }
    }

    /// Names of the styles to choose from, in the catalog's order.
    pub fn styles(&self) -> &[String] {
        &self.styles
    }

    /// The settings as they are now.
    pub fn settings(&self) -> Settings {
        lock(&self.settings).0.clone()
    }

    /// What `look` finds in the settings as they are now; keep it short, for everybody else waits.
    pub fn read<T>(&self, look: impl FnOnce(&Settings) -> T) -> T {
        look(&lock(&self.settings).0)
    }

    /// Grows with each change of the settings.
    pub fn revision(&self) -> u64 {
        lock(&self.settings).1
    }

    /// Waits up to `patience` for a change after `revision`; returns the current revision.
    pub fn wait_for_change(&self, revision: u64, patience: Duration) -> u64 {
        let unchanged = |settings: &mut (Settings, u64)| settings.1 == revision;
        let waited = self.changed.wait_timeout_while(lock(&self.settings), patience, unchanged);
        waited.unwrap_or_else(PoisonError::into_inner).0.1
    }

    /// Changes settings; numbers outside their ranges are clamped.
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

    /// Sets the notice about `what`, or removes it.
    pub fn notice(&self, what: &str, notice: Option<Warning>) {
        let mut notices = lock(&self.notices);
        match notice {
            Some(notice) => notices.insert(what.to_owned(), notice),
            None => notices.remove(what),
        };
    }

    /// Applies all of `patch`, or nothing if something in it is wrong.
    ///
    /// # Errors
    /// A style is unknown, or a number is out of range; the message names both.
    pub fn apply(&self, patch: &Patch) -> Result<()> {
        if let Some(style) = &patch.style {
            self.check(style)?;
        }
        patch.strength.map_or(Ok(()), |strength| within("strength", strength, &STRENGTH))?;
        patch.scale.map_or(Ok(()), |scale| within("scale", scale, &SCALE))?;
        self.change(|settings| patch.apply(settings));
        Ok(())
    }

    /// Fails if a style of `expression` is unknown.
    fn check(&self, expression: &Expression) -> Result<()> {
        let known = || self.styles.iter().chain(&self.unstyled).map(String::as_str).chain([IDENTITY]);
        for (name, _) in expression.terms() {
            if !known().any(|known| known == name) {
                return Err(Error::usage(format!("no style '{name}'{}", did_you_mean(name, known()))));
            }
        }
        Ok(())
    }

    /// The latest statistics.
    pub fn statistics(&self) -> Statistics {
        let notices = lock(&self.notices).values().map(Warning::to_string).collect();
        Statistics { notices, ..lock(&self.statistics).clone() }
    }

    /// Updates the statistics.
    pub fn measure(&self, change: impl FnOnce(&mut Statistics)) {
        change(&mut lock(&self.statistics));
    }

    /// Everything, for programs.
    pub fn state(&self) -> State {
        let (styles, unstyled) = (self.styles.clone(), self.unstyled.clone());
        State { styles, unstyled, settings: self.settings(), statistics: self.statistics() }
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
    fn a_patch_changes_its_own_fields_and_nothing_else() {
        let show = show();
        let patch: Patch = serde_json::from_str(r#"{"style": "wave:1,identity:1", "mirror": true}"#).unwrap();
        show.apply(&patch).unwrap();
        let Settings { style, mirror, strength, .. } = show.settings();
        assert_eq!((style.to_string().as_str(), mirror, strength), ("wave:0.5,identity:0.5", true, 1.0));
        assert_eq!(show.revision(), 1);
    }

    #[test]
    fn the_state_lists_styles_then_each_setting_by_its_own_name_then_statistics() {
        let state = serde_json::to_string(&show().with_unstyled(vec!["photo".into()]).state()).unwrap();
        let expected = r#"{"styles":["night","wave"],"unstyled":["photo"],"style":"night","strength":1.0,"scale":1.0,"keep_colors":false,"mirror":false,"compare":false,"freeze":false,"record":false,"statistics":{"#;
        assert!(state.starts_with(expected), "{state}");
    }

    #[test]
    fn every_setting_of_the_state_is_accepted_in_a_patch() {
        let settings = Settings { strength: 0.25, scale: 3.0, keep_colors: true, mirror: true, ..show().settings() };
        let settings =
            Settings { compare: true, freeze: true, record: true, style: Expression::single("wave"), ..settings };
        let show = show();
        show.apply(&Patch::from_json(&serde_json::to_vec(&settings).unwrap()).unwrap()).unwrap();
        assert_eq!(show.settings(), settings);
    }

    #[test]
    fn an_unstyled_picture_can_be_blended_and_is_not_offered() {
        let show = show().with_unstyled(vec!["photo".into()]);
        show.apply(&Patch::from_json(br#"{"style": "wave:3,photo:1"}"#).unwrap()).unwrap();
        assert_eq!(show.settings().style.to_string(), "wave:0.75,photo:0.25");
        assert_eq!(show.styles(), ["night", "wave"]);
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
