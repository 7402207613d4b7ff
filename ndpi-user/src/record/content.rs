//! The content of a flow, for records: names and fingerprints that its packets brought.

use ndpi::AppId;
use ndpi_events::Content;
use ndpi_flow::Text;

/// nDPI's numbers of the protocols that ask for names: DNS, mDNS and LLMNR.
const ASKING: [u16; 3] = [5, 8, 154];

/// The fields of a flow with these texts, classified as `app`. One that has none but those that rules can ask for has
/// no content.
pub(super) fn content(texts: &[&str; Text::COUNT], app: AppId) -> Content {
    if texts[Text::TcpFingerprint as usize..].iter().all(|text| text.is_empty()) {
        return Content::default();
    }
    let get = |text: Text| Some(texts[text as usize]).filter(|text| !text.is_empty());
    let text = |text| get(text).map(Box::from);
    let number = |text| get(text).and_then(|digits| digits.parse().ok());
    let list = |text| get(text).into_iter().flat_map(|list| list.split(','));
    let is_asking = ASKING.contains(&app.master) || ASKING.contains(&app.app);
    Content {
        tcp_fingerprint: text(Text::TcpFingerprint),
        tcp_os: text(Text::TcpSystem),
        tls_version: text(Text::TlsVersion),
        tls_cipher: text(Text::TlsCipher),
        tls_subject: text(Text::TlsSubject),
        tls_issuer: text(Text::TlsIssuer),
        tls_names: list(Text::TlsNames).map(Box::from).collect(),
        http_method: text(Text::HttpMethod),
        http_url: text(Text::HttpUrl),
        http_user_agent: text(Text::HttpUserAgent),
        http_status: number(Text::HttpStatus),
        dns_query: text(Text::Hostname).filter(|_| is_asking),
        dns_type: number(Text::DnsType),
        dns_code: number(Text::DnsCode),
        dns_answers: list(Text::DnsAnswers).filter_map(|it| it.parse().ok()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use ndpi_flow::{Details, DetailsBuilder};

    use super::*;

    const DNS: AppId = AppId { master: 5, app: 5 };

    #[test]
    fn there_is_content_where_the_texts_say_that_there_is() {
        for text in [Text::TcpFingerprint, Text::TlsVersion, Text::HttpUrl, Text::DnsAnswers] {
            let mut builder = DetailsBuilder::default();
            builder.text(Text::Hostname, "a.example");
            builder.text(text, "198.18.0.1");
            let details = builder.finish();
            let content = content(&details.all(), DNS);
            assert_eq!(content.dns_query.as_deref(), Some("a.example"));
        }
        let details = Details::new("a.example", "t13d", "h2");
        assert_eq!(content(&details.all(), DNS), Content::default());
        assert_eq!(content(&Details::default().all(), DNS), Content::default());
    }
}
