//! The main loop: optimises the picture at one scale after the other.

use super::average::Average;
use super::objective::Objective;
use super::optimizer::{Optimizer, Step};
use super::planes::{enlarged, noise, to_frame, to_planes};
use super::state::{Run, State};
use super::{Init, Recipe, Subject};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::kernel::resize::Resizer;
use crate::network::vgg19::{Extent, Losses, Vgg19};

/// The number of steps over which the loss must improve.
const PLATEAU_STEPS: usize = 20;

/// The state after one step.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Index of the scale, from 0.
    pub scale: usize,
    /// Number of the step at this scale, from 1.
    pub iteration: usize,
    /// The weighted losses.
    pub losses: Losses,
    /// The picture that is optimised, `[3][H][W]`.
    planes: &'a [f32],
    run: &'a Run,
}

impl Moment<'_> {
    /// The picture so far, averaged as the recipe says.
    ///
    /// # Errors
    /// It holds values that are not finite.
    pub fn picture(&self) -> Result<Frame> {
        to_frame(&self.run.average.of(self.planes), self.run.extent)
    }

    /// The state that a later run needs to resume here.
    pub fn state(&self) -> State {
        State::of(self.scale, self.iteration, self.planes, self.run)
    }
}

/// The result of [`paint`].
pub struct Outcome {
    /// The picture, at the size of the last scale that was started.
    pub picture: Frame,
    /// Whether all scales were completed.
    pub complete: bool,
}

/// Paints `subject`. `resumed` is the state of an earlier run to resume from. `watch` is called after each step and
/// returns whether to continue.
///
/// # Errors
/// VGG-19 cannot run, a picture cannot be resized, `resumed` is of another job, the losses are not finite, or `watch`
/// failed.
pub fn paint(
    subject: &Subject,
    recipe: &Recipe,
    vgg: &Vgg19<'_>,
    resumed: Option<State>,
    watch: &mut dyn FnMut(&Moment<'_>) -> Result<bool>,
) -> Result<Outcome> {
    let mut resizer = Resizer::default();
    let (mut begin, mut done) = (0, 0);
    let mut restored = None;
    let mut planes = Vec::new();
    if let Some(state) = resumed {
        (begin, done) = (state.scale, state.iteration);
        restored = Some(state.into_run(recipe)?);
    }
    for (scale, &extent) in recipe.scales.iter().enumerate().skip(begin) {
        let (mut run, start) = match restored.take() {
            Some(restored) => restored,
            None => {
                let start = match scale {
                    0 => start(subject, recipe, extent, &mut resizer)?,
                    _ => enlarged(&planes, recipe.scales[scale - 1], extent, &mut resizer)?,
                };
                let (optimizer, losses) = (Optimizer::new(recipe.method, recipe.rate), Vec::new());
                (Run { extent, average: Average::new(recipe.average), optimizer, losses }, start)
            }
        };
        let mut objective = Objective::new(subject, recipe, vgg, extent, &mut resizer)?;
        objective.set(&start);
        for iteration in done + 1..=recipe.iterations {
            let (step, _) = run.optimizer.step(&mut objective)?;
            let (planes, losses) = (objective.picture(), objective.losses());
            run.average.add(planes);
            run.losses.push(losses);
            let moment = Moment { scale, iteration, losses, planes, run: &run };
            if !watch(&moment)? {
                return Ok(Outcome { picture: moment.picture()?, complete: false });
            }
            if step == Step::Stuck || on_plateau(&run.losses, recipe.tolerance) {
                break;
            }
        }
        done = 0;
        planes = run.average.of(objective.picture()).into_owned();
    }
    Ok(Outcome { picture: to_frame(&planes, recipe.finest())?, complete: true })
}

/// Whether the best loss of the last steps is less than the fraction `tolerance` below the best one before.
fn on_plateau(losses: &[Losses], tolerance: f64) -> bool {
    if tolerance <= 0.0 || losses.len() < 2 * PLATEAU_STEPS {
        return false;
    }
    let (before, last) = losses.split_at(losses.len() - PLATEAU_STEPS);
    let best = |losses: &[Losses]| losses.iter().map(Losses::total).fold(f64::INFINITY, f64::min);
    best(last) > best(before) * (1.0 - tolerance)
}

/// The picture to start from, `[3][H][W]`.
fn start(subject: &Subject, recipe: &Recipe, extent: Extent, resizer: &mut Resizer) -> Result<Vec<f32>> {
    match recipe.init {
        Init::Content => to_planes(subject.content.image(), extent, resizer),
        Init::Style => {
            let (style, _) =
                subject.styles.first().ok_or_else(|| Error::failed("there is no painting to start from"))?;
            to_planes(style.image(), extent, resizer)
        }
        Init::Noise => Ok(noise(recipe.seed, 3 * extent.pixels())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_stops_on_a_plateau_and_not_before() {
        let at = |content| Losses { content, ..Losses::default() };
        let falling: Vec<Losses> = (0..100).map(|step| at(0.99f64.powi(step))).collect();
        assert!(!on_plateau(&falling, 0.01));
        let flat: Vec<Losses> = falling.iter().copied().chain((0..21).map(|_| at(0.3695))).collect();
        assert!(on_plateau(&flat, 0.01));
        assert!(!on_plateau(&flat, 0.0), "0 never stops");
        assert!(!on_plateau(&flat[..30], 0.5), "too short to tell");
    }
}
