//! What holds whatever was tested: silence when nothing is to do, no panic, and
//! no secret anywhere.

use super::cleaning::is_of_tests;
use super::patience::Deadline;
use super::plane::existing_cluster;
use super::stand::{OUR_KINDS, Stand, eventually};
use base64::Engine as _;
use kube::api::{Api, ApiResource, DynamicObject, ListParams};
use kube::core::TypeMeta;
use std::collections::BTreeMap;
use std::time::Duration;
use viis_operator::telemetry::logging::PANIC;

/// How the API server's authorizer refuses a request.
pub const REFUSED: &str = "is forbidden: User ";
/// How an operator logs an orphan.
const ORPHANED: &str = "what it owned may still be on the server";

impl Stand {
    /// Nothing is done from now on, and nothing is written for that long. Counters
    /// may follow at the next inventory: silence must come, not be there at once.
    pub async fn is_quiet_for(&self, span: Duration) {
        let calls = self.simulator.calls().await;
        let mut written = self.versions().await;
        let deadline = Deadline::after(span * 10);
        while !deadline.has_passed() {
            tokio::time::sleep(span).await;
            let since = self.simulator.calls_since(&calls).await;
            assert_eq!(
                since.mutating, 0,
                "mutating calls in the steady state: {since:?}"
            );
            let now = self.versions().await;
            if now == written {
                return;
            }
            written = now;
        }
        panic!("resources are written again and again: {written:?}");
    }

    /// Nothing is done and nothing is written for that long, from now on.
    pub async fn is_silent_for(&self, span: Duration) {
        let calls = self.simulator.calls().await;
        let versions = self.versions().await;
        tokio::time::sleep(span).await;
        let since = self.simulator.calls_since(&calls).await;
        assert_eq!(
            since.mutating, 0,
            "mutating calls in the steady state: {since:?}"
        );
        assert_eq!(
            versions,
            self.versions().await,
            "resources were written in the steady state"
        );
    }

    /// Nothing is done until the operator has listed the server's tenants again, which an
    /// operator that starts does first, and it is quiet then.
    pub async fn is_quiet_past_the_next_list(&self) {
        let calls = self.simulator.calls().await;
        eventually("the operator has listed the tenants", async || {
            self.simulator.calls_since(&calls).await.of("GET tenants") > 0
        })
        .await;
        self.is_quiet_for(Duration::from_secs(3)).await;
        assert_eq!(self.simulator.calls_since(&calls).await.mutating, 0);
    }

    async fn versions(&self) -> BTreeMap<String, Option<String>> {
        let objects = self.our_objects().await;
        assert!(!objects.is_empty(), "there is no resource to watch");
        let version = |object: DynamicObject| {
            let kind = object.types.map(|types| types.kind).unwrap_or_default();
            let name = object.metadata.name.unwrap_or_default();
            let namespace = object.metadata.namespace.unwrap_or_default();
            (
                format!("{kind} {namespace}/{name}"),
                object.metadata.resource_version,
            )
        };
        objects.into_iter().map(version).collect()
    }

    async fn our_objects(&self) -> Vec<DynamicObject> {
        let namespaces = self.namespaces_of_tests().await;
        let mut objects = Vec::new();
        for kind in OUR_KINDS {
            for mut object in self.all_of(kind).await {
                if is_of_tests(&object, &namespaces) {
                    let (kind, api_version) = (kind.to_owned(), String::new());
                    object.types = Some(TypeMeta { kind, api_version });
                    objects.push(object);
                }
            }
        }
        objects
    }

    /// The last line of every test: no panic, no secret anywhere, nothing that the roles
    /// lack, the operator still runs.
    pub async fn ends_well(mut self) {
        self.ended = true;
        if let Some(operator) = &self.operator {
            assert!(operator.is_running(), "the operator ended by itself");
        }
        self.simulator.all_faults_struck().await;
        let found = self.panics_and_secrets().await;
        let found = found.or(self.refused_request()).or(self.false_orphan());
        if existing_cluster() {
            self.kill_operator();
            self.clean().await;
        }
        assert_eq!(found, None);
    }

