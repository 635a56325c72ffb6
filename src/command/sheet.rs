use crate::cli::{SharedArgs, SheetArgs};
use crate::error::{Error, Result};
use crate::report::Report;
pub fn sheet(_: &SheetArgs, _: &SharedArgs, _: &Report) -> Result<()> {
    Err(Error::failed("placeholder"))
}
