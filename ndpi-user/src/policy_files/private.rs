//! Problems in files that not everybody may read, without their lines.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ndpi_policy::Diagnostics;

use crate::files::Onlooker;

/// The bit of a file's mode that lets everybody read it (`S_IROTH`).
const EVERYBODY_READS: u32 = 0o004;

/// Problems with nothing of the lines in files that not everybody may read: logs and answers of an
/// instance are read by others than its files.
#[must_use]
pub fn without_private_lines(problems: Diagnostics) -> Diagnostics {
    let help = "the file is not for everybody to read, so nothing of it is shown here; \
                whoever may read it sees more with: ndpi-xdp policy check";
    let is_private = |path: &Path| {
        !std::fs::metadata(path).is_ok_and(|found| found.mode() & EVERYBODY_READS != 0)
    };
    problems.without_lines(help, is_private)
}

/// The same of files that a user may not read, for a command that he gives by sudo.
#[must_use]
pub fn for_caller_of_sudo(problems: Diagnostics, caller: Option<&Onlooker>) -> Diagnostics {
    let Some(caller) = caller else { return problems };
    let help = "the file is not for the user to read who called sudo, so nothing of it is shown \
                here; in a shell of root's: env -u SUDO_UID ndpi-xdp policy check";
    problems.without_lines(help, |path| !caller.may_read(path))
}
