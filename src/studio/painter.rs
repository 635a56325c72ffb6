//! The painter: a style that is ready to paint.

use std::str::FromStr;
use std::sync::Arc;

use super::pictures::PictureSettings;
use super::{Engine, Job, Studio};
use crate::error::{Error, Result};
use crate::frame::Frame;
use crate::kernel::grain::Field;
use crate::network::provider::Device;
use crate::network::{self, Identity, Opening};
use crate::picture::Picture;
use crate::size::Size;
use crate::style::catalog::Choice;
use crate::style::expression::Expression;
use crate::style::paintings::Paintings;
use crate::stylize::{Look, Scale, Stylizer, WeightedNetwork};
use crate::temporal::{Carrier, Stabilizer};

/// Limit on the pixels that all workers together have in their networks, at about 150 bytes each in the widest layer.
const PIXELS_AT_ONCE: u64 = 16 << 20;

/// The style to paint in.
///
/// ```
/// use impasto::Style;
/// use impasto::styles::Paintings;
///
/// let blend: Style = "starry-night:0.7,scream:0.3".parse()?;
/// let picture = Style::Pictures(Paintings::single("night.jpg"));
/// # let _ = (blend, picture);
/// # Ok::<(), impasto::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Style {
    /// The first installed style.
    #[default]
    First,
    /// A style by name, or a blend of several.
    Named(Expression),
    /// The style of any picture, or of several with weights. Needs the networks that `impasto setup --style-images` installs.
    Pictures(Paintings),
}

impl FromStr for Style {
    type Err = Error;

    /// Parses `NAME[:WEIGHT],...`, as [`Expression`] does.
    fn from_str(text: &str) -> Result<Self> {
        text.parse().map(Self::Named).map_err(Error::Usage)
    }
}

/// How to paint. The default is the first style at full strength.
#[derive(Clone, Debug, PartialEq)]
pub struct PaintSettings {
    /// The style to paint in.
    pub style: Style,
    /// Share of the painting in the result, 0 (the original) to 1 (the painting).
    pub strength: f32,
    /// Keep the colours of the original and take only the brightness from the painting.
    pub keep_colors: bool,
    /// Stroke size. Strokes of twice the size are painted about four times as fast.
    pub scale: Scale,
    /// Random seed of the grain that strokes grow from: another seed gives other strokes. Networks without grain ignore it.
    pub seed: u64,
}

impl Default for PaintSettings {
    fn default() -> Self {
        Self { style: Style::First, strength: 1.0, keep_colors: false, scale: Scale::default(), seed: 1 }
    }
}

/// Paints frames and pictures in one style.
///
/// The networks are opened at the first frame, which takes far longer than painting it. So keep a painter, and use it for
/// many frames.
///
/// ```no_run
/// use impasto::live::{SourceSettings, open_source};
/// use impasto::{Frame, Machine, PaintSettings, Stop, Studio};
///
/// # fn main() -> impasto::Result<()> {
/// let studio = Studio::open(Machine::default())?;
/// let mut painter = studio.painter(&PaintSettings::default())?;
/// let mut camera = open_source(&SourceSettings::default(), &Stop::default())?;
/// let mut frame = Frame::default();
/// while camera.next(&mut frame)? {
///     let painting = painter.paint_next(&frame)?;
///     println!("{} bytes of RGB", painting.pixels.len());
/// }
/// # Ok(())
/// # }
/// ```
pub struct Painter {
    /// The style, for messages and the JSON summary.
    style: String,
    choices: Vec<Choice>,
    look: Look,
    /// The grain of everything that it paints.
    field: Arc<Field>,
    /// `None` if only the style `identity` is used, which needs no ONNX Runtime.
    engine: Option<Engine>,
    threads: usize,
    /// For [`Self::paint`]; opened at the first frame.
    stylizer: Option<Stylizer>,
    /// For [`Self::paint_next`].
    sequence: Option<Carrier>,
}

