//! A machine's looks against a server that answers: which calls are made, and what is
//! said of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Mutex;

use rstest::rstest;

use super::memory::Memory;
use super::*;
use crate::api::{ConditionType, REGISTERED_WITH_ANNOTATION, Tenant, conditions};
use crate::controllers::events::Events;
use crate::controllers::fixtures::{ApiServer, Asked, BIOS_ID, Stage};
use crate::controllers::servers::{Handle, Verdicts};
use crate::inventory::Server as Picture;
use crate::inventory::fixtures::{ago, seconds, soon};
use crate::inventory::tenants::Tenants;
use crate::viis::live_tests::connected;
use crate::viis::live_tests::server::{self, Reply, http};
use crate::viis::{self, TenantId};

/// An Integration Server's machines, as the test wants them.
#[derive(Default)]
struct Script {
    /// So many lists do not show yet what is registered.
    behind: usize,
    /// A registration is answered like this.
    register: Option<(&'static str, &'static str)>,
    registered: bool,
    calls: Vec<String>,
}

const EXISTS: (&str, &str) = (
    "409 Conflict",
    "<error><code>VIRMT_VmWithSpecifiedBiosIdAlreadyExists</code></error>",
);

fn answer(script: &Mutex<Script>, request: &str) -> Reply {
    let mut script = script.lock().unwrap();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let path = path.trim_start_matches("/api/2.0/virtualization/tenants");
    let path = path.split('?').next().unwrap_or_default();
    script.calls.push(path.to_owned());
    if path.is_empty() {
        let tenants = "<tenants><tenant id=\"1\"><name>acme</name><type>Simple</type>\
                       <status>Active</status></tenant></tenants>";
        return Reply::Bytes(http("200 OK", &[], tenants));
    }
    if path.ends_with("/unregister") {
        script.registered = false;
        return Reply::Bytes(http("200 OK", &[], ""));
    }
    if path.ends_with("/register") {
        script.registered = true;
        let (status, body) = script.register.unwrap_or(("200 OK", ""));
        return Reply::Bytes(http(status, &[], body));
    }
    let shown = script.registered && script.behind == 0;
    script.behind = script.behind.saturating_sub(usize::from(script.registered));
    let machine = format!("<vm id=\"vm-1\" biosId=\"{BIOS_ID}\"><name>web</name></vm>");
    let machines = if shown { machine.as_str() } else { "" };
    Reply::Bytes(http("200 OK", &[], &format!("<vms>{machines}</vms>")))
}

struct Scenario {
    stage: Stage,
    machine: Arc<VirtualMachine>,
    api: ApiServer,
    script: Arc<Mutex<Script>>,
    _remote: server::Server,
}

impl Scenario {
    /// `main` has the tenant "1"; this machine is there, and these Tenants. This process
    /// has noted where it is registered.
    fn new(machine: VirtualMachine, tenants: Vec<Tenant>) -> Self {
        let scenario = Self::taken_over(machine, tenants);
        let picture = scenario.stage.picture();
        picture.machines().noted_first(BIOS_ID.parse().unwrap());
        scenario
    }

    /// The same, and another process may have sent something a moment ago.
    fn taken_over(machine: VirtualMachine, tenants: Vec<Tenant>) -> Self {
        let mut stage = Stage::knowing(crate::api::IntegrationServer::test());
        let api = ApiServer::answering(&machine);
        stage.context.client = api.client();
        stage.context.events = Events::new(api.client());
        let script = Arc::<Mutex<Script>>::default();
        let replies = Arc::clone(&script);
        let (remote, client) = connected(move |request| answer(&replies, request));
        let endpoint = client.endpoint().clone();
        let wake = Arc::clone(&stage.woken) as Arc<dyn crate::inventory::Wake>;
        let picture = Picture::new(client, 8, wake);
        picture.health().probed();
        picture.lists(&[viis::Tenant::test("1", "acme")]);
        let handle = Handle::new("uid-main".into(), "settings".into(), endpoint, picture);
        handle.judge(Verdicts {
            intact: true,
            listed_at: Tenants::listed_at(handle.server.tenants()),
            ..Verdicts::default()
        });
        stage.context.servers.put("main", Arc::new(handle));
        for tenant in tenants {
            stage.tenant(tenant);
        }
        Self {
            machine: stage.machine(machine),
            stage,
            api,
            script,
            _remote: remote,
        }
    }

