//! The texts that nDPI has of a flow.

use std::borrow::Cow;
use std::fmt::Display;

use ndpi::{Dns, Flow, HoldsEngine, Http, Tls};

use crate::flow::{Details, Text, Texts};

/// Copies of them, the host name being `hostname`.
pub(super) fn of<E: HoldsEngine>(flow: &Flow<E>, hostname: &str) -> Details {
    let mut texts = Texts::default();
    let mut set = |text: Text, value: Option<Cow<'static, str>>| {
        texts[text as usize] = value.unwrap_or_default();
    };
    set(Text::Ja4, flow.ja4().map(owned));
    set(Text::Alpn, flow.alpn().map(owned));
    if let Some(tcp) = flow.tcp_fingerprint() {
        set(Text::TcpFingerprint, Some(tcp.fingerprint.into()));
        set(Text::TcpSystem, tcp.system.map(Into::into));
    }
    if let Some(tls) = flow.tls() {
        tls_texts(tls, &mut set);
    }
    if let Some(http) = flow.http() {
        http_texts(http, &mut set);
    }
    if let Some(dns) = flow.dns() {
        dns_texts(&dns, &mut set);
    }
    texts[Text::Hostname as usize] = hostname.into();
    Details::of(&texts)
}

type Set<'a> = &'a mut dyn FnMut(Text, Option<Cow<'static, str>>);

fn tls_texts(tls: Tls, set: Set<'_>) {
    set(Text::TlsVersion, tls.version.map(Into::into));
    set(Text::TlsCipher, tls.cipher.map(Into::into));
    if let Some(certificate) = tls.certificate {
        set(Text::TlsSubject, certificate.subject.map(Into::into));
        set(Text::TlsIssuer, certificate.issuer.map(Into::into));
        set(Text::TlsNames, joined(certificate.names));
    }
}

fn http_texts(http: Http, set: Set<'_>) {
    set(Text::HttpMethod, http.method.map(Into::into));
    set(Text::HttpUrl, http.url.map(Into::into));
    set(Text::HttpUserAgent, http.user_agent.map(Into::into));
    set(Text::HttpStatus, http.status.map(|status| status.to_string().into()));
}

fn dns_texts(dns: &Dns, set: Set<'_>) {
    set(Text::DnsType, Some(dns.query_type.to_string().into()).filter(|_| dns.query_type > 0));
    let Some(response) = &dns.response else { return };
    set(Text::DnsCode, Some(response.code.to_string().into()));
    set(Text::DnsAnswers, joined(response.addresses.iter().map(|it| it.address)));
}

fn joined(parts: impl IntoIterator<Item = impl Display>) -> Option<Cow<'static, str>> {
    let parts: Vec<String> = parts.into_iter().map(|part| part.to_string()).collect();
    (!parts.is_empty()).then(|| parts.join(",").into())
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    text.into_owned().into()
}
