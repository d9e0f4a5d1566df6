//! A Kubernetes operator for tenants of Kaspersky Security for Virtualization Light Agent.
//!
//! The rooms, and who may know whom:
//!
//! | room | job | knows |
//! |---|---|---|
//! | [`api`] | the three resources: types, schema, conditions | nothing |
//! | [`viis`] | the Integration Server's client | no Kubernetes |
//! | [`inventory`] | what a server holds, which tasks run: shared | `viis` |
//! | [`plan`] | every decision: facts in, one action out | nothing |
//! | [`telemetry`] | what is seen from outside: metrics, log lines, readiness | `viis` |
//! | [`controllers`] | observe → plan → apply → report, one room a kind | all of the above |
//! | [`operator`] | the program around it: client, health, signals | `controllers`, `telemetry`, `api` |
//! | [`commands`] | the command line | `operator`, `telemetry`, `api` |

pub mod api;
pub mod commands;
pub mod controllers;
pub mod inventory;
pub mod operator;
pub mod plan;
pub mod telemetry;
pub mod viis;
