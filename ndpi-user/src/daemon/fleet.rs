//! The policies of a fleet, as orders to whoever reloads.

use anyhow::{Context as _, Result};
use crossbeam::channel::Sender;

use super::reload::Ask;
use crate::fleet::Following;

/// Has policies that come from a bucket taken, where one is followed.
///
/// # Errors
///
/// There can be no thread.
pub(super) fn listen(following: Option<&Following>, reload: Option<Sender<Ask>>) -> Result<()> {
    let (Some(following), Some(reload)) = (following, reload) else { return Ok(()) };
    let take = move |offer| reload.send(Ask::Offer(offer)).is_ok();
    following.listen(take).context("cannot start a thread")
}
