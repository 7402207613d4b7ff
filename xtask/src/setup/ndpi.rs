//! nDPI 5.0 as a shared library: the system's, else one made out of a pinned wheel.
//!
//! Either way `target/ndpi/libndpi.so.5` is there afterwards, so tests, lab and `run` have one
//! place to look.

use std::ffi::{CStr, OsStr, c_char};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use libloading::{Library, Symbol};

use super::step::Step;
use super::wheel;
use crate::workspace::Workspace;
use crate::{manner, process};

pub(super) const STEP: Step = Step {
    what: "nDPI 5.0",
    why: "because it is what classifies; it is loaded at run time and not part of this project",
    installs: false,
    takes_packages: true,
    missing,
    provide,
};

/// What it takes where the system has none: a compiler for the shim, and pip for the wheel.
pub(super) fn programs() -> &'static [&'static str] {
    if system_library().is_ok() { &[] } else { &["cc", "pip3"] }
}

const SONAME: &str = "libndpi.so.5";
const SERIES: &str = "5.0";
const SHIM: &str = include_str!("ndpi_shim.c");

fn missing(workspace: &Workspace) -> Option<String> {
    let library = workspace.ndpi_library();
    if !library.exists() {
        return Some("not at target/ndpi".to_owned());
    }
    if names_its_engine_by_path(&library) {
        return Some(format!("{} only works where it was made", library.display()));
    }
    let problem = check(&library).err();
    problem.map(|problem| format!("{} is not it: {problem:#}", library.display()))
}

fn provide(workspace: &Workspace) -> Result<()> {
    let library = workspace.ndpi_library();
    let folder = library.parent().context("the library has no folder")?;
    fs::create_dir_all(folder)?;
    if library.symlink_metadata().is_ok() {
        fs::remove_file(&library)?;
    }
    match system_library() {
        Ok(found) => symlink(&found, &library)?,
        Err(problem) => {
            if manner::is_verbose() {
                eprintln!("setup: no nDPI {SERIES} of the system: {problem:#}");
            }
            wheel::fetch_engine(folder).with_context(|| {
                format!("or install nDPI {SERIES} so that the loader finds {SONAME}")
            })?;
            compile_shim(folder, &library)?;
        }
    }
    check(&library).map(drop)
}

/// Where the loader finds an nDPI of the series we need.
fn system_library() -> Result<PathBuf> {
    let (_loaded, _) = load(OsStr::new(SONAME))?;
    // Where it is, only the loader knows, and the table of our own mappings.
    let maps = fs::read_to_string("/proc/self/maps").context("cannot read /proc/self/maps")?;
    mapped_library(&maps).context("the loader gave a library that is not mapped")
}

/// The path of the nDPI in `/proc/self/maps`: the sixth column.
fn mapped_library(maps: &str) -> Option<PathBuf> {
    maps.lines()
        .filter_map(|line| line.find('/').map(|start| Path::new(&line[start..])))
        .find(|path| path.file_name().is_some_and(is_ndpi))
        .map(Path::to_path_buf)
}

fn is_ndpi(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with("libndpi.so")
}

/// Loads the library and returns its revision, if it is of the series we need.
fn check(library: &Path) -> Result<String> {
    load(library.as_os_str()).map(|(_, revision)| revision)
}

fn load(name: &OsStr) -> Result<(Library, String)> {
    // SAFETY: loading runs the library's initialisers. The name is nDPI's own soname or the file
    // that this step made; nDPI has no initialiser beyond those of the C library.
    let library = unsafe { Library::new(name) }?;
    let revision = revision(&library)?;
    if !is_of_series(&revision) {
        bail!("it is nDPI {revision}, and {SERIES} is needed");
    }
    Ok((library, revision))
}

