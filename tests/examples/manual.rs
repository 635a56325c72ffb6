//! Writes what packages need besides the program: `cargo run --example manual -- FOLDER`.
//!
//! The manual pages go into FOLDER/man, the completions for bash, zsh and fish into FOLDER/completions, all made from the command
//! line itself. scripts/package puts them where a distribution keeps them.

use std::path::PathBuf;
use std::{env, fs, io};

use clap_complete::Shell;
use impasto::internals::command_line;

fn main() -> io::Result<()> {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "write manual FOLDER"));
    };
    let (pages, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&pages)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(command_line(), &pages)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut command_line(), "impasto", &completions)?;
    }
    Ok(())
}
