//! From a request to what happens on its connection: latency, faults, the
//! answer or none.

use std::sync::Arc;
use std::time::Duration;

use crate::answer::Reply;
use crate::api;
use crate::calls::Ticket;
use crate::control;
use crate::faults::{Action, Struck};
use crate::route::{Call, Received};
use crate::simulator::Simulator;

/// What the connection is to do.
pub enum Verdict {
    Answer(Reply),
    /// Send the head and half of the body, then close.
    Cut(Reply),
    /// Close without an answer.
    Close,
}

/// Deals with one request.
pub async fn exchange(simulator: &Arc<Simulator>, received: Received) -> Verdict {
    let call = Call::of(&received.method, &received.path);
    let (ticket, struck, latency) = arrive(simulator, &received, &call);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let verdict = match struck {
        None => Verdict::Answer(api::answer(simulator, &received, &call, Default::default())),
        // What was begun is done, also when the client has gone meanwhile.
        Some(struck) => {
            let simulator = Arc::clone(simulator);
            let doing = async move { suffer(&simulator, received, call, struck).await };
            tokio::spawn(doing).await.unwrap_or(Verdict::Close)
        }
    };
    let status = match &verdict {
        Verdict::Answer(reply) | Verdict::Cut(reply) => reply.status,
        Verdict::Close => 0,
    };
    simulator.lock().calls.answered(ticket, status);
    verdict
}

fn arrive(
    simulator: &Arc<Simulator>,
    received: &Received,
    call: &Call,
) -> (Ticket, Option<Struck>, Duration) {
    let path = match received.query.as_str() {
        "" => received.path.clone(),
        query => format!("{}?{query}", received.path),
    };
    let mut state = simulator.lock();
    let ticket = state.calls.arrived(call.name(), path, call.mutates());
    let struck = state.faults.strike(call.name());
    let latency = Duration::from_millis(state.settings.latency_ms);
    (ticket, struck, latency)
}

async fn suffer(
    simulator: &Arc<Simulator>,
    received: Received,
    call: Call,
    struck: Struck,
) -> Verdict {
    let Struck {
        before,
        action,
        fate,
    } = struck;
    if let Some(before) = before {
        let body = before.body.to_string();
        let done = control::answer(simulator, &before.method, &before.path, body.as_bytes());
        let (status, said) = Box::pin(done).await;
        if status >= 300 {
            eprintln!("viis-simulator: a fault's 'before' was refused: {status} {said}");
        }
    }
    if action.drop_before {
        return Verdict::Close;
    }
    if let Some(status) = action.status {
        return Verdict::Answer(instead(status, &action));
    }
    if let Some(late) = action.commit_late_ms {
        let simulator = Arc::clone(simulator);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(late)).await;
            api::answer(&simulator, &received, &call, fate);
        });
        return Verdict::Close;
    }
    if let Some(delay) = action.delay_ms {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let reply = api::answer(simulator, &received, &call, fate);
    match (action.drop_after, action.cut_body) {
        (true, _) => Verdict::Close,
        (false, true) => Verdict::Cut(reply),
        (false, false) => Verdict::Answer(reply),
    }
}

fn instead(status: u16, action: &Action) -> Reply {
    let mut reply = Reply::empty(status);
    reply.content_type = action.content_type.clone();
    reply.body = action.body.clone().unwrap_or_default().into_bytes();
    reply.headers = action.headers.clone().into_iter().collect();
    reply
}
