#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::telemetry::sentence;

#[test]
fn only_what_is_still_in_flight_may_be_left() {
    assert!(conclude(Ending::Clean, 2).is_ok());
    assert!(conclude(Ending::Overdue, 2).is_ok());
    assert!(conclude(Ending::Unasked, 0).is_err());
    assert!(conclude(Ending::Panicked, 0).is_err());
}

#[tokio::test]
async fn metrics_address_in_use_is_said_with_what_to_do() {
    let taken = health::Server::bind("127.0.0.1:0".parse().unwrap())
        .await
        .unwrap();
    let error = serve_health(
        taken.address(),
        &Arc::new(Metrics::new()),
        &Readiness::new(),
    )
    .await
    .unwrap_err();
    let text = sentence(&error);
    assert!(text.contains("--metrics-address"), "{text}");
}
