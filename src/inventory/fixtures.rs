//! For tests: owners, a wake that remembers, a picture of a server that is
//! nowhere, and a way to show a picture what its poller would have seen.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Mutex;

use super::*;

/// The Tenant `customers/{name}`.
pub(crate) fn owner(name: &str) -> Owner {
    Owner {
        namespace: "customers".to_owned(),
        name: name.to_owned(),
    }
}

/// A moment that is so long ago.
pub(crate) fn ago(time: Duration) -> Instant {
    Instant::now().checked_sub(time).unwrap()
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What never happens is a failure, not a test without an end.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(seconds(10), work).await.unwrap()
}

/// Remembers who was woken.
#[derive(Default)]
pub(crate) struct Woken(Mutex<State>);

#[derive(Default)]
struct State {
    tenants: Vec<String>,
    server: usize,
    in_flight: i64,
}

impl Woken {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The names of the Tenants that were woken since this was asked last.
    pub(crate) fn tenants(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().tenants)
    }

    /// How often the server's controller was woken.
    pub(crate) fn server(&self) -> usize {
        self.0.lock().unwrap().server
    }

    /// The count of tasks that are waited for.
    pub(crate) fn in_flight(&self) -> i64 {
        self.0.lock().unwrap().in_flight
    }
}

impl Wake for Woken {
    fn tenant(&self, owner: &Owner) {
        self.0.lock().unwrap().tenants.push(owner.name.clone());
    }

    fn server(&self) {
        self.0.lock().unwrap().server += 1;
    }

    fn task_in_flight(&self, difference: i64) {
        self.0.lock().unwrap().in_flight += difference;
    }
}

impl Server {
    /// A picture of a server that is nowhere, with so many slots.
    pub(crate) fn of_nowhere(slots: usize, wake: Arc<dyn Wake>) -> Arc<Self> {
        Self::new(viis::Client::of_nowhere(), slots, wake)
    }

    /// The server has these tenants, by a list that started just now.
    pub(crate) fn lists(&self, tenants: &[viis::Tenant]) {
        self.tenants.replace(tenants, Instant::now());
    }

    /// A poll showed these tasks.
    pub(crate) fn shows_tasks(&self, tasks: &[viis::Task]) {
        self.settle_tasks(tasks);
    }

    /// A list of all tasks that began then showed these.
    pub(crate) fn surveyed(&self, tasks: &[viis::Task], began: Instant) {
        self.tasks.survey(tasks, began);
    }

    /// The server does not remember this task.
    pub(crate) fn forgets_task(&self, id: &viis::TaskId) {
        self.tasks.forgotten(id);
    }
}
