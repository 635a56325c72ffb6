//! One file a subcommand.

use crate::error::Result;

/// Runs the program.
pub fn run() -> Result<()> {
    Ok(())
}
