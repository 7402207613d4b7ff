//! Flow records as comma-separated values (RFC 4180).

use std::fmt::{Display, Write};

use ndpi_events::FlowEnded;

/// The names of the columns.
pub const CSV_HEADER: &str = "capture,vlan,proto,src,sport,dst,dport,packets,bytes,inspected,state,\
app,app_id,master_id,category,confidence,hostname,ja4,risks,action,rule,decided_by,leaked,dropped,tunnel,\
outer_src,outer_dst,first_seen,last_seen,end,tenant,outer_tenant,findings,breed,guessed,risk_score,alpn,duration_us\n";

/// Appends `record` as a line to `out`. Risks and findings are separated by semicolons; absent facts are empty.
pub fn write_csv(out: &mut Vec<u8>, record: &FlowEnded) {
    let FlowEnded { ends, label, tunnel, .. } = record;
    let mut line = Line { out, empty: true };
    line.text(ends.capture.as_deref().unwrap_or_default());
    line.value(ends.vlan);
    line.value(ends.proto);
    line.value(ends.src);
    line.value(ends.sport);
    line.value(ends.dst);
    line.value(ends.dport);
    line.value(record.packets);
    line.value(record.bytes);
    line.value(record.inspected);
    line.text(&label.state);
    line.text(&label.app);
    line.value(label.app_id);
    line.value(label.master_id);
    line.text(&label.category);
    line.text(&label.confidence);
    line.text(label.hostname.as_deref().unwrap_or_default());
    line.text(label.ja4.as_deref().unwrap_or_default());
    line.text(&label.risks.join(";"));
    line.text(label.action.as_deref().unwrap_or_default());
    line.text(label.rule.as_deref().unwrap_or_default());
    line.text(label.decided_by.as_deref().unwrap_or_default());
    line.optional(record.leaked);
    line.optional(record.dropped);
    line.text(tunnel.as_ref().map_or("", |tunnel| &tunnel.kind));
    line.optional(tunnel.as_ref().map(|tunnel| tunnel.src));
    line.optional(tunnel.as_ref().map(|tunnel| tunnel.dst));
    line.value(record.first_seen);
    line.value(record.last_seen);
    line.text(&record.end);
    line.optional(tunnel.as_ref().and_then(|tunnel| tunnel.tenant));
    line.optional(tunnel.as_ref().and_then(|tunnel| tunnel.outer_tenant));
    line.text(&label.findings.join(";"));
    line.text(label.breed.as_deref().unwrap_or_default());
    line.value(label.guessed);
    line.optional(label.risk_score);
    line.text(label.alpn.as_deref().unwrap_or_default());
    line.value(record.duration_us);
    line.out.push(b'\n');
}

struct Line<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl Line<'_> {
    /// A field without commas, quotes or line ends.
    fn value(&mut self, value: impl Display) {
        self.separate();
        let mut text = Bytes(self.out);
        // Writing to memory cannot fail.
        let _ = write!(text, "{value}");
    }

    fn optional(&mut self, value: Option<impl Display>) {
        match value {
            Some(value) => self.value(value),
            None => self.separate(),
        }
    }

    fn text(&mut self, text: &str) {
        self.separate();
        if text.contains(['"', ',', '\n', '\r']) {
            self.out.push(b'"');
            self.out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
            self.out.push(b'"');
        } else {
            self.out.extend_from_slice(text.as_bytes());
        }
    }

    fn separate(&mut self) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
    }
}

struct Bytes<'a>(&'a mut Vec<u8>);

impl Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
