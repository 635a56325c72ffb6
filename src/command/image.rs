use crate::cli::{ImageArgs, SharedArgs};
use crate::error::{Error, Result};
use crate::report::Report;
pub fn image(_: &ImageArgs, _: &SharedArgs, _: &Report) -> Result<()> {
    Err(Error::failed("placeholder"))
}
