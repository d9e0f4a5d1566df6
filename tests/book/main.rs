//! The documentation agrees with the code and with itself: what is generated is up to
//! date, every page is in the book, links lead somewhere, manifests can be read, and for
//! each command it is known what runs it, or why nothing does.
//!
//! The commands themselves are run by `tests/cluster/pages.rs`; `make docs` builds the site.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod commands;
mod conditions;
mod links;
mod manifests;
mod metrics;
mod page;
mod reference;
mod summary;
mod table;
mod tables;
