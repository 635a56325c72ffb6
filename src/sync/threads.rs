//! Named threads, and errors for those that cannot start or that panic.

use std::io;
use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle};

use crate::error::{Error, Result, cause};

/// Runs `work` on a new thread called `name`.
///
/// # Errors
/// The system cannot start another thread.
pub fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    Builder::new().name(name.into()).spawn(work).map_err(|error| cannot_start(name, &error))
}

/// Runs `work` on a new thread called `name`, which ends before `scope` does.
///
/// # Errors
/// The system cannot start another thread.
pub fn spawn_scoped<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>> {
    Builder::new().name(name.into()).spawn_scoped(scope, work).map_err(|error| cannot_start(name, &error))
}

/// Waits for a thread from [`spawn`] and returns its result. If it panicked, the error says which thread it was.
///
/// # Errors
/// The error that the thread returned, or a panic.
pub fn join<T>(thread: JoinHandle<Result<T>>) -> Result<T> {
    let name = thread.thread().name().unwrap_or("unnamed").to_owned();
    thread.join().unwrap_or_else(|_| Err(panicked(&name)))
}

/// As [`join`], for a thread from [`spawn_scoped`].
///
/// # Errors
/// As [`join`].
pub fn join_scoped<T>(thread: ScopedJoinHandle<'_, Result<T>>) -> Result<T> {
    let name = thread.thread().name().unwrap_or("unnamed").to_owned();
    thread.join().unwrap_or_else(|_| Err(panicked(&name)))
}

/// The error for a panic in the thread `name`.
pub fn panicked(name: &str) -> Error {
    Error::internal(format!("the {name} thread panicked"))
}

fn cannot_start(name: &str, error: &io::Error) -> Error {
    Error::failed(format!(
        "cannot start the {name} thread: {}; close other programs, or raise the limit (ulimit -u)",
        cause(error)
    ))
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
    fn join_returns_the_result_of_the_thread() {
        assert_eq!(join(spawn("counts", || Ok(7)).unwrap()).unwrap(), 7);
        let fails = || -> Result<()> { Err(Error::Disconnected) };
        assert!(matches!(join(spawn("fails", fails).unwrap()), Err(Error::Disconnected)));
    }
}
