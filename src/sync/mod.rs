//! Threads and what they share: a lock, a slot for the newest value, a request to stop, pipes that heed it.

pub mod latest;
pub mod pipe;
pub mod stop;
pub mod threads;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::stop::Stop;

/// Locks `mutex`, even if a thread panicked while it held the lock. The panic is reported where that thread is joined.
/// Poisoning adds nothing, since the guarded values here are never left half updated.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_does_not_lock_other_threads_out() {
        let mutex = Mutex::new(1);
        std::thread::scope(|scope| {
            let panics = scope.spawn(|| {
                let _held = lock(&mutex);
                panic!("on purpose");
            });
            assert!(panics.join().is_err());
        });
        assert!(mutex.is_poisoned());
        assert_eq!(*lock(&mutex), 1);
    }
}
