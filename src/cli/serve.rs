//! The flags of `impasto serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::values::{self, within};
use super::{RunArgs, SERVER};
use crate::service::Limits;

/// `impasto serve`
#[derive(Debug, Args)]
#[command(next_help_heading = SERVER)]
pub struct ServeArgs {
    /// Where to serve; 127.0.0.1 is reachable from this machine only, 0.0.0.0 from others too.
    #[arg(value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080", value_parser = values::address)]
    pub address: SocketAddr,
    /// Token that clients must send (`?token=...`). Default: none on this machine, a random one for other addresses.
    #[arg(long, value_name = "TOKEN", value_parser = values::token)]
    pub token: Option<String>,
    /// Folder for films and other long jobs, which resume after a restart. Default: `serve` in impasto's data folder
    /// (~/.local/share/impasto on Linux).
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// The largest film or picture that is accepted, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub max_upload: u64,
    /// The longest film that is accepted, in minutes.
    #[arg(long, value_name = "MINUTES", default_value_t = 180.0, value_parser = within(0.01..=100_000.0))]
    pub max_minutes: f64,
    /// Disk space for all jobs together, in GiB. When it is used up, the oldest results are deleted.
    #[arg(long, value_name = "GIB", default_value_t = 20.0, value_parser = within(0.001..=1e6))]
    pub disk: f64,
    /// What runs the networks.
    #[command(flatten)]
    pub run: RunArgs,
}

impl ServeArgs {
    /// What clients may send.
    pub fn limits(&self) -> Limits {
        let (seconds, disk) = (self.max_minutes * 60.0, (self.disk * f64::from(1 << 30)) as u64);
        Limits { upload: self.max_upload << 20, seconds, disk }
    }
}
