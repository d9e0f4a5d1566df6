//! What the API server counts of all requests: its metric `apiserver_request_total`.
//! It does not tell who sent a request, so the driver's own kinds of requests
//! (creations and deletions of objects, which no operator sends) are left out.

use std::collections::BTreeMap;

use super::Outcome;
use super::metric_text::samples;

/// How often an operator wrote what, and with which result.
#[derive(Clone, Debug, Default)]
pub struct Writes {
    succeeded: BTreeMap<String, u64>,
    rejected: BTreeMap<String, u64>,
}

const KINDS: [&str; 4] = ["tenants", "virtualmachines", "integrationservers", "events"];
const CHANGES: [&str; 3] = ["PUT", "PATCH", "APPLY"];

impl Writes {
    /// As the API server counts at this moment.
    pub async fn now(client: &kube::Client) -> Outcome<Self> {
        let request = http::Request::get("/metrics").body(Vec::new())?;
        let page = client.request_text(request).await?;
        let mut writes = Self::default();
        for sample in samples(&page, "apiserver_request_total")? {
            let (resource, verb) = (sample.label("resource")?, sample.label("verb")?);
            let is_event = resource == "events" && verb == "POST";
            if !KINDS.contains(&resource) || !(CHANGES.contains(&verb) || is_event) {
                continue;
            }
            let name = match sample.label("subresource")? {
                "" => format!("{verb} {resource}"),
                subresource => format!("{verb} {resource}/{subresource}"),
            };
            let of_result = if sample.label("code")?.starts_with('2') {
                &mut writes.succeeded
            } else {
                &mut writes.rejected
            };
            *of_result.entry(name).or_default() += sample.count;
        }
        Ok(writes)
    }

    /// The successful ones between two moments.
    pub fn since(&self, before: &Self) -> BTreeMap<String, u64> {
        difference(&self.succeeded, &before.succeeded)
    }

    /// The rejected ones between two moments.
    pub fn rejected_since(&self, before: &Self) -> BTreeMap<String, u64> {
        difference(&self.rejected, &before.rejected)
    }

    /// All successful ones so far.
    pub fn total(&self) -> u64 {
        self.succeeded.values().sum()
    }
}

/// What was added to counters; those that did not move are left out.
pub fn difference(
    now: &BTreeMap<String, u64>,
    before: &BTreeMap<String, u64>,
) -> BTreeMap<String, u64> {
    let moved = now.iter().map(|(name, count)| {
        let old = before.get(name).copied().unwrap_or_default();
        (name.clone(), count.saturating_sub(old))
    });
    moved.filter(|(_, count)| *count > 0).collect()
}
