//! The memory that an instance takes: that of all its processes.

use std::fs;
use std::io;
use std::process;

/// Bytes that the processes which this one has started have in memory, and those that they have; what several
/// share counts once (`Pss` of proc(5)).
pub(crate) fn resident() -> io::Result<u64> {
    let parents = parents()?;
    let is_below = |mut process: u32| loop {
        match parents.iter().find(|(child, _)| *child == process) {
            Some((_, parent)) if *parent == process::id() => return true,
            Some((_, parent)) => process = *parent,
            None => return false,
        }
    };
    let all = parents.iter().filter(|(process, _)| is_below(*process));
    // One that has ended meanwhile has none.
    Ok(all.filter_map(|(process, _)| of(*process)).sum())
}

fn of(process: u32) -> Option<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// Each process and its parent.
fn parents() -> io::Result<Vec<(u32, u32)>> {
    let parent = |id: &str| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
        Some((id.parse().ok()?, parent.parse().ok()?))
    };
    Ok(fs::read_dir("/proc")?.flatten().filter_map(|it| parent(it.file_name().to_str()?)).collect())
}
