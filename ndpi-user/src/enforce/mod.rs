//! Enforcement: what was decided, brought into the kernel's maps and taken out of them again.
//!
//! Each worker has an [`Enforcer`] for its flows; a [`PolicyInstaller`] brings policies into force for all.
//! [`VerdictStore`] is what is asked of the maps of verdicts, [`RuleStore`] of those that rules share; each
//! has an implementation over the kernel's maps, and one over a table in tests.

mod active_policy;
mod adoption;
mod counts;
mod enforcer;
mod expiry;
mod installer;
mod kept;
mod kernel_blocklist;
mod kernel_store;
mod note;
mod retry;
mod rule_store;
mod store;

pub use active_policy::{ActivePolicy, Allowance};
pub use adoption::Adoption;
pub(crate) use counts::{count_all, count_undecided, extended};
pub use enforcer::Enforcer;
pub use expiry::end_of;
pub use installer::PolicyInstaller;
pub use kernel_blocklist::KernelBlocklist;
pub use kernel_store::{KernelStore, NO_RULE};
pub use retry::{Pending, Refusal};
pub use rule_store::{KernelRules, References, RuleStore};
pub use store::{Activity, DesiredVerdict, KernelCounts, Suspended, VerdictStore};
