//! Processes and those that they have started.

use std::fs;
use std::io;

/// A process, those that it has started, and those that they have, as far as they live.
///
/// # Errors
///
/// `/proc` cannot be read.
pub fn of(process: u32) -> io::Result<Vec<u32>> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // It may be gone by now.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        all.extend(parent_of(&stat).map(|parent| (pid, parent)));
    }
    let (mut family, mut at) = (vec![process], 0);
    while let Some(&parent) = family.get(at) {
        family.extend(all.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        at += 1;
    }
    Ok(family)
}

fn parent_of(stat: &str) -> Option<u32> {
    behind_name(stat)?.nth(1)?.parse().ok()
}

/// The fields of `/proc/PID/stat` behind the name, which may have parentheses of its own (proc(5)).
pub(crate) fn behind_name(stat: &str) -> Option<impl Iterator<Item = &str>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_behind_the_name() {
        assert_eq!(
            parent_of("7 (a) b) S 1 7 7 0 -1 4194560 9 0 0 0 12 30 0 0 20 0 1 0 5 6 7"),
            Some(1)
        );
    }

    #[test]
    fn a_process_is_of_its_own_family() {
        let own = std::process::id();
        assert_eq!(of(own).unwrap().first(), Some(&own));
    }
}
