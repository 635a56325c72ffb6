//! One file a subcommand: each a function of its own name.

mod bench;
mod device;
mod devices;
mod doctor;
mod export;
mod image;
mod live;
mod paint;
mod queue;
mod serve;
mod setup;
mod sheet;
mod styles;
mod summary;
mod version;
mod video;

use std::path::Path;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::cli::{Cli, Command};
use crate::error::{Error, Result};
use crate::report::Report;

/// The command line as data, for the manual pages and the shells' completions.
pub fn command_line() -> clap::Command {
    Cli::command()
}

/// Runs the program as the command line says.
///
/// # Errors
/// Whatever ended the command; its exit code is [`crate::error::Error::exit_code`].
pub fn run() -> Result<()> {
    let Cli { version: _, command, shared } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error)
            if error.kind() == ErrorKind::DisplayVersion && std::env::args_os().any(|word| word == "--verbose") =>
        {
            return version::version(&Report::new(false, false));
        }
        Err(error) => return Err(forgotten(&error).unwrap_or_else(|| error.exit())),
    };
    let report = Report::new(shared.json, shared.quiet);
    match command {
        Command::Image(args) => image::image(&args, &shared, &report),
        Command::Video(args) => video::video(&args, &shared, &report),
        Command::Live(args) => live::live(&args, &shared, &report),
        Command::Paint(args) => paint::paint(&args, &shared, &report),
        Command::Serve(args) => serve::serve(&args, &shared, &report),
        Command::Styles(args) => styles::styles(&args, &shared, &report),
        Command::Devices(_) => devices::devices(&shared, &report),
        Command::Doctor(_) => doctor::doctor(&shared, &report),
        Command::Setup(args) => setup::setup(&args, &shared, &report),
        Command::Bench(args) => bench::bench(&args, &shared, &report),
    }
}

/// The error for a file where the command is missing: `impasto photo.jpg`.
fn forgotten(error: &clap::Error) -> Option<Error> {
    let first = std::env::args_os().nth(1)?;
    let path = Path::new(&first);
    let is_file = error.kind() == ErrorKind::InvalidSubcommand && path.exists();
    let path = path.display();
    is_file.then(|| {
        Error::usage(format!(
            "the command is missing before '{path}'; for a photo write: impasto image '{path}' -o OUT, for a video: impasto video '{path}' -o OUT"
        ))
    })
}
