//! The step of a start after which it enforces.

use std::sync::Arc;

use anyhow::Result;
use ndpi_kernel::{Attachment, Kernel, ktime_ns};
use ndpi_policy::Policy;

use super::session::InForce;
use crate::enforce::{KernelRules, PolicyInstaller};
use crate::interfaces::Attacher;

/// Attaches with a sign of life before and after: on many interfaces it may take long, and what was decided earlier
/// is taken over before the session gives its own.
fn attach_between_beats(kernel: &mut Kernel, attacher: &mut Attacher) -> Result<Vec<Attachment>> {
    kernel.live().beat(ktime_ns())?;
    let attachments = attacher.attach(kernel)?;
    kernel.live().beat(ktime_ns())?;
    Ok(attachments)
}

/// Brings the policy into force and the programs onto the interfaces, where they take the place of those that an
/// instance which is gone has left. To be called when all else that may fail is done.
///
/// # Errors
///
/// A map or an interface refused. What that instance has left is as it was when `kernel` is dropped then.
pub(super) fn attach(
    kernel: &mut Kernel,
    attacher: &mut Attacher,
    policy: Arc<Policy>,
) -> Result<(InForce, Vec<Attachment>)> {
    kernel.carry_over()?;
    let mut installer = PolicyInstaller::going_on(KernelRules::new(kernel))?;
    let policy = installer.install(policy, ktime_ns())?;
    // From here on there are programs that show packets: should this be killed, they are to notice.
    match attach_between_beats(kernel, attacher) {
        Ok(attachments) => {
            installer.remove_leftovers(&policy);
            Ok((InForce { installer, policy }, attachments))
        }
        Err(error) => {
            installer.withdraw(&policy);
            Err(error)
        }
    }
}
