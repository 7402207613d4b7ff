//! The first file system of a kernel: an archive in the `newc` format of cpio
//! (`Documentation/driver-api/early-userspace/buffer-format.rst`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path};

use anyhow::{Context as _, Result};

/// An archive being written.
#[derive(Default)]
pub(super) struct Initramfs {
    bytes: Vec<u8>,
    folders: BTreeSet<String>,
    entries: u32,
}

const FOLDER: u32 = 0o040_755;
const EXECUTABLE: u32 = 0o100_755;

impl Initramfs {
    /// An empty folder, with those above it.
    pub(super) fn folder(&mut self, path: &str) {
        let mut above = String::new();
        for part in Path::new(path).components() {
            let Component::Normal(part) = part else { continue };
            if !above.is_empty() {
                above.push('/');
            }
            above.push_str(&part.to_string_lossy());
            if self.folders.insert(above.clone()) {
                self.entry(&above, FOLDER, &[]);
            }
        }
    }

    /// A file that can be executed.
    pub(super) fn file(&mut self, path: &str, content: &[u8]) {
        if let Some(parent) = Path::new(path).parent() {
            self.folder(&parent.to_string_lossy());
        }
        self.entry(path.trim_start_matches('/'), EXECUTABLE, content);
    }

    /// A file of this machine, under the path it has here.
    pub(super) fn copy(&mut self, path: &Path) -> Result<()> {
        let content = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        self.file(&path.to_string_lossy(), &content);
        Ok(())
    }

    /// All of it, with the mark that ends it.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.entry("TRAILER!!!", 0, &[]);
        self.bytes
    }

    fn entry(&mut self, name: &str, mode: u32, content: &[u8]) {
        let (links, size) = (1 + u32::from(mode == FOLDER), content.len());
        self.entries += 1;
        let head = [
            self.entries,
            mode,
            0,
            0,
            links,
            0,
            u32::try_from(size).unwrap_or(u32::MAX),
            0,
            0,
            0,
            0,
            u32::try_from(name.len() + 1).unwrap_or(u32::MAX),
            0,
        ];
        self.bytes.extend(b"070701");
        for number in head {
            self.bytes.extend(format!("{number:08x}").bytes());
        }
        self.bytes.extend(name.bytes());
        self.bytes.push(0);
        self.pad();
        self.bytes.extend(content);
        self.pad();
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_once_and_before_what_is_in_them() {
        let mut archive = Initramfs::default();
        archive.file("/lib/x/one", b"content");
        archive.file("/lib/x/two", b"");
        let bytes = archive.finish();
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8_lossy(&bytes);
        let at = |word: &str| text.match_indices(word).map(|(at, _)| at).collect::<Vec<_>>();
        assert_eq!(at("lib/x\0").len(), 1);
        assert!(at("lib\0")[0] < at("lib/x\0")[0] && at("lib/x\0")[0] < at("lib/x/one\0")[0]);
        assert!(at("TRAILER!!!").len() == 1 && at("070701").len() == 5);
    }
}
