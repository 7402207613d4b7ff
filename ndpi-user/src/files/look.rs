//! How a file looks from outside.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::within;

/// How long a file system may take for a look.
const LOOK_WAIT: Duration = Duration::from_secs(2);

/// What differs when a file was written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds of the last change of contents or attributes.
    changed: (i64, i64),
}

impl Look {
    /// Looks at the file at `path`; `None` where there is none.
    ///
    /// # Errors
    ///
    /// The file system does not answer.
    pub fn at(path: &Path) -> io::Result<Option<Self>> {
        let name = path.to_owned();
        let found = within(path, LOOK_WAIT, move || std::fs::metadata(name))?;
        Ok(found.ok().as_ref().map(Self::of))
    }

    /// The look of a file with this metadata.
    pub fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    /// How long the file has looked so; `None` where the clock was set back since.
    pub fn age(&self) -> Option<Duration> {
        let (seconds, nanoseconds) = self.changed;
        let since = Duration::new(seconds.try_into().ok()?, nanoseconds.try_into().ok()?);
        SystemTime::now().duration_since(UNIX_EPOCH.checked_add(since)?).ok()
    }
}
