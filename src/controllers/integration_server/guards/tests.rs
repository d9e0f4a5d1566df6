#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::json;

use super::*;
use crate::api::VirtualMachine;
use crate::controllers::fixtures::{Stage, count_check, minutes_ago, now};
use crate::viis;

/// A server with Tenants `t-0`, `t-1`, … of ours, and its guard of 5 in 10 minutes.
struct Wave {
    stage: Stage,
    server: IntegrationServer,
    tenants: Vec<Tenant>,
    missing: Vec<usize>,
}

fn tenant(number: usize) -> Tenant {
    let name = format!("t-{number}");
    Tenant::test(&name).recorded(&name)
}

/// So many tenants, all of them on the server.
fn tenants(count: usize) -> Wave {
    let server = IntegrationServer::test();
    Wave {
        stage: Stage::ready_with(server.clone()),
        server,
        tenants: (0..count).map(tenant).collect(),
        missing: Vec::new(),
    }
}

impl Wave {
    /// These are deleted, one a minute.
    fn deleting(mut self, which: std::ops::Range<usize>) -> Self {
        for number in which {
            let tenant = &mut self.tenants[number];
            let minutes = 100 - i64::try_from(number).unwrap();
            *tenant = tenant.clone().deleted_at(minutes_ago(minutes));
        }
        self
    }

    /// These are not on the server.
    fn missing(mut self, which: std::ops::Range<usize>) -> Self {
        self.missing.extend(which);
        self
    }

    /// The first of them changes.
    fn first(mut self, change: impl FnOnce(Tenant) -> Tenant) -> Self {
        self.tenants[0] = change(self.tenants[0].clone());
        self
    }

    fn unguarded(mut self) -> Self {
        self.server = self.server.with(json!({"guard": {"enabled": false}}));
        self
    }

    /// The last intact inventory was that of this address.
    fn last_at(mut self, endpoint: &str) -> Self {
        self.status().endpoint = Some(endpoint.to_owned());
        self
    }

    fn status(&mut self) -> &mut IntegrationServerStatus {
        self.server.status.get_or_insert_default()
    }

    /// A person runs the line in the message.
    fn agreed_to(mut self, token: &str) -> Self {
        self.server = self.server.accepting(token);
        self
    }

    fn judged_at(&self, now: Timestamp) -> Judgement {
        let there = |number: &usize| !self.missing.contains(number);
        let listed: Vec<viis::Tenant> = (0..self.tenants.len())
            .filter(there)
            .map(|number| format!("t-{number}"))
            .map(|name| viis::Tenant::test(&name, &name))
            .collect();
        self.stage.lists(&listed);
        for tenant in &self.tenants {
            self.stage.tenant(tenant.clone());
        }
        judge(&self.stage.context, &self.server, &self.stage.handle(), now).unwrap()
    }

    fn judged(&self) -> Judgement {
        self.judged_at(now())
    }

    /// What was judged is in the status, and the process is another one.
    fn persisted(mut self, judgement: &Judgement) -> Self {
        let status = self.status();
        status.hold.clone_from(&judgement.hold);
        let accepted = &judgement.accepted;
        status.accepted_deletions = accepted.deletions.iter().cloned().collect();
        status.accepted_absences = accepted.absences.iter().cloned().collect();
        status
            .last_absence_token
            .clone_from(&accepted.last_absence_token);
        status.deletions.clone_from(&judgement.deletions);
        self.stage = Stage::ready_with(self.server.clone());
        self
    }
}

fn token_of(judgement: &Judgement) -> String {
    judgement
        .hold
        .as_ref()
        .expect("a wave is held")
        .token
        .clone()
}

fn names(uids: &BTreeSet<String>) -> Vec<&str> {
    uids.iter()
        .map(|uid| uid.trim_start_matches("uid-"))
        .collect()
}

