//! Opens the networks for a style.

use crate::cli::{SharedArgs, StyleArgs};
use crate::error::Result;
use crate::network::Identity;
use crate::report::Report;
use crate::stylize::{Look, Part, Stylizer};

/// The networks of a style, ready to paint.
pub struct Stylist(Look);

impl Stylist {
    /// Opens the networks.
    pub fn new(style: &StyleArgs, _shared: &SharedArgs, _report: &Report) -> Result<Self> {
        Ok(Self(Look { strength: style.strength, keep_colors: style.keep_colors, scale: style.scale }))
    }

    /// The style's name.
    pub fn style(&self) -> String {
        "identity".into()
    }

    /// What runs it.
    pub fn device(&self) -> String {
        "cpu".into()
    }

    /// Workers, one for each core.
    pub fn workers(&self, max_concurrent: usize) -> Result<Vec<Stylizer>> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(max_concurrent);
        let part = || Part { network: Box::new(Identity), weights: vec![1.0], share: 1.0 };
        Ok((0..cores).map(|_| Stylizer::new(vec![part()], self.0)).collect())
    }
}