fn revision(library: &Library) -> Result<String> {
    // SAFETY: `const char *ndpi_revision(void)` in every version of nDPI since 1.7.
    let ask: Symbol<unsafe extern "C" fn() -> *const c_char> =
        unsafe { library.get(b"ndpi_revision\0") }?;
    // SAFETY: the function takes nothing, keeps no state and returns a string constant.
    let text = unsafe { ask() };
    ensure!(!text.is_null(), "ndpi_revision returns nothing");
    // SAFETY: not null, and a terminated constant of the library, which is still loaded.
    Ok(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// Whether it was made to load its engine from one place in the file system, as earlier ones were.
fn names_its_engine_by_path(library: &Path) -> bool {
    let path = format!("/{}\0", wheel::ENGINE);
    let content = fs::read(library).unwrap_or_default();
    content.windows(path.len()).any(|bytes| bytes == path.as_bytes())
}

fn is_of_series(revision: &str) -> bool {
    revision
        .strip_prefix(SERIES)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
}

/// The one-file library that carries the soname and needs the engine.
fn compile_shim(folder: &Path, library: &Path) -> Result<()> {
    compile(folder, library, SHIM)
}

fn compile(folder: &Path, library: &Path, text: &str) -> Result<()> {
    let source = folder.join("shim.c");
    fs::write(&source, text)?;
    let compiler = process::variable("CC").unwrap_or_else(|| "cc".into());
    process::output(
        process::command(compiler)
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"])
            .args([library, &source])
            // The shim itself calls nothing of either: without this, the linker would drop them.
            .arg("-Wl,--no-as-needed")
            // By its name alone, and found beside the shim: both may be moved together.
            .arg("-L")
            .arg(folder)
            .arg(format!("-l:{}", wheel::ENGINE))
            .args(["-lm", "-Wl,-rpath,$ORIGIN", "-Wl,-z,defs"])
            .arg(format!("-Wl,-soname,{SONAME}")),
    )
    .context("a C compiler is needed, on Debian and Ubuntu: sudo apt-get install gcc libc6-dev")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_is_a_whole_number() {
        assert!(is_of_series("5.0.0-1-375f99e"));
        assert!(is_of_series("5.0"));
        assert!(!is_of_series("5.01.0"));
        assert!(!is_of_series("4.2.0-1-abc"));
        assert!(!is_of_series("15.0.0"));
    }

    #[test]
    fn a_library_is_loaded_wherever_it_is_moved_with_its_engine() {
        let folder = tempfile::tempdir().unwrap();
        let (made, moved) = (folder.path().join("made"), folder.path().join("moved"));
        fs::create_dir(&made).unwrap();
        let compiled = process::output(
            process::command("cc")
                .args(["-shared", "-fPIC", "-x", "c", "-", "-o"])
                .arg(made.join(wheel::ENGINE)),
        );
        if let Err(error) = compiled {
            return eprintln!("skipped: no C compiler: {error:#}");
        }
        compile(&made, &made.join(SONAME), "int in_shim = 1;\n").unwrap();
        assert!(!names_its_engine_by_path(&made.join(SONAME)));
        fs::rename(&made, &moved).unwrap();
        // SAFETY: both libraries were made above, and have no initialisers of their own.
        unsafe { Library::new(moved.join(SONAME)) }.expect("the engine is found beside it");
        fs::write(moved.join("absolute"), format!("x/y/{}\0z", wheel::ENGINE)).unwrap();
        assert!(names_its_engine_by_path(&moved.join("absolute")));
    }

    #[test]
    fn the_library_is_found_among_mappings() {
        let maps = "7f10-7f20 r--p 00000000 08:01 11 /usr/lib/libc.so.6
7f30-7f40 r-xp 00000000 08:01 12                 /usr/lib/x86_64-linux-gnu/libndpi.so.5.0.0
7f50-7f60 rw-p 00000000 00:00 0
";
        let expected = PathBuf::from("/usr/lib/x86_64-linux-gnu/libndpi.so.5.0.0");
        assert_eq!(mapped_library(maps), Some(expected));
        assert_eq!(mapped_library("7f50-7f60 rw-p 00000000 00:00 0\n"), None);
    }
}