fn hold(judgement: &Judgement) -> Option<(&str, u32)> {
    judgement
        .hold
        .as_ref()
        .map(|hold| (hold.kind.as_str(), hold.count))
}

// === Deletions ===

#[tokio::test]
async fn a_few_deletions_are_counted_and_run() {
    let judgement = tenants(10).deleting(0..3).judged();
    assert_eq!(names(&judgement.verdicts.admitted), ["t-0", "t-1", "t-2"]);
    count_check!(3, judgement.deletions);
    assert_eq!(hold(&judgement), None);
    assert!(judgement.is_intact());
}

#[tokio::test]
async fn what_goes_beyond_the_limit_is_held() {
    let judgement = tenants(20).deleting(0..8).judged();
    let verdicts = &judgement.verdicts;
    assert_eq!(
        names(&verdicts.admitted),
        ["t-0", "t-1", "t-2", "t-3", "t-4"],
        "first come"
    );
    assert_eq!(names(&verdicts.held), ["t-5", "t-6", "t-7"]);
    assert_eq!(hold(&judgement), Some(("Deletion", 3)));
    assert_eq!(verdicts.token, Some(token_of(&judgement)));
    count_check!(5, judgement.deletions);
}

#[tokio::test]
async fn twenty_of_those_that_are_held_are_named() {
    let held = |wave: std::ops::Range<usize>| {
        let judgement = tenants(60).deleting(wave).judged();
        let hold = judgement.hold.expect("a wave is held");
        (hold.count, hold.tenants)
    };
    let names = ["customers/t-5", "customers/t-6", "customers/t-7"];
    assert_eq!(held(0..8), (3, names.map(str::to_owned).to_vec()));
    let (count, names) = held(0..40);
    assert_eq!((count, names.len()), (35, 20));
    let missing = tenants(20).missing(0..6).judged();
    let names = missing.hold.expect("a wave is held").tenants;
    assert_eq!(names.first().map(String::as_str), Some("customers/t-0"));
}

#[tokio::test]
async fn a_crash_after_the_count_was_written_changes_nothing() {
    let wave = tenants(20).deleting(0..8);
    let first = wave.judged();
    let second = wave.persisted(&first).judged();
    assert_eq!(
        second.verdicts.admitted, first.verdicts.admitted,
        "counted, and not begun"
    );
    assert_eq!(second.verdicts.held, first.verdicts.held);
    assert_eq!(second.deletions, first.deletions, "nobody is counted twice");
    assert_eq!(second.hold, first.hold);
}

#[tokio::test]
async fn a_held_wave_does_not_end_by_waiting() {
    let wave = tenants(20).deleting(0..8);
    let first = wave.judged();
    let later = now() + SignedDuration::from_hours(5);
    let mut wave = wave.persisted(&first);
    // The five that were let through are gone by then.
    wave.tenants.drain(0..5);
    wave.missing = vec![];
    for (number, tenant) in wave.tenants.iter().enumerate() {
        assert_eq!(tenant.name_any(), format!("t-{}", number + 5));
    }
    let listed: Vec<viis::Tenant> = (5..20)
        .map(|number| viis::Tenant::test(&format!("t-{number}"), &format!("t-{number}")))
        .collect();
    wave.stage.lists(&listed);
    for tenant in &wave.tenants {
        wave.stage.tenant(tenant.clone());
    }
    let handle = wave.stage.handle();
    let second = judge(&wave.stage.context, &wave.server, &handle, later).unwrap();
    assert_eq!(second.deletions, [], "the window is over");
    assert_eq!(names(&second.verdicts.held), ["t-5", "t-6", "t-7"]);
    assert_eq!(names(&second.verdicts.admitted), [""; 0]);
}

