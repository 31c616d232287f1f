//! Passwords that are about to be checked: which ones are looked at, and how many at a time.
//!
//! A hash costs time and memory, and anybody may ask for one. So of one network few are worked
//! on at a time, however many wait, and names that are known there have places of their own.

use crate::error::{Error, Result};
use cresset_auth::guesses::{Guess, GuessThrottle, Standing};
use cresset_auth::throttle::{ThrottleSettings, network};
use cresset_model::{Duration, Timestamp};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Passwords from one network that are checked at a time.
const AT_ONCE: usize = 2;
/// Passwords from one network that are checked or wait for it.
const PRESENT: usize = 8;
/// Networks' places in use at a time. The catalog hashes fewer, in the order of their coming.
const PLACES: usize = 32;

/// What is known of guesses, and the places for those under way.
pub(crate) struct Guesses {
    throttle: Mutex<GuessThrottle>,
    strangers: Arc<Semaphore>,
    known: Arc<Semaphore>,
    queues: Mutex<HashMap<Source, Queue>>,
}

type Source = (IpAddr, Standing);

/// Those of one network.
struct Queue {
    places: Arc<Semaphore>,
    present: usize,
}

/// A place for a password that is checked; free again when it is dropped.
pub(super) struct Place<'a> {
    guesses: &'a Guesses,
    source: Source,
    permits: Option<[OwnedSemaphorePermit; 2]>,
}

impl Guesses {
    pub(crate) fn new(settings: ThrottleSettings) -> Self {
        Self {
            throttle: Mutex::new(GuessThrottle::new(settings)),
            strangers: Arc::new(Semaphore::new(PLACES)),
            known: Arc::new(Semaphore::new(PLACES)),
            queues: Mutex::default(),
        }
    }

    /// Refuses what is held back, before it takes a place.
    pub(super) fn allowed(&self, name: &str, peer: IpAddr, now: Timestamp) -> Result<Standing> {
        let judged = self.throttle.lock().allowed(name, peer, now);
        judged.map_err(held_back)
    }

    /// Counts a guess, which stays counted unless [`Self::right`] or [`Self::unseen`] follows.
    pub(super) fn guess(&self, name: &str, peer: IpAddr, now: Timestamp) -> Result<Guess> {
        let counted = self.throttle.lock().guess(name, peer, now);
        counted.map_err(held_back)
    }

    /// The password was right.
    pub(super) fn right(&self, guess: &Guess, now: Timestamp) {
        self.throttle.lock().right(guess, now);
    }

    /// The password could not be checked.
    pub(super) fn unseen(&self, guess: &Guess) {
        self.throttle.lock().unseen(guess);
    }

    /// A place for a password, after those of its network that came before.
    pub(super) async fn place(&self, peer: IpAddr, standing: Standing) -> Result<Place<'_>> {
        let (mut place, of_network) = self.enter((network(peer), standing))?;
        let of_all = match standing {
            Standing::Known => &self.known,
            Standing::Stranger => &self.strangers,
        };
        let first = of_network.acquire_owned().await.map_err(|_| busy())?;
        let second = Arc::clone(of_all).acquire_owned().await;
        place.permits = Some([first, second.map_err(|_| busy())?]);
        Ok(place)
    }

    /// A place in the queue of a network, and what to wait for there.
    fn enter(&self, source: Source) -> Result<(Place<'_>, Arc<Semaphore>)> {
        let mut queues = self.queues.lock();
        let queue = queues.entry(source).or_insert_with(|| Queue {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            present: 0,
        });
        if queue.present >= PRESENT {
            return Err(busy());
        }
        queue.present += 1;
        let place = Place {
            guesses: self,
            source,
            permits: None,
        };
        Ok((place, Arc::clone(&queue.places)))
    }
}

/// Networks without anybody are forgotten, so that there are never more than requests.
impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.permits = None;
        let mut queues = self.guesses.queues.lock();
        if let Some(queue) = queues.get_mut(&self.source) {
            queue.present -= 1;
            if queue.present == 0 {
                queues.remove(&self.source);
            }
        }
    }
}

fn held_back(wait: Duration) -> Error {
    metrics::counter!("cresset_auth_throttled_total").increment(1);
    Error::Throttled(wait)
}

fn busy() -> Error {
    Error::Busy {
        message: "too many passwords are being checked; try again".to_owned(),
        retry_after: Duration::seconds(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    fn peer(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    fn guesses() -> Guesses {
        Guesses::new(ThrottleSettings::default())
    }

    /// The place, if it is there without waiting.
    fn now(guesses: &Guesses, n: u8, standing: Standing) -> Option<Place<'_>> {
        guesses.place(peer(n), standing).now_or_never()?.ok()
    }

    #[test]
    fn a_network_has_two_places_and_others_theirs() {
        let guesses = guesses();
        let stranger = Standing::Stranger;
        let first = now(&guesses, 1, stranger).unwrap();
        let second = now(&guesses, 1, stranger).unwrap();
        assert!(now(&guesses, 1, stranger).is_none());
        let others = [
            now(&guesses, 2, stranger),
            now(&guesses, 1, Standing::Known),
        ];
        assert!(others.iter().all(Option::is_some));
        drop(first);
        let third = now(&guesses, 1, stranger);
        assert!(third.is_some());
        drop((second, third, others));
        assert!(guesses.queues.lock().is_empty());
    }

    #[tokio::test]
    async fn those_of_a_network_wait_in_order_and_not_without_end() {
        let guesses = guesses();
        let stranger = Standing::Stranger;
        let mut held = vec![
            now(&guesses, 1, stranger).unwrap(),
            now(&guesses, 1, stranger).unwrap(),
        ];
        let mut waiting: Vec<_> = (0..6)
            .map(|_| Box::pin(guesses.place(peer(1), stranger)))
            .collect();
        for place in &mut waiting {
            assert!(place.as_mut().now_or_never().is_none());
        }
        let ninth = guesses.place(peer(1), stranger).await;
        assert!(matches!(ninth, Err(Error::Busy { .. })));
        held.remove(0);
        assert!(waiting[1].as_mut().now_or_never().is_none());
        held.push(waiting.remove(0).await.unwrap());
        // Who gives up while waiting leaves the queue.
        drop(waiting);
        drop(held);
        assert!(guesses.queues.lock().is_empty());
    }

    #[test]
    fn who_is_known_has_places_that_strangers_cannot_take() {
        let guesses = guesses();
        let strangers: Vec<_> = (0..=255)
            .filter_map(|n| now(&guesses, n, Standing::Stranger))
            .collect();
        assert_eq!(strangers.len(), PLACES);
        assert!(now(&guesses, 1, Standing::Known).is_some());
    }
}
