//! The statistics of an instance.

use serde_json::Value;
use testkit::sandbox::Sandbox;

/// Packets that nDPI was not given, as user space was behind.
pub(crate) fn not_inspected(sandbox: &Sandbox) -> u64 {
    let status: Value = serde_json::from_str(&sandbox.run("status --json").stdout).unwrap();
    let losses = ["held_back", "left_out"].map(|it| status["losses"][it].as_u64().unwrap_or(0));
    losses.iter().sum()
}

/// Packets that left the programs in this way, for this reason.
pub(crate) fn counted(sandbox: &Sandbox, outcome: &str, reason: &str) -> u64 {
    let status: Value = serde_json::from_str(&sandbox.run("status --json").stdout).unwrap();
    let all = status["packets"].as_array().unwrap().iter();
    let fitting =
        all.filter(|it| it["outcome"] == outcome && (it["reason"] == reason || reason == "*"));
    fitting.map(|it| it["packets"].as_u64().unwrap()).sum()
}