    async fn look(&self) -> Outcome {
        let machine = Arc::clone(&self.machine);
        let (_, outcome) = soon(reconcile(machine, &self.stage.context)).await;
        outcome
    }

    /// The pause after a failure, or after a list that is behind, is over.
    fn pause_is_over(&self) {
        let memories = &self.stage.context.machines;
        memories.each(|memory: &mut Memory| memory.backoff.reset());
    }

    /// The server has the machine registered, with whichever tenant is listed.
    fn shows_it(&self) {
        self.script.lock().unwrap().registered = true;
    }

    /// Since the first list that did not show the machine.
    fn half_a_minute_passed(&self) {
        let memories = &self.stage.context.machines;
        memories.each(|memory: &mut Memory| {
            memory.missing_since = Some(ago(seconds(31)));
            memory.deletion_seen = Some(ago(seconds(31)));
        });
    }

    /// The waits for the Tenant's fate are over.
    fn fate_is_known(&self) {
        let memory = Memory {
            leaving_since: Some(ago(seconds(60))),
            ..Memory::default()
        };
        let uid = self.machine.uid().unwrap();
        self.stage.context.machines.put(&uid, memory);
    }

    fn rejection(&self) -> Option<String> {
        let mut reason = None;
        self.stage.context.machines.each(|memory: &mut Memory| {
            reason = memory
                .rejection
                .as_ref()
                .map(|refused| refused.reason.clone());
        });
        reason
    }

    fn calls(&self, what: &str) -> Vec<String> {
        let script = self.script.lock().unwrap();
        let calls = script.calls.iter().filter(|call| call.ends_with(what));
        calls.cloned().collect()
    }

    /// The finalizers that were written, in order.
    fn finalizers_written(&self) -> Vec<usize> {
        let asked = self.api.asked();
        let written = asked.iter().filter_map(|asked| {
            let finalizers = asked.body.pointer("/metadata/finalizers")?;
            Some(finalizers.as_array()?.len())
        });
        written.collect()
    }

