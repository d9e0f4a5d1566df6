#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use tokio::sync::Semaphore;

use super::*;
use crate::inventory::fixtures::seconds;
use crate::viis::Problem;

/// A server whose calls end when the test lets them.
struct Remote {
    asked: AtomicUsize,
    calls: AtomicUsize,
    begun: Mutex<Vec<Instant>>,
    answers: Semaphore,
}

impl Remote {
    fn silent() -> Arc<Self> {
        Arc::new(Self {
            asked: AtomicUsize::new(0),
            calls: AtomicUsize::new(0),
            begun: Mutex::default(),
            answers: Semaphore::new(0),
        })
    }

    fn answering() -> Arc<Self> {
        let remote = Self::silent();
        remote.answer(1000);
        remote
    }

    fn answer(&self, calls: usize) {
        self.answers.add_permits(calls);
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn call(&self) -> Result<(), viis::Error> {
        self.begun.lock().unwrap().push(Instant::now());
        self.calls.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.answers.acquire().await.unwrap().forget();
        Ok(())
    }

    async fn fail(&self) -> Result<(), viis::Error> {
        self.call().await?;
        Err(viis::Error::test(Problem::ServerError))
    }
}

async fn until(condition: impl Fn() -> bool) {
    tokio::time::timeout(seconds(10), async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn many_askers_at_once_make_at_most_two_calls() {
    let (flight, remote) = (Flight::default(), Remote::answering());
    let asker = |_| flight.join(|| remote.call());
    let outcomes = join_all((0..100).map(asker)).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert!(
        (1..=2).contains(&remote.calls()),
        "{} calls",
        remote.calls()
    );
}

#[tokio::test]
async fn who_asks_while_a_call_is_under_way_gets_a_later_one() {
    let (flight, remote) = (Arc::new(Flight::default()), Remote::silent());
    let ask = || {
        let (flight, remote) = (Arc::clone(&flight), Arc::clone(&remote));
        tokio::spawn(async move {
            remote.asked.fetch_add(1, Ordering::SeqCst);
            flight.join(|| remote.call()).await
        })
    };
    let first = ask();
    until(|| remote.calls() == 1).await;
    let asked = Instant::now();
    let later: Vec<_> = (0..50).map(|_| ask()).collect();
    until(|| remote.asked.load(Ordering::SeqCst) == 51).await;
    remote.answer(1000);
    first.await.unwrap().unwrap();
    for asker in later {
        asker.await.unwrap().unwrap();
    }
    assert_eq!(
        remote.calls(),
        2,
        "one for the first, one for all the others"
    );
    assert!(remote.begun.lock().unwrap()[1] >= asked);
}

#[tokio::test]
async fn who_asks_again_gets_a_new_call() {
    let (flight, remote) = (Flight::default(), Remote::answering());
    for _ in 0..3 {
        flight.join(|| remote.call()).await.unwrap();
    }
    assert_eq!(remote.calls(), 3);
}

#[tokio::test]
async fn a_failure_is_shared() {
    let (flight, remote) = (Flight::default(), Remote::answering());
    let outcomes = join_all((0..20).map(|_| flight.join(|| remote.fail()))).await;
    let errors: Vec<Shared> = outcomes.into_iter().map(Result::unwrap_err).collect();
    assert!(remote.calls() <= 2);
    assert!(
        Arc::ptr_eq(&errors[10], &errors[19]),
        "one error, not a copy each"
    );
}

#[tokio::test]
async fn a_failure_does_not_stay() {
    let (flight, remote) = (Flight::default(), Remote::answering());
    flight.join(|| remote.fail()).await.unwrap_err();
    flight.join(|| remote.call()).await.unwrap();
}

#[tokio::test]
async fn who_goes_away_takes_nobody_along() {
    let (flight, remote) = (Arc::new(Flight::default()), Remote::silent());
    let ask = || {
        let (flight, remote) = (Arc::clone(&flight), Arc::clone(&remote));
        tokio::spawn(async move { flight.join(|| remote.call()).await })
    };
    let first = ask();
    until(|| remote.calls() == 1).await;
    let second = ask();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    remote.answer(1);
    second.await.unwrap().unwrap();
    assert_eq!(remote.calls(), 2);
}

#[tokio::test]
async fn each_key_flies_alone() {
    let (flights, remote) = (Flights::default(), Remote::answering());
    assert!(Arc::ptr_eq(&flights.get(&"a"), &flights.get(&"a")));
    let (a, b) = (flights.get(&"a"), flights.get(&"b"));
    let _ = tokio::join!(a.join(|| remote.call()), b.join(|| remote.call()));
    assert_eq!(remote.calls(), 2);
}

#[test]
fn flights_in_the_air_are_kept_and_landed_ones_are_not() {
    let flights = Flights::default();
    let in_the_air = flights.get(&0);
    for key in 1..5000 {
        flights.get(&key);
    }
    assert!(Arc::ptr_eq(&in_the_air, &flights.get(&0)));
    assert!(flights.0.lock().unwrap().len() <= 1026);
}
