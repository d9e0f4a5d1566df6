//! viis-simulator: an Integration Server to try viis-operator on, and what its
//! tests run against. Not the vendor's program. It shares no code with the
//! operator's client: else both would be wrong together.
//!
//! A request comes in through `door` (TLS, connections), passes `exchange`
//! (latency, `faults`, `calls`), finds its method in `route` and is dealt with in
//! `api`: `request` reads it, `world` holds the rules, `tasks` the queue, `answer`
//! and `elements` write the answer in one of the dialects, with `xml`. The state is behind the
//! one mutex of `simulator`. The control endpoint is `control_door`, `control`
//! and `show`.

use std::error::Error;
use std::io::{Read, Write};
use std::process::ExitCode;

use clap::Parser;

mod answer;
mod api;
mod calls;
mod certificate;
mod clock;
mod codes;
mod control;
mod control_door;
mod door;
mod elements;
mod exchange;
mod faults;
mod flags;
mod identifiers;
mod model;
mod reports;
mod request;
mod route;
mod settings;
mod show;
mod simulator;
mod start;
mod task_view;
mod tasks;
mod world;
mod xml;

#[cfg(test)]
mod tests;

fn main() -> ExitCode {
    let flags = flags::Flags::parse();
    match run(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut message = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                message = format!("{message}: {cause}");
                source = cause.source();
            }
            eprintln!("viis-simulator: {message}");
            ExitCode::FAILURE
        }
    }
}

/// One thread is enough, and leaves the other processors to what is tried.
fn run(flags: &flags::Flags) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        println!("{}", start::start(flags).await?);
        std::io::stdout().flush()?;
        until_ended(flags.exit_with_stdin).await;
        Ok(())
    })
}

async fn until_ended(with_stdin: bool) {
    if !with_stdin {
        std::future::pending::<()>().await;
    }
    let (closed, wait) = tokio::sync::oneshot::channel::<()>();
    // A thread of its own: reading the standard input cannot be called off.
    std::thread::spawn(move || {
        let mut nothing = [0; 256];
        while matches!(std::io::stdin().read(&mut nothing), Ok(count) if count > 0) {}
        drop(closed);
    });
    // The sender is dropped, not used: that is the signal.
    let _closed = wait.await;
}
