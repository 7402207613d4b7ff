//! The live pipeline: from the kernel's rings to verdicts in its maps.

mod offload;
mod output;
mod store;
mod sweep;

pub use offload::fit;
pub use output::{Output, Writer};
pub use store::{Standing, Store, Taken, Volume};
pub use sweep::end_of;
