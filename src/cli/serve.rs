//! The flags of `impasto serve`.

use std::net::SocketAddr;

use clap::Args;

use super::{RunArgs, SERVER, values};
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
    /// The largest film or picture that is accepted, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 2048, value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub max_upload: u64,
    /// What runs the networks.
    #[command(flatten)]
    pub run: RunArgs,
}

impl ServeArgs {
    /// What clients may send.
    pub fn limits(&self) -> Limits {
        Limits { upload: self.max_upload << 20 }
    }
}
