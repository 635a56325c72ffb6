//! What threads share: a lock, a slot for the newest value, a request to stop, and threads with a name.

pub mod latest;
pub mod stop;
pub mod threads;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use self::stop::Stop;

/// Locks `mutex`, also after a thread that held it panicked: the panic is reported where that thread is joined, and what it
/// guarded here is replaced as a whole.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_elsewhere_does_not_lock_the_others_out() {
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
