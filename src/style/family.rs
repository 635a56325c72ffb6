//! The families of networks that can be added, and which of them a file belongs to.

use std::fmt;
use std::path::Path;

use super::manifest::LayoutName;
use crate::error::{Error, Result};
use crate::kernel::packed::PackedFormat;
use crate::kernel::planar::PlanarFormat;
use crate::network::inspect::{Inspection, Looks};
use crate::network::trial::{Trial, try_out};
use crate::network::{Layout, NetworkFile, Opening};

/// A family: networks with the same kind of inputs and outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Own networks.
    Impasto,
    /// pytorch/examples fast_neural_style: RGB from 0 to 255.
    PytorchExamples,
    /// The same with RGB from 0 to 1.
    PytorchUnit,
    /// Magenta's arbitrary image stylization.
    Magenta,
}

/// How much more of a picture the second range must give before it is preferred to the usual one.
const MARGIN: f64 = 0.1;

impl Family {
    /// Each with its name on the command line.
    pub const NAMES: [(Self, &'static str); 4] = [
        (Self::Impasto, "impasto"),
        (Self::PytorchExamples, "pytorch-examples"),
        (Self::PytorchUnit, "pytorch-unit"),
        (Self::Magenta, "magenta"),
    ];

    /// Its layout in the manifest.
    pub fn layout_name(self) -> LayoutName {
        match self {
            Self::Impasto => LayoutName::NhwcU8,
            Self::PytorchExamples | Self::PytorchUnit => LayoutName::NchwF32,
            Self::Magenta => LayoutName::NhwcF32,
        }
    }

    /// How it wants its pixels.
    pub fn layout(self) -> Layout {
        match self {
            Self::Impasto => Layout::NhwcU8,
            Self::PytorchExamples => Layout::NchwF32(PlanarFormat::PYTORCH_EXAMPLES),
            Self::PytorchUnit => Layout::NchwF32(PlanarFormat { range: 1.0, ..PlanarFormat::PYTORCH_EXAMPLES }),
            Self::Magenta => Layout::NhwcF32(PackedFormat::MAGENTA),
        }
    }

    /// The family with the same layout and another range of values, if there is one.
    pub fn other_range(self) -> Option<Self> {
        match self {
            Self::PytorchExamples => Some(Self::PytorchUnit),
            Self::PytorchUnit => Some(Self::PytorchExamples),
            Self::Impasto | Self::Magenta => None,
        }
    }

    /// The family of the network in `file`, as it was inspected: by its inputs and outputs, and where these fit several
    /// ranges of values, by which of them gives a picture.
    ///
    /// # Errors
    /// It is of no family, or paints pictures of one size only, or does not run.
    pub fn detect(file: &Path, inspection: &Inspection, how: &Opening<'_>) -> Result<Self> {
        match inspection.looks {
            Looks::Bytes(_) => Ok(Self::Impasto),
            Looks::Pixels => Ok(Self::Magenta),
            Looks::Planes => range(file, how),
            Looks::FixedPlanes(width, height) => Err(fixed(file, width, height)),
            Looks::Other => Err(Error::failed(format!(
                "'{}' is not a style network of a known kind: {}; impasto styles add --help lists the kinds",
                file.display(),
                inspection.words
            ))),
        }
    }

    /// Checks that the network in `file`, as it was inspected, can be of this family.
    ///
    /// # Errors
    /// It cannot.
    pub fn confirm(self, file: &Path, inspection: &Inspection) -> Result<()> {
        match inspection.looks {
            looks if looks.fits(&self.layout()) => Ok(()),
            Looks::FixedPlanes(width, height) => Err(fixed(file, width, height)),
            _ => Err(Error::failed(format!(
                "'{}' is not a style network like {self}: {}; leave --like out to have its kind detected",
                file.display(),
                inspection.words
            ))),
        }
    }

    /// Paints the trial picture with `file` as a network of this family, which takes no style weights.
    pub fn trial(self, file: &Path, how: &Opening<'_>) -> Result<Trial> {
        let name = file.display().to_string();
        let network = NetworkFile {
            name,
            path: file.to_owned(),
            tiles: None,
            layout: self.layout(),
            styles: 1,
            side: 432,
            sha256: String::new(),
        };
        try_out(&network, &[1.0], how)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(Self::NAMES.iter().find(|(family, _)| family == self).map_or("", |(_, name)| name))
    }
}

fn fixed(file: &Path, width: i64, height: i64) -> Error {
    let file = file.display();
    Error::failed(format!(
        "'{file}' paints pictures of {width}x{height} only; export it with variable height and width (for networks of \
pytorch/examples: scripts/import_style.py '{file}' -o OUT.onnx)"
    ))
}

/// The range of a planar network: a wrong one gives a black picture, or one of black and white only.
fn range(file: &Path, how: &Opening<'_>) -> Result<Family> {
    let usual = Family::PytorchExamples.trial(file, how);
    let unit = Family::PytorchUnit.trial(file, how);
    match (usual, unit) {
        (Ok(usual), Ok(unit)) if unit.quality() > usual.quality() + MARGIN => Ok(Family::PytorchUnit),
        (Err(_), Ok(_)) => Ok(Family::PytorchUnit),
        (Err(error), Err(_)) => Err(error),
        (Ok(_), _) => Ok(Family::PytorchExamples),
    }
}
