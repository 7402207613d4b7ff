//! Opening a library and letting nothing through that is not nDPI 5.0.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use libloading::os::unix::{Library as Handle, RTLD_LOCAL, RTLD_NOW};

use crate::{
    Candidate, Functions, LIBRARY_VARIABLE, LoadError, SONAME, Search, memory, process, trust,
    verify,
};

/// A loaded nDPI 5.0 that passed the load-time checks.
#[derive(Debug)]
pub struct Library {
    functions: Functions,
    path: PathBuf,
    passed_over: Vec<LoadError>,
}

impl Library {
    /// Loads nDPI from the first of the [`Search::candidates`] that is usable.
    ///
    /// A path that a person named (`path`, or [`LIBRARY_VARIABLE`]) is used or refused; otherwise
    /// a copy that is refused is passed over for the next one, as is one that others than root and
    /// this process's user could have put there. With `count_memory`, [`memory::in_use`] tells what
    /// nDPI has allocated.
    ///
    /// # Errors
    ///
    /// Why the named library was refused, or [`LoadError::NotFound`] with the reasons of all.
    pub fn load(path: Option<&Path>, count_memory: bool) -> Result<Self, LoadError> {
        let variable = std::env::var_os(LIBRARY_VARIABLE);
        let executable = process::executable();
        let search = Search {
            given: path,
            variable: variable.as_deref(),
            executable: executable.as_deref(),
            privileged: process::is_privileged(),
        };
        let mut tried = Vec::new();
        for candidate in search.candidates()? {
            let loaded = match candidate {
                Candidate::Named(path) => return Self::open(&path, count_memory),
                Candidate::Loader => Self::open_as(Path::new(SONAME), count_memory),
                Candidate::Installed(path) if !path.exists() => continue,
                Candidate::Installed(path) => Self::installed(path, count_memory),
            };
            match loaded {
                Ok(library) => return Ok(Self { passed_over: tried, ..library }),
                Err(error) => tried.push(error),
            }
        }
        Err(LoadError::NotFound { tried })
    }

    /// Loads and checks a library that nobody named, unless somebody else may have put it there.
    fn installed(path: PathBuf, count_memory: bool) -> Result<Self, LoadError> {
        match trust::resolve(&path, process::user()) {
            Ok(file) => Self::open_as(&file, count_memory),
            Err(source) => Err(LoadError::Untrusted { path, source }),
        }
    }

    /// Loads and checks this library, and no other. A bare name is the loader's to find, as
    /// dlopen(3) has it, so that a file of that name in the working directory plays no part.
    ///
    /// # Errors
    ///
    /// Any [`LoadError`] but [`LoadError::NotFound`].
    pub fn open(path: &Path, count_memory: bool) -> Result<Self, LoadError> {
        let bare = path.components().count() == 1 && path.is_relative();
        let absolute = std::path::absolute(path).ok().filter(|_| !bare);
        Self::open_as(absolute.as_deref().unwrap_or(path), count_memory)
    }

    /// What the loader finds by this path or name.
    fn open_as(path: &Path, count_memory: bool) -> Result<Self, LoadError> {
        // SAFETY: loading runs the library's initializers. A file named libndpi.so.5, or one that
        // the user names, is taken to be a library that may be loaded; it is not asked anything
        // else before it said that it is nDPI 5.0.
        let handle = unsafe { Handle::open(Some(path), RTLD_NOW | RTLD_LOCAL) }
            .map_err(|error| LoadError::Open { path: path.to_owned(), reason: reason(&error) })?;
        let (handle, path) = located(handle, path);
        let revision = verify::revision(&handle, &path)?;
        // SAFETY: the library says that it is nDPI 5.0, and it is never unloaded, see below.
        let functions = unsafe { Functions::resolve(&handle) }.map_err(|symbol| {
            LoadError::Symbol { path: path.clone(), revision: Some(revision.clone()), symbol }
        })?;
        // Threads may be in it, it may have left addresses of its own behind (thread-local data,
        // functions to call at the exit), and there is nothing to be gained by unloading it.
        std::mem::forget(handle);
        if !memory::begin(&functions, count_memory) {
            return Err(LoadError::CountedTooLate { path });
        }
        verify::behaviour(&functions, &path, &revision)?;
        Ok(Self { functions, path, passed_over: Vec::new() })
    }

    /// nDPI's functions. The library stays loaded for the rest of the process.
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// The file that was loaded.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Why candidates that come earlier in the search were not taken.
    pub fn passed_over(&self) -> &[LoadError] {
        &self.passed_over
    }
}

fn reason(error: &libloading::Error) -> String {
    use std::error::Error;
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// The handle, and the file it was loaded from: the loader knows, where only a name was given.
fn located(handle: Handle, asked: &Path) -> (Handle, PathBuf) {
    #[repr(C)]
    struct LinkMap {
        address: usize,
        name: *const c_char,
    }
    let raw = handle.into_raw();
    let mut map: *const LinkMap = std::ptr::null();
    // SAFETY: `raw` is an open handle, and RTLD_DI_LINKMAP writes one pointer.
    let result: c_int =
        unsafe { libc::dlinfo(raw, libc::RTLD_DI_LINKMAP, (&raw mut map).cast::<c_void>()) };
    let name = if result == 0 && !map.is_null() {
        // SAFETY: dlinfo succeeded, so this is the loader's own entry of a loaded object; its name
        // is a C string that lives as long as the handle, and is copied here.
        let name = unsafe { CStr::from_ptr((*map).name) };
        Path::new(OsStr::from_bytes(name.to_bytes())).to_owned()
    } else {
        PathBuf::new()
    };
    // SAFETY: the handle is the one given up above, taken back once.
    let handle = unsafe { Handle::from_raw(raw) };
    (handle, if name.as_os_str().is_empty() { asked.to_owned() } else { name })
}
