//! The texts of a flow that rules ask for, where they lie.

use std::borrow::Cow;

use ndpi_text::clean;

use super::details::Details;

/// Texts of a flow that rules can ask for, without their control characters: in nDPI's state while that looks at it,
/// or kept ([`Details`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleTexts<'a> {
    hostname: Option<Cow<'a, str>>,
    ja4: Option<Cow<'a, str>>,
    alpn: Option<Cow<'a, str>>,
}

impl<'a> RuleTexts<'a> {
    /// Texts as they came in packets; those that are absent are `None`, or empty.
    pub fn new(
        hostname: Option<Cow<'a, str>>,
        ja4: Option<Cow<'a, str>>,
        alpn: Option<Cow<'a, str>>,
    ) -> Self {
        Self { hostname: cleaned(hostname), ja4: cleaned(ja4), alpn: cleaned(alpn) }
    }

    /// The same with another host name.
    #[must_use]
    pub fn with_hostname(self, hostname: Cow<'a, str>) -> Self {
        Self { hostname: cleaned(Some(hostname)), ..self }
    }

    /// TLS or QUIC server name, HTTP host, DNS query; `None` where there was none.
    pub fn hostname(&self) -> Option<&str> {
        self.hostname.as_deref()
    }

    /// The JA4 fingerprint of the client's TLS hello.
    pub fn ja4(&self) -> Option<&str> {
        self.ja4.as_deref()
    }

    /// The application protocols that the client offered (RFC 7301), separated by commas.
    pub fn alpn(&self) -> Option<&str> {
        self.alpn.as_deref()
    }
}

impl<'a> From<&'a Details> for RuleTexts<'a> {
    fn from(details: &'a Details) -> Self {
        let [hostname, ja4, alpn] =
            [details.hostname(), details.ja4(), details.alpn()].map(|text| text.map(Cow::Borrowed));
        Self { hostname, ja4, alpn }
    }
}

fn cleaned(text: Option<Cow<'_, str>>) -> Option<Cow<'_, str>> {
    let text = text.filter(|text| !text.is_empty())?;
    Some(match text {
        Cow::Borrowed(text) => clean(text),
        Cow::Owned(text) => Cow::Owned(clean(&text).into_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_is_kept_of_them() {
        for texts in [["a\n.example", "t13d", "h2"], ["", "t13d\u{7f}", ""], ["", "", ""]] {
            let kept = Details::new(texts[0], texts[1], texts[2]);
            let [hostname, ja4, alpn] = texts.map(|text| Some(Cow::Borrowed(text)));
            let lying = RuleTexts::new(hostname, ja4, alpn);
            assert_eq!(lying, RuleTexts::from(&kept), "{texts:?}");
            assert_eq!(lying.hostname(), kept.hostname());
        }
    }
}