    /// The events that were published, once there are so many.
    async fn events(&self, count: usize) -> Vec<String> {
        let notes = |asked: Vec<Asked>| -> Vec<String> {
            let events = asked.iter().filter(|asked| asked.path.ends_with("/events"));
            events.map(|event| event.body["note"].to_string()).collect()
        };
        // Looks for them for a minute; for none, a second is enough.
        let looks = if count == 0 { 200 } else { 12_000 };
        for _ in 0..looks {
            let notes = notes(self.api.asked());
            if count > 0 && notes.len() >= count {
                return notes;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        notes(self.api.asked())
    }
}

fn web() -> VirtualMachine {
    VirtualMachine::test_resource("web").annotated(REGISTERED_WITH_ANNOTATION, "main/1")
}

fn acme() -> Tenant {
    Tenant::test("acme").recorded("1")
}

// === What a list shows late ===

#[tokio::test]
async fn a_registration_that_is_listed_late_is_not_sent_again() {
    let scenario = Scenario::new(web(), vec![acme()]);
    scenario.script.lock().unwrap().behind = 3;
    for _ in 0..6 {
        scenario.look().await;
        scenario.pause_is_over();
    }
    assert_eq!(scenario.calls("/register").len(), 1);
    assert_eq!(scenario.rejection(), None);
    assert_eq!(scenario.look().await, Outcome::Settled);
}

#[tokio::test]
async fn while_the_list_is_behind_it_is_asked_with_a_pause() {
    let scenario = Scenario::new(web(), vec![acme()]);
    scenario.script.lock().unwrap().behind = 100;
    for _ in 0..5 {
        scenario.look().await;
    }
    // The first list, and the one after the registration.
    assert_eq!(scenario.calls("/vms").len(), 2);
}

/// The answer was lost, and the list is behind: nobody else is blamed for it.
#[rstest]
#[case::just_now(5, None)]
#[case::the_list_had_its_time(31, Some("VIRMT_VmWithSpecifiedBiosIdAlreadyExists"))]
#[tokio::test]
async fn after_a_lost_answer_another_tenant_is_blamed_late(
    #[case] age: u64,
    #[case] refused: Option<&str>,
) {
    let scenario = Scenario::new(web(), vec![acme()]);
    {
        let mut script = scenario.script.lock().unwrap();
        script.behind = 100;
        script.register = Some(("503 Service Unavailable", ""));
    }
    scenario.look().await;
    assert_eq!(scenario.calls("/register").len(), 1);
    scenario.script.lock().unwrap().register = Some(EXISTS);
    scenario.pause_is_over();
    let memories = &scenario.stage.context.machines;
    memories.each(|memory: &mut Memory| memory.sent.as_mut().unwrap().at = ago(seconds(age)));
    scenario.look().await;
    assert_eq!(scenario.rejection().as_deref(), refused);
}

#[tokio::test]
async fn another_tenants_machine_is_said_at_once() {
    let scenario = Scenario::new(web(), vec![acme()]);
    {
        let mut script = scenario.script.lock().unwrap();
        script.behind = 100;
        script.register = Some(EXISTS);
    }
    scenario.look().await;
    let code = "VIRMT_VmWithSpecifiedBiosIdAlreadyExists";
    assert_eq!(scenario.rejection().as_deref(), Some(code));
}

// === Where it is unregistered ===

#[tokio::test]
async fn a_forged_note_calls_nobody_and_is_warned_of() {
    let forged = web()
        .annotated(REGISTERED_WITH_ANNOTATION, "main/9")
        .deleted();
    let scenario = Scenario::new(forged, Vec::new());
    scenario.look().await;
    assert_eq!(scenario.script.lock().unwrap().calls, [""; 0]);
    assert_eq!(scenario.finalizers_written(), [0]);
    let events = scenario.events(1).await;
    let [event] = events.as_slice() else {
        panic!("{events:?}")
    };
    for part in [
        "tenant 9 of IntegrationServer main",
        BIOS_ID,
        "/tenants/9/vms",
    ] {
        assert!(event.contains(part), "{event}");
    }
}

#[tokio::test]
async fn where_note_and_status_differ_both_are_listed_before_the_finalizer_goes() {
    let noted = web().annotated(REGISTERED_WITH_ANNOTATION, "main/2");
    let scenario = Scenario::new(
        noted.registered("1").deleted(),
        vec![Tenant::test("other").recorded("2")],
    );
    scenario.shows_it();
    scenario.look().await;
    assert_eq!(scenario.calls("/unregister"), ["/2/vms/unregister"]);
    assert_eq!(scenario.calls("/vms"), ["/2/vms", "/1/vms"]);
    assert_eq!(scenario.finalizers_written().len(), 0);
    scenario.half_a_minute_passed();
    scenario.look().await;
    assert_eq!(scenario.calls("/unregister").len(), 1, "no other call");
    assert_eq!(scenario.finalizers_written(), [0]);
    assert_eq!(scenario.events(0).await, [""; 0]);
}

/// BIOS IDs are unique across tenants: the call could unregister the machine of another one.
#[tokio::test]
async fn what_our_own_list_does_not_show_is_not_unregistered() {
    let scenario = Scenario::new(web().registered("1").deleted(), vec![acme()]);
    scenario.fate_is_known();
    scenario.look().await;
    assert_eq!(scenario.calls("/vms"), ["/1/vms"]);
    assert_eq!(
        scenario.finalizers_written().len(),
        0,
        "one list is no proof"
    );
    scenario.half_a_minute_passed();
    scenario.look().await;
    assert_eq!(scenario.calls("/unregister"), [""; 0]);
    assert_eq!(scenario.finalizers_written(), [0]);
}

/// The server has answered that the BIOS ID belongs to a different tenant.
#[tokio::test]
async fn after_a_409_nothing_of_ours_is_there() {
    let code = "VIRMT_VmWithSpecifiedBiosIdAlreadyExists";
    let mut refused = web().deleted();
    conditions::set(
        &mut refused.status.get_or_insert_default().conditions,
        ConditionType::Registered,
        false,
        code,
        "It is registered with another tenant.",
        1,
        crate::controllers::fixtures::now(),
    );
    refused.status.as_mut().unwrap().owner_uid = refused.metadata.uid.clone();
    let scenario = Scenario::new(refused, vec![acme()]);
    scenario.fate_is_known();
    scenario.look().await;
    assert_eq!(scenario.calls("/unregister"), [""; 0]);
    assert_eq!(scenario.finalizers_written(), [0], "one list agrees");
}

#[tokio::test]
async fn a_machine_with_its_tenant_is_unregistered_once() {
    let scenario = Scenario::new(web().registered("1").deleted(), vec![acme()]);
    scenario.shows_it();
    scenario.fate_is_known();
    scenario.look().await;
    assert_eq!(scenario.calls("/unregister"), ["/1/vms/unregister"]);
    assert_eq!(scenario.finalizers_written(), [0]);
}

/// A registration that is carried out after the unregistration would stay for ever.
#[rstest]
#[case::by_this_process(|scenario: &Scenario| {
    let picture = scenario.stage.picture();
    let (tenant, bios_id) = (TenantId::new("1"), BIOS_ID.parse().unwrap());
    picture.machines().registration_unanswered(&tenant, bios_id);
}, Scenario::new, 0)]
#[case::by_the_process_before(|_: &Scenario| {}, Scenario::taken_over, 0)]
#[case::by_nobody(|_: &Scenario| {}, Scenario::new, 1)]
#[tokio::test]
async fn a_machine_whose_registration_may_arrive_is_not_unregistered_yet(
    #[case] sent: fn(&Scenario),
    #[case] scenario: fn(VirtualMachine, Vec<Tenant>) -> Scenario,
    #[case] calls: usize,
) {
    let scenario = scenario(web().registered("1").deleted(), vec![acme()]);
    scenario.shows_it();
    scenario.fate_is_known();
    sent(&scenario);
    scenario.look().await;
    assert_eq!(scenario.calls("/unregister").len(), calls);
    assert_eq!(scenario.finalizers_written().len(), calls);
}