#[tokio::test]
async fn what_was_destroyed_within_the_window_counts_and_earlier_does_not() {
    let destroyed = |minutes| Deletion {
        uid: "uid-of-one-that-is-gone".to_owned(),
        at: Time(minutes_ago(minutes)),
    };
    let mut wave = tenants(20).deleting(0..5);
    wave.status().deletions = vec![destroyed(9), destroyed(8), destroyed(11)];
    let judgement = wave.judged();
    assert_eq!(judgement.verdicts.admitted.len(), 3);
    assert_eq!(judgement.verdicts.held.len(), 2);
    count_check!(5, judgement.deletions);
}

/// A clock that was an hour ahead when it was recorded, or ran back since.
#[tokio::test]
async fn a_deletion_in_the_future_counts_from_now_on() {
    let ahead = |minutes: i64| Deletion {
        uid: "uid-of-one-that-is-gone".to_owned(),
        at: Time(minutes_ago(-minutes)),
    };
    let mut wave = tenants(20).deleting(0..1);
    wave.status().deletions = vec![ahead(11), ahead(60), ahead(9), ahead(3), ahead(60 * 24)];
    let first = wave.judged();
    let ahead_of_now = |judgement: &Judgement| -> Vec<i64> {
        let ahead = judgement.deletions.iter();
        let ahead = ahead.map(|deletion| deletion.at.0.duration_since(now()).as_mins());
        ahead.collect()
    };
    assert_eq!(ahead_of_now(&first), [0, 0, 9, 3, 0]);
    assert_eq!(first.verdicts.held.len(), 1);
    // Written back once: the next time they are as they were written.
    let second = wave.persisted(&first).judged();
    assert_eq!(second.deletions, first.deletions);
    let over = now() + SignedDuration::from_mins(20);
    let mut wave = tenants(20).deleting(0..1);
    wave.status().deletions = first.deletions;
    assert_eq!(wave.judged_at(over).verdicts.admitted.len(), 1);
}

#[tokio::test]
async fn a_time_in_the_future_counts_too() {
    let mut wave = tenants(20).deleting(0..1);
    let ahead = Deletion {
        uid: "uid-of-one-that-is-gone".to_owned(),
        at: Time(minutes_ago(-60)),
    };
    wave.status().deletions = vec![ahead; 5];
    assert_eq!(wave.judged().verdicts.held.len(), 1);
}

#[tokio::test]
async fn the_line_in_the_message_lets_the_wave_go() {
    let wave = tenants(20).deleting(0..8);
    let held = wave.judged();
    let agreed = wave.persisted(&held).agreed_to(&token_of(&held)).judged();
    assert_eq!(agreed.verdicts.admitted.len(), 8);
    assert_eq!(hold(&agreed), None);
    assert_eq!(names(&agreed.accepted.deletions), ["t-5", "t-6", "t-7"]);
    count_check!(5, agreed.deletions);
}

#[tokio::test]
async fn an_agreement_that_was_persisted_survives_annotation_and_process() {
    let wave = tenants(20).deleting(0..8);
    let held = wave.judged();
    let mut wave = wave.persisted(&held).agreed_to(&token_of(&held));
    let agreed = wave.judged();
    wave.server.metadata.annotations = None;
    let after = wave.persisted(&agreed).judged();
    assert_eq!(after.verdicts.admitted.len(), 8);
    assert_eq!(hold(&after), None);
}

#[tokio::test]
async fn who_joins_after_the_agreement_changes_the_token() {
    let wave = tenants(20).deleting(0..8);
    let held = wave.judged();
    let grown = wave
        .persisted(&held)
        .deleting(8..9)
        .agreed_to(&token_of(&held))
        .judged();
    assert_eq!(hold(&grown), Some(("Deletion", 4)));
    assert_ne!(token_of(&grown), token_of(&held));
    assert_eq!(names(&grown.accepted.deletions), [""; 0]);
}

