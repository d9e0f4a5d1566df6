//! A plan: one step of a life, and what goes wrong in it. It is one word, so that it
//! can be printed, copied and tried again: `create/K2-lost@3/E3.POST-tenant@0`.

use crate::external::External;
use crate::kubernetes::Kubernetes;
use crate::texts::Texts;
use std::fmt;
use std::str::FromStr;

/// A step of a tenant's and its machine's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Both are made; the machine is registered, the tenant activated.
    Create,
    Activate,
    Deactivate,
    /// A machine comes to a tenant that is there.
    Register,
    /// The machine gets another name.
    Reregister,
    /// The machine goes, the tenant stays.
    Unregister,
    /// Both go.
    Delete,
}

pub const STEPS: [(&str, Step); 7] = [
    ("create", Step::Create),
    ("activate", Step::Activate),
    ("deactivate", Step::Deactivate),
    ("register", Step::Register),
    ("re-register", Step::Reregister),
    ("unregister", Step::Unregister),
    ("delete", Step::Delete),
];

/// A fault at the `moment`-th write to the API server of the step, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AtWrite {
    pub fault: Kubernetes,
    pub moment: u64,
}

/// A fault at the `moment`-th such call of the step, from 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AtCall {
    pub fault: External,
    pub call: String,
    pub moment: u64,
}

/// See the head of this file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plan {
    pub step: Step,
    /// How the server stores texts, where that is not as they are sent.
    pub texts: Option<Texts>,
    pub kubernetes: Option<AtWrite>,
    pub external: Option<AtCall>,
}

// === impl Plan ===

impl Plan {
    /// The step, and nothing goes wrong.
    pub fn calm(step: Step) -> Plan {
        Plan {
            step,
            texts: None,
            kubernetes: None,
            external: None,
        }
    }

    pub fn is_kubernetes(&self, fault: Kubernetes) -> bool {
        self.kubernetes.is_some_and(|at| at.fault == fault)
    }

    pub fn is_external(&self, fault: External) -> bool {
        self.external.as_ref().is_some_and(|at| at.fault == fault)
    }

    /// Asks something of the external fault, where there is one.
    pub fn external_is(&self, asked: impl Fn(External) -> bool) -> bool {
        self.external.as_ref().is_some_and(|at| asked(at.fault))
    }

    /// The resource is made anew without the operator's knowledge of the first one.
    pub fn replaces(&self) -> bool {
        self.kubernetes.is_some_and(|at| at.fault.replaces())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = STEPS.iter().find(|(_, step)| step == self);
        to.write_str(named.map_or("", |(name, _)| name))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}", self.step)?;
        if let Some(texts) = self.texts {
            write!(to, "/{}", texts.name())?;
        }
        if let Some(at) = self.kubernetes {
            write!(to, "/{}", at.fault.name())?;
            if at.fault.has_moment() {
                write!(to, "@{}", at.moment)?;
            }
        }
        if let Some(at) = &self.external {
            let call = at.call.replace(' ', "-");
            write!(to, "/{}.{call}@{}", at.fault.name(), at.moment)?;
        }
        Ok(())
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(text: &str) -> Result<Plan, String> {
        let mut parts = text.split('/');
        let name = parts.next().unwrap_or_default();
        let step = STEPS.iter().find(|(n, _)| *n == name);
        let (_, step) = step.ok_or_else(|| format!("there is no step {name}"))?;
        let mut plan = Plan::calm(*step);
        for part in parts {
            if let Some(texts) = Texts::named(part) {
                plan.texts = Some(texts);
                continue;
            }
            let (fault, moment) = part.split_once('@').unwrap_or((part, "0"));
            let moment = moment.parse().map_err(|_| format!("no number: {part}"))?;
            if let Some(fault) = Kubernetes::named(fault) {
                if !fault.befalls(plan.step) {
                    return Err(format!("{} is not for step {name}", fault.name()));
                }
                plan.kubernetes = Some(AtWrite { fault, moment });
                continue;
            }
            let (fault, call) = fault
                .split_once('.')
                .ok_or_else(|| format!("unknown: {part}"))?;
            let fault = External::named(fault).ok_or_else(|| format!("unknown: {part}"))?;
            let call = call.replacen('-', " ", 1);
            plan.external = Some(AtCall {
                fault,
                call,
                moment,
            });
        }
        Ok(plan)
    }
}