impl Painter {
    pub(super) fn new(studio: &Studio, settings: &PaintSettings, size: Size) -> Result<Self> {
        let PaintSettings { style, strength, keep_colors, scale, seed } = settings;
        let look = Look { strength: *strength, keep_colors: *keep_colors, scale: *scale, ..Look::default() };
        let choices = studio.choices(style)?;
        let label = match style {
            Style::Pictures(paintings) => paintings.to_string(),
            Style::First | Style::Named(_) => studio.expression(style)?.map_or_else(String::new, |it| it.to_string()),
        };
        let painting = choices.iter().filter(|choice| choice.network.is_some());
        let main = painting.max_by(|a, b| a.share.total_cmp(&b.share));
        let job = main.and_then(|choice| {
            let file = choice.network.clone()?;
            let size = scale.seen(size, Some(file.side), 1.0);
            Some(Job { file, weights: choice.weights.clone(), size })
        });
        let engine = job.map(|job| studio.engine(Some(&job))).transpose()?;
        let (field, threads) = (Arc::new(Field::new(*seed)), studio.machine().threads());
        Ok(Self { style: label, choices, look, field, engine, threads, stylizer: None, sequence: None })
    }

    /// The style expression, or the file names of the style pictures.
    pub fn style(&self) -> &str {
        &self.style
    }

    /// The device that paints; [`Device::Cpu`] if the style needs no network.
    pub fn device(&self) -> Device {
        self.engine.as_ref().map_or(Device::Cpu, |engine| engine.provider.device)
    }

    /// Paints one frame, and returns the painting at the same size, with the same index and timestamp. Uses all cores of the
    /// [`Machine`](crate::Machine). If the network sees more than 2 megapixels, it paints them in tiles, if it supports that.
    ///
    /// Each frame stands by itself: its strokes grow from the fixed grain of [`PaintSettings::seed`]. For the frames of a
    /// sequence, use [`Self::paint_next`].
    ///
    /// # Errors
    /// The frame's buffer does not fit its size, a network cannot be opened, an inference fails, or memory is short.
    pub fn paint(&mut self, frame: &Frame) -> Result<Frame> {
        self.paint_one(frame, false, None)
    }

    /// Paints the next frame of a sequence, such as a camera's. Unlike with [`Self::paint`], the strokes move along with the
    /// scene: their grain follows the motion since the previous frame. At a cut, and at a frame of another size, it starts
    /// again. Frames are not averaged, so some noise still shows; [`Studio::paint_film`] also stabilises.
    ///
    /// ```no_run
    /// use impasto::{Frame, Machine, PaintSettings, Studio};
    ///
    /// # fn main() -> impasto::Result<()> {
    /// let studio = Studio::open(Machine::default())?;
    /// let mut painter = studio.painter(&PaintSettings::default())?;
    /// for brightness in 0..100 {
    ///     let mut frame = Frame::new(640, 360);
    ///     frame.pixels.fill(brightness);
    ///     let painting = painter.paint_next(&frame)?;
    ///     println!("{} bytes of RGB", painting.pixels.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`Self::paint`].
    pub fn paint_next(&mut self, frame: &Frame) -> Result<Frame> {
        let mut carrier = self.sequence.take().unwrap_or_else(|| self.carrier());
        let painting = self.paint_one(frame, false, Some(&mut carrier));
        self.sequence = Some(carrier);
        painting
    }

    fn paint_one(&mut self, frame: &Frame, finer: bool, carrier: Option<&mut Carrier>) -> Result<Frame> {
        frame.check()?;
        let mut stylizer = match self.stylizer.take() {
            Some(stylizer) => stylizer,
            None => self.all_cores(PictureSettings::default().tile_above)?,
        };
        let mut painting = Frame::default();
        stylizer.set_look(Look { finer, ..self.look });
        let grain = match carrier {
            Some(carrier) => carrier.carry(frame, stylizer.seen_size(frame.size()), stylizer.takes_grain()),
            None => stylizer.still_grain(&self.field, frame.size()),
        };
        let painted = stylizer.stylize(frame, &grain, &mut painting);
        self.stylizer = Some(stylizer);
        painted.map(|()| painting)
    }

    /// Paints a picture, and keeps its opacity and metadata. Well above the size that the network sees, it is painted a second
    /// time, for fine strokes within the large ones.
    ///
    /// # Errors
    /// Those of [`Self::paint`].
    pub fn paint_picture(&mut self, picture: Picture) -> Result<Picture> {
        let frame = self.paint_one(&picture.frame, true, None)?;
        Ok(Picture { frame, ..picture })
    }

