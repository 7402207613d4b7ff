//! Records of flows that the program has written, to be compared with others of the same flows.

use std::collections::BTreeMap;

use serde_json::Value;

/// A flow's capture, protocol and ends in order; several flows may share it, in VLANs.
pub type FlowKey = (String, u64, [(String, u64); 2]);

/// Records of flows, each to be taken once.
#[derive(Clone, Debug, Default)]
pub struct FlowRecords(BTreeMap<FlowKey, Vec<Value>>);

impl FlowRecords {
    /// Those among the JSON lines of a run.
    pub fn of(lines: &str) -> Self {
        let mut records = Self::default();
        for line in lines.lines() {
            let record: Value = serde_json::from_str(line).expect("a JSON record a line");
            if record["type"] == "flow" {
                records.0.entry(flow_key(&record)).or_default().push(record);
            }
        }
        records
    }

    /// Takes the record of a flow: of several with its key the one that agrees with it best, by these fields.
    pub fn take_nearest(&mut self, flow: &Value, fields: &[&str]) -> Option<Value> {
        let same = self.0.get_mut(&flow_key(flow))?;
        let agreement = |record: &Value| fields.iter().filter(|f| record[**f] == flow[**f]).count();
        let best = (0..same.len()).max_by_key(|&at| agreement(&same[at]))?;
        Some(same.swap_remove(best))
    }
}

/// The key of a record's flow.
pub fn flow_key(record: &Value) -> FlowKey {
    let text = |field: &str| record[field].as_str().expect(field).to_owned();
    let number = |field: &str| record[field].as_u64().expect(field);
    let mut ends = [(text("src"), number("sport")), (text("dst"), number("dport"))];
    ends.sort();
    (text("capture"), number("proto"), ends)
}
