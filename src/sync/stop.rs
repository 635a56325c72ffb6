//! A request to stop, by a caller or by Ctrl-C.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::error::{Error, Result, cause};

/// Asks a running job to stop reading frames and to finish its output. Clones share the request.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    flag: Arc<AtomicBool>,
    /// When the stop is requested by itself.
    end: Arc<OnceLock<Instant>>,
}

/// How long somebody who waits sleeps at most before looking for a request.
const NAP: Duration = Duration::from_millis(20);

impl Stop {
    /// Requests the stop.
    pub fn request(&self) {
        self.flag.store(true, Ordering::Relaxed);
    }

    /// Requests the stop for `end`, once. Whoever looks at [`Self::requested`] then sees it, without being told.
    pub(crate) fn request_at(&self, end: Instant) {
        self.end.get_or_init(|| end);
    }

    /// Whether a stop was requested.
    pub fn requested(&self) -> bool {
        if self.left().is_zero() {
            // Also for those who see nothing but the flag.
            self.request();
        }
        self.flag.load(Ordering::Relaxed)
    }

    /// The time until [`Self::request_at`]'s end; very long if there is none.
    pub(crate) fn left(&self) -> Duration {
        self.end.get().map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()))
    }

    /// Sleeps until `due`. False if the stop is requested, which ends the sleep.
    pub(crate) fn sleep_until(&self, due: Instant) -> bool {
        loop {
            if self.requested() {
                return false;
            }
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(NAP).min(self.left()));
        }
    }

    /// The underlying flag, for FFI callbacks.
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.flag)
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
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop.flag))
                .and_then(|_| flag::register(signal, Arc::clone(&stop.flag)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_requested_at_its_end_and_for_all_who_share_it() {
        let (stop, later) = (Stop::default(), Instant::now() + Duration::from_secs(3600));
        let (shared, flag) = (stop.clone(), stop.flag());
        assert!(!shared.requested() && shared.left() > Duration::from_secs(7200));
        assert!(shared.sleep_until(Instant::now()));
        stop.request_at(Instant::now());
        assert!(!shared.sleep_until(later) && shared.requested() && shared.left().is_zero());
        assert!(flag.load(Ordering::Relaxed));
        let stop = Stop::default();
        stop.request_at(later);
        assert!(!stop.requested() && stop.left() > Duration::from_secs(1800));
        stop.request();
        assert!(!stop.sleep_until(later));
    }
}
