//! The kernel's maps, read with bpftool as a person would.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use super::flow::FlowId;
use super::{bpffs, names};
use crate::process;

/// Where the lab's `ndpi-xdp` pins its maps: beside those of another that may run on this machine.
pub(super) fn pins() -> PathBuf {
    Path::new(bpffs::MOUNT_POINT).join(names::named("maps"))
}

/// The entry of `flow` in the verdict map of its family, under the names that the map's types give
/// its fields (`formatted` in bpftool's output).
pub(super) fn verdict(flow: &FlowId) -> Result<Option<Value>> {
    let map = match flow.client.0 {
        IpAddr::V4(_) => "VERDICTS_V4",
        IpAddr::V6(_) => "VERDICTS_V6",
    };
    Ok(find(dump(map)?, flow))
}

/// `bpftool -p map dump pinned` of one of our maps.
fn dump(map: &str) -> Result<Vec<Value>> {
    let path = pins().join(map);
    let text = process::output(
        process::command("bpftool").args(["-p", "map", "dump", "pinned"]).arg(&path),
    )?;
    serde_json::from_str(&text).with_context(|| format!("bpftool on {}: {text}", path.display()))
}

fn find(entries: Vec<Value>, flow: &FlowId) -> Option<Value> {
    entries
        .into_iter()
        .map(|mut entry| entry["formatted"].take())
        .find(|entry| flow.has_key(&entry["key"]))
}
