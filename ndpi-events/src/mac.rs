//! MAC addresses, as events show them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The address of a device on an Ethernet, written as six hexadecimal numbers with colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, rest @ ..] = self.0;
        write!(f, "{first:02x}")?;
        rest.iter().try_for_each(|byte| write!(f, ":{byte:02x}"))
    }
}

impl FromStr for Mac {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.split(':').map(|byte| u8::from_str_radix(byte, 16));
        let bytes: Result<Vec<_>, _> = bytes.collect();
        let bytes = bytes.ok().and_then(|bytes| <[u8; 6]>::try_from(bytes).ok());
        bytes.map(Self).ok_or("a MAC address has six hexadecimal numbers with colons between them")
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Mac;

    #[test]
    fn an_address_is_written_as_it_is_read() {
        let mac = Mac([0x02, 0, 0xab, 0xcd, 0x0e, 0xff]);
        assert_eq!(mac.to_string(), "02:00:ab:cd:0e:ff");
        assert_eq!(mac.to_string().parse(), Ok(mac));
        for other in
            ["", "02:00:ab:cd:0e", "02:00:ab:cd:0e:ff:00", "02:00:ab:cd:0e:g0", "02-00-ab-cd-0e-ff"]
        {
            assert!(other.parse::<Mac>().is_err(), "{other}");
        }
    }
}
