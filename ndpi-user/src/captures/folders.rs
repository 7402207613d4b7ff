//! Names of captures in records.

use std::path::{Path, PathBuf};

use ndpi_text::shown;

use super::name;
use crate::report::CaptureReport;

/// The folders that were asked for, whose captures are called by their paths below them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Folders(Vec<PathBuf>);

impl Folders {
    pub(super) fn add(&mut self, folder: &Path) {
        self.0.push(folder.to_owned());
    }

    /// What the capture at `path` is called in records: its path below the folder that was asked for, else
    /// its name without its folder.
    pub(crate) fn short(&self, path: &Path) -> String {
        let below = self.0.iter().find_map(|folder| path.strip_prefix(folder).ok());
        match below.or_else(|| path.file_name().map(Path::new)) {
            Some(short) if path != Path::new("-") => shown(short).to_string(),
            _ => name(path),
        }
    }

    /// The report on the capture at `path`, of which nothing was read yet.
    pub(crate) fn begin(&self, path: &Path) -> CaptureReport {
        CaptureReport { name: name(path), short: self.short(path), ..CaptureReport::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Folders;

    #[test]
    fn captures_in_a_folder_are_called_by_their_paths_below_it() {
        let folders = Folders(["/a/b", "c/"].map(Into::into).to_vec());
        for (path, short) in [
            ("/a/b/x.pcap", "x.pcap"),
            ("/a/b/d/x.pcap", "d/x.pcap"),
            ("c/e/x.pcap", "e/x.pcap"),
            ("/elsewhere/x.pcap", "x.pcap"),
            ("-", "stdin"),
        ] {
            assert_eq!(folders.short(Path::new(path)), short);
        }
    }
}
