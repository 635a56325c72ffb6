//! Paints a frame with one or several networks.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::frame::{Frame, Image, byte_len};
use crate::kernel::edges::Edges;
use crate::kernel::grain::{Field, Grain};
use crate::kernel::{blend, color, resize::Resizer};
use crate::network::Network;
use crate::size::Size;

/// Settings for painting a frame and mixing it with the original.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Share of the painting in the result: 0 gives the original, 1 the painting.
    pub strength: f32,
    /// Keep the original's chroma and paint only its brightness.
    pub keep_colors: bool,
    /// Stroke size, above 0. The network sees the frame scaled by `1 / scale`, so 2 doubles the strokes.
    pub scale: f32,
    /// A further division of the size that the network sees, from 1 up, to save time. The edges that it loses are
    /// restored from the original.
    pub reduction: f32,
}

impl Default for Look {
    fn default() -> Self {
        Self { strength: 1.0, keep_colors: false, scale: 1.0, reduction: 1.0 }
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
}

/// Paints frames. Owns the networks and the buffers between the steps.
pub struct Stylizer {
    networks: Vec<WeightedNetwork>,
    look: Look,
    resizer: Resizer,
    edges: Edges,
    /// The frame at the size that the network sees.
    small: Vec<u8>,
    /// One network's painting at that size.
    painted: Vec<u8>,
    /// The mix of several networks' paintings at that size.
    mixed: Vec<u8>,
}

impl Stylizer {
    /// A stylizer that mixes `networks` (at least one).
    pub fn new(networks: Vec<WeightedNetwork>, look: Look) -> Self {
        let (small, painted, mixed) = (Vec::new(), Vec::new(), Vec::new());
        Self { networks, look, resizer: Resizer::default(), edges: Edges::default(), small, painted, mixed }
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
        seen_size(frame, self.look.scale * self.look.reduction)
    }

    /// Paints `input` into `output`, which gets the size, index and timestamp of `input`. All networks share the `grain`.
    ///
    /// # Errors
    /// A network failed, or its output is not finite. The message gives the frame's index.
    pub fn stylize(&mut self, input: &Frame, grain: &Grain, output: &mut Frame) -> Result<()> {
        output.resize(input.width, input.height);
        output.stamp_from(input);
        self.paint(input, grain, output).map_err(|error| Error::failed(format!("frame {}: {error}", input.index)))?;
        if self.look.keep_colors {
            color::keep_chroma(&input.pixels, &mut output.pixels);
        }
        if self.look.strength < 1.0 {
            blend::toward(&input.pixels, &mut output.pixels, 1.0 - self.look.strength);
        }
        Ok(())
    }

    fn paint(&mut self, input: &Frame, grain: &Grain, output: &mut Frame) -> Result<()> {
        let seen = self.seen_size(input.size());
        if seen == input.size() {
            return mix(&mut self.networks, input.image(), grain, &mut output.pixels, &mut self.painted);
        }
        let Size { width, height } = seen;
        self.small.resize(byte_len(width, height), 0);
        self.mixed.resize(byte_len(width, height), 0);
        self.resizer.resize(input.image(), width, height, &mut self.small)?;
        let small = Image { width, height, pixels: &self.small };
        mix(&mut self.networks, small, grain, &mut self.mixed, &mut self.painted)?;
        let mixed = Image { width, height, pixels: &self.mixed };
        self.resizer.resize(mixed, input.width, input.height, &mut output.pixels)?;
        if self.look.reduction > 1.0 {
            self.edges.restore(input.image(), small, &self.mixed, &mut self.resizer, &mut output.pixels)?;
        }
        Ok(())
    }
}

/// `frame` divided by `scale`, at least 1x1.
fn seen_size(frame: Size, scale: f32) -> Size {
    let side = |pixels: u32| ((f64::from(pixels) / f64::from(scale)).round() as u32).max(1);
    Size { width: side(frame.width), height: side(frame.height) }
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
        let one = |(network, share)| WeightedNetwork { network, weights: vec![1.0], share };
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
    fn any_scale_keeps_the_size_of_the_frame() {
        for scale in [0.5, 1.0, 2.0, 7.3] {
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
