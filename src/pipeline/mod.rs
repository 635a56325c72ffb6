//! Threads, channels and their order: how frames get through a job.

pub mod fade;
pub mod governor;
pub mod latest;
pub mod live;
pub mod meter;
pub mod ordered;
pub mod statistics;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Result};

/// Asks a running job to stop taking new frames and to close its output properly. Clones share the wish.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody asked.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The wish itself, for those who can only look at a flag.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Lets the first Ctrl-C (or what else ends a process politely) express this wish too.
    ///
    /// # Errors
    /// As [`Self::at_ctrl_c`].
    pub fn also_at_ctrl_c(self) -> Result<Self> {
        for signal in signals() {
            flag::register(signal, self.flag()).map_err(|error| cannot_listen(&error))?;
        }
        Ok(self)
    }

    /// A wish that the first Ctrl-C (or SIGTERM, or the closing of the terminal) expresses; the second ends the process at
    /// once, with exit code 130.
    ///
    /// # Errors
    /// The system does not let the process listen for signals.
    pub fn at_ctrl_c() -> Result<Self> {
        let stop = Self::default();
        for signal in signals() {
            // In this order: at the first signal the flag is not yet set when it is looked at.
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop.0))
                .and_then(|_| flag::register(signal, Arc::clone(&stop.0)))
                .map_err(|error| cannot_listen(&error))?;
        }
        Ok(stop)
    }
}

/// What ends a process politely.
fn signals() -> Vec<i32> {
    let mut signals = vec![SIGINT, SIGTERM];
    // A terminal that is closed; unless `nohup` has said that it does not matter.
    #[cfg(target_os = "linux")]
    if !is_ignored(signal_hook::consts::SIGHUP) {
        signals.push(signal_hook::consts::SIGHUP);
    }
    signals
}

/// Whether the process was started with `signal` ignored.
#[cfg(target_os = "linux")]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

fn cannot_listen(error: &io::Error) -> Error {
    Error::failed(format!("cannot listen for Ctrl-C: {error}"))
}

/// A thread's panic as an error.
pub(crate) fn panicked(thread: &str) -> Error {
    Error::internal(format!("the {thread} thread panicked"))
}
