//! The texts that nDPI has of a flow.

use std::fmt::Display;

use ndpi::{Dns, Flow, HoldsEngine, Http, Tls};

use crate::flow::{Details, DetailsBuilder, Text};

/// Copies of them, the host name being `hostname`.
pub(super) fn of<E: HoldsEngine>(flow: &Flow<E>, hostname: &str) -> Details {
    let mut texts = DetailsBuilder::default();
    texts.text(Text::Hostname, hostname);
    put(&mut texts, Text::Ja4, flow.ja4());
    put(&mut texts, Text::Alpn, flow.alpn());
    if let Some(tcp) = flow.tcp_fingerprint() {
        texts.text(Text::TcpFingerprint, &tcp.fingerprint);
        put(&mut texts, Text::TcpSystem, tcp.system);
    }
    if let Some(tls) = flow.tls() {
        tls_texts(tls, &mut texts);
    }
    if let Some(http) = flow.http() {
        http_texts(http, &mut texts);
    }
    if let Some(dns) = flow.dns() {
        dns_texts(&dns, &mut texts);
    }
    texts.finish()
}

fn tls_texts(tls: Tls, texts: &mut DetailsBuilder) {
    put(texts, Text::TlsVersion, tls.version);
    put(texts, Text::TlsCipher, tls.cipher);
    if let Some(certificate) = tls.certificate {
        put(texts, Text::TlsSubject, certificate.subject);
        put(texts, Text::TlsIssuer, certificate.issuer);
        put(texts, Text::TlsNames, joined(certificate.names));
    }
}

fn http_texts(http: Http, texts: &mut DetailsBuilder) {
    put(texts, Text::HttpMethod, http.method);
    put(texts, Text::HttpUrl, http.url);
    put(texts, Text::HttpUserAgent, http.user_agent);
    put(texts, Text::HttpStatus, http.status.map(|status| status.to_string()));
}

fn dns_texts(dns: &Dns, texts: &mut DetailsBuilder) {
    if dns.query_type > 0 {
        texts.text(Text::DnsType, &dns.query_type.to_string());
    }
    let Some(response) = &dns.response else { return };
    texts.text(Text::DnsCode, &response.code.to_string());
    put(texts, Text::DnsAnswers, joined(response.addresses.iter().map(|it| it.address)));
}

fn put(texts: &mut DetailsBuilder, which: Text, text: Option<impl AsRef<str>>) {
    if let Some(text) = text {
        texts.text(which, text.as_ref());
    }
}

fn joined(parts: impl IntoIterator<Item = impl Display>) -> Option<String> {
    let parts: Vec<String> = parts.into_iter().map(|part| part.to_string()).collect();
    (!parts.is_empty()).then(|| parts.join(","))
}
