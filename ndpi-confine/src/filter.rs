//! The filters of system calls, as the kernel takes them: seccomp.

use std::collections::BTreeMap;
use std::env::consts::ARCH;

use libc::{ENOSYS, EPERM, c_int, c_long};
use seccompiler::{
    BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter, apply_filter_all_threads,
};

use crate::calls::{Call, When};

type Result<T> = std::result::Result<T, Error>;

/// The filters that let these calls through and no others, in the order in which they are installed: of two that
/// refuse a call, the later answers it.
pub(crate) fn allowing(calls: &[Call]) -> Result<[BpfProgram; 2]> {
    Ok([without_clone3()?, program(of_all(calls)?, refused(EPERM), SeccompAction::Allow)?])
}

/// The filters that refuse these calls and no others.
pub(crate) fn refusing(calls: &[Call]) -> Result<[BpfProgram; 2]> {
    Ok([without_clone3()?, program(of_all(calls)?, SeccompAction::Allow, refused(EPERM))?])
}

/// Installs them, for this thread and those that it starts.
pub(crate) fn install(programs: &[BpfProgram]) -> Result<()> {
    programs.iter().try_for_each(|program| apply_filter(program))
}

/// Installs them, for all threads of this process.
pub(crate) fn install_in_all_threads(programs: &[BpfProgram]) -> Result<()> {
    programs.iter().try_for_each(|program| apply_filter_all_threads(program))
}

/// No filter can look at its flags, which are in memory.
fn without_clone3() -> Result<BpfProgram> {
    let clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    program(clone3, SeccompAction::Allow, refused(ENOSYS))
}

fn of_all(calls: &[Call]) -> Result<BTreeMap<c_long, Vec<SeccompRule>>> {
    calls.iter().map(|call| Ok((call.number, rules(&call.when)?))).collect()
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
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    match when {
        When::Always => Ok(Vec::new()),
        When::OneOf(argument, values) => {
            values.iter().map(|&value| rule([(*argument, Dword, Eq, value.into())])).collect()
        }
        When::NoneOf(argument, values) => {
            Ok(vec![rule(values.iter().map(|&value| (*argument, Dword, Ne, value.into())))?])
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
fn rule(
    conditions: impl IntoIterator<Item = (u8, SeccompCmpArgLen, SeccompCmpOp, u64)>,
) -> Result<SeccompRule> {
    let condition = |(argument, length, operator, value)| {
        SeccompCondition::new(argument, length, operator, value)
    };
    let all = conditions.into_iter().map(condition).collect::<std::result::Result<_, _>>()?;
    Ok(SeccompRule::new(all)?)
}