#[tokio::test]
async fn a_registration_without_an_answer_may_arrive() {
    let scenario = Scenario::new(web(), vec![acme()]);
    scenario.script.lock().unwrap().register = Some(("504 Gateway Timeout", ""));
    scenario.look().await;
    let (tenant, bios_id) = (TenantId::new("1"), BIOS_ID.parse().unwrap());
    let picture = scenario.stage.picture();
    let until = picture.machines().registers_until(&tenant, bios_id, false);
    assert!(until.is_some());
}

/// There may be very many machines: nothing is kept of one that is registered.
#[tokio::test]
async fn since_when_it_was_wanted_is_forgotten_once_it_is_registered() {
    let scenario = Scenario::new(web().registered("1"), vec![acme()]);
    scenario.script.lock().unwrap().registered = true;
    let memory = Memory {
        wanted_since: Some(ago(seconds(1))),
        ..Memory::default()
    };
    let memories = &scenario.stage.context.machines;
    memories.put(&scenario.machine.uid().unwrap(), memory);
    scenario.look().await;
    let mut kept = 0;
    memories.each(|memory: &mut Memory| kept += usize::from(memory.wanted_since.is_some()));
    assert_eq!(kept, 0);
}

/// What was sent by a client with the last password arrives at the same server.
#[tokio::test]
async fn it_may_arrive_though_the_client_was_replaced_meanwhile() {
    let scenario = Scenario::new(web(), vec![acme()]);
    scenario.script.lock().unwrap().register = Some(("504 Gateway Timeout", ""));
    let (stage, mut memory) = (&scenario.stage, Memory::default());
    let scene = observe::observe(&scenario.machine, &stage.context, &mut memory).unwrap();
    let mut run = Run {
        context: &stage.context,
        memory: &mut memory,
        machine: Arc::clone(&scenario.machine),
        queued_at: None,
    };
    let (before, tenant) = (stage.picture(), TenantId::new("1"));
    stage.is_taken_up();
    soon(run.register(&scene, &before, &tenant)).await;
    assert_eq!(scenario.calls("/register").len(), 1);
    for picture in [before, stage.picture()] {
        let machines = picture.machines();
        assert!(
            machines
                .registers_until(&tenant, scene.bios_id, false)
                .is_some()
        );
    }
}

