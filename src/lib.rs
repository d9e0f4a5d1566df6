//! A Kubernetes operator for tenants of Kaspersky Security for Virtualization Light Agent.
//!
//! The rooms, and who may know whom:
//!
//! | room | job | knows |
//! |---|---|---|
//! | [`api`] | the three resources: types, schema, conditions | nothing |
//! | [`viis`] | the Integration Server's client | no Kubernetes |
//! | `connection` | spec and Secret of a server as settings of a client | `api`, `viis` |
//! | [`inventory`] | what a server holds, which tasks run: shared | `viis` |
//! | [`plan`] | every decision: facts in, one action out | nothing |
//! | [`telemetry`] | what is seen from outside: metrics, log lines, readiness | `viis` |
//! | [`controllers`] | observe → plan → apply → report, one room a kind | all of the above |
//! | [`operator`] | the program around it: client, health, signals | `controllers`, `telemetry`, `api` |
//! | [`commands`] | the command line, and what `import` and `check` do | `operator`, `telemetry`, `connection`, `viis`, `api` |

pub mod api;
pub mod commands;
mod connection;
pub mod controllers;
pub mod inventory;
pub mod operator;
pub mod plan;
pub mod telemetry;
pub mod viis;