#[tokio::test]
async fn who_comes_after_an_agreed_wave_is_judged_for_itself() {
    let wave = tenants(20).deleting(0..8);
    let held = wave.judged();
    let wave = wave.persisted(&held).agreed_to(&token_of(&held));
    let agreed = wave.judged();
    let after = wave.persisted(&agreed).deleting(8..9).judged();
    assert_eq!(
        names(&after.verdicts.held),
        ["t-8"],
        "five were destroyed, and it is a sixth"
    );
    assert_eq!(after.verdicts.admitted.len(), 8);
}

#[tokio::test]
async fn an_agreement_ends_with_its_deletion() {
    let mut wave = tenants(10);
    wave.status().accepted_deletions =
        vec!["uid-t-0".to_owned(), "uid-of-one-that-is-gone".to_owned()];
    let accepted = wave.judged().accepted;
    assert_eq!(accepted, Accepted::default(), "neither is being deleted");
}

#[tokio::test]
async fn without_a_guard_everything_runs_and_nothing_is_counted() {
    let judgement = tenants(20).deleting(0..20).unguarded().judged();
    assert_eq!(judgement.verdicts.admitted.len(), 20);
    assert_eq!(hold(&judgement), None);
    count_check!(0, judgement.deletions);
    assert_eq!(judgement.accepted, Accepted::default());
}

#[tokio::test]
async fn who_destroys_nothing_is_not_counted() {
    let kept = |tenant: Tenant| tenant.with(json!({"deletionPolicy": "Retain"}));
    let adopted = |tenant: Tenant| tenant.adopted();
    let suspended = |tenant: Tenant| tenant.with(json!({"suspend": true}));
    for change in [kept, adopted, suspended] {
        let judgement = tenants(20).deleting(0..6).first(change).judged();
        assert_eq!(hold(&judgement), None);
        count_check!(5, judgement.deletions);
    }
}

#[tokio::test]
async fn what_has_begun_goes_on_and_is_not_counted_again() {
    let begun = |tenant: Tenant| tenant.removing(Some("9"));
    let judgement = tenants(20).deleting(0..6).first(begun).judged();
    assert_eq!(judgement.verdicts.admitted.len(), 6);
    count_check!(5, judgement.deletions);
}

#[tokio::test]
async fn a_status_of_another_uid_destroys_nothing() {
    let restored = |tenant: Tenant| tenant.under_uid("uid-restored");
    let judgement = tenants(3).deleting(0..1).first(restored).judged();
    assert_eq!(judgement.verdicts.admitted.len(), 0);
}

// === Absence ===

#[tokio::test]
async fn a_few_that_are_missing_are_believed() {
    let judgement = tenants(20).missing(0..5).judged();
    assert!(judgement.is_intact());
    assert_eq!((judgement.lost, hold(&judgement)), (0, None));
}

#[tokio::test]
async fn many_that_are_missing_are_not_believed() {
    let judgement = tenants(20).missing(0..6).judged();
    assert!(!judgement.is_intact());
    assert_eq!(judgement.lost, 6);
    assert_eq!(hold(&judgement), Some(("Absence", 6)));
    assert!(judgement.verdicts.written_off.is_empty());
}

#[tokio::test]
async fn all_of_ours_that_are_missing_are_not_believed() {
    assert!(!tenants(2).missing(0..2).judged().is_intact());
    assert!(
        tenants(1).missing(0..1).judged().is_intact(),
        "one was deleted by somebody"
    );
}

#[tokio::test]
async fn an_identifier_with_another_name_is_as_good_as_missing() {
    let renamed = |mut tenant: Tenant| {
        tenant.own().tenant_name = Some("Recorded".to_owned());
        tenant
    };
    let judgement = tenants(20).missing(1..6).first(renamed).judged();
    assert_eq!(judgement.lost, 6);
}

#[tokio::test]
async fn one_that_is_missing_after_the_address_changed_is_not_believed() {
    let moved = |endpoint| tenants(20).missing(0..1).last_at(endpoint).judged();
    assert!(!moved("127.0.0.1:9999").is_intact());
    assert!(moved("127.0.0.1:7271").is_intact());
    assert!(
        tenants(20).last_at("127.0.0.1:9999").judged().is_intact(),
        "all are there"
    );
}

