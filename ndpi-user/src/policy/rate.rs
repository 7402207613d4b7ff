//! Rates and sizes: `"10 mbit/s"`, `"64 kB"`.

use self::QuantityError::{Bounds, Form};

/// What `limit` may end in, with the bits a second each stands for. Decimal, as links are sold.
const RATE_UNITS: [(&str, u64); 8] = [
    ("bit/s", 1),
    ("kbit/s", 1_000),
    ("mbit/s", 1_000_000),
    ("gbit/s", 1_000_000_000),
    ("B/s", 8),
    ("kB/s", 8_000),
    ("MB/s", 8_000_000),
    ("GB/s", 8_000_000_000),
];

/// What `burst` may end in, with the bytes each stands for.
const SIZE_UNITS: [(&str, u64); 6] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// The smallest rate: one full Ethernet frame every 10 seconds or so, in bytes a second.
const MIN_RATE: u64 = 125;
/// The largest rate, bytes a second: 100 Gbit/s.
const MAX_RATE: u64 = 12_500_000_000;
const _: () = assert!(MAX_RATE <= ndpi_common::MAX_RATE);
/// The smallest burst: a full Ethernet frame, or nothing would ever pass.
const MIN_BURST: u64 = 1_514;
/// The largest burst, bytes.
const MAX_BURST: u64 = 4 << 30;

/// What is wrong with a rate or size, and what would be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum QuantityError {
    /// It is not a number with a unit.
    Form(&'static str),
    /// It is too large or too small.
    Bounds(&'static str),
}

/// Reads a rate, in bytes a second.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(super) fn rate(text: &str) -> Result<u64, QuantityError> {
    let bits = quantity(text, &RATE_UNITS).ok_or(Form(
        "a rate is a number and `bit/s`, `kbit/s`, `mbit/s`, `gbit/s`, `kB/s` or `MB/s`, \
         as in \"10 mbit/s\"",
    ))?;
    match bits / 8 {
        bytes @ MIN_RATE..=MAX_RATE => Ok(bytes),
        _ => Err(Bounds("a rate is at least 1 kbit/s and at most 100 gbit/s")),
    }
}

/// Reads the size of a burst, in bytes.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(super) fn burst(text: &str) -> Result<u64, QuantityError> {
    match quantity(text, &SIZE_UNITS) {
        Some(bytes @ MIN_BURST..=MAX_BURST) => Ok(bytes),
        Some(_) => Err(Bounds("a burst is at least 1514 B (one full frame) and at most 4 GiB")),
        None => {
            Err(Form("a burst is a number and `B`, `kB`, `MB`, `KiB` or `MiB`, as in \"64 kB\""))
        }
    }
}

/// The burst of a rule that names none: what the rate lets through in half a second, at least ten
/// frames. A TCP sender that lost everything at once says nothing for 200 ms and more (RFC 6298);
/// what does not fit the bucket meanwhile is lost to it, and it stays far below the rate.
pub(super) fn default_burst(bytes_per_second: u64) -> u64 {
    (bytes_per_second / 2).clamp(10 * MIN_BURST, MAX_BURST)
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim();
    let exact = units.iter().find(|(name, _)| *name == unit);
    // Upper and lower case tell bits from bytes only by the letter itself: `Mbit/s` is fine.
    let (_, factor) = exact.or_else(|| {
        units.iter().find(|(name, _)| name.contains("bit") && name.eq_ignore_ascii_case(unit))
    })?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.len() > 3 || fraction.is_empty() {
        return None;
    }
    let thousandths: u64 = format!("{fraction:0<3}").parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(*factor)?.checked_add(thousandths * factor / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_decimal_bits_and_bytes() {
        assert_eq!(rate("10 mbit/s"), Ok(1_250_000));
        assert_eq!(rate("10mbit/s"), Ok(1_250_000));
        assert_eq!(rate("10 Mbit/s"), Ok(1_250_000));
        assert_eq!(rate("1.5 gbit/s"), Ok(187_500_000));
        assert_eq!(rate("2 MB/s"), Ok(2_000_000));
        assert_eq!(rate("100 gbit/s"), Ok(MAX_RATE));
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in
            ["", "10", "mbit/s", "10 mb/s", "10 mb", "1.2.3 mbit/s", "1. mbit/s", "-1 mbit/s"]
        {
            assert!(rate(text).is_err(), "{text}");
        }
        assert!(rate("0 mbit/s").is_err());
        assert!(rate("101 gbit/s").is_err());
        assert!(rate("99999999999999999999 gbit/s").is_err());
        assert!(rate("18446744073709551615 gbit/s").is_err());
    }

    #[test]
    fn bursts_hold_at_least_a_frame() {
        assert_eq!(burst("64 kB"), Ok(64_000));
        assert_eq!(burst("64 KiB"), Ok(65_536));
        assert!(burst("1000 B").is_err());
        assert!(burst("64").is_err());
        assert_eq!(default_burst(1_250_000), 625_000);
        assert_eq!(default_burst(125), 15_140);
    }
}
