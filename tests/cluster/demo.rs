//! What a newcomer types first: the demo, which has a cluster of its own.

use crate::harness::existing_cluster;
use std::process::{Command, Stdio};

#[test]
fn the_demo_goes_on_to_the_deletion_and_ends_by_itself() {
    if existing_cluster() {
        // It would start a test cluster beside the one at hand.
        return;
    }
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/run.sh");
    let run = Command::new(demo)
        .arg("--once")
        .stdin(Stdio::null())
        .output();
    let run = run.unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}\n{errors}");
    assert!(
        said.contains("gone from the cluster and from the server"),
        "{said}"
    );
}
