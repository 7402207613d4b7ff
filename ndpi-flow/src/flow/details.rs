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

/// Texts by [`Text`]; an absent one is empty.
pub type Texts<'a> = [std::borrow::Cow<'a, str>; Text::COUNT];

/// Texts that nDPI found in a flow, copied out of it. Most flows have none, and cost nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details(Option<Box<str>>);

/// Ends each text, none of which has a control character.
const END: char = '\0';

impl Details {
    /// Keeps copies of the three texts that rules can ask for.
    pub fn new(hostname: &str, ja4: &str, alpn: &str) -> Self {
        Self::join(&[hostname, ja4, alpn])
    }

    /// Keeps copies of the texts, as far as they are not too long, without their control characters: they come
    /// from packets.
    pub fn of(texts: &Texts<'_>) -> Self {
        Self::join(texts)
    }

    fn join<T: AsRef<str>>(texts: &[T]) -> Self {
        let texts = texts.iter().map(T::as_ref).enumerate();
        let Some((last, _)) = texts.clone().rfind(|(_, text)| !text.is_empty()) else {
            return Self(None);
        };
        let texts = texts.take(last + 1).map(|(index, text)| bounded(index, text));
        let length = texts.clone().map(|text| text.len() + END.len_utf8()).sum();
        let mut joined = String::with_capacity(length);
        for text in texts {
            joined.push_str(&clean(text));
            joined.push(END);
        }
        Self(Some(joined.into_boxed_str()))
    }

    /// A text; `None` where there was none.
    pub fn get(&self, text: Text) -> Option<&str> {
        self.0.as_ref()?.split(END).nth(text as usize).filter(|text| !text.is_empty())
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

    /// Whether there is more than rules can ask for.
    pub fn has_content(&self) -> bool {
        self.0.as_ref().is_some_and(|texts| texts.split(END).nth(Text::FOR_RULES + 1).is_some())
    }

    /// The same with another host name.
    #[must_use]
    pub fn with_hostname(&self, hostname: &str) -> Self {
        let mut texts: Vec<&str> = self.texts().collect();
        match texts.first_mut() {
            Some(first) => *first = hostname,
            None => texts.push(hostname),
        }
        Self::join(&texts)
    }

    /// Those that rules can ask for: what is kept of a flow that had to make room.
    #[must_use]
    pub fn for_rules(&self) -> Self {
        Self::join(&self.texts().take(Text::FOR_RULES).collect::<Vec<_>>())
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|texts| texts.split_terminator(END))
    }

    /// Bytes of heap that it holds, without the allocator's own.
    pub fn heap_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |text| text.len())
    }
}

/// The text without what is too long, cut between characters.
fn bounded(index: usize, text: &str) -> &str {
    let most = if index < Text::FOR_RULES { text.len() } else { Text::LONGEST };
    &text[..text.floor_char_boundary(most)]
}

#[cfg(test)]
mod tests {
    use super::{Details, Text, Texts};

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
        assert!(!all.has_content());
    }

    #[test]
    fn texts_stay_beside_another_host_name() {
        let mut texts = Texts::default();
        texts[Text::HttpUrl as usize] = "/path".into();
        let details = Details::of(&texts).with_hostname("a.example");
        assert_eq!(
            (details.hostname(), details.get(Text::HttpUrl)),
            (Some("a.example"), Some("/path"))
        );
        assert!(details.has_content());
        assert_eq!(details.for_rules(), Details::new("a.example", "", ""));
        assert_eq!(Details::default().with_hostname("b"), Details::new("b", "", ""));
    }

    #[test]
    fn no_text_is_long() {
        let mut texts = Texts::default();
        texts[Text::HttpUserAgent as usize] = "é".repeat(1000).into();
        let details = Details::of(&texts);
        assert_eq!(details.get(Text::HttpUserAgent).map(str::len), Some(Text::LONGEST));
        texts[Text::HttpUserAgent as usize] = format!("a{}", "é".repeat(1000)).into();
        assert_eq!(Details::of(&texts).get(Text::HttpUserAgent).map(str::len), Some(255));
    }

    #[test]
    fn control_characters_are_replaced_and_cannot_shift_other_texts() {
        let sly = Details::new("a\0b\n\x1b[31m\u{9b}\u{7f}.local", "t13d", "");
        assert_eq!((sly.hostname(), sly.ja4()), (Some("a?b??[31m??.local"), Some("t13d")));
    }
}
