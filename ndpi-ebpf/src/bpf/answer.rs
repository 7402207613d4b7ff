//! Return values between parts of the programs: an action for the kernel, or one of these.

/// The packet is not of the common form.
pub(super) const NOT_COMMON: i32 = -2;
/// Nothing speaks against the outer flow of a tunnel, and what is inside decides.
pub(super) const OPENED: i32 = -3;
/// The packet is no ICMP error, or the flow that it is about has no verdict.
pub(super) const NO_ERROR: i32 = -4;
/// The flow has no verdict: `undecided` goes on with the packet, which is in the scratch entry for flows. It is
/// not called from where that is found out, since what was on the stack there is needed no more.
pub(super) const UNDECIDED_V4: i32 = -5;
/// The same, of an IPv6 flow.
pub(super) const UNDECIDED_V6: i32 = -6;
/// The same, of a tenant's flow.
pub(super) const UNDECIDED_TENANT: i32 = -7;
