//! Paints a frame with one or several networks, at the size that they see, and brings it back to the frame's.

mod finer;
mod scale;
mod small;

use std::sync::Arc;

use crate::error::Result;
use crate::frame::{Frame, Image};
use crate::kernel::grain::{Field, Grain};
use crate::kernel::{blend, color, enlarge::Enlarger, resize::Resizer};
use crate::network::Network;
use crate::size::Size;

use finer::Finer;
pub use scale::{FACTORS, Scale};
pub use small::{FullSize, Small};

/// Settings for painting a frame and mixing it with the original.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Share of the painting in the result: 0 gives the original, 1 the painting.
    pub strength: f32,
    /// Keep the original's chroma and paint only its brightness.
    pub keep_colors: bool,
    /// Stroke size, which says at what size the networks see the frame.
    pub scale: Scale,
    /// A further division of that size, from 1 up, to save time. The painting is then brought back to it.
    pub reduction: f32,
    /// Paint pictures well above that size a second time, for fine strokes within the large ones: for stills, since nothing
    /// keeps the fine strokes still.
    pub finer: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self { strength: 1.0, keep_colors: false, scale: Scale::default(), reduction: 1.0, finer: false }
    }
}

/// A network and its share of the painting.
pub struct WeightedNetwork {
    /// The network.
    pub network: Box<dyn Network>,
    /// The weights of its styles, which sum to 1.
    pub weights: Vec<f32>,
    /// Its share of the painting; the shares of all networks sum to 1.
    pub share: f32,
    /// The short side that it was trained for; `None` if it copies the picture, whose detail is then kept.
    pub side: Option<u32>,
}

/// Paints frames. Owns the networks and the buffers between the steps.
pub struct Stylizer {
    networks: Vec<WeightedNetwork>,
    look: Look,
    resizer: Resizer,
    /// One network's painting, while several are mixed.
    one: Vec<u8>,
    finer: Finer,
    /// The picture and its painting while a reduction makes them smaller still.
    reduced: [Frame; 2],
    enlarger: Enlarger,
    /// For [`Self::stylize`].
    small: Small,
    full_size: FullSize,
}

impl Stylizer {
    /// A stylizer that mixes `networks` (at least one).
    pub fn new(networks: Vec<WeightedNetwork>, look: Look) -> Self {
        let (resizer, one, finer) = (Resizer::default(), Vec::new(), Finer::default());
        let (reduced, enlarger) = Default::default();
        let (small, full_size) = Default::default();
        Self { networks, look, resizer, one, finer, reduced, enlarger, small, full_size }
    }

    /// The networks, whose weights and shares may be changed. A network with share 0 does not run.
    pub fn networks(&mut self) -> &mut Vec<WeightedNetwork> {
        &mut self.networks
    }

    /// Whether a network's strokes grow from grain.
    pub fn takes_grain(&self) -> bool {
        self.networks.iter().any(|one| one.network.takes_grain())
    }

    /// The grain of a picture of size `frame` that stands by itself.
    pub fn still_grain(&self, field: &Arc<Field>, frame: Size) -> Grain {
        Grain::still(Arc::clone(field), self.seen_size(frame))
    }

    /// Changes the settings from the next frame on.
    pub fn set_look(&mut self, look: Look) {
        self.look = look;
    }

    /// The size of a frame of size `frame` as the networks see it.
    pub fn seen_size(&self, frame: Size) -> Size {
        self.reduced_size(frame, self.look.reduction)
    }

    /// The short side that the networks that run were trained for: the largest.
    pub fn side(&self) -> Option<u32> {
        self.networks.iter().filter(|one| one.share > 0.0).filter_map(|one| one.side).max()
    }

    fn reduced_size(&self, frame: Size, reduction: f32) -> Size {
        self.look.scale.seen(frame, self.side(), reduction)
    }

    /// Paints `input` into `output`, which gets the size, index and timestamp of `input`. All networks share the `grain`.
    ///
    /// # Errors
    /// A network failed, or its output is not finite.
    pub fn stylize(&mut self, input: &Frame, grain: &Grain, output: &mut Frame) -> Result<()> {
        let mut small = std::mem::take(&mut self.small);
        let painted = self.sketch(input, grain, &mut small);
        let restored = painted.and_then(|()| self.full_size.restore(input, &mut small, output));
        self.small = small;
        restored
    }

