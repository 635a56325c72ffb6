use crate::cli::{SharedArgs, VideoArgs};
use crate::error::{Error, Result};
use crate::report::Report;
pub fn video(_: &VideoArgs, _: &SharedArgs, _: &Report) -> Result<()> {
    Err(Error::failed("placeholder"))
}
pub fn measure(
    _: &std::path::Path,
    _: &crate::cli::StyleArgs,
    _: (u32, u32),
    _: &super::stylist::Stylist,
    _: &Report,
) -> Result<f64> {
    Err(Error::failed("placeholder"))
}
