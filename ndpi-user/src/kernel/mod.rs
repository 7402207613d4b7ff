//! The kernel side, as seen from user space.

pub mod object;
