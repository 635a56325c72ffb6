//! Which style is painted, by what.

use crate::cli::{SharedArgs, StyleArgs};
use crate::error::Result;
use crate::network::Identity;
use crate::report::Report;
use crate::stylize::{Look, Part, Stylizer};

/// Makes stylizers for one job.
#[derive(Debug)]
pub struct Stylist {
    look: Look,
}

impl Stylist {
    /// A stylist for what the command line asks for.
    ///
    /// # Errors
    /// None so far.
    pub fn new(args: &StyleArgs, _shared: &SharedArgs, _report: &Report) -> Result<Self> {
        Ok(Self { look: Look { strength: args.strength, keep_colors: args.keep_colors, scale: args.scale } })
    }

    /// The style, as the command line names it.
    pub fn style(&self) -> String {
        "identity".into()
    }

    /// What runs the network.
    pub fn device(&self) -> String {
        "cpu".into()
    }

    /// One stylizer that uses all cores.
    ///
    /// # Errors
    /// None so far.
    pub fn whole_machine(&self, _tile_above_megapixels: f64) -> Result<Stylizer> {
        let part = Part { network: Box::new(Identity), weights: vec![1.0], share: 1.0 };
        Ok(Stylizer::new(vec![part], self.look))
    }
}
