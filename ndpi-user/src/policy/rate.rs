//! Rates and sizes: `"10 mbit/s"`, `"64 kB"`.

use std::fmt::Write as _;

use self::QuantityError::{Bounds, Form};

/// What `limit` may end in besides bits by that word, with the bits a second each stands for. Decimal, as
/// links are sold; the letter tells bits from bytes.
const RATE_UNITS: [(&str, u64); 14] = [
    ("b/s", 1),
    ("Mb/s", 1_000_000),
    ("Gb/s", 1_000_000_000),
    ("B/s", 8),
    ("kB/s", 8_000),
    ("MB/s", 8_000_000),
    ("GB/s", 8_000_000_000),
    ("Bps", 8),
    ("kBps", 8_000),
    ("MBps", 8_000_000),
    ("GBps", 8_000_000_000),
    ("KiB/s", 8 << 10),
    ("MiB/s", 8 << 20),
    ("GiB/s", 8 << 30),
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum QuantityError {
    /// It is not a number with a unit.
    Form(String),
    /// It is too large or too small.
    Bounds(&'static str),
}

/// Reads a rate, in bytes a second.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(super) fn rate(text: &str) -> Result<u64, QuantityError> {
    let bits = quantity(text, rate_unit).ok_or_else(|| Form(meant_rate(text)))?;
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
    match quantity(text, |unit| exact(&SIZE_UNITS, unit)) {
        Some(bytes @ MIN_BURST..=MAX_BURST) => Ok(bytes),
        Some(_) => Err(Bounds("a burst is at least 1514 B (one full frame) and at most 4 GiB")),
        None => Err(Form(meant_burst(text))),
    }
}

/// The burst of a rule that names none: what the rate lets through in half a second, at least ten
/// frames. A TCP sender that lost everything at once says nothing for 200 ms and more (RFC 6298);
/// what does not fit the bucket meanwhile is lost to it, and it stays far below the rate.
pub(super) fn default_burst(bytes_per_second: u64) -> u64 {
    (bytes_per_second / 2).clamp(10 * MIN_BURST, MAX_BURST)
}

fn quantity(text: &str, factor_of: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let (number, unit) = split(text)?;
    let factor = factor_of(unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if fraction.len() > 3 || fraction.is_empty() {
        return None;
    }
    let thousandths: u64 = format!("{fraction:0<3}").parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(factor)?.checked_add(thousandths * factor / 1000)
}

/// A number and what stands behind it.
fn split(text: &str) -> Option<(&str, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    Some((number, unit.trim()))
}

fn exact(units: &[(&str, u64)], unit: &str) -> Option<u64> {
    units.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor)
}

fn rate_unit(unit: &str) -> Option<u64> {
    exact(&RATE_UNITS, unit).or_else(|| bit_unit(unit))
}

/// Bits by that word, in any case, since there is nothing to mistake them for: `Mbit/s`, `kbits/sec`,
/// `gbit` as of `tc`; and `Mbps`, whose small letter says bits.
fn bit_unit(unit: &str) -> Option<u64> {
    let lower = unit.to_ascii_lowercase();
    let prefix = if unit.ends_with("bps") {
        lower.strip_suffix("bps")?
    } else {
        let per_second = ["/sec", "/s"].iter().find_map(|end| lower.strip_suffix(end));
        let bits = per_second.unwrap_or(&lower);
        bits.strip_suffix('s').unwrap_or(bits).strip_suffix("bit")?
    };
    factor(prefix)
}

/// What a prefix stands for, in lower case.
fn factor(prefix: &str) -> Option<u64> {
    Some(match prefix {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        "g" => 1_000_000_000,
        _ => return None,
    })
}

/// What to write for a rate that cannot be understood, by what can be seen of it.
fn meant_rate(text: &str) -> String {
    if let Some(right) = with_decimal_point(text).filter(|right| rate(right).is_ok()) {
        return format!("write \"{right}\"");
    }
    match guess(text) {
        Some((number, prefix)) => {
            // A bare number is most often meant as megabits.
            let lower = if prefix.is_empty() { "m" } else { &prefix.to_ascii_lowercase() };
            let bytes = if lower == "k" { "k" } else { &lower.to_ascii_uppercase() };
            format!("write \"{number} {lower}bit/s\" for bits, \"{number} {bytes}B/s\" for bytes")
        }
        None => "a rate is a number and `bit/s`, `kbit/s`, `mbit/s`, `gbit/s`, `kB/s` or `MB/s`, \
                 as in \"10 mbit/s\""
            .to_owned(),
    }
}

/// What to write for a burst that cannot be understood.
fn meant_burst(text: &str) -> String {
    if let Some(right) = with_decimal_point(text).filter(|right| burst(right).is_ok()) {
        return format!("write \"{right}\"");
    }
    if let Some(bytes) = quantity(text, rate_unit).map(|bits| bits / 8).filter(|b| *b > 0) {
        return format!("a burst is counted in bytes: write \"{bytes} B\"");
    }
    match guess(text) {
        Some((number, "")) => format!("say of what: \"{number} kB\", or \"{number} B\" for bytes"),
        Some((number, prefix)) => {
            let upper = prefix.to_ascii_uppercase();
            let decimal = if upper == "K" { "k" } else { &upper };
            let mut help = format!("write \"{number} {upper}iB\" (1 KiB is 1024 bytes)");
            if upper != "G" {
                let _ = write!(help, " or \"{number} {decimal}B\" (1 kB is 1000)");
            }
            help
        }
        None => {
            "a burst is a number and `B`, `kB`, `MB`, `KiB` or `MiB`, as in \"64 kB\"".to_owned()
        }
    }
}

/// `1,5 mbit/s` with a point.
fn with_decimal_point(text: &str) -> Option<String> {
    let (whole, rest) = text.split_once(',')?;
    Some(format!("{whole}.{rest}"))
}

/// The number and the prefix of what does not say whether it means bits or bytes: `20`, `20M`, `20 mb`,
/// `20 KB/s`, `20 MBPS`.
fn guess(text: &str) -> Option<(&str, &str)> {
    let (number, unit) = split(text).unwrap_or((text, ""));
    let is_number = number.parse::<f64>().is_ok() && !number.starts_with('.');
    let prefix = match unit.chars().next().filter(|c| "kKmMgG".contains(*c)) {
        Some(_) => &unit[..1],
        None => "",
    };
    let rest = unit[prefix.len()..].to_ascii_lowercase();
    let known = ["", "b", "byte", "bytes", "ps", "bps", "b/s", "b/sec", "byte/s", "bytes/s", "/s"];
    (is_number && known.contains(&rest.as_str())).then_some((number, prefix))
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
    fn rates_are_read_as_links_and_other_programs_write_them() {
        for text in [
            "20mbit",
            "20 Mbit",
            "20 mbits/s",
            "20 Mbps",
            "20mbps",
            "20 Mb/s",
            "20 Mbit/sec",
            "20000 kbps",
        ] {
            assert_eq!(rate(text), Ok(2_500_000), "{text}");
        }
        for text in ["20 MB/s", "20MB/s", "20 MBps", "20000 kB/s"] {
            assert_eq!(rate(text), Ok(20_000_000), "{text}");
        }
        assert_eq!(rate("1 MiB/s"), Ok(1 << 20));
        assert_eq!(rate("1.5gbps"), Ok(187_500_000));
    }

    #[test]
    fn where_bits_and_bytes_could_be_meant_both_are_offered() {
        let help = |text: &str| match rate(text) {
            Err(Form(help)) => help,
            other => panic!("{text}: {other:?}"),
        };
        let megabits = "write \"20 mbit/s\" for bits, \"20 MB/s\" for bytes";
        for text in ["20M", "20m", "20 MB", "20mb", "20 mb/s", "20", "20 MBPS", "20Mb"] {
            assert_eq!(help(text), megabits, "{text}");
        }
        let kilobits = "write \"64 kbit/s\" for bits, \"64 kB/s\" for bytes";
        for text in ["64k", "64K", "64 KB/s", "64 kb/s", "64 KBPS"] {
            assert_eq!(help(text), kilobits, "{text}");
        }
        assert_eq!(help("1,5 mbit/s"), "write \"1.5 mbit/s\"");
        assert!(help("fast").contains("as in \"10 mbit/s\""));
    }

    #[test]
    fn a_burst_that_is_not_clear_is_offered_in_full() {
        let help = |text: &str| match burst(text) {
            Err(Form(help)) => help,
            other => panic!("{text}: {other:?}"),
        };
        for text in ["64k", "64K", "64 KB", "64kb"] {
            assert!(
                help(text).contains("\"64 KiB\"") && help(text).contains("\"64 kB\""),
                "{text}"
            );
        }
        assert!(help("65536").contains("\"65536 B\""));
        assert_eq!(help("64 kbit"), "a burst is counted in bytes: write \"8000 B\"");
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "",
            "10",
            "mbit/s",
            "10 mb/s",
            "10 mb",
            "1.2.3 mbit/s",
            "1. mbit/s",
            "-1 mbit/s",
            "10 mbit/h",
        ] {
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
