//! The texts of a flow that outlive its nDPI state: host name, JA4 and ALPN, in one allocation.

use ndpi_text::clean;

/// Texts that nDPI found in a flow, copied out of it. Most flows have none, and cost nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details(Option<Box<str>>);

/// Ends each text, none of which has a control character.
const END: char = '\0';

impl Details {
    /// Keeps copies of the texts, without their control characters: they come from packets. An absent
    /// one is an empty one.
    pub fn new(hostname: &str, ja4: &str, alpn: &str) -> Self {
        if hostname.is_empty() && ja4.is_empty() && alpn.is_empty() {
            return Self(None);
        }
        let texts = [hostname, ja4, alpn];
        let length = texts.iter().map(|text| text.len() + END.len_utf8()).sum();
        let mut joined = String::with_capacity(length);
        for text in texts {
            joined.push_str(&clean(text));
            joined.push(END);
        }
        Self(Some(joined.into_boxed_str()))
    }

    /// The host name: TLS or QUIC server name, HTTP host, DNS query; `None` where there was none.
    pub fn hostname(&self) -> Option<&str> {
        self.field(0)
    }

    /// The JA4 fingerprint of the client's TLS hello.
    pub fn ja4(&self) -> Option<&str> {
        self.field(1)
    }

    /// The application protocols that the client offered (RFC 7301), separated by commas.
    pub fn alpn(&self) -> Option<&str> {
        self.field(2)
    }

    /// The same with another host name.
    #[must_use]
    pub fn with_hostname(&self, hostname: &str) -> Self {
        let [ja4, alpn] = [self.ja4(), self.alpn()].map(Option::unwrap_or_default);
        Self::new(hostname, ja4, alpn)
    }

    /// Bytes of heap that it holds, without the allocator's own.
    pub fn heap_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |text| text.len())
    }

    fn field(&self, index: usize) -> Option<&str> {
        self.0.as_ref()?.split(END).nth(index).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::Details;

    #[test]
    fn absent_texts_are_none_and_cost_nothing() {
        let none = Details::new("", "", "");
        assert_eq!((none.hostname(), none.ja4(), none.alpn()), (None, None, None));
        assert_eq!(none.heap_bytes(), 0);
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
    fn control_characters_are_replaced_and_cannot_shift_other_texts() {
        let sly = Details::new("a\0b\n\x1b[31m\u{9b}\u{7f}.local", "t13d", "");
        assert_eq!((sly.hostname(), sly.ja4()), (Some("a?b??[31m??.local"), Some("t13d")));
    }
}