    /// The grain of everything that it paints.
    pub(crate) fn field(&self) -> &Arc<Field> {
        &self.field
    }

    /// The networks of the style, with their weights.
    pub(crate) fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// ONNX Runtime and the device; `None` if the style needs no network.
    pub(crate) fn engine(&self) -> Option<&Engine> {
        self.engine.as_ref()
    }

    /// The size of a frame of size `frame` as the networks see it.
    pub(crate) fn seen_size(&self, frame: Size) -> Size {
        let side = self.choices.iter().filter_map(|choice| choice.network.as_ref()).map(|file| file.side).max();
        self.look.scale.seen(frame, side, 1.0)
    }

    /// Stylizers that paint frames of `width` x `height` in parallel, with the cores divided among them.
    ///
    /// On a processor, many frames are painted fastest with one core per frame: no core waits for another. If the networks see
    /// very large frames, there are fewer stylizers, to save memory. A graphics card paints one frame at a time.
    pub(crate) fn workers(&self, width: u32, height: u32) -> Result<Vec<Stylizer>> {
        let on_processor = self.device() == Device::Cpu;
        let pixels = self.seen_size(Size::new(width, height)).pixels().max(1);
        let fit = usize::try_from(PIXELS_AT_ONCE / pixels).unwrap_or(usize::MAX).max(1);
        let count = if on_processor { self.threads.min(fit) } else { 1 };
        (0..count).map(|_| self.stylizer(self.threads / count, None)).collect()
    }

    /// One stylizer that uses all cores, for pictures one at a time, with a second pass for fine strokes. What the network sees
    /// above `tile_above` megapixels is painted in tiles, if the network supports it (0: never).
    pub(crate) fn all_cores(&self, tile_above: f64) -> Result<Stylizer> {
        let above = (tile_above > 0.0).then_some((tile_above * 1e6) as u64);
        let mut stylizer = self.stylizer(self.threads, above)?;
        stylizer.set_look(Look { finer: true, ..self.look });
        Ok(stylizer)
    }

    /// The stabiliser for a sequence of painted frames, of strength `amount`, 0 to 1.
    pub(crate) fn stabilizer(&self, amount: f32) -> Stabilizer {
        Stabilizer::new(amount)
    }

    /// What carries the grain of a sequence of frames along.
    pub(crate) fn carrier(&self) -> Carrier {
        Carrier::new(Arc::clone(&self.field))
    }

    fn stylizer(&self, threads: usize, tile_above: Option<u64>) -> Result<Stylizer> {
        let open = |choice: &Choice| -> Result<WeightedNetwork> {
            let network: Box<dyn network::Network> = match (&choice.network, &self.engine) {
                (Some(file), Some(engine)) => {
                    network::open(file, &Opening { threads, tile_above, ..engine.opening() })?
                }
                _ => Box::new(Identity),
            };
            let side = choice.network.as_ref().map(|file| file.side);
            Ok(WeightedNetwork { network, weights: choice.weights.clone(), share: choice.share, side })
        };
        let networks = self.choices.iter().map(open).collect::<Result<_>>()?;
        Ok(Stylizer::new(networks, self.look))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::studio::Machine;

    #[test]
    fn a_frame_whose_buffer_does_not_fit_its_size_is_an_error_and_the_painter_paints_on() {
        let studio = Studio::open(Machine::default()).unwrap();
        let settings =
            PaintSettings { style: Style::Named(Expression::single("identity")), ..PaintSettings::default() };
        let mut painter = studio.painter(&settings).unwrap();
        let short = Frame { pixels: vec![0; 5], ..Frame::new(4, 3) };
        for frame in [Frame::default(), short] {
            assert!(matches!(painter.paint(&frame), Err(Error::Usage(_))), "{frame:?}");
            assert!(matches!(painter.paint_next(&frame), Err(Error::Usage(_))), "{frame:?}");
        }
        assert_eq!(painter.paint(&Frame::new(4, 3)).unwrap(), Frame::new(4, 3));
    }
}
