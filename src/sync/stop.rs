//! A request to stop, by a caller or by Ctrl-C.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Result, cause};

/// Asks a running job to stop reading frames and to finish its output. Clones share the request.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Requests the stop.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether a stop was requested.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// The underlying flag, for FFI callbacks.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }

    /// Makes Ctrl-C, SIGTERM and a closed terminal request this stop too.
    ///
    /// # Errors
    /// As [`Self::at_ctrl_c`].
    pub fn also_at_ctrl_c(self) -> Result<Self> {
        for signal in signals() {
            flag::register(signal, self.flag()).map_err(|error| cannot_listen(&error))?;
        }
        Ok(self)
    }

    /// A stop that Ctrl-C, SIGTERM or a closed terminal requests. A second one ends the process at once, with exit code
    /// 130.
    ///
    /// # Errors
    /// The system refuses the signal handlers.
    pub fn at_ctrl_c() -> Result<Self> {
        let stop = Self::default();
        for signal in signals() {
            // The order matters: at the first signal, the shutdown handler must run before the flag is set.
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop.0))
                .and_then(|_| flag::register(signal, Arc::clone(&stop.0)))
                .map_err(|error| cannot_listen(&error))?;
        }
        Ok(stop)
    }
}

/// The signals that ask a process to end.
fn signals() -> Vec<i32> {
    let mut signals = vec![SIGINT, SIGTERM];
    // A closed terminal sends SIGHUP; a process under `nohup` ignores it.
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
    Error::failed(format!(
        "the system does not let impasto handle Ctrl-C ({}); run it outside the sandbox that forbids this",
        cause(error)
    ))
}
