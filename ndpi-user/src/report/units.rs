//! Numbers as a person reads them.

use std::borrow::Cow;
use std::time::Duration;

use ndpi_common::parse::proto;

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}

/// What carries a flow: `TCP`, `UDP`, or an IP protocol by its number.
pub(crate) fn carrier(number: u8) -> Cow<'static, str> {
    match number {
        proto::TCP => "TCP".into(),
        proto::UDP => "UDP".into(),
        other => format!("IP {other}").into(),
    }
}

/// Bytes in binary units: `1.5 MiB`.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let (mut value, mut unit) = (number as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A length of time: `1.5 ms`, `2.0 s`, `3 min 20 s`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.as_millis() == 0 => format!("{} µs", time.as_micros()),
        0 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A bar of at most `width` cells for a share between 0 and 1, in eighths of a cell.
pub(crate) fn bar(share: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 8 · width")]
    let eighths = (share.clamp(0.0, 1.0) * (width * 8) as f64).round() as usize;
    // Something is more than nothing.
    let eighths = if share > 0.0 { eighths.max(1) } else { 0 };
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn bytes_have_binary_units() {
        let cases = [(0, "0 B"), (999, "999 B"), (1000, "1.0 KiB"), (1_572_864, "1.5 MiB")];
        for (number, text) in cases {
            assert_eq!(bytes(number), text);
        }
        assert_eq!(bytes(u64::MAX), "16384.0 PiB");
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        let cases =
            [(5, "5 µs"), (1500, "1.5 ms"), (2_000_000, "2.0 s"), (200_000_000, "3 min 20 s")];
        for (micros, text) in cases {
            assert_eq!(duration(Duration::from_micros(micros)), text);
        }
        assert_eq!(duration(Duration::from_mins(123)), "2 h 3 min");
    }

    #[test]
    fn bars_are_as_long_as_the_share() {
        assert_eq!(bar(0.0, 8), "");
        assert_eq!(bar(0.000_1, 8), "▏");
        assert_eq!(bar(0.5, 2), "█");
        assert_eq!(bar(7.0, 2), "██");
        assert_eq!(bar(9.0 / 16.0, 2), "█▏");
    }
}
