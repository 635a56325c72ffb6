//! Paints single pictures and camera frames in any style, one after another. Networks are opened once and kept.

use std::sync::Arc;

use super::pictures::PictureSettings;
use super::{PaintSettings, Studio};
use crate::error::Result;
use crate::frame::Frame;
use crate::kernel::grain::Field;
use crate::network::spare::{Failed, SpareNetwork};
use crate::network::{Identity, Network, NetworkFile, Opening};
use crate::picture::Picture;
use crate::size::Size;
use crate::style::catalog::Choice;
use crate::stylize::{FullSize, Look, Small, Stylizer, WeightedNetwork};
use crate::temporal::{Carrier, DEFAULT_AMOUNT, Stabilizer};

/// Networks that stay open.
const KEPT: usize = 4;

/// Paints whatever comes, in whatever style. Uses all cores of the machine.
pub struct Easel {
    studio: Arc<Studio>,
    stylizer: Stylizer,
    /// Networks that were used, the last one first; those on the stylizer are not among them.
    kept: Vec<(Option<NetworkFile>, Box<dyn Network>)>,
    /// The files of the networks on the stylizer.
    mounted: Vec<Option<NetworkFile>>,
    /// The grain of the last seed.
    field: (u64, Arc<Field>),
    failed: Failed,
}

/// A scene whose frames come one after another: what is remembered of those before.
#[derive(Default)]
pub struct Scene {
    settings: Option<PaintSettings>,
    choices: Vec<Choice>,
    carrier: Option<Carrier>,
    stabilizer: Option<Stabilizer>,
    small: Small,
    full_size: FullSize,
    frames: u64,
}

impl Easel {
    /// An easel for the styles of `studio`. `failed` is told if the device fails; the processor then takes over.
    pub fn new(studio: Arc<Studio>, failed: Failed) -> Self {
        let stylizer = Stylizer::new(Vec::new(), Look::default());
        let field = (1, Arc::new(Field::new(1)));
        Self { studio, stylizer, kept: Vec::new(), mounted: Vec::new(), field, failed }
    }

    /// Paints a picture, and keeps its opacity and metadata; as [`Painter::paint_picture`](super::Painter::paint_picture) does.
    ///
    /// # Errors
    /// The style is unknown, its network is missing or damaged, an inference fails, or memory is short.
    pub fn paint_picture(&mut self, settings: &PaintSettings, picture: Picture) -> Result<Picture> {
        let choices = self.studio.choices(&settings.style)?;
        self.mount(&choices, settings, true)?;
        let field = self.field(settings.seed);
        let grain = self.stylizer.still_grain(&field, picture.frame.size());
        let mut painting = Frame::default();
        self.stylizer.stylize(&picture.frame, &grain, &mut painting)?;
        Ok(Picture { frame: painting, ..picture })
    }

    /// Paints the next frame of `scene`. Its strokes move along, and where it is still, the painting is.
    ///
    /// # Errors
    /// Those of [`Self::paint_picture`].
    pub fn paint_next(&mut self, settings: &PaintSettings, scene: &mut Scene, frame: &mut Frame) -> Result<Frame> {
        if scene.settings.as_ref() != Some(settings) {
            scene.choices = self.studio.choices(&settings.style)?;
            if scene.settings.as_ref().is_some_and(|old| old.seed != settings.seed) {
                scene.carrier = None;
            }
            scene.settings = Some(settings.clone());
            scene.stabilizer.iter_mut().for_each(Stabilizer::restart);
        }
        self.mount(&scene.choices, settings, false)?;
        frame.index = scene.frames;
        scene.frames += 1;
        let field = self.field(settings.seed);
        let carrier = scene.carrier.get_or_insert_with(|| Carrier::new(field));
        let size: Size = frame.size();
        let grain = carrier.carry(frame, self.stylizer.seen_size(size), self.stylizer.takes_grain());
        self.stylizer.sketch(frame, &grain, &mut scene.small)?;
        let mut styled = std::mem::take(&mut scene.small.painted);
        let stabilizer = scene.stabilizer.get_or_insert_with(|| Stabilizer::new(DEFAULT_AMOUNT));
        stabilizer.stabilize(scene.small.seen(frame), &mut styled);
        scene.small.painted = styled;
        let mut painting = Frame::default();
        scene.full_size.restore(frame, &mut scene.small, &mut painting)?;
        Ok(painting)
    }

    fn field(&mut self, seed: u64) -> Arc<Field> {
        if self.field.0 != seed {
            self.field = (seed, Arc::new(Field::new(seed)));
        }
        Arc::clone(&self.field.1)
    }

    /// Puts the networks of `choices` on the stylizer, and opens those that are new.
    fn mount(&mut self, choices: &[Choice], settings: &PaintSettings, finer: bool) -> Result<()> {
        let before = self.stylizer.networks().drain(..).map(|one| one.network);
        let before: Vec<_> = self.mounted.drain(..).zip(before).collect();
        self.kept.splice(0..0, before);
        for Choice { network: file, weights, share } in choices {
            let known = self.kept.iter().position(|(known, _)| known == file);
            let network = match known {
                Some(place) => self.kept.remove(place).1,
                None => self.open(file.as_ref())?,
            };
            let side = file.as_ref().map(|file| file.side);
            self.mounted.push(file.clone());
            self.stylizer.networks().push(WeightedNetwork { network, weights: weights.clone(), share: *share, side });
        }
        self.kept.truncate(KEPT.saturating_sub(self.mounted.len()));
        let PaintSettings { strength, keep_colors, scale, style: _, seed: _ } = settings;
        let (strength, keep_colors, scale) = (*strength, *keep_colors, *scale);
        self.stylizer.set_look(Look { strength, keep_colors, scale, finer, ..Look::default() });
        Ok(())
    }

    fn open(&self, file: Option<&NetworkFile>) -> Result<Box<dyn Network>> {
        let Some(file) = file else { return Ok(Box::new(Identity)) };
        let engine = self.studio.engine(None)?;
        let above = (PictureSettings::default().tile_above * 1e6) as u64;
        let how = Opening { tile_above: Some(above), ..engine.opening() };
        SpareNetwork::open(file, &how, Arc::clone(&self.failed))
    }
}
