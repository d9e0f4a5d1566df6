//! What a newcomer types first: the demo, which has a cluster of its own.

use crate::harness::skipped_on_an_existing_cluster;
use std::process::{Command, Stdio};

#[test]
fn the_demo_goes_on_to_the_deletion_and_ends_by_itself() {
    if skipped_on_an_existing_cluster() {
        // It would start a test cluster beside the one at hand.
        return;
    }
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/run.sh");
    let mut run = Command::new(demo);
    run.arg("--once").stdin(Stdio::null());
    // A build script that is told of another package than before builds all anew.
    for (name, _) in std::env::vars_os() {
        let told = name.to_string_lossy();
        if ["CARGO_MANIFEST", "CARGO_PKG", "CARGO_CRATE", "CARGO_BIN"]
            .iter()
            .any(|begins| told.starts_with(begins))
        {
            run.env_remove(&name);
        }
    }
    let run = run.output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let errors = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}\n{errors}");
    assert!(
        said.contains("gone from the cluster and from the server"),
        "{said}"
    );
}
