//! The whole, from outside: the operator's own program against a real API server
//! and an Integration Server that is played. Nothing here knows how the operator
//! works; what is asserted stands in the documentation.
//!
//! Each test has a stand of its own (`harness::Stand`). They run beside each
//! other, more of them than there are cores: mostly they wait.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

// The fault matrix stands on the same harness; each of the two uses a part of it.
#[allow(dead_code, unused_imports)]
#[path = "../harness/mod.rs"]
mod harness;

// Pages of the documentation, whose commands are run here.
#[allow(dead_code)]
#[path = "../book/page.rs"]
mod page;
#[allow(dead_code)]
#[path = "../book/table.rs"]
mod table;

mod adoption;
mod attacks;
mod cel_cases;
mod changed_minds;
mod check;
mod claims;
mod connection;
mod counts;
mod crashes;
mod deletion;
mod demo;
mod dialects;
mod disaster;
mod drift;
mod evidence;
mod finalizers;
mod gitops;
mod guards;
mod import;
mod kubernetes_faults;
mod leadership;
mod life;
mod limits;
mod lost_answers;
mod machines;
mod metrics;
mod orphans;
mod outage;
mod pages;
mod permissions;
mod program;
mod refusals;
mod restore;
mod roles;
mod rules;
mod runbooks;
mod secrecy;
mod stored_texts;
mod traces;
mod whereabouts;
mod withheld;

/// A BIOS ID by number.
fn bios_id(number: usize) -> String {
    format!("4230d3ef-1f2b-8b1c-0a55-{number:012x}")
}
