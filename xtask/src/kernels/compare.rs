//! Compares what was done there with what was done here.

use anyhow::{Result, bail};

/// Lines that begin so say what differs between kernels, and are only shown.
pub(super) const NOTE: &str = "# ";

/// Differences that an error shows.
const SHOWN: usize = 6;

/// The notes in a report.
pub(super) fn notes(report: &str) -> impl Iterator<Item = &str> {
    report.lines().filter_map(|line| line.strip_prefix(NOTE))
}

/// Fails unless all that was examined both here and there had the same result. What only one of the two
/// could examine is not compared, and counted in what comes back.
pub(super) fn compare(here: &str, there: &str) -> Result<String> {
    let (here, there) = (lines(here), lines(there));
    let in_both = |line: &&&str, other: &[&str]| {
        let about = about(line);
        other.iter().any(|other| self::about(other) == about)
    };
    let expected: Vec<_> = here.iter().filter(|line| in_both(line, &there)).copied().collect();
    let found: Vec<_> = there.iter().filter(|line| in_both(line, &here)).copied().collect();
    let missing = expected.iter().filter(|line| !found.contains(line)).map(|it| format!("- {it}"));
    let added = found.iter().filter(|line| !expected.contains(line)).map(|it| format!("+ {it}"));
    let differences: Vec<_> = missing.chain(added).collect();
    if !differences.is_empty() || expected.len() != found.len() {
        let shown = differences[..differences.len().min(SHOWN)].join("\n  ");
        bail!("{} lines differ (- here, + there):\n  {shown}", differences.len());
    }
    if expected.is_empty() {
        bail!("nothing was examined both here and there");
    }
    let alone = there.len() - found.len();
    let equal = format!("{} results equal, {alone} of what this machine lacks", expected.len());
    match here.len() - expected.len() {
        0 => Ok(equal),
        lacking => Ok(format!("{equal}, {lacking} of what that one lacks not compared")),
    }
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.contains(": ") && !line.starts_with(NOTE)).collect()
}

/// What a line is about: the words before its first colon.
fn about(line: &str) -> &str {
    line.split(':').next().unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_examined_must_be_equal() {
        let here = "# Linux 6.18\nveth: dropped 20\nreplay: 1\nreplay: 2\n";
        let there = "# Linux 6.1\nveth: dropped 20\nreplay: 1\nreplay: 2\nsit: dropped 20\ndone\n";
        assert_eq!(compare(here, there).unwrap(), "3 results equal, 1 of what this machine lacks");
        let other = there.replace("replay: 2", "replay: 3");
        let error = compare(here, &other).unwrap_err().to_string();
        assert!(error.contains("- replay: 2") && error.contains("+ replay: 3"), "{error}");
        assert!(compare(here, "replay: 1\n").is_err());
        assert!(compare(here, "").is_err());
    }

    #[test]
    fn what_was_examined_here_alone_is_said() {
        let here = "# Linux 6.18\nveth: dropped 20\nwireguard: 7000\nwireguard: 7001\n";
        let there =
            "# Linux 6.1\n# wireguard: not examined: no such device\nveth: dropped 20\ndone\n";
        let summary = compare(here, there).unwrap();
        assert!(summary.ends_with(", 2 of what that one lacks not compared"), "{summary}");
        assert_eq!(
            notes(there).collect::<Vec<_>>(),
            ["Linux 6.1", "wireguard: not examined: no such device"]
        );
    }
}
