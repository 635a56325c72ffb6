//! One file a subcommand.

pub mod image;
pub mod stylist;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::error::{Error, Result};
use crate::report::Report;

/// Runs the program.
///
/// # Errors
/// What the subcommand could not do.
pub fn run() -> Result<()> {
    let cli = Cli::parse();
    let report = Report::new(cli.shared.json, cli.shared.quiet);
    match &cli.command {
        Command::Image(args) => image::image(args, &cli.shared, &report),
        _ => Err(Error::usage("this command is not there yet")),
    }
}