#[tokio::test]
async fn who_notes_a_machine_first_knows_all_that_was_sent() {
    let noted_first = |machine: VirtualMachine| async move {
        let scenario = Scenario::taken_over(machine, vec![acme()]);
        scenario.look().await;
        let (tenant, bios_id) = (TenantId::new("1"), BIOS_ID.parse().unwrap());
        let picture = scenario.stage.picture();
        let until = picture.machines().registers_until(&tenant, bios_id, true);
        until.is_none()
    };
    assert!(noted_first(VirtualMachine::test_resource("web")).await);
    assert!(!noted_first(web()).await, "it was noted before");
}

#[tokio::test]
async fn a_live_machine_leaves_the_old_tenant_before_it_comes_to_the_new_one() {
    let scenario = Scenario::new(web().registered("7"), vec![acme()]);
    scenario.shows_it();
    scenario.look().await;
    let changing = [scenario.calls("/unregister"), scenario.calls("/register")].concat();
    assert_eq!(changing, ["/7/vms/unregister", "/1/vms/register"]);
    let calls = scenario.script.lock().unwrap().calls.clone();
    let place = |path: &str| calls.iter().position(|call| call == path);
    assert!(
        place("/7/vms/unregister") < place("/1/vms/register"),
        "it left before it came: {calls:?}"
    );
    let recorded = scenario.api.asked().iter().any(|asked| {
        asked
            .body
            .pointer("/status/tenantID")
            .and_then(|id| id.as_str())
            == Some("1")
    });
    assert!(recorded, "{:#?}", scenario.api.asked());
    let machines = scenario.stage.picture();
    let there = machines
        .machines()
        .sighting(&TenantId::new("1"), BIOS_ID.parse().unwrap());
    assert!(matches!(
        there,
        crate::inventory::machines::Sighting::Present(_)
    ));
}

#[tokio::test]
async fn a_registration_on_a_lost_server_is_reported_once() {
    let mut machine = web().registered("7");
    machine.status.as_mut().unwrap().integration_server = Some("burnt".to_owned());
    let scenario = Scenario::new(machine, vec![acme()]);
    scenario.look().await;
    assert_eq!(scenario.calls("/unregister"), [""; 0]);
    assert_eq!(scenario.calls("/register"), ["/1/vms/register"]);
    let events = scenario.events(1).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].contains("tenant 7 of IntegrationServer burnt"));
}

/// What an older note says would be forgotten with the next one.
#[tokio::test]
async fn a_note_that_is_overwritten_is_warned_of() {
    let noted = web().annotated(REGISTERED_WITH_ANNOTATION, "main/9");
    let scenario = Scenario::new(noted, vec![acme()]);
    scenario.look().await;
    let calls = [scenario.calls("/unregister"), scenario.calls("/register")].concat();
    assert_eq!(calls, ["/1/vms/register"]);
    let events = scenario.events(1).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].contains("tenant 9 of IntegrationServer main"));
}