    /// Paints `input` at the size that the networks see without a reduction, with the colours and the strength of the look.
    ///
    /// # Errors
    /// Those of [`Self::stylize`].
    pub fn sketch(&mut self, input: &Frame, grain: &Grain, small: &mut Small) -> Result<()> {
        let size = self.reduced_size(input.size(), 1.0);
        if !small.take_ready(input, size) {
            small.see(input, size, &mut self.resizer)?;
        }
        let Size { width, height } = size;
        let mut painted = std::mem::take(&mut small.painted);
        painted.resize(width, height);
        painted.stamp_from(input);
        self.paint(input.size(), small.seen(input).image(), grain, &mut painted.pixels)?;
        let Look { strength, keep_colors, finer, .. } = self.look;
        if finer {
            let networks = |image: Image<'_>, out: &mut [u8]| mix(&mut self.networks, image, grain, out, &mut self.one);
            self.finer.add(input, &mut small.seen, &mut painted, networks)?;
        }
        let seen = small.seen(input);
        if keep_colors {
            color::keep_chroma(&seen.pixels, &mut painted.pixels);
        }
        if strength < 1.0 {
            blend::toward(&seen.pixels, &mut painted.pixels, 1.0 - strength);
        }
        small.painted = painted;
        let copied: f32 = self.networks.iter().filter(|one| one.side.is_none()).map(|one| one.share).sum();
        small.detail = 1.0 - strength.clamp(0.0, 1.0) * (1.0 - copied.clamp(0.0, 1.0));
        Ok(())
    }

    /// Paints `image`, what is seen of a frame of size `frame`, at its size or, with a reduction, at a smaller one.
    fn paint(&mut self, frame: Size, image: Image<'_>, grain: &Grain, out: &mut [u8]) -> Result<()> {
        let Size { width, height } = self.seen_size(frame);
        if Size::new(width, height) == Size::new(image.width, image.height) {
            return mix(&mut self.networks, image, grain, out, &mut self.one);
        }
        let [seen, painted] = &mut self.reduced;
        seen.resize(width, height);
        painted.resize(width, height);
        self.resizer.resize(image, width, height, &mut seen.pixels)?;
        mix(&mut self.networks, seen.image(), grain, &mut painted.pixels, &mut self.one)?;
        self.enlarger.enlarge(image, seen.image(), &painted.pixels, 0.0, out);
        Ok(())
    }
}

