//! The demo: a test cluster, a simulated Integration Server and the operator on
//! this machine; the manifests of `examples/`, and what becomes of them.
//!
//! `demo/run.sh` builds what is needed and starts this. Nothing here knows how
//! the operator works: it does what a user does with kubectl, and looks.

mod children;
mod cluster;
mod screen;
mod simulator;
mod stage;
mod story;
mod table;

use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::screen::Screen;
use crate::stage::Stage;

/// Why the demo cannot go on: a sentence for its user.
#[derive(Debug)]
pub struct Failure(pub String);

/// What ended the demo.
enum End {
    Done,
    Failed(Failure),
    Stopped,
}

/// The exit status of who was interrupted, as shells have it.
const INTERRUPTED: u8 = 130;

/// How often is looked whether the process that started this one still lives.
const PARENT: Duration = Duration::from_millis(500);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let mut once = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--once" => once = true,
            other => {
                eprintln!("demo: unknown argument {other}; there is only --once");
                return ExitCode::from(2);
            }
        }
    }
    let mut screen = Screen::open();
    let mut stage = Stage::default();
    let end = tokio::select! {
        biased;
        () = told_to_stop() => End::Stopped,
        outcome = story::tell(&mut stage, &mut screen, once) => match outcome {
            Ok(()) => End::Done,
            Err(failure) => End::Failed(failure),
        },
    };
    if let End::Failed(Failure(why)) = &end {
        eprintln!("\ndemo: {why}");
    }
    screen.keep();
    let status = match end {
        End::Done => ExitCode::SUCCESS,
        End::Stopped if stage.is_settled => ExitCode::SUCCESS,
        End::Stopped => ExitCode::from(INTERRUPTED),
        End::Failed(_) => ExitCode::FAILURE,
    };
    let _ = screen.step("clearing away: operator, simulator, cluster, temporary folder");
    stage.clear().await;
    status
}

/// Control-C, SIGTERM, a closed terminal, or the end of whoever started this.
async fn told_to_stop() {
    let caught = |kind| async move {
        match signal(kind) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending().await,
        }
    };
    let orphaned = async {
        let parent = std::os::unix::process::parent_id();
        while std::os::unix::process::parent_id() == parent {
            tokio::time::sleep(PARENT).await;
        }
    };
    tokio::select! {
        () = caught(SignalKind::interrupt()) => {}
        () = caught(SignalKind::terminate()) => {}
        () = caught(SignalKind::hangup()) => {}
        () = orphaned => {}
    }
}
