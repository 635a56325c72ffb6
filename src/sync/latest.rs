//! A slot for one value, of which only the newest counts.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::lock;

/// Hands values from the threads that put them to one that takes them. To put never waits: a value that has not been taken is
/// replaced.
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

/// The outcome of waiting for a value.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The newest value.
    Value(T),
    /// None came in time.
    Nothing,
    /// No more will come.
    Closed,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { slot: Mutex::new(Slot { value: None, closed: false }), changed: Condvar::new() }
    }
}

impl<T> Latest<T> {
    /// Stores a value, and returns the one that was not taken.
    pub fn put(&self, value: T) -> Option<T> {
        let stale = self.lock().value.replace(value);
        self.changed.notify_one();
        stale
    }

    /// Takes the value; waits up to `patience` for one. A value that was put before [`Self::close`] can still be taken.
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

    /// No more values will come.
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
    fn a_waiting_thread_is_woken_by_a_value_and_by_the_end() {
        let latest = Latest::default();
        thread::scope(|scope| {
            let taker = scope.spawn(|| (latest.take(LONG), latest.take(LONG)));
            latest.put(7);
            // Only when the value has been taken: a close before it would be as good, but show less.
            while latest.lock().value.is_some() {
                thread::yield_now();
            }
            latest.close();
            assert_eq!(taker.join().unwrap(), (Taken::Value(7), Taken::Closed));
        });
    }

    #[test]
    fn what_was_put_before_the_end_can_be_taken() {
        let latest = Latest::default();
        latest.put(1);
        latest.close();
        assert_eq!(latest.take(LONG), Taken::Value(1));
        assert_eq!(latest.take(LONG), Taken::Closed);
    }
}
