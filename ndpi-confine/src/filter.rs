//! The filters of system calls, as the kernel takes them: seccomp.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use libc::{ENOSYS, EPERM, c_int, c_long};
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

use crate::calls::{Call, When};

type Result<T> = std::result::Result<T, Error>;

/// The filters, in the order in which they are installed: of two that refuse a call, the later answers
/// it.
pub(crate) fn programs(calls: &[Call]) -> Result<[BpfProgram; 2]> {
    let mut rules = BTreeMap::new();
    for call in calls {
        rules.insert(call.number, self::rules(&call.when)?);
    }
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    Ok([
        program(clone3, SeccompAction::Allow, refused(ENOSYS))?,
        program(rules, refused(EPERM), SeccompAction::Allow)?,
    ])
}

/// Installs them, for this thread and those that it starts.
pub(crate) fn install(programs: &[BpfProgram]) -> Result<()> {
    programs.iter().try_for_each(|program| apply_filter(program))
}

fn program(
    rules: BTreeMap<c_long, Vec<SeccompRule>>,
    others: SeccompAction,
    these: SeccompAction,
) -> Result<BpfProgram> {
    let arch = TargetArch::try_from(ARCH)?;
    Ok(SeccompFilter::new(rules, others, these, arch)?.try_into()?)
}

fn refused(error: c_int) -> SeccompAction {
    SeccompAction::Errno(error.cast_unsigned())
}

/// The rules of one call, one of which has to fit; none where any arguments do.
fn rules(when: &When) -> Result<Vec<SeccompRule>> {
    use SeccompCmpArgLen::{Dword, Qword};
    use SeccompCmpOp::{Eq, MaskedEq};
    match when {
        When::Always => Ok(Vec::new()),
        When::OneOf(argument, values) => {
            values.iter().map(|&value| rule([(*argument, Dword, Eq, value.into())])).collect()
        }
        &When::Bits(argument, mask, value) => {
            Ok(vec![rule([(argument, Dword, MaskedEq(mask.into()), value.into())])?])
        }
        &When::Own(pid, null) => [0, pid]
            .map(|pid| rule([(0, Dword, Eq, pid.into()), (null, Qword, Eq, 0)]))
            .into_iter()
            .collect(),
    }
}

/// Holds where all of these do.
fn rule<const N: usize>(
    conditions: [(u8, SeccompCmpArgLen, SeccompCmpOp, u64); N],
) -> Result<SeccompRule> {
    let mut all = Vec::with_capacity(N);
    for (argument, length, operator, value) in conditions {
        all.push(SeccompCondition::new(argument, length, operator, value)?);
    }
    Ok(SeccompRule::new(all)?)
}
