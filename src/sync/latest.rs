//! A slot that holds only the newest value.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::lock;

/// Passes values between threads. [`Self::put`] never waits: it replaces a value that has not been taken.
#[derive(Debug)]
pub struct Latest<T> {
    slot: Mutex<Slot<T>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    closed: bool,
}

/// The result of [`Latest::take`].
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The newest value.
    Value(T),
    /// No value came in time.
    Nothing,
    /// The slot is closed and empty.
    Closed,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { slot: Mutex::new(Slot { value: None, closed: false }), changed: Condvar::new() }
    }
}

impl<T> Latest<T> {
    /// Stores a value and returns the previous one if it was not taken.
    pub fn put(&self, value: T) -> Option<T> {
        let stale = self.lock().value.replace(value);
        self.changed.notify_one();
        stale
    }

    /// Takes the value, and waits up to `patience` for one. A value that was put before [`Self::close`] can still be
    /// taken.
    pub fn take(&self, patience: Duration) -> Taken<T> {
        let end = Instant::now() + patience;
        let mut slot = self.lock();
        loop {
            if let Some(value) = slot.value.take() {
                return Taken::Value(value);
            }
            if slot.closed {
                return Taken::Closed;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Taken::Nothing;
            }
            let waited = self.changed.wait_timeout(slot, left).unwrap_or_else(PoisonError::into_inner);
            slot = waited.0;
        }
    }

    /// Says that no more values will come, and wakes all waiting threads.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Slot<T>> {
        lock(&self.slot)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn only_the_newest_value_is_taken_and_the_stale_one_comes_back() {
        let latest = Latest::default();
        assert_eq!(latest.put(1), None);
        assert_eq!(latest.put(2), Some(1));
        assert_eq!(latest.take(LONG), Taken::Value(2));
        assert_eq!(latest.take(Duration::ZERO), Taken::Nothing);
    }

    #[test]
    fn a_waiting_thread_is_woken_by_a_value_and_by_the_close() {
        let latest = Latest::default();
        thread::scope(|scope| {
            let taker = scope.spawn(|| (latest.take(LONG), latest.take(LONG)));
            latest.put(7);
            // Closes only after the value was taken, so that the second take has to wait and be woken.
            while latest.lock().value.is_some() {
                thread::yield_now();
            }
            latest.close();
            assert_eq!(taker.join().unwrap(), (Taken::Value(7), Taken::Closed));
        });
    }

    #[test]
    fn a_value_put_before_the_close_can_be_taken() {
        let latest = Latest::default();
        latest.put(1);
        latest.close();
        assert_eq!(latest.take(LONG), Taken::Value(1));
        assert_eq!(latest.take(LONG), Taken::Closed);
    }
}