#[tokio::test]
async fn without_a_guard_every_absence_is_believed() {
    assert!(tenants(20).missing(0..20).unguarded().judged().is_intact());
}

#[tokio::test]
async fn whose_deletion_has_begun_does_not_count_as_missing() {
    let begun = |tenant: Tenant| tenant.removing(Some("9"));
    let judgement = tenants(20)
        .deleting(0..1)
        .missing(0..6)
        .first(begun)
        .judged();
    assert!(judgement.is_intact(), "five are missing");
}

#[tokio::test]
async fn an_absence_that_is_agreed_to_is_believed() {
    let wave = tenants(20).missing(0..6);
    let held = wave.judged();
    let wave = wave.persisted(&held).agreed_to(&token_of(&held));
    let agreed = wave.judged();
    assert!(agreed.is_intact());
    assert_eq!(agreed.verdicts.written_off.len(), 6);
    count_check!(6, agreed.accepted.absences);
    count_check!(0, agreed.accepted.deletions);
    assert_eq!(hold(&agreed), None);
    let mut wave = wave.persisted(&agreed);
    wave.server.metadata.annotations = None;
    let after = wave.judged();
    assert!(after.is_intact(), "it survives annotation and process");
    assert_eq!(after.verdicts.written_off.len(), 6);
}

/// A server that is rolled back twice loses the same tenants twice, under the same
/// identifiers where those are numbers.
#[tokio::test]
async fn an_agreement_to_a_loss_is_good_once() {
    let wave = tenants(20).missing(0..6);
    let held = wave.judged();
    let token = token_of(&held);
    let agreed = wave.persisted(&held).agreed_to(&token);
    let first = agreed.judged();
    let mut back = agreed.persisted(&first);
    back.missing.clear();
    let whole = back.judged();
    assert!(whole.is_intact());
    let again = back.persisted(&whole).missing(0..6);
    let second = again.judged();
    assert!(!second.is_intact(), "the annotation still stands there");
    assert_ne!(token_of(&second), token, "it can be agreed to");
    let agreed = again.persisted(&second).agreed_to(&token_of(&second));
    assert!(agreed.judged().is_intact());
}

#[tokio::test]
async fn an_agreement_to_a_loss_ends_when_the_tenant_is_back() {
    let mut wave = tenants(20).missing(1..6);
    wave.status().accepted_absences = (0..6).map(|number| format!("uid-t-{number}")).collect();
    let judgement = wave.judged();
    assert_eq!(
        names(&judgement.accepted.absences),
        ["t-1", "t-2", "t-3", "t-4", "t-5"]
    );
    assert!(!judgement.verdicts.written_off.contains("uid-t-0"));
}

#[tokio::test]
async fn an_agreement_to_deletions_is_none_to_losses() {
    let wave = tenants(20).deleting(0..8);
    let held = wave.judged();
    let wave = wave
        .persisted(&held)
        .missing(8..18)
        .agreed_to(&token_of(&held));
    let judgement = wave.judged();
    assert!(!judgement.is_intact());
    assert_eq!(hold(&judgement), Some(("Absence", 10)));
}

#[tokio::test]
async fn a_wave_of_deletions_stays_held_while_the_inventory_is_not_believed() {
    let wave = tenants(40).deleting(0..8);
    let held = wave.judged();
    let mut wave = wave.persisted(&held).missing(20..30);
    let absent = wave.judged();
    assert_eq!(hold(&absent), Some(("Absence", 10)));
    wave = wave.persisted(&absent);
    wave.missing.clear();
    let back = wave.judged_at(now() + SignedDuration::from_mins(1));
    assert!(back.is_intact());
    assert_eq!(names(&back.verdicts.held), ["t-5", "t-6", "t-7"]);
}

