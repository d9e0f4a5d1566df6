//! The rows K1 to K11, K14 and K15: what goes wrong on the way to the API server, or with the
//! operator's own process at a write.

use crate::harness::{Fate, Other, Proxy, Watching};
use crate::plan::Step;
use std::time::Duration;

/// How much later a watch's event comes (K4).
const LATE: Duration = Duration::from_millis(1500);

/// One way in which a row of the table is produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kubernetes {
    CrashBefore,
    CrashAfter,
    AnswerLost,
    AnswerSilent,
    Conflict,
    Busy,
    Failing,
    Forbidden,
    Silent,
    Twice,
    LateTenants,
    LateMachines,
    Back,
    Recreated,
    ThereAndBack,
    Past,
    Cut,
    Gone,
    Stripped,
    TwoLeaders,
    Touched,
    StatusTouched,
    Replaced,
    ReplacedAway,
    FutureTimes,
    OtherFinalizer,
}

use Kubernetes::*;

/// Each with its name on the command line: the row, and what is special.
pub const ALL: [(&str, Kubernetes); 26] = [
    ("K1-before", CrashBefore),
    ("K1-after", CrashAfter),
    ("K2-lost", AnswerLost),
    ("K2-silent", AnswerSilent),
    ("K3-409", Conflict),
    ("K3-429", Busy),
    ("K3-500", Failing),
    ("K3-403", Forbidden),
    ("K3-silent", Silent),
    ("K4-twice", Twice),
    ("K4-late-tenants", LateTenants),
    ("K4-late-machines", LateMachines),
    ("K4-back", Back),
    ("K5-recreated", Recreated),
    ("K5-there-and-back", ThereAndBack),
    ("K6-past", Past),
    ("K7-cut", Cut),
    ("K7-gone", Gone),
    ("K8-stripped", Stripped),
    ("K9-leaders", TwoLeaders),
    ("K10-metadata", Touched),
    ("K10-status", StatusTouched),
    ("K11-replaced", Replaced),
    ("K11-away", ReplacedAway),
    ("K14-future", FutureTimes),
    ("K15-finalizer", OtherFinalizer),
];

// === impl Kubernetes ===

impl Kubernetes {
    pub fn name(self) -> &'static str {
        ALL.iter()
            .find(|(_, fault)| *fault == self)
            .map_or("", |(name, _)| name)
    }

    pub fn named(name: &str) -> Option<Kubernetes> {
        ALL.iter()
            .find(|(n, _)| *n == name)
            .map(|(_, fault)| *fault)
    }

    /// It strikes at a certain write; the others last for the whole step.
    pub fn has_moment(self) -> bool {
        !matches!(
            self,
            Twice | LateTenants | LateMachines | Back | FutureTimes | OtherFinalizer
        )
    }

    /// It is there before the step, and still there after it.
    pub fn outlasts_the_step(self) -> bool {
        matches!(self, FutureTimes | OtherFinalizer)
    }

    /// Whether it belongs to this step. A resource that is being deleted and loses its
    /// finalizer is gone: that is K8.
    pub fn befalls(self, step: Step) -> bool {
        let deletes = matches!(step, Step::Unregister | Step::Delete);
        !(deletes && self.is_replacement())
    }

    /// The resources lose what the manifest does not have: finalizers and annotations.
    pub fn is_replacement(self) -> bool {
        matches!(self, Replaced | ReplacedAway)
    }

    /// The resource is another one afterwards, with nothing remembered.
    pub fn replaces(self) -> bool {
        matches!(self, Recreated | Stripped)
    }

    /// Somebody has to act at the moment; until then the write waits.
    pub fn stops_the_write(self) -> bool {
        matches!(
            self,
            CrashBefore
                | CrashAfter
                | Recreated
                | ThereAndBack
                | Past
                | TwoLeaders
                | Stripped
                | Replaced
                | ReplacedAway
        )
    }

    /// What happens to the write of the moment.
    pub fn fate(self) -> Fate {
        match self {
            CrashBefore | Recreated | Silent => Fate::HangsBefore,
            CrashAfter | ThereAndBack | Past | AnswerSilent => Fate::HangsAfter,
            AnswerLost => Fate::AnswerLost,
            Conflict => Fate::Refused(409),
            Busy => Fate::Refused(429),
            Failing => Fate::Refused(500),
            Forbidden => Fate::Refused(403),
            Stripped | TwoLeaders | Replaced | ReplacedAway => Fate::Held,
            Touched => Fate::Overtaken(Other::Metadata),
            StatusTouched => Fate::Overtaken(Other::Status),
            Twice | LateTenants | LateMachines | Back | Cut | Gone | FutureTimes
            | OtherFinalizer => Fate::Passes,
        }
    }

    /// The proxy did something of it, where the moment alone does not show that.
    pub fn is_felt(self, proxy: &Proxy) -> bool {
        match self {
            Twice | LateTenants | LateMachines | Back => proxy.altered_events() > 0,
            Past => proxy.past_lists() > 0,
            Cut | Gone => proxy.cuts() > 0,
            Touched | StatusTouched => proxy.overtaken() > 0,
            _ => true,
        }
    }

    /// Orders it for the `moment`-th write from now on.
    pub fn order(self, proxy: &Proxy, moment: u64) {
        let fate = self.fate();
        proxy.plan(move |write| match write == moment {
            true => fate,
            false => Fate::Passes,
        });
        match self {
            Twice => proxy.watching(Watching::Twice),
            LateTenants => proxy.watching(Watching::Late("tenants", LATE)),
            LateMachines => proxy.watching(Watching::Late("virtualmachines", LATE)),
            Back => proxy.watching(Watching::Back),
            _ => {}
        }
    }
}
