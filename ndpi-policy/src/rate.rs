//! Rates and sizes: `"10 mbit/s"`, `"64 kB"`.

use self::QuantityError::{Bounds, Form};

/// What `limit` may end in besides bits by that word, with the bits a second each stands for. Decimal, as
/// links are sold; the letter tells bits from bytes.
const RATE_UNITS: [(&str, u64); 19] = [
    ("b/s", 1),
    ("Mb/s", 1_000_000),
    ("Gb/s", 1_000_000_000),
    ("Kbps", 1_000),
    ("Mbps", 1_000_000),
    ("Gbps", 1_000_000_000),
    ("B/s", 8),
    ("kB/s", 8_000),
    ("KB/s", 8_000),
    ("MB/s", 8_000_000),
    ("GB/s", 8_000_000_000),
    ("Bps", 8),
    ("kBps", 8_000),
    ("KBps", 8_000),
    ("MBps", 8_000_000),
    ("GBps", 8_000_000_000),
    ("KiB/s", 8 << 10),
    ("MiB/s", 8 << 20),
    ("GiB/s", 8 << 30),
];

/// Largest number that is taken for megabits a second, or megabytes, where it stands alone.
const MOST_MEGA: f64 = 12_500.0;

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

const RATE_BOUNDS: &str = "a rate is at least 1 kbit/s and at most 100 gbit/s";
const BURST_BOUNDS: &str = "a burst is at least 1514 B (one full frame) and at most 4 GiB";
const ZERO: &str = "nothing passes a limit of 0: write action = \"drop\" in its place";

/// Reads a rate, in bytes a second.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(super) fn rate(text: &str) -> Result<u64, QuantityError> {
    let bits = quantity(text, rate_unit).ok_or_else(|| Form(meant_rate(text)))?;
    match bits / 8 {
        bytes @ MIN_RATE..=MAX_RATE => Ok(bytes),
        _ if is_zero(text) => Err(Bounds(ZERO)),
        _ => Err(Bounds(RATE_BOUNDS)),
    }
}

/// Reads the size of a burst, in bytes.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub(super) fn burst(text: &str) -> Result<u64, QuantityError> {
    match quantity(text, |unit| exact(&SIZE_UNITS, unit)) {
        Some(bytes @ MIN_BURST..=MAX_BURST) => Ok(bytes),
        Some(_) => Err(Bounds(BURST_BOUNDS)),
        None => Err(Form(meant_burst(text))),
    }
}

/// The burst of a rule that names none: what the rate lets through in half a second, at least ten
/// frames. A TCP sender that lost everything at once says nothing for 200 ms and more (RFC 6298);
/// what does not fit the bucket meanwhile is lost to it, and it stays far below the rate.
pub(super) fn default_burst(bytes_per_second: u64) -> u64 {
    (bytes_per_second / 2).clamp(10 * MIN_BURST, MAX_BURST)
}

