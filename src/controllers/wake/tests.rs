#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use futures::{FutureExt as _, StreamExt as _};

use super::*;
use crate::controllers::fixtures::drain;
use crate::inventory::fixtures::seconds;

fn queue(objects: &[&'static str]) -> Queue<&'static str> {
    let queue = Queue::default();
    for object in objects {
        queue.wake(*object);
    }
    queue
}

#[test]
fn objects_come_in_the_order_of_their_waking() {
    assert_eq!(drain(&queue(&["b", "a", "c"])), ["b", "a", "c"]);
}

#[test]
fn waking_twice_is_waking_once() {
    assert_eq!(drain(&queue(&["a", "b", "a"])), ["a", "b"]);
}

#[test]
fn who_is_being_looked_at_can_be_woken_again() {
    let queue = queue(&["a"]);
    assert_eq!(drain(&queue), ["a"]);
    queue.wake("a");
    assert_eq!(drain(&queue), ["a"]);
}

#[tokio::test]
async fn a_reader_that_waits_is_told() {
    let queue = queue(&[]);
    let mut reader = queue.clone();
    let waiting = tokio::spawn(async move { reader.next().await });
    tokio::task::yield_now().await;
    queue.wake("a");
    let told = tokio::time::timeout(seconds(10), waiting).await.unwrap();
    assert_eq!(told.unwrap(), Some("a"));
}

#[tokio::test]
async fn a_closed_queue_ends_and_takes_nobody_in() {
    let queue = queue(&["a"]);
    let mut reader = queue.clone();
    queue.close();
    queue.wake("b");
    assert_eq!(reader.next().now_or_never(), Some(None));
}

#[tokio::test]
async fn closing_ends_a_reader_that_waits() {
    let queue = queue(&[]);
    let mut reader = queue.clone();
    let waiting = tokio::spawn(async move { reader.next().await });
    tokio::task::yield_now().await;
    queue.close();
    let ended = tokio::time::timeout(seconds(10), waiting).await.unwrap();
    assert_eq!(ended.unwrap(), None);
}
