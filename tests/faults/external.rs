//! The rows E1 to E14: what goes wrong at the Integration Server.

use serde_json::{Value, json};

/// One way in which a row of the table is produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum External {
    Crash,
    AnswerLost,
    AnswerCut,
    RequestLost,
    Late,
    LaterThanRetry,
    CrashRunning,
    CrashEnded,
    ForgottenDone,
    ForgottenUndone,
    ForgottenHalf,
    Stuck,
    Hidden,
    FailsPartly,
    RolledBack,
    RemovedByHand,
    StatusByHand,
    MachineByHand,
    Unauthorized,
    Forbidden,
    Busy,
    Unavailable,
    Slow,
    Html,
    Malformed,
    UnknownState,
    ListCut,
    ListRefused,
    ListEmpty,
    DeletionFails,
}

use External::*;

/// Each with its name on the command line: the row, and what is special.
pub const ALL: [(&str, External); 30] = [
    ("E1", Crash),
    ("E2-lost", AnswerLost),
    ("E2-cut", AnswerCut),
    ("E3", RequestLost),
    ("E4-late", Late),
    ("E4-after-retry", LaterThanRetry),
    ("E5-running", CrashRunning),
    ("E5-ended", CrashEnded),
    ("E6-done", ForgottenDone),
    ("E6-undone", ForgottenUndone),
    ("E6-half", ForgottenHalf),
    ("E7", Stuck),
    ("E8", Hidden),
    ("E9", FailsPartly),
    ("E10", RolledBack),
    ("E11-removed", RemovedByHand),
    ("E11-status", StatusByHand),
    ("E11-machine", MachineByHand),
    ("E12-401", Unauthorized),
    ("E12-403", Forbidden),
    ("E12-429", Busy),
    ("E12-503", Unavailable),
    ("E12-slow", Slow),
    ("E12-html", Html),
    ("E12-malformed", Malformed),
    ("E12-state", UnknownState),
    ("E13-cut", ListCut),
    ("E13-refused", ListRefused),
    ("E13-empty", ListEmpty),
    ("E14", DeletionFails),
];

/// The calls that end in a task.
const TASKS: [&str; 4] = [
    "POST tenant",
    "POST activate",
    "POST deactivate",
    "DELETE tenant",
];

// === impl External ===

impl External {
    pub fn name(self) -> &'static str {
        ALL.iter()
            .find(|(_, fault)| *fault == self)
            .map_or("", |(name, _)| name)
    }

    pub fn named(name: &str) -> Option<External> {
        ALL.iter()
            .find(|(n, _)| *n == name)
            .map(|(_, fault)| *fault)
    }

    /// Whether it can befall this call.
    pub fn befalls(self, call: &str) -> bool {
        let (task, list) = (TASKS.contains(&call), call.starts_with("GET"));
        match self {
            CrashRunning | CrashEnded | ForgottenDone | ForgottenUndone | ForgottenHalf | Stuck
            | UnknownState => task,
            FailsPartly => task && call != "DELETE tenant",
            Hidden | LaterThanRetry => call == "POST tenant",
            DeletionFails => call == "DELETE tenant",
            Crash | AnswerLost | AnswerCut | RequestLost | Late | RemovedByHand | StatusByHand
            | MachineByHand => !list,
            RolledBack => true,
            ListCut | ListRefused => list,
            ListEmpty => matches!(call, "GET tenants" | "GET vms"),
            Unauthorized | Forbidden | Busy | Unavailable | Slow | Html | Malformed => true,
        }
    }

    /// What the server's people have to mend, and then ask for another look.
    pub fn needs_a_person(self) -> bool {
        matches!(
            self,
            Stuck | FailsPartly | RolledBack | Forbidden | DeletionFails
        )
    }

    /// Whether the operator may rightly ask for a creation again.
    pub fn creations(self) -> u64 {
        match self {
            RequestLost | LaterThanRetry | ForgottenUndone | ForgottenHalf | FailsPartly
            | Stuck | Unauthorized | Forbidden | Busy | Unavailable | Html | Malformed
            | RolledBack | RemovedByHand => 2,
            _ => 1,
        }
    }

    /// The tenant was lost by no fault of the operator.
    pub fn loses_the_tenant(self) -> bool {
        matches!(self, RolledBack | RemovedByHand)
    }

    /// Somebody changes the server behind the operator's back.
    pub fn is_by_hand(self) -> bool {
        matches!(
            self,
            RolledBack | RemovedByHand | StatusByHand | MachineByHand
        )
    }

    /// The operator cannot know which task, or whether any, came of its call.
    pub fn hides_the_outcome(self) -> bool {
        !self.is_by_hand() && !matches!(self, Hidden | FailsPartly | DeletionFails | UnknownState)
    }

    /// So long after it struck nothing is settled yet.
    pub fn lasts_ms(self) -> u64 {
        match self {
            LaterThanRetry => 36_000,
            Stuck | UnknownState => 2_500,
            Hidden | Late => 2_500,
            _ => 0,
        }
    }

    /// The fault to order of the simulator: `skip` such calls pass first.
    pub fn order(self, call: &str, skip: u64) -> Value {
        let mut order = json!({"call": call, "skip": skip, "times": 1});
        if self == RolledBack {
            order["before"] = json!({
                "method": "POST", "path": "/snapshots/before/restore",
                "body": {"reuseIdentifiers": true},
            });
        } else {
            order["action"] = self.action(call);
        }
        order
    }

    fn action(self, call: &str) -> Value {
        let fails = |partial: bool| json!({"code": "KSC_ServiceNotConfigured", "message": "not now", "partial": partial});
        let xml =
            |body: &str| json!({"status": 200, "body": body, "contentType": "application/xml"});
        match self {
            // Time enough to kill the operator before it has the answer.
            Crash => json!({"delayMs": 700}),
            AnswerLost => json!({"dropAfter": true}),
            AnswerCut | ListCut => json!({"cutBody": true}),
            RequestLost => json!({"dropBefore": true}),
            Late => json!({"commitLateMs": 2000}),
            LaterThanRetry => json!({"commitLateMs": 33_000}),
            // Nothing but the hit, which says that the moment has come.
            CrashRunning | CrashEnded => json!({}),
            ForgottenDone => json!({"taskForgotten": "done"}),
            ForgottenUndone => json!({"taskForgotten": "undone"}),
            ForgottenHalf => json!({"taskForgotten": "undone", "taskFails": fails(true)}),
            Stuck => json!({"taskStuck": true}),
            Hidden => json!({"hiddenMs": 2000}),
            FailsPartly | DeletionFails => json!({"taskFails": fails(true)}),
            RolledBack => json!({}),
            RemovedByHand | StatusByHand | MachineByHand => json!({"delayMs": 400}),
            Unauthorized => json!({"status": 401}),
            Forbidden => json!({"status": 403}),
            Busy => json!({"status": 429, "headers": {"Retry-After": "1"}}),
            Unavailable => json!({"status": 503, "body": "busy"}),
            Slow => json!({"delayMs": 3000}),
            Html => {
                json!({"status": 200, "body": "<html>Sign in</html>", "contentType": "text/html"})
            }
            Malformed => xml("<tenants><tenant id="),
            UnknownState => json!({"taskState": "Paused"}),
            ListRefused => json!({"status": 500}),
            ListEmpty if call == "GET vms" => xml("<vms></vms>"),
            ListEmpty => xml("<tenants></tenants>"),
        }
    }
}
