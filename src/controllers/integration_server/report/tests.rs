#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use rstest::rstest;
use serde_json::json;

use super::*;
use crate::api::{Condition, Hold};
use crate::controllers::fixtures::{follow_kstatus, now, says};
use crate::controllers::integration_server::guards::Accepted;
use crate::controllers::servers::Verdicts;

fn probe(reachable: bool, reason: &'static str) -> Probe {
    Probe {
        reachable,
        reason,
        message: "A sentence of the probe.".to_owned(),
    }
}

fn judgement(intact: bool) -> Judgement {
    Judgement {
        verdicts: Verdicts {
            intact,
            ..Verdicts::default()
        },
        hold: None,
        accepted: Accepted::default(),
        deletions: Vec::new(),
        lost: 0,
    }
}

fn held(kind: HoldKind, count: u32) -> Judgement {
    let mut judgement = judgement(kind == HoldKind::Deletion);
    judgement.lost = if kind == HoldKind::Absence { 7 } else { 0 };
    judgement.hold = Some(Hold {
        kind: kind.as_str().to_owned(),
        count,
        token: format!("{count}-abcdef"),
        tenants: Vec::new(),
        members: Vec::new(),
    });
    judgement
}

/// The server answers, and its inventory is intact.
struct Situation {
    server: IntegrationServer,
    probe: Option<Probe>,
    judgement: Option<Judgement>,
    outclaimed: bool,
    secret_missing: Option<Lack>,
    ca_bundle_missing: Option<Lack>,
    referrers: Option<usize>,
    orphans: Vec<Orphan>,
}

fn healthy() -> Situation {
    Situation {
        server: IntegrationServer::test(),
        probe: Some(probe(true, reasons::CONNECTED)),
        judgement: Some(judgement(true)),
        outclaimed: false,
        secret_missing: None,
        ca_bundle_missing: None,
        referrers: None,
        orphans: Vec::new(),
    }
}

impl Situation {
    fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn status(&self) -> IntegrationServerStatus {
        let known = Known {
            operator: "viis-system/viis-operator",
            probe: self.probe.as_ref(),
            judgement: self.judgement.as_ref(),
            endpoint: Some("127.0.0.1:7271".to_owned()),
            tenants: Some(TenantCounts {
                known: 3,
                active: 2,
                unclaimed: 1,
            }),
            outclaimed: self.outclaimed,
            secret_missing: self.secret_missing,
            ca_bundle_missing: self.ca_bundle_missing,
            referrers: self.referrers,
            orphans: &self.orphans,
        };
        status(&self.server, &known, now())
    }
}

fn sentence(all: &[Condition], kind: ConditionType) -> &str {
    &conditions::find(all, kind).unwrap().message
}

#[rstest]
#[case::healthy(healthy(), "True", "Reconciled")]
#[case::not_probed_yet(healthy().with(|s| { s.probe = None; s.judgement = None; }), "False", "Progressing")]
#[case::parked(healthy().with(|s| s.probe = Some(probe(false, reasons::CONNECT_FAILED))), "False", "ConnectFailed")]
#[case::outclaimed(healthy().with(|s| s.outclaimed = true), "False", "AlreadyClaimed")]
#[case::in_use(healthy().with(|s| s.referrers = Some(4)), "False", "InUse")]
#[case::mass_absence(healthy().with(|s| s.judgement = Some(held(HoldKind::Absence, 7))), "False", "MassAbsence")]
#[case::held_deletions(healthy().with(|s| s.judgement = Some(held(HoldKind::Deletion, 3))), "True", "Reconciled")]
#[case::secret_missing(healthy().with(|s| s.secret_missing = Some(Lack::Gone)), "False", "SecretNotFound")]
#[case::bundle_missing(healthy().with(|s| s.ca_bundle_missing = Some(Lack::Gone)), "False", "CABundleNotFound")]
#[case::secret_forbidden(healthy().with(|s| s.secret_missing = Some(Lack::Forbidden)), "False", "SecretNotFound")]
#[case::suspended(healthy().with(|s| s.server = s.server.clone().with(json!({"suspend": true}))), "True", "Suspended")]
#[case::stalled_before(healthy().with(|s| {
    let status = s.server.status.get_or_insert_default();
    conditions::set(&mut status.conditions, ConditionType::Stalled, true, "Old", "old", 1, now());
}), "True", "Reconciled")]
fn a_server_is(#[case] situation: Situation, #[case] ready: &str, #[case] reason: &str) {
    let status = situation.status();
    assert_eq!(
        says(&status.conditions, ConditionType::Ready),
        Some((ready, reason))
    );
    assert_eq!(status.observed_generation, Some(1));
    assert_eq!(
        status.operator.as_deref(),
        Some("viis-system/viis-operator")
    );
    follow_kstatus(&status.conditions, 1);
}

