//! What GitOps tools see: each kind in each of its states, and that nothing of what
//! was applied ever drifts.

mod drift;
mod gallery;
mod prune;
mod states;