/// Whether a limit may be one of this rate and this burst, in bytes.
pub(super) fn is_limit(bytes_per_second: u64, burst: u64) -> bool {
    (MIN_RATE..=MAX_RATE).contains(&bytes_per_second) && (MIN_BURST..=MAX_BURST).contains(&burst)
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

/// Whether the number is 0, whatever stands behind it.
fn is_zero(text: &str) -> bool {
    let (number, _) = split(text).unwrap_or((text, ""));
    number.parse() == Ok(0.0_f64)
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
/// `gbit` as of `tc`. What `tc` calls `kbps` and `mbps` are bytes, and bits everywhere else.
fn bit_unit(unit: &str) -> Option<u64> {
    let lower = unit.to_ascii_lowercase();
    let per_second = ["/sec", "/s"].iter().find_map(|end| lower.strip_suffix(end));
    let bits = per_second.unwrap_or(&lower);
    factor(bits.strip_suffix('s').unwrap_or(bits).strip_suffix("bit")?)
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
    if let Some(right) = with_decimal_point(text).filter(|right| is_rate(right)) {
        return format!("write \"{right}\"");
    }
    if is_zero(text) {
        return ZERO.to_owned();
    }
    let Some((number, prefix)) = guess(text) else {
        return "a rate is a number and `bit/s`, `kbit/s`, `mbit/s`, `gbit/s`, `kB/s` or `MB/s`, \
                as in \"10 mbit/s\""
            .to_owned();
    };
    let lower = prefix.to_ascii_lowercase();
    let is_bare = split(text).is_none();
    let prefixes: &[&str] = match lower.as_str() {
        // A bare number is most often meant as megabits, unless it is large.
        "" if is_bare && number.parse().is_ok_and(|number: f64| number <= MOST_MEGA) => &["m"],
        "" if is_bare => &["", "k", "m"],
        given => &[given],
    };
    let bits = prefixes.iter().map(|prefix| format!("{number} {prefix}bit/s"));
    let bytes = prefixes.iter().map(|prefix| match *prefix {
        "k" => format!("{number} kB/s"),
        other => format!("{number} {}B/s", other.to_ascii_uppercase()),
    });
    let whose = if text.ends_with("bps") { ", as of `tc`" } else { "" };
    let bits = offered(bits, is_rate).map(|offers| format!("{offers} for bits"));
    let bytes = offered(bytes, is_rate).map(|offers| format!("{offers} for bytes{whose}"));
    let offers: Vec<_> = [bits, bytes].into_iter().flatten().collect();
    if offers.is_empty() {
        return RATE_BOUNDS.to_owned();
    }
    format!("write {}", offers.join(", "))
}

/// What to write for a burst that cannot be understood.
fn meant_burst(text: &str) -> String {
    if let Some(right) = with_decimal_point(text).filter(|right| is_burst(right)) {
        return format!("write \"{right}\"");
    }
    let offer = if let Some(bits) = quantity(text, rate_unit).filter(|bits| *bits > 0) {
        let bytes = offered([format!("{} B", bits / 8)].into_iter(), is_burst);
        bytes.map(|offer| format!("a burst is counted in bytes: write {offer}"))
    } else if let Some((number, prefix)) = guess(text) {
        let upper = prefix.to_ascii_uppercase();
        let units: &[&str] = match upper.as_str() {
            "" => &["kB", "B"],
            "K" => &["KiB", "kB"],
            "M" => &["MiB", "MB"],
            _ => &["GiB"],
        };
        let offers = offered(units.iter().map(|unit| format!("{number} {unit}")), is_burst);
        offers.map(|offers| format!("write {offers} (1 KiB is 1024 bytes, 1 kB 1000)"))
    } else {
        Some("a burst is a number and `B`, `kB`, `MB`, `KiB` or `MiB`, as in \"64 kB\"".to_owned())
    };
    offer.unwrap_or_else(|| BURST_BOUNDS.to_owned())
}

/// Those of several spellings that would be taken.
fn offered(spellings: impl Iterator<Item = String>, is_right: fn(&str) -> bool) -> Option<String> {
    let right: Vec<_> =
        spellings.filter(|text| is_right(text)).map(|text| format!("\"{text}\"")).collect();
    (!right.is_empty()).then(|| right.join(" or "))
}

fn is_rate(text: &str) -> bool {
    quantity(text, rate_unit).is_some_and(|bits| (MIN_RATE..=MAX_RATE).contains(&(bits / 8)))
}

fn is_burst(text: &str) -> bool {
    let bytes = quantity(text, |unit| exact(&SIZE_UNITS, unit));
    bytes.is_some_and(|bytes| (MIN_BURST..=MAX_BURST).contains(&bytes))
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
            "20Mbps",
            "20 Mb/s",
            "20 Mbit/sec",
            "20000 Kbps",
        ] {
            assert_eq!(rate(text), Ok(2_500_000), "{text}");
        }
        for text in ["20 MB/s", "20MB/s", "20 MBps", "20000 kB/s", "20000 KBps", "20000 KB/s"] {
            assert_eq!(rate(text), Ok(20_000_000), "{text}");
        }
        assert_eq!(rate("1 MiB/s"), Ok(1 << 20));
        assert_eq!(rate("1.5Gbps"), Ok(187_500_000));
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
        for text in ["64k", "64K", "64 kb/s", "64 KBPS"] {
            assert_eq!(help(text), kilobits, "{text}");
        }
        for (text, expected) in [
            ("20 mbps", "write \"20 mbit/s\" for bits, \"20 MB/s\" for bytes, as of `tc`"),
            ("500 kbps", "write \"500 kbit/s\" for bits, \"500 kB/s\" for bytes, as of `tc`"),
            ("8000bps", "write \"8000 bit/s\" for bits, \"8000 B/s\" for bytes, as of `tc`"),
            (
                "1000000",
                "write \"1000000 bit/s\" or \"1000000 kbit/s\" for bits, \"1000000 B/s\" or \
                 \"1000000 kB/s\" for bytes",
            ),
            ("20G", "write \"20 gbit/s\" for bits"),
            ("1,5 mbit/s", "write \"1.5 mbit/s\""),
        ] {
            assert_eq!(help(text), expected, "{text}");
        }
        for text in ["1000000000000", "500G", "1000000 mb"] {
            assert_eq!(rate(text), Err(Form(RATE_BOUNDS.to_owned())), "{text}");
        }
        assert!(help("fast").contains("as in \"10 mbit/s\""));
    }

    #[test]
    fn every_rate_that_is_offered_is_taken() {
        let numbers = ["1", "8", "500", "12500", "20000", "1000000", "100000000", "0.5"];
        for number in numbers {
            for unit in ["", "k", "M", "g", " mb", " KBPS", "bps", " kbps", " mbps", "B"] {
                let text = format!("{number}{unit}");
                for read in [rate, burst] {
                    let Err(Form(help)) = read(&text) else { continue };
                    let is_bounds = [RATE_BOUNDS, BURST_BOUNDS].contains(&help.as_str());
                    assert!(help.contains('"') || is_bounds, "{text}: {help}");
                    for offered in help.split('"').skip(1).step_by(2) {
                        assert!(read(offered).is_ok(), "{text}: {help}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_limit_of_nothing_is_a_drop() {
        for text in ["0", "0 mbit/s", "0M", "0.0", "0 B/s", "0 mbps"] {
            let help = match rate(text) {
                Err(Form(help)) => help,
                Err(Bounds(help)) => help.to_owned(),
                Ok(rate) => panic!("{text}: {rate}"),
            };
            assert_eq!(help, ZERO, "{text}");
        }
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