#[test]
fn an_outage_is_on_its_way_and_a_claim_is_stalled() {
    let parked = healthy().with(|s| s.probe = Some(probe(false, reasons::CONNECT_FAILED)));
    let all = parked.status().conditions;
    assert_eq!(
        says(&all, ConditionType::Reconciling),
        Some(("True", "ConnectFailed"))
    );
    assert_eq!(
        says(&all, ConditionType::Reachable),
        Some(("False", "ConnectFailed"))
    );
    let outclaimed = healthy().with(|s| s.outclaimed = true).status().conditions;
    assert_eq!(
        says(&outclaimed, ConditionType::Stalled),
        Some(("True", "AlreadyClaimed"))
    );
}

#[test]
fn a_mass_absence_says_how_many_and_the_line_to_run() {
    let status = healthy()
        .with(|s| s.judgement = Some(held(HoldKind::Absence, 7)))
        .status();
    for kind in [
        ConditionType::InventoryIntact,
        ConditionType::Stalled,
        ConditionType::Ready,
    ] {
        let sentence = sentence(&status.conditions, kind);
        assert!(sentence.starts_with("7 of our tenants"), "{sentence}");
        let line = "kubectl annotate viis main viis-operator.io/accept=7-abcdef --overwrite";
        assert!(sentence.contains(line), "{sentence}");
    }
}

#[test]
fn held_deletions_say_the_line_to_run() {
    let status = healthy()
        .with(|s| s.judgement = Some(held(HoldKind::Deletion, 3)))
        .status();
    let sentence = sentence(&status.conditions, ConditionType::Ready);
    assert!(sentence.contains("Held deletions: 3."), "{sentence}");
    assert!(
        sentence.contains("viis-operator.io/accept=3-abcdef"),
        "{sentence}"
    );
    assert_eq!(status.hold.unwrap().count, 3);
}

/// The prune that is held deletes the server, too, or its Secret.
#[rstest]
#[case(|known: &mut Situation| known.referrers = Some(3), reasons::IN_USE)]
#[case(|known: &mut Situation| known.secret_missing = Some(Lack::Gone), reasons::SECRET_NOT_FOUND)]
#[case(|known: &mut Situation| known.server.spec.suspend = true, reasons::SUSPENDED)]
fn held_deletions_say_the_line_to_run_whatever_else_is_said(
    #[case] change: fn(&mut Situation),
    #[case] reason: &str,
) {
    let status = healthy()
        .with(|s| s.judgement = Some(held(HoldKind::Deletion, 3)))
        .with(change)
        .status();
    let ready = conditions::find(&status.conditions, ConditionType::Ready).unwrap();
    assert_eq!(ready.reason, reason);
    assert!(
        ready.message.contains("viis-operator.io/accept=3-abcdef"),
        "{}",
        ready.message
    );
}

#[test]
fn only_an_intact_inventory_moves_the_address_that_it_is_of() {
    assert_eq!(
        healthy().status().endpoint.as_deref(),
        Some("127.0.0.1:7271")
    );
    let absent = healthy().with(|s| {
        s.server.status.get_or_insert_default().endpoint = Some("127.0.0.1:9999".to_owned());
        s.judgement = Some(held(HoldKind::Absence, 7));
    });
    assert_eq!(absent.status().endpoint.as_deref(), Some("127.0.0.1:9999"));
}

#[test]
fn what_was_persisted_stays_while_nothing_is_known() {
    let situation = healthy().with(|s| {
        let status = s.server.status.get_or_insert_default();
        status.hold = held(HoldKind::Deletion, 3).hold;
        status.accepted_deletions = vec!["uid-a".to_owned()];
        s.judgement = None;
    });
    let status = situation.status();
    assert_eq!(status.hold.unwrap().count, 3);
    assert_eq!(status.accepted_deletions, ["uid-a"]);
}

#[test]
fn a_server_that_is_deleted_counts_who_refers_to_it() {
    let status = healthy().with(|s| s.referrers = Some(4)).status();
    let removed = sentence(&status.conditions, ConditionType::Removed);
    assert!(removed.starts_with('4'), "{removed}");
    assert_eq!(
        says(&status.conditions, ConditionType::Removed),
        Some(("False", "InUse"))
    );
}
