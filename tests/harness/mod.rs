//! What every test stands on: an API server, an operator, an Integration Server
//! that is played, and words to speak about them.

mod account;
mod cleaning;
mod counts;
mod journal;
mod manifests;
mod operator;
mod oracles;
mod patience;
mod plane;
mod program;
mod proxy;
mod roles;
mod simulator;
mod stand;
mod subject;
mod user;

pub use counts::Counts;
pub use journal::{Journal, Life, Lives, told};
pub use manifests::{Manifest, complete_tenant, document, machine, secret, simple_tenant};
pub use operator::Operator;
pub use oracles::REFUSED;
pub use patience::{Deadline, patient};
pub use plane::{existing_cluster, says_that_it_skips, skipped_on_an_existing_cluster};
pub use proxy::{Fate, Other, Proxy, Watching};
pub use roles::{Permission, Roles};
pub use simulator::{
    Calls, MachineThere, Simulator, State, TaskThere, TenantThere, accept_ring, authority_in,
    foreign_authority, same_identifier,
};
pub use stand::{Scope, Stand, all_come, eventually, within};
pub use subject::{Ours, condition, has, is_ready, is_stalled, message};
