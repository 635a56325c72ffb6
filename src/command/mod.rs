//! One file a subcommand: each a function of its own name.

mod bench;
mod device;
mod devices;
mod doctor;
mod image;
mod live;
mod paint;
mod queue;
mod sheet;
mod styles;
mod summary;
mod video;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::error::Result;
use crate::report::Report;

/// Runs the program as the command line says.
///
/// # Errors
/// Whatever ended the command; its exit code is [`crate::error::Error::exit_code`].
pub fn run() -> Result<()> {
    let Cli { command, shared } = Cli::parse();
    let report = Report::new(shared.json, shared.quiet);
    match command {
        Command::Image(args) => image::image(&args, &shared, &report),
        Command::Video(args) => video::video(&args, &shared, &report),
        Command::Live(args) => live::live(&args, &shared, &report),
        Command::Paint(args) => paint::paint(&args, &shared, &report),
        Command::Styles(args) => styles::styles(&args, &shared, &report),
        Command::Devices(_) => devices::devices(&shared, &report),
        Command::Doctor(_) => doctor::doctor(&shared, &report),
        Command::Bench(args) => bench::bench(&args, &shared, &report),
    }
}
