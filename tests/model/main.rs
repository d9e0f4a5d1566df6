//! The planner, explored exhaustively: every interleaving of the operator's steps with
//! users, an Integration Server that works in tasks, and faults on both sides, within
//! counted bounds. Each decision on the way is made by the real `viis_operator::plan`.
//!
//! - `world`: the Integration Server; `kube`: the API server; `turn`: a step's calls;
//! - `memory`, `picture`: what a process knows; `observe`, `attempts`, `guards`: the facts
//!   that it makes of that;
//! - `tenant`, `creation`, `activation`, `removal`, `said`, `machine`, `whereabouts`,
//!   `settling`: the operator's hands;
//! - `model`, `offers`, `faults`, `state`: what may happen next;
//! - `properties`, `rest`: what must hold; `mutants`: planners that must fail;
//! - `configurations`: where it begins, and the bounds; `coverage`: what was planned;
//!   `explore`: the tests.
//!
//! `VIIS_MODEL=deep` explores with one fault more.
//!
//! What is assumed, beyond the vendor's help:
//! - Of two tasks about one tenant the earlier ends first, and a creation under a name that
//!   is taken fails when it is looked at. A task ends within 10 minutes.
//! - A lost request arrives within 30 s, or never. A creation may come later, from the
//!   network or from a leader that was paused, but not later than its repetition, and once.
//!   What arrives after that, when the tenant was deleted say (through Kubernetes or by
//!   hand), no wait could help against.
//! - A server is not restored between a call and the first look at its task.
//! - A write to the API server is given up after 15 s.
//! - A person who is told to do something with a server that was restored, or a name that
//!   is taken, does nothing; agrees to a wave of losses, sometimes.
//!
//! What is not there: Complete tenants and their passwords, another address, two
//! IntegrationServers, permissions, and slots.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod activation;
mod attempts;
mod configurations;
mod coverage;
mod creation;
mod explore;
mod faults;
mod guards;
mod kube;
mod machine;
mod memory;
mod model;
mod mutants;
mod observe;
mod offers;
mod picture;
mod properties;
mod removal;
mod rest;
mod said;
mod settling;
mod state;
mod tenant;
mod turn;
mod whereabouts;
mod world;
