//! Flow records as comma-separated values (RFC 4180).

use std::fmt::{Display, Write};

use ndpi_events::{Content, FlowEnded};

/// The names of the columns.
pub const CSV_HEADER: &str = "capture,vlan,proto,src,sport,dst,dport,packets,bytes,inspected,state,\
app,app_id,master_id,category,confidence,hostname,ja4,risks,action,rule,decided_by,leaked,dropped,tunnel,\
outer_src,outer_dst,first_seen,last_seen,end,tenant,outer_tenant,findings,breed,guessed,risk_score,alpn,duration_us,\
packets_to_server,bytes_to_server,packets_to_client,bytes_to_client,tcp_fingerprint,tcp_os,\
tls_version,tls_cipher,tls_subject,tls_issuer,tls_names,http_method,http_url,http_user_agent,\
http_status,dns_query,dns_type,dns_code,dns_answers\n";

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
    line.value(record.packets_to_server);
    line.value(record.bytes_to_server);
    line.value(record.packets_to_client);
    line.value(record.bytes_to_client);
    write_content(&mut line, &label.content);
    line.out.push(b'\n');
}

fn write_content(line: &mut Line<'_>, content: &Content) {
    line.maybe(content.tcp_fingerprint.as_deref());
    line.maybe(content.tcp_os.as_deref());
    line.maybe(content.tls_version.as_deref());
    line.maybe(content.tls_cipher.as_deref());
    line.maybe(content.tls_subject.as_deref());
    line.maybe(content.tls_issuer.as_deref());
    line.text(&content.tls_names.join(";"));
    line.maybe(content.http_method.as_deref());
    line.maybe(content.http_url.as_deref());
    line.maybe(content.http_user_agent.as_deref());
    line.optional(content.http_status);
    line.maybe(content.dns_query.as_deref());
    line.optional(content.dns_type);
    line.optional(content.dns_code);
    let answers: Vec<_> = content.dns_answers.iter().map(ToString::to_string).collect();
    line.text(&answers.join(";"));
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

    fn maybe(&mut self, text: Option<&str>) {
        self.text(text.unwrap_or_default());
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
