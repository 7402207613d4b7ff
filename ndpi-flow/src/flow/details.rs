//! The texts of a flow that outlive its nDPI state, in one allocation.

use ndpi_text::clean;

/// A text that nDPI found in a flow. Those that most flows have come first: what is absent at the end takes no
/// memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// TLS or QUIC server name, HTTP host, DNS query.
    Hostname,
    /// The JA4 fingerprint of the client's TLS hello.
    Ja4,
    /// The application protocols that the client offered (RFC 7301), separated by commas.
    Alpn,
    /// The fingerprint of the client's TCP stack.
    TcpFingerprint,
    /// The operating system that it is known of.
    TcpSystem,
    /// The version of TLS.
    TlsVersion,
    /// The cipher that the server chose.
    TlsCipher,
    /// The subject of the server's certificate.
    TlsSubject,
    /// Its issuer.
    TlsIssuer,
    /// The hosts that it is for, separated by commas.
    TlsNames,
    /// The method of the first HTTP request.
    HttpMethod,
    /// Its host and path.
    HttpUrl,
    /// The client's program.
    HttpUserAgent,
    /// The status code of the response, in digits.
    HttpStatus,
    /// The type of the last DNS query, in digits.
    DnsType,
    /// The code of the response, in digits.
    DnsCode,
    /// The addresses in it, separated by commas.
    DnsAnswers,
}

impl Text {
    /// How many there are.
    pub const COUNT: usize = Self::DnsAnswers as usize + 1;

    /// How many rules can ask for: the first of them.
    const FOR_RULES: usize = Self::Alpn as usize + 1;

    /// The most bytes of a text that are kept. What rules ask for is bounded by nDPI, and kept whole.
    const LONGEST: usize = 256;
}

/// Texts that nDPI found in a flow, copied out of it. Most flows have none, and cost nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details(Option<Box<str>>);

/// Ends each text, none of which has a control character.
const END: char = '\0';

impl Details {
    /// Keeps copies of the three texts that rules can ask for.
    pub fn new(hostname: &str, ja4: &str, alpn: &str) -> Self {
        Self::numbered([hostname, ja4, alpn].into_iter().enumerate())
    }

    fn numbered<'a>(texts: impl Iterator<Item = (usize, &'a str)>) -> Self {
        let mut builder = DetailsBuilder::default();
        texts.for_each(|(index, text)| builder.put(index, text));
        builder.finish()
    }

    /// A text; `None` where there was none.
    pub fn get(&self, text: Text) -> Option<&str> {
        self.0.as_ref()?.split(END).nth(text as usize).filter(|text| !text.is_empty())
    }

    /// All texts, by [`Text`]; an absent one is empty. Whoever wants several looks through them once.
    pub fn all(&self) -> [&str; Text::COUNT] {
        let mut texts = [""; Text::COUNT];
        texts.iter_mut().zip(self.texts()).for_each(|(place, text)| *place = text);
        texts
    }

    /// The host name: TLS or QUIC server name, HTTP host, DNS query; `None` where there was none.
    pub fn hostname(&self) -> Option<&str> {
        self.get(Text::Hostname)
    }

    /// The JA4 fingerprint of the client's TLS hello.
    pub fn ja4(&self) -> Option<&str> {
        self.get(Text::Ja4)
    }

    /// The application protocols that the client offered (RFC 7301), separated by commas.
    pub fn alpn(&self) -> Option<&str> {
        self.get(Text::Alpn)
    }

    /// The same with another host name.
    #[must_use]
    pub fn with_hostname(&self, hostname: &str) -> Self {
        let others = self.texts().enumerate().skip(1);
        Self::numbered([(Text::Hostname as usize, hostname)].into_iter().chain(others))
    }

    /// Those that rules can ask for: what is kept of a flow that had to make room.
    #[must_use]
    pub fn for_rules(&self) -> Self {
        Self::numbered(self.texts().take(Text::FOR_RULES).enumerate())
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|texts| texts.split_terminator(END))
    }

    /// Bytes of heap that it holds, without the allocator's own.
    pub fn heap_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |text| text.len())
    }
}

/// Puts the texts of a flow together.
#[derive(Debug, Default)]
pub struct DetailsBuilder {
    joined: String,
    /// The least number that the next text may have.
    next: usize,
}

impl DetailsBuilder {
    /// Keeps a copy of a text, as far as it is not too long, without its control characters: it comes from packets.
    /// Texts are given in the order of [`Text`]; those left out, or empty, are absent.
    pub fn text(&mut self, which: Text, text: &str) {
        self.put(which as usize, text);
    }

    /// All that was kept.
    #[must_use]
    pub fn finish(self) -> Details {
        Details((!self.joined.is_empty()).then(|| self.joined.into_boxed_str()))
    }

    fn put(&mut self, index: usize, text: &str) {
        debug_assert!(index >= self.next, "text {index} comes after {}", self.next);
        if text.is_empty() {
            return;
        }
        self.joined.extend((self.next..index).map(|_| END));
        self.joined.push_str(&clean(bounded(index, text)));
        self.joined.push(END);
        self.next = index + 1;
    }
}

/// The text without what is too long, cut between characters.
fn bounded(index: usize, text: &str) -> &str {
    let most = if index < Text::FOR_RULES { text.len() } else { Text::LONGEST };
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::{Details, DetailsBuilder, Text};

    fn only(which: Text, text: &str) -> Details {
        let mut builder = DetailsBuilder::default();
        builder.text(which, text);
        builder.finish()
    }

    #[test]
    fn absent_texts_are_none_and_cost_nothing() {
        let none = Details::new("", "", "");
        assert_eq!((none.hostname(), none.ja4(), none.alpn()), (None, None, None));
        assert_eq!(none.heap_bytes(), 0);
        assert_eq!(Details::new("a", "", "").heap_bytes(), 2);
    }

    #[test]
    fn each_text_comes_back() {
        let all = Details::new("www.example.org", "t13d", "h2,http/1.1");
        assert_eq!(all.hostname(), Some("www.example.org"));
        assert_eq!(all.ja4(), Some("t13d"));
        assert_eq!(all.alpn(), Some("h2,http/1.1"));
        assert_eq!(Details::new("", "t13d", "").ja4(), Some("t13d"));
    }

    #[test]
    fn texts_stay_beside_another_host_name() {
        let details = only(Text::HttpUrl, "/path").with_hostname("a.example");
        assert_eq!(
            (details.hostname(), details.get(Text::HttpUrl)),
            (Some("a.example"), Some("/path"))
        );
        assert_eq!(details.all()[Text::HttpUrl as usize], "/path");
        assert_eq!(details.all().concat(), "a.example/path");
        assert_eq!(details.for_rules(), Details::new("a.example", "", ""));
        assert_eq!(Details::default().with_hostname("b"), Details::new("b", "", ""));
    }

    #[test]
    fn no_text_is_long() {
        let kept =
            |text: &str| only(Text::HttpUserAgent, text).get(Text::HttpUserAgent).map(str::len);
        assert_eq!(kept(&"é".repeat(1000)), Some(Text::LONGEST));
        assert_eq!(kept(&format!("a{}", "é".repeat(1000))), Some(Text::LONGEST - 1));
    }

    #[test]
    fn control_characters_are_replaced_and_cannot_shift_other_texts() {
        let sly = Details::new("a\0b\n\x1b[31m\u{9b}\u{7f}.local", "t13d", "");
        assert_eq!((sly.hostname(), sly.ja4()), (Some("a?b??[31m??.local"), Some("t13d")));
    }
}
