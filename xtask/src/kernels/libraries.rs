//! Files that a program needs besides itself: the loader and the shared libraries, as ldd(1) names them.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::process;

/// The files that `program` is linked to, by their paths on this machine.
pub(super) fn of(program: &Path) -> Result<Vec<PathBuf>> {
    let listed = process::output(process::command("ldd").arg(program))?;
    if let Some(missing) = listed.lines().find(|line| line.contains("not found")) {
        bail!("{} does not run here: {}", program.display(), missing.trim());
    }
    Ok(paths(&listed))
}

/// The paths in the output of ldd: `NAME => PATH (ADDRESS)` or `PATH (ADDRESS)`.
fn paths(listed: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        let line = line.rsplit("=> ").next()?.trim();
        let path = line.split(" (").next()?;
        path.starts_with('/').then(|| PathBuf::from(path))
    };
    listed.lines().filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_and_the_loader_are_found() {
        let listed = "\tlinux-vdso.so.1 (0x00007f69)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f69)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f69)
";
        let expected = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2"];
        assert_eq!(paths(listed), expected.map(PathBuf::from));
    }
}