/// Paints `image` with each network and mixes the paintings by their shares into `out`. A single network does not use
/// `scratch`.
fn mix(
    networks: &mut [WeightedNetwork],
    image: Image<'_>,
    grain: &Grain,
    out: &mut [u8],
    scratch: &mut Vec<u8>,
) -> Result<()> {
    let mut total = 0.0;
    for one in networks.iter_mut().filter(|one| one.share > 0.0) {
        let is_first = total == 0.0;
        total += one.share;
        if is_first {
            one.network.run(image, &one.weights, grain, out)?;
        } else {
            scratch.resize(out.len(), 0);
            one.network.run(image, &one.weights, grain, scratch)?;
            blend::toward(scratch, out, one.share / total);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Identity;

    /// Paints everything in one colour.
    struct Flat(u8);

    impl Network for Flat {
        fn style_count(&self) -> usize {
            1
        }

        fn run(&mut self, _image: Image<'_>, _weights: &[f32], _grain: &Grain, out: &mut [u8]) -> Result<()> {
            out.fill(self.0);
            Ok(())
        }
    }

    fn stylizer(networks: Vec<(Box<dyn Network>, f32)>, look: Look) -> Stylizer {
        let one = |(network, share)| WeightedNetwork { network, weights: vec![1.0], share, side: Some(2) };
        Stylizer::new(networks.into_iter().map(one).collect(), look)
    }

    fn grain() -> Grain {
        Grain::still(Arc::new(Field::new(1)), Size::new(8, 8))
    }

    fn frame(width: u32, height: u32, value: u8) -> Frame {
        let mut frame = Frame::new(width, height);
        frame.pixels.fill(value);
        (frame.index, frame.time) = (7, 700);
        frame
    }

    #[test]
    fn a_painted_frame_keeps_size_index_and_timestamp() {
        let mut output = Frame::default();
        let mut stylizer = stylizer(vec![(Box::new(Flat(9)), 1.0)], Look::default());
        stylizer.stylize(&frame(5, 3, 100), &grain(), &mut output).unwrap();
        assert_eq!((output.width, output.height, output.index, output.time), (5, 3, 7, 700));
        assert!(output.pixels.iter().all(|&byte| byte == 9));
    }

    #[test]
    fn strength_zero_is_the_original_and_half_is_between() {
        for (strength, expected) in [(0.0, 100), (0.5, 150), (1.0, 200)] {
            let look = Look { strength, ..Look::default() };
            let mut output = Frame::default();
            stylizer(vec![(Box::new(Flat(200)), 1.0)], look).stylize(&frame(4, 4, 100), &grain(), &mut output).unwrap();
            assert_eq!(output.pixels[0], expected, "strength {strength}");
        }
    }

    #[test]
    fn networks_are_mixed_by_their_shares() {
        let networks: Vec<(Box<dyn Network>, f32)> =
            vec![(Box::new(Flat(100)), 0.5), (Box::new(Flat(200)), 0.25), (Box::new(Flat(0)), 0.25)];
        let mut output = Frame::default();
        stylizer(networks, Look::default()).stylize(&frame(4, 4, 1), &grain(), &mut output).unwrap();
        assert!(output.pixels.iter().all(|&byte| byte.abs_diff(100) <= 1), "{:?}", &output.pixels[..3]);
    }

    #[test]
    fn what_is_left_of_the_original_keeps_its_detail_at_any_size() {
        let mut photo = frame(90, 60, 0);
        photo.pixels.iter_mut().enumerate().for_each(|(at, value)| *value = (at * 7919 % 251) as u8);
        let identity = || WeightedNetwork { network: Box::new(Identity), weights: vec![1.0], share: 1.0, side: None };
        let none = |share| WeightedNetwork { network: Box::new(Flat(9)), weights: vec![1.0], share, side: Some(20) };
        let (copy, unpainted) = (Look::default(), Look { strength: 0.0, ..Look::default() });
        for (networks, look) in
            [(vec![identity()], copy), (vec![identity(), none(0.0)], copy), (vec![none(1.0)], unpainted)]
        {
            let mut output = Frame::default();
            Stylizer::new(networks, look).stylize(&photo, &grain(), &mut output).unwrap();
            assert_eq!(output.pixels, photo.pixels);
        }
    }

    #[test]
    fn the_second_pass_adds_fine_texture_and_leaves_shapes_and_colours() {
        /// Inverts what it sees, with a pattern of single pixels.
        struct Dots;
        impl Network for Dots {
            fn style_count(&self) -> usize {
                1
            }

            fn run(&mut self, image: Image<'_>, _weights: &[f32], _grain: &Grain, out: &mut [u8]) -> Result<()> {
                for (place, (out, &value)) in out.iter_mut().zip(image.pixels).enumerate() {
                    *out = (200 - value / 2) + if place / 3 % 2 == 0 { 20 } else { 0 };
                }
                Ok(())
            }
        }
        let paint = |finer, side: u32| {
            let mut output = Frame::default();
            let look = Look { finer, ..Look::default() };
            let dots = WeightedNetwork { network: Box::new(Dots), weights: vec![1.0], share: 1.0, side: Some(side) };
            Stylizer::new(vec![dots], look).stylize(&frame(200, 120, 100), &grain(), &mut output).unwrap();
            output.pixels
        };
        let mean = |pixels: &[u8]| pixels.iter().map(|&value| f64::from(value)).sum::<f64>() / pixels.len() as f64;
        let (coarse, fine) = (paint(false, 40), paint(true, 40));
        assert_eq!(coarse.len(), fine.len());
        assert!((mean(&coarse) - mean(&fine)).abs() < 1.0, "{} {}", mean(&coarse), mean(&fine));
        assert_ne!(coarse, fine);
        // Nothing to add where the network saw nearly everything.
        assert_eq!(paint(true, 100), paint(false, 100));
    }

    #[test]
    fn any_scale_keeps_the_size_of_the_frame() {
        for scale in ["0.5", "1", "2", "7.3", "0.5px", "1px", "2px", "7.3px"].map(|text| text.parse().unwrap()) {
            for (width, height) in [(1, 1), (3, 2), (641, 361)] {
                let mut output = Frame::default();
                let look = Look { scale, ..Look::default() };
                stylizer(vec![(Box::new(Identity), 1.0)], look)
                    .stylize(&frame(width, height, 77), &grain(), &mut output)
                    .unwrap();
                assert_eq!(output.pixels, frame(width, height, 77).pixels, "{width}x{height} at {scale}");
            }
        }
    }
}
