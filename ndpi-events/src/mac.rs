//! MAC addresses, as events show them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The address of a device on an Ethernet, written as six hexadecimal numbers with colons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// As it is written; by hand, as every record has two.
    fn digits(self) -> [u8; LENGTH] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b':'; LENGTH];
        for (place, byte) in text.chunks_mut(3).zip(self.0) {
            place[0] = DIGITS[usize::from(byte >> 4)];
            place[1] = DIGITS[usize::from(byte & 0xf)];
        }
        text
    }
}

/// Bytes of an address as it is written.
const LENGTH: usize = "00:00:00:00:00:00".len();

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).map_err(|_| fmt::Error)?)
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
        let digits = self.digits();
        let text = std::str::from_utf8(&digits).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(text)
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
    fn every_byte_has_two_digits_at_every_place() {
        for (byte, place) in (0..=u8::MAX).flat_map(|byte| (0..6).map(move |place| (byte, place))) {
            let mut bytes = [0x5a; 6];
            bytes[place] = byte;
            let expected = bytes.map(|byte| format!("{byte:02x}")).join(":");
            assert_eq!(Mac(bytes).to_string(), expected);
            let written = serde_json::to_string(&Mac(bytes)).unwrap();
            assert_eq!(written, format!("\"{expected}\""));
        }
    }

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
