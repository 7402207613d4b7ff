//! The key that distinguishes flows: the canonical key that the kernel side uses, too.

pub use ndpi_common::{Endpoint, Key as FlowKey};
