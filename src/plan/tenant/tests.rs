//! A Tenant's planner: tables of situations ([`live`], [`creation`], [`deletion`])
//! and what holds in every situation ([`always`], visited by [`everywhere`]).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod always;
mod creation;
mod deletion;
mod everywhere;
mod fixtures;
mod live;
mod product;
