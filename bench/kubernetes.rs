//! What the API server counts: its own metric `apiserver_request_total`. Everybody's
//! requests are in it, so the driver's own are taken off where they matter.

use std::collections::BTreeMap;
use std::fmt;

use super::Outcome;

/// One kind of request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Request {
    /// The plural of the kind.
    pub resource: String,
    /// `status`, or nothing.
    pub subresource: String,
    /// `PATCH`, `POST`, …
    pub verb: String,
    /// The status code of the answer.
    pub code: String,
}

/// How often which request was made.
#[derive(Clone, Debug, Default)]
pub struct Requests(BTreeMap<Request, u64>);

/// Verbs that change something.
const WRITES: [&str; 6] = [
    "POST",
    "PUT",
    "PATCH",
    "APPLY",
    "DELETE",
    "DELETECOLLECTION",
];

impl Requests {
    /// As the API server counts at this moment.
    pub async fn now(client: &kube::Client) -> Outcome<Self> {
        let request = http::Request::get("/metrics").body(Vec::new())?;
        let text = client.request_text(request).await?;
        let counts = text.lines().filter_map(count).fold(
            BTreeMap::new(),
            |mut counts: BTreeMap<Request, u64>, (request, count)| {
                *counts.entry(request).or_default() += count;
                counts
            },
        );
        Ok(Self(counts))
    }

    /// What was made between two moments.
    pub fn since(&self, before: &Self) -> Self {
        let difference = self.0.iter().filter_map(|(request, count)| {
            let old = before.0.get(request).copied().unwrap_or_default();
            (*count > old).then(|| (request.clone(), count - old))
        });
        Self(difference.collect())
    }

    /// Successful changes of a kind, by patches and updates: what an operator does
    /// to objects that somebody else made.
    pub fn changes(&self, resource: &str) -> u64 {
        self.sum(|request| {
            request.resource == resource
                && ["PUT", "PATCH", "APPLY"].contains(&request.verb.as_str())
                && request.code.starts_with('2')
        })
    }

    /// New objects of a kind.
    pub fn made(&self, resource: &str) -> u64 {
        self.sum(|request| {
            request.resource == resource && request.verb == "POST" && request.code == "201"
        })
    }

    /// Everything that changed, or tried to change, an object of our kinds, or that
    /// made an event.
    pub fn writes(&self) -> u64 {
        self.sum(|request| request.is_write() && request.is_ours())
    }

    /// Writes that were refused: conflicts, and objects that were gone.
    pub fn refused(&self) -> u64 {
        self.sum(|request| {
            request.is_write() && request.is_ours() && !request.code.starts_with('2')
        })
    }

    /// Everything that was read of our kinds, but watches.
    pub fn reads(&self) -> u64 {
        self.sum(|request| request.is_ours() && ["GET", "LIST"].contains(&request.verb.as_str()))
    }

    fn sum(&self, wanted: impl Fn(&Request) -> bool) -> u64 {
        let wanted = self.0.iter().filter(|(request, _)| wanted(request));
        wanted.map(|(_, count)| count).sum()
    }
}

impl Request {
    fn is_write(&self) -> bool {
        WRITES.contains(&self.verb.as_str())
    }

    fn is_ours(&self) -> bool {
        let ours = ["tenants", "virtualmachines", "integrationservers", "events"];
        ours.contains(&self.resource.as_str())
    }
}

/// One line of the metrics, where it is one of these counters.
fn count(line: &str) -> Option<(Request, u64)> {
    let (labels, count) = line
        .strip_prefix("apiserver_request_total{")?
        .rsplit_once("} ")?;
    let label = |name: &str| {
        let (_, rest) = labels.split_once(&format!("{name}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let request = Request {
        // `subresource` holds `resource` too: the comma tells them apart.
        resource: label(",resource")?,
        subresource: label("subresource")?,
        verb: label("verb")?,
        code: label("code")?,
    };
    // The format writes large counters with an exponent.
    let count: f64 = count.parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Some((request, count as u64))
}

impl fmt::Display for Requests {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ours = self.0.iter().filter(|(request, _)| request.is_ours());
        for (request, count) in ours {
            let Request {
                resource,
                subresource,
                verb,
                code,
            } = request;
            let place = if subresource.is_empty() {
                resource.clone()
            } else {
                format!("{resource}/{subresource}")
            };
            writeln!(formatter, "    {count:>6}  {verb} {place} ({code})")?;
        }
        Ok(())
    }
}
