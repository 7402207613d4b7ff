//! Which files can be opened: Landlock.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, AddRuleError, AddRulesError, PathBeneath, PathFd,
    Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetError,
    RulesetStatus, Scope,
};
use rustix::io::Errno;

/// The newest that is asked for. What a kernel does not know of it, it leaves out.
const NEWEST: ABI = ABI::V6;

/// Puts all files but those below `readable` out of reach, and with them TCP ports, abstract sockets and
/// the processes of others. Returns whether this kernel can.
pub(crate) fn restrict(readable: &[PathBuf]) -> Result<bool, RulesetError> {
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?
        .create()?;
    for path in readable {
        // What cannot be looked at cannot be opened later either, and whoever tries will say so.
        if let Ok(found) = PathFd::new(path) {
            allow(&mut rules, found)?;
        }
    }
    Ok(rules.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

fn allow(rules: &mut RulesetCreated, found: PathFd) -> Result<(), RulesetError> {
    match rules.add_rule(PathBeneath::new(found, AccessFs::ReadFile)) {
        Err(error) if !is_of_no_file_system(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Whether there is no rule for what was found as it is on no file system: pipes and sockets, to which
/// only an open descriptor leads.
fn is_of_no_file_system(error: &RulesetError) -> bool {
    let RulesetError::AddRules(AddRulesError::Fs(error @ AddRuleError::AddRuleCall { .. })) = error
    else {
        return false;
    };
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| Errno::from_io_error(cause) == Some(Errno::BADFD))
}
