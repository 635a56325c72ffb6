//! Who may have a picture in memory, and whose turn it is.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use crate::sync::lock;
use crate::web::answer::Refusal;

/// Pictures in memory at a time: one is decoded, one is painted, one is encoded.
const INSIDE: usize = 3;
/// Pictures that one client may have waiting, and all together.
const EACH: usize = 16;
const ALL: usize = 64;

/// Lets a few pictures in at a time. If several clients wait, they take turns, however many pictures one of them has.
#[derive(Default)]
pub struct Gate {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    inside: usize,
    /// Counts those who were let in.
    count: u64,
    /// When each client was last let in.
    last: HashMap<IpAddr, u64>,
    waiting: Vec<(IpAddr, oneshot::Sender<Pass>)>,
}

/// A place inside, until it is dropped.
pub struct Pass {
    gate: Option<Arc<Gate>>,
}

impl Gate {
    /// Waits for a place.
    ///
    /// # Errors
    /// Too many wait already.
    pub async fn enter(self: &Arc<Self>, client: IpAddr) -> Result<Pass, Refusal> {
        let turn = {
            let mut inner = lock(&self.inner);
            if inner.inside < INSIDE {
                inner.let_in(client);
                return Ok(Pass { gate: Some(Arc::clone(self)) });
            }
            // Those who gave up need no place.
            inner.waiting.retain(|(_, turn)| !turn.is_closed());
            let own = inner.waiting.iter().filter(|(other, _)| *other == client).count();
            if own >= EACH || inner.waiting.len() >= ALL {
                let whose = if own >= EACH { "of your pictures" } else { "pictures" };
                let count = if own >= EACH { own } else { inner.waiting.len() };
                let words = format!("{count} {whose} are waiting already; send the next one when some are painted");
                return Err(Refusal::busy(words, 2));
            }
            let (give, turn) = oneshot::channel();
            inner.waiting.push((client, give));
            turn
        };
        turn.await.map_err(|_| Refusal::busy("the server is ending; try again later", 5))
    }

    /// Pictures that are inside or wait.
    pub fn pictures(&self) -> usize {
        let inner = lock(&self.inner);
        inner.inside + inner.waiting.len()
    }

    fn leave(self: &Arc<Self>) {
        let mut inner = lock(&self.inner);
        inner.inside -= 1;
        while let Some((client, turn)) = inner.next() {
            match turn.send(Pass { gate: Some(Arc::clone(self)) }) {
                Ok(()) => {
                    inner.let_in(client);
                    return;
                }
                // It gave up; nobody was let in.
                Err(mut pass) => drop(pass.gate.take()),
            }
        }
    }
}

impl Inner {
    fn let_in(&mut self, client: IpAddr) {
        self.inside += 1;
        self.count += 1;
        self.last.insert(client, self.count);
        if self.last.len() > 4 * ALL {
            let recent = self.count - ALL as u64;
            self.last.retain(|_, count| *count > recent);
        }
    }

    /// Of the client that has been served least recently, the picture that has waited longest.
    fn next(&mut self) -> Option<(IpAddr, oneshot::Sender<Pass>)> {
        let last = |client: &IpAddr| self.last.get(client).copied().unwrap_or(0);
        let turns = self.waiting.iter().enumerate();
        let place = turns.min_by_key(|(_, (client, _))| last(client)).map(|(place, _)| place)?;
        Some(self.waiting.remove(place))
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(gate) = self.gate.take() {
            gate.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn client(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn clients_take_turns_however_much_one_of_them_sends() {
        let gate = Arc::new(Gate::default());
        let inside: Vec<Pass> = (0..INSIDE).map(|_| now(gate.enter(client(1))).unwrap().unwrap()).collect();
        let mut greedy: Vec<_> = (0..4).map(|_| Box::pin(gate.enter(client(1)))).collect();
        let mut modest = Box::pin(gate.enter(client(2)));
        assert!(greedy.iter_mut().all(|waiting| now(waiting).is_none()) && now(&mut modest).is_none());
        drop(inside.into_iter().next());
        assert!(now(&mut modest).is_some(), "the second client waits behind all of the first one's pictures");
    }

    #[test]
    fn a_client_with_too_many_pictures_is_refused_and_others_are_not() {
        let gate = Arc::new(Gate::default());
        let _inside: Vec<Pass> = (0..INSIDE).map(|_| now(gate.enter(client(1))).unwrap().unwrap()).collect();
        let mut waiting: Vec<_> = (0..EACH).map(|_| Box::pin(gate.enter(client(1)))).collect();
        assert!(waiting.iter_mut().all(|waiting| now(waiting).is_none()));
        assert!(now(gate.enter(client(1))).is_some_and(|outcome| outcome.is_err()));
        assert!(now(gate.enter(client(2))).is_none());
    }

    #[test]
    fn a_place_is_not_lost_with_a_client_that_gave_up() {
        let gate = Arc::new(Gate::default());
        let inside: Vec<Pass> = (0..INSIDE).map(|_| now(gate.enter(client(1))).unwrap().unwrap()).collect();
        let mut gone = Box::pin(gate.enter(client(1)));
        assert!(now(&mut gone).is_none());
        // It gets the place and goes before it looks.
        drop(inside);
        drop(gone);
        let again: Vec<_> = (0..INSIDE).map(|_| now(gate.enter(client(2)))).collect();
        assert!(again.iter().all(Option::is_some));
        assert!(now(gate.enter(client(2))).is_none());
    }
}
