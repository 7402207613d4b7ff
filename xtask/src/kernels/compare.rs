//! What was done there beside what was done here.

use anyhow::{Result, bail};

/// Lines that begin so say what differs between kernels, and are only shown.
pub(super) const NOTE: &str = "# ";

/// Differences that an error shows.
const SHOWN: usize = 6;

/// Fails unless all that was examined here was examined there with the same result. What only one of
/// the two could examine is not compared; the notes from there come back.
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
    Ok(format!("{} results equal, {alone} of what this machine lacks", expected.len()))
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
}
