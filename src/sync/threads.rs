//! Threads with a name, and the errors of those that cannot start or that panic.

use std::io;
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

use crate::error::{Error, Result};

/// Starts `work` on a thread called `name`.
///
/// # Errors
/// The system has no thread left.
pub fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    Builder::new().name(name.into()).spawn(work).map_err(|error| cannot_start(name, &error))
}

/// Starts `work` on a thread called `name`, which ends before `scope` does.
///
/// # Errors
/// The system has no thread left.
pub fn spawn_scoped<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().name(name.into()).spawn_scoped(scope, work).map_err(|error| cannot_start(name, &error))
}

/// Waits for a thread of [`spawn`] and returns its result; a panic is an error that says which thread it was.
///
/// # Errors
/// The thread's own, or it panicked.
pub fn join<T>(thread: JoinHandle<Result<T>>) -> Result<T> {
    let name = thread.thread().name().unwrap_or("unnamed").to_owned();
    thread.join().unwrap_or_else(|_| Err(panicked(&name)))
}

/// As [`join`], for a thread of [`spawn_scoped`].
///
/// # Errors
/// As [`join`].
pub fn join_scoped<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    let name = thread.thread().name().unwrap_or("unnamed").to_owned();
    thread.join().unwrap_or_else(|_| Err(panicked(&name)))
}

/// The error for a panic of the thread `name`.
pub fn panicked(name: &str) -> Error {
    Error::internal(format!("the {name} thread panicked"))
}

fn cannot_start(name: &str, error: &io::Error) -> Error {
    Error::failed(format!("cannot start the {name} thread: {error}; close other programs or raise a limit (ulimit -u)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_is_reported_by_its_name() {
        let words = |result: Result<()>| result.unwrap_err().to_string();
        let panics = || -> Result<()> { panic!("on purpose") };
        assert!(words(join(spawn("first", panics).unwrap())).contains("the first thread panicked"));
        std::thread::scope(|scope| {
            let thread = spawn_scoped(scope, "second", panics).unwrap();
            assert!(words(join_scoped(thread)).contains("the second thread panicked"));
        });
    }

    #[test]
    fn a_threads_own_result_comes_back() {
        assert_eq!(join(spawn("counts", || Ok(7)).unwrap()).unwrap(), 7);
        let fails = || -> Result<()> { Err(Error::Disconnected) };
        assert!(matches!(join(spawn("fails", fails).unwrap()), Err(Error::Disconnected)));
    }
}
