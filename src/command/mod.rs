//! One file a subcommand.

mod stylist;
pub mod video;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::error::{Error, Result};
use crate::report::Report;

/// Runs the program.
pub fn run() -> Result<()> {
    let cli = Cli::parse();
    let report = Report::new(cli.shared.json, cli.shared.quiet);
    match &cli.command {
        Command::Video(args) => video::video(args, &cli.shared, &report),
        _ => Err(Error::failed("not here")),
    }
}
