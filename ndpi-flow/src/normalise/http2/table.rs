//! The table of fields that later ones of HPACK refer to (RFC 7541, section 2.3), as far as they name a host.

use std::collections::VecDeque;

/// The names of the fields that need not have been sent (appendix A).
const STATIC: [&str; 61] = [
    ":authority",
    ":method",
    ":method",
    ":path",
    ":path",
    ":scheme",
    ":scheme",
    ":status",
    ":status",
    ":status",
    ":status",
    ":status",
    ":status",
    ":status",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "accept",
    "access-control-allow-origin",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "link",
    "location",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "refresh",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
];
/// The size of the table where nobody says another (section 4.2, RFC 9113, section 6.5.2), and the most that is kept.
const USUAL_SIZE: u32 = 4096;
/// What an entry counts beside its texts (section 4.1).
const ENTRY: u32 = 32;

/// The name of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// One whose value is a host.
    Host { length: u32 },
    /// Another.
    Other { length: u32 },
    /// It was sent when nobody looked.
    Unknown,
}

impl Name {
    /// A name of `length` bytes that begins so.
    pub(super) fn of(bytes: &[u8], length: u32) -> Self {
        if [&b":authority"[..], b"host"].contains(&bytes) {
            Self::Host { length }
        } else {
            Self::Other { length }
        }
    }

    fn length(self) -> u32 {
        match self {
            Self::Host { length } | Self::Other { length } => length,
            Self::Unknown => 0,
        }
    }
}

/// A field that was sent before.
#[derive(Clone, Debug)]
struct Entry {
    name: Name,
    /// Its value, where that is a host.
    host: Option<Box<str>>,
    size: u32,
}

/// What is known of a field that is referred to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known<'t> {
    pub(super) name: Name,
    /// Its value, where that is a host.
    pub(super) host: Option<&'t str>,
}

/// The fields that may be referred to.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Those that were sent, the last one first.
    entries: VecDeque<Entry>,
    size: u32,
    most: u32,
}

impl Default for Table {
    fn default() -> Self {
        Self { entries: VecDeque::new(), size: 0, most: USUAL_SIZE }
    }
}

impl Table {
    /// The field with this number.
    pub(super) fn get(&self, number: u32) -> Known<'_> {
        let place = (number as usize).checked_sub(1);
        if let Some(name) = place.and_then(|place| STATIC.get(place)) {
            // None of them has a host for its value.
            let length = u32::try_from(name.len()).unwrap_or_default();
            return Known { name: Name::of(name.as_bytes(), length), host: None };
        }
        let sent = place.and_then(|place| self.entries.get(place - STATIC.len()));
        match sent {
            Some(entry) => Known { name: entry.name, host: entry.host.as_deref() },
            None => Known { name: Name::Unknown, host: None },
        }
    }

    /// A field was sent that may be referred to from here on, with a value of `length` bytes.
    pub(super) fn add(&mut self, name: Name, length: u32, host: Option<Box<str>>) {
        let size = ENTRY.saturating_add(name.length()).saturating_add(length);
        self.shrink(self.most.saturating_sub(size));
        if size <= self.most {
            self.size += size;
            self.entries.push_front(Entry { name, host, size });
        }
    }

    /// The sender keeps so much from here on. Of a larger table what was sent last is known.
    pub(super) fn resize(&mut self, most: u32) {
        self.most = most.min(USUAL_SIZE);
        self.shrink(self.most);
    }

    /// Nothing is known any more of what was sent.
    pub(super) fn forget(&mut self) {
        self.shrink(0);
    }

    /// How many bytes it keeps, about.
    pub(super) fn kept(&self) -> usize {
        self.size as usize
    }

    fn shrink(&mut self, most: u32) {
        while self.size > most {
            self.size -= self.entries.pop_back().map_or(self.size, |entry| entry.size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Name, Table, USUAL_SIZE};

    fn host(table: &Table, number: u32) -> Option<&str> {
        table.get(number).host
    }

    fn add(table: &mut Table, host: &str) {
        let length = u32::try_from(host.len()).unwrap();
        table.add(Name::Host { length: 10 }, length, Some(host.into()));
    }

    #[test]
    fn fields_are_numbered_from_the_last_one_that_was_sent() {
        let mut table = Table::default();
        assert_eq!(table.get(1).name, Name::Host { length: 10 });
        assert_eq!(table.get(38).name, Name::Host { length: 4 });
        assert_eq!(table.get(61).name, Name::Other { length: 16 });
        assert_eq!((table.get(0).name, table.get(62).name), (Name::Unknown, Name::Unknown));
        add(&mut table, "one.example");
        add(&mut table, "two.example");
        assert_eq!(
            (host(&table, 62), host(&table, 63)),
            (Some("two.example"), Some("one.example"))
        );
        table.forget();
        assert_eq!(table.get(62).name, Name::Unknown);
    }

    #[test]
    fn what_goes_beyond_its_size_is_forgotten() {
        let mut table = Table::default();
        table.resize(2 * (32 + 10 + 3));
        for host in ["a.b", "c.d", "e.f"] {
            add(&mut table, host);
        }
        assert_eq!([62, 63, 64].map(|it| host(&table, it)), [Some("e.f"), Some("c.d"), None]);
        add(&mut table, &"x".repeat(100));
        assert_eq!(table.kept(), 0, "larger than all of it");
        table.resize(u32::MAX);
        for _ in 0..1000 {
            add(&mut table, "a.b");
        }
        assert!(table.kept() <= USUAL_SIZE as usize && table.entries.len() < 100);
    }
}
