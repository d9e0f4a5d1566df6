//! Reads an Integration Server: its tenants, and the machines of those that matter. Reading
//! calls alone, at the pace of the client; what cannot be read whole is an error.

use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use super::manifests::Found;
use crate::viis::xml::XmlError;
use crate::viis::{Class, Client, Error, Tenant};

/// So many calls at the same time; the client's pace bounds them besides.
const CALLS: usize = 4;
/// How often a call is made that fails in a way that passes.
const TRIES: u32 = 3;
/// The pause before another try; the second is twice as long.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, whatever the server asks for.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// All tenants.
///
/// # Errors
/// Also when the list is not whole.
pub async fn tenants(client: &Client) -> Result<Vec<Tenant>, Error> {
    patiently(|| client.tenants()).await
}

/// These tenants with their machines. Of a list with a machine that cannot be used it is
/// said why: it says nothing of the other tenants.
///
/// # Errors
/// Also when one of the lists is not whole, or one of the tenants is gone meanwhile.
pub async fn machines(client: &Client, tenants: Vec<Tenant>) -> Result<Vec<Found>, Error> {
    stream::iter(tenants)
        .map(|tenant| async move {
            let machines = patiently(|| client.virtual_machines(&tenant.id)).await;
            match machines {
                Err(error) if is_unreadable(&error) => Ok((tenant, Err(error.without_promise()))),
                Err(error) => Err(error),
                Ok(machines) => Ok((tenant, Ok(machines))),
            }
        })
        .buffered(CALLS)
        .try_collect()
        .await
}

/// One of the machines is no machine; a list that was cut is another thing, and passes.
fn is_unreadable(error: &Error) -> bool {
    let cause = std::error::Error::source(error);
    let cause = cause.and_then(|cause| cause.downcast_ref::<XmlError>());
    matches!(cause, Some(XmlError::Item(_)))
}

async fn patiently<T>(call: impl AsyncFn() -> Result<T, Error>) -> Result<T, Error> {
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match call().await {
            Err(error) => match error.class() {
                Class::Transient { retry_after } => {
                    let wish = retry_after.unwrap_or(pause);
                    tokio::time::sleep(wish.min(LONGEST_PAUSE)).await;
                    pause *= 2;
                }
                Class::Credentials | Class::Rejected | Class::NotFound => return Err(error),
            },
            read => return read,
        }
    }
    call().await
}
