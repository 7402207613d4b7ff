//! The fields of requests (RFC 7541, section 6), as far as they name a host.

use std::mem;

use super::broken::Broken;
use super::number::Number;
use super::table::{Name, Table};
use super::text::Text;
use crate::normalise::host::{MOST_HOSTS, host_name};

/// What a sender has said in its blocks of fields.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    table: Table,
    place: Place,
    hosts: Vec<Box<str>>,
    /// A field was referred to that is not known.
    is_unclear: bool,
}

/// Within a field.
#[derive(Clone, Debug, Default)]
enum Place {
    /// Before it.
    #[default]
    Start,
    /// In the number of one that is referred to.
    Known(Number),
    /// In the size that the table has from here on.
    Size(Number),
    /// In the number of the name of one that may be referred to later, or may not.
    NameOf(Number, bool),
    /// In its name.
    Name(Option<Text>, bool),
    /// In its value.
    Value(Name, Option<Text>, bool),
}

impl Block {
    /// The next byte.
    pub(super) fn take(&mut self, byte: u8) -> Result<(), Broken> {
        match &mut self.place {
            Place::Start => self.place = Place::begin(byte),
            Place::Known(number) | Place::Size(number) | Place::NameOf(number, _) => {
                number.take(byte)?;
            }
            Place::Name(text, _) | Place::Value(_, text, _) => match text {
                Some(text) => text.take(byte)?,
                None => *text = Some(Text::begin(byte)),
            },
        }
        self.go_on();
        Ok(())
    }

    /// The block is over: the hosts in it, and whether there may have been one that is not known.
    pub(super) fn end(&mut self) -> Result<(Vec<Box<str>>, bool), Broken> {
        let is_unclear = mem::take(&mut self.is_unclear);
        let hosts = mem::take(&mut self.hosts);
        match mem::take(&mut self.place) {
            Place::Start => Ok((hosts, is_unclear)),
            _ => Err(Broken),
        }
    }

    /// Some of what was sent went by unseen.
    pub(super) fn lose(&mut self) {
        self.table.forget();
        (self.place, self.is_unclear) = Default::default();
        self.hosts = Vec::new();
    }

    /// How many bytes it keeps, about.
    pub(super) fn kept(&self) -> usize {
        self.table.kept()
    }

    /// Goes on behind what is whole.
    fn go_on(&mut self) {
        self.place = match mem::take(&mut self.place) {
            Place::Known(number) if let Some(number) = number.whole() => {
                let known = self.table.get(number);
                self.is_unclear |= known.name == Name::Unknown;
                let host = known.host.map(Into::into);
                self.found(host);
                Place::Start
            }
            Place::Size(size) if let Some(size) = size.whole() => {
                self.table.resize(size);
                Place::Start
            }
            Place::NameOf(number, is_kept) if let Some(number) = number.whole() => match number {
                0 => Place::Name(None, is_kept),
                _ => Place::Value(self.table.get(number).name, None, is_kept),
            },
            Place::Name(Some(name), is_kept) if name.is_whole() => {
                Place::Value(Name::of(name.bytes(), name.length()), None, is_kept)
            }
            Place::Value(name, Some(value), is_kept) if value.is_whole() => {
                self.field(name, &value, is_kept);
                Place::Start
            }
            place => place,
        };
    }

    fn field(&mut self, name: Name, value: &Text, is_kept: bool) {
        self.is_unclear |= name == Name::Unknown;
        let host = match name {
            Name::Host { .. } => host_name(value.bytes()),
            Name::Other { .. } | Name::Unknown => None,
        };
        if is_kept {
            self.table.add(name, value.length(), host.clone());
        }
        self.found(host);
    }

    fn found(&mut self, host: Option<Box<str>>) {
        self.hosts.extend(host.filter(|_| self.hosts.len() < MOST_HOSTS));
    }
}

impl Place {
    /// By the first byte of a field.
    fn begin(byte: u8) -> Self {
        match byte {
            0x80.. => Self::Known(Number::begin(byte, 7)),
            0x40.. => Self::NameOf(Number::begin(byte, 6), true),
            0x20.. => Self::Size(Number::begin(byte, 5)),
            _ => Self::NameOf(Number::begin(byte, 4), false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Block;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<_> = hex.bytes().filter(|byte| *byte != b' ').collect();
        let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    fn hosts(block: &mut Block, hex: &str) -> Option<(Vec<String>, bool)> {
        for byte in bytes(hex) {
            block.take(byte).ok()?;
        }
        let (hosts, is_unclear) = block.end().ok()?;
        Some((hosts.into_iter().map(Into::into).collect(), is_unclear))
    }

    /// RFC 7541, appendix C.3: three requests on one connection.
    const WRITTEN_OUT: [&str; 3] = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    /// Appendix C.4: the same in the code.
    const CODED: [&str; 3] = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];

    #[test]
    fn the_requests_of_the_standard_name_their_hosts() {
        for requests in [WRITTEN_OUT, CODED] {
            let mut block = Block::default();
            for request in requests {
                let said = hosts(&mut block, request).unwrap();
                assert_eq!(said, (vec!["www.example.com".into()], false));
            }
            // Appendix C.3.3: 54 for the custom field, 53 and 57 for those before it.
            assert_eq!(block.kept(), 164);
        }
    }

    #[test]
    fn a_host_is_named_in_any_form() {
        for field in [
            // Not to be referred to later, or never; with a name of its own, also in the code.
            "01 03 612e62",
            "11 03 612e62",
            "0f17 03 612e62",
            "40 04 686f7374 03 612e62",
            "00 83 9ce84f 03 612e62",
            "00 0a 3a617574686f72697479 03 612e62",
        ] {
            assert_eq!(hosts(&mut Block::default(), field).unwrap().0, ["a.b"], "{field}");
        }
        let both = hosts(&mut Block::default(), "4103 612e62 6603 632e64").unwrap();
        assert_eq!(both.0, ["a.b", "c.d"], "a host beside the authority");
    }

    #[test]
    fn a_field_that_was_sent_unseen_is_a_doubt() {
        let mut block = Block::default();
        hosts(&mut block, WRITTEN_OUT[0]).unwrap();
        block.lose();
        assert_eq!(hosts(&mut block, "82be"), Some((vec![], true)));
        assert_eq!(hosts(&mut block, "82"), Some((vec![], false)), "once");
        // What was sent since is known.
        assert_eq!(hosts(&mut block, "4103 612e62").unwrap().0, ["a.b"]);
        assert_eq!(hosts(&mut block, "be"), Some((vec!["a.b".into()], false)));
    }

    #[test]
    fn half_a_field_is_broken() {
        assert_eq!(hosts(&mut Block::default(), "8241 0f77"), None);
    }
}
