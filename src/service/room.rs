//! The thread that paints pictures and camera frames: live frames first, then pictures, then thumbnails. Long jobs, which have
//! threads of their own, give way to them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::error::{Error, Result};
use crate::studio::easel::Easel;
use crate::sync::{Stop, lock};

/// How long a thread waits before it looks for a stop.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is painted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A frame of a camera.
    Live,
    /// A picture.
    Picture,
    /// A thumbnail of a style.
    Thumbnail,
}

/// Something to paint.
type Work = Box<dyn FnOnce(&mut Easel) + Send>;

/// The room of the one easel.
#[derive(Default)]
pub struct Room {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    works: [VecDeque<Work>; 3],
    /// Reasons for long jobs to wait.
    urgent: usize,
    closed: bool,
}

/// A reason for long jobs to wait, until it is dropped.
pub struct Urgent(Arc<Room>);

impl Drop for Urgent {
    fn drop(&mut self) {
        lock(&self.0.queue).urgent -= 1;
        self.0.changed.notify_all();
    }
}

impl Room {
    /// Paints what comes until the room is closed.
    pub fn run(&self, mut easel: Easel) {
        while let Some(work) = self.next() {
            work(&mut easel);
        }
    }

    fn next(&self) -> Option<Work> {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closed {
                return None;
            }
            if let Some(work) = queue.works.iter_mut().find_map(VecDeque::pop_front) {
                return Some(work);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends [`Self::run`].
    pub fn close(&self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        queue.works = Default::default();
        self.changed.notify_all();
    }

    /// Has `work` done at the easel. If nobody waits for the result any more when its turn comes, it is left out.
    ///
    /// # Errors
    /// Those of `work`, a panic, or the room is closed.
    pub async fn paint<T: Send + 'static>(
        &self,
        class: Class,
        work: impl FnOnce(&mut Easel) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (give, result) = oneshot::channel();
        let work: Work = Box::new(move |easel| {
            if give.is_closed() {
                return;
            }
            let painted = catch_unwind(AssertUnwindSafe(|| work(easel)));
            // The client may have gone meanwhile.
            let _ = give.send(painted.unwrap_or_else(|_| Err(Error::internal("the painter panicked"))));
        });
        {
            let mut queue = lock(&self.queue);
            if queue.closed {
                return Err(ending());
            }
            queue.works[class as usize].push_back(work);
            self.changed.notify_all();
        }
        result.await.unwrap_or_else(|_| Err(ending()))
    }

    /// Makes long jobs wait while the result is kept.
    pub fn urgent(self: &Arc<Self>) -> Urgent {
        lock(&self.queue).urgent += 1;
        Urgent(Arc::clone(self))
    }

    /// Whether long jobs have to wait.
    pub fn is_urgent(&self) -> bool {
        lock(&self.queue).urgent > 0
    }

    /// Waits until nothing urgent is left, or `stop` is requested. Returns how long that took.
    pub fn give_way(&self, stop: &Stop) -> Duration {
        let start = Instant::now();
        let mut queue = lock(&self.queue);
        while queue.urgent > 0 && !queue.closed && !stop.requested() {
            queue = self.changed.wait_timeout(queue, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
        start.elapsed()
    }
}

fn ending() -> Error {
    Error::Interrupted("the server is ending; try again later".to_owned())
}