#[tokio::test]
async fn deletions_of_what_is_missing_are_not_lost_with_it() {
    let wave = tenants(20).deleting(0..8);
    let held = wave.judged();
    let mut wave = wave.persisted(&held).missing(0..8);
    let absent = wave.judged();
    assert!(!absent.is_intact());
    assert_eq!(hold(&absent), Some(("Absence", 8)));
    assert_eq!(names(&absent.verdicts.held), ["t-5", "t-6", "t-7"]);
    wave = wave.persisted(&absent);
    wave.missing.clear();
    assert_eq!(names(&wave.judged().verdicts.held), ["t-5", "t-6", "t-7"]);
}

#[tokio::test]
async fn what_is_missing_is_not_destroyed_and_not_counted() {
    let judgement = tenants(20).deleting(0..8).missing(0..4).judged();
    assert_eq!(
        names(&judgement.verdicts.admitted),
        ["t-4", "t-5", "t-6", "t-7"]
    );
    count_check!(4, judgement.deletions);
    assert_eq!(hold(&judgement), None);
}

#[tokio::test]
async fn what_is_in_use_waits_for_its_machines_and_is_not_counted() {
    let referring = |number: usize| {
        let name = format!("vm-{number}");
        VirtualMachine::test_resource(&name)
            .with(json!({"tenantRef": {"name": format!("t-{number}")}}))
    };
    let wave = tenants(20).deleting(0..6);
    for number in 0..5 {
        wave.stage.machine(referring(number));
    }
    wave.stage.machine(referring(5).deleted());
    let judgement = wave.judged();
    assert_eq!(names(&judgement.verdicts.admitted), ["t-5"]);
    count_check!(1, judgement.deletions);
    assert_eq!(hold(&judgement), None);
    // However long that lasts, nothing is written for it.
    let wave = wave.persisted(&judgement);
    for number in 0..5 {
        wave.stage.machine(referring(number));
    }
    let later = wave.judged_at(now() + SignedDuration::from_hours(1));
    assert_eq!(names(&later.verdicts.admitted), ["t-5"]);
    for number in 0..5 {
        wave.stage.machine(referring(number).deleted());
    }
    assert_eq!(
        wave.judged().verdicts.admitted.len(),
        5,
        "and then by the limit"
    );
}

#[tokio::test]
async fn an_agreement_to_losses_is_none_to_deletions() {
    let wave = tenants(20).missing(0..8);
    let held = wave.judged();
    let wave = wave.persisted(&held).agreed_to(&token_of(&held));
    let agreed = wave.judged();
    // They were made again, and then somebody prunes them.
    let mut wave = wave.persisted(&agreed).deleting(0..8);
    let missing = wave.judged().verdicts;
    assert_eq!(
        names(&missing.admitted),
        [""; 0],
        "there is nothing to destroy"
    );
    wave.missing.clear();
    assert_eq!(wave.judged().verdicts.held.len(), 3, "made again");
}

// === When it is judged ===

#[tokio::test]
async fn without_a_list_nothing_is_judged() {
    let stage = Stage::serving(IntegrationServer::test());
    let server = IntegrationServer::test();
    assert!(judge(&stage.context, &server, &stage.handle(), now()).is_none());
}

#[tokio::test]
async fn a_new_list_is_judged_once() {
    let stage = Stage::serving(IntegrationServer::test());
    let (server, handle) = (IntegrationServer::test(), stage.handle());
    keep_current(&stage.context, &server, &handle);
    assert!(!handle.is_intact(), "there is no list");
    stage.lists(&[]);
    keep_current(&stage.context, &server, &handle);
    assert!(handle.is_intact());
    assert_eq!(
        stage.queued().servers,
        ["main"],
        "its status is to be written"
    );
    keep_current(&stage.context, &server, &handle);
    assert_eq!(stage.queued().servers, [""; 0]);
}