    /// A panic, or a password that somebody could read, and where.
    pub async fn panics_and_secrets(&self) -> Option<String> {
        let places = self.places().await;
        let secrets = self.secrets.lock().unwrap();
        // A shorter one stands in every text by chance.
        let secrets: Vec<&String> = secrets.iter().filter(|secret| secret.len() > 5).collect();
        places.iter().find_map(|(place, text)| {
            // The second is said before logging starts, and by whatever replaces its hook.
            if text.contains(PANIC) || text.contains("panicked at") {
                return Some(format!("a panic in the {place}"));
            }
            secrets.iter().find_map(|secret| shown(place, text, secret))
        })
    }

    /// A request that the authorizer refused: the roles lack what the operator calls.
    fn refused_request(&self) -> Option<String> {
        let logs = self.all_logs();
        let refused = logs.lines().find(|line| line.contains(REFUSED));
        refused
            .filter(|_| !self.lacks_permissions)
            .map(str::to_owned)
    }

    /// An orphan that an operator reported although every deletion went through it.
    pub fn false_orphan(&self) -> Option<String> {
        let logs = self.all_logs();
        let reported = logs.lines().find(|line| line.contains(ORPHANED));
        reported.filter(|_| !self.leaves_orphans).map(str::to_owned)
    }

    /// How many requests the authorizer of this API server has refused until now.
    pub async fn refused_requests(&self) -> f64 {
        let request = http::Request::get("/metrics").body(Vec::new()).unwrap();
        let text = self.client.request_text(request).await.unwrap();
        let attempts: Vec<(&str, f64)> = text
            .lines()
            .filter_map(|line| {
                line.strip_prefix("authorization_attempts_total{")?
                    .rsplit_once(' ')
            })
            .map(|(labels, count)| (labels, count.parse().unwrap()))
            .collect();
        let has = |labels: &str, result: &str| labels.contains(&format!("\"{result}\""));
        // Whoever asks was allowed to: a metric of another name would show no refusal.
        assert!(
            attempts.iter().any(|(labels, _)| has(labels, "allowed")),
            "the API server does not count what it allows: {attempts:?}"
        );
        let refused = attempts
            .iter()
            .filter(|(labels, _)| has(labels, "denied") || has(labels, "no-opinion"));
        refused.map(|(_, count)| count).sum()
    }

    /// All resources of this test, with their statuses.
    pub async fn resources_as_text(&self) -> String {
        serde_json::to_string(&self.our_objects().await).unwrap()
    }

    /// What all operators wrote.
    pub fn all_logs(&self) -> String {
        let logs = self.logs.lock().unwrap();
        let texts = logs.iter().map(|log| log.lock().unwrap().join("\n"));
        texts.collect::<Vec<_>>().join("\n=== the next operator\n")
    }

    /// Everything that people see: events, resources, metrics and every operator's log.
    async fn places(&self) -> Vec<(&'static str, String)> {
        let events = ApiResource::erase::<k8s_openapi::api::core::v1::Event>(&());
        let events: Api<DynamicObject> = Api::all_with(self.client.clone(), &events);
        let events = events.list(&ListParams::default()).await.unwrap().items;
        let resources = self.our_objects().await;
        let mut places = vec![
            ("events", serde_json::to_string(&events).unwrap()),
            ("resources", serde_json::to_string(&resources).unwrap()),
        ];
        // One that was halted has none.
        if let Some(operator) = self.operator.as_ref().filter(|it| it.is_running()) {
            places.push(("metrics", operator.metrics().await));
        }
        let logs = self.logs.lock().unwrap();
        places.extend(
            logs.iter()
                .map(|log| ("log", log.lock().unwrap().join("\n"))),
        );
        places
    }
}

/// A password as it could be seen: plain, encoded, or in a header.
fn shown(place: &str, text: &str, secret: &str) -> Option<String> {
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let forms = [
        secret,
        &base64(secret),
        &base64(&format!("multitenancy:{secret}")),
    ];
    forms.iter().find_map(|form| {
        let at = text.find(*form)?;
        let before = text.floor_char_boundary(at.saturating_sub(300));
        Some(format!(
            "a password in the {place}, after: {}",
            &text[before..at]
        ))
    })
}
