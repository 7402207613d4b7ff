//! Which instance a command is about: by its name, or by the folder where its maps are pinned.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use ndpi_kernel::{DEFAULT_PIN_DIRECTORY, named_pin_directory};

/// Which of several instances on this machine is meant.
#[derive(Args, Clone, Debug)]
pub struct InstanceOptions {
    /// The instance of this name, where several run on one machine: its maps are pinned in `/sys/fs/bpf/ndpi-xdp@NAME`
    #[arg(long, value_name = "NAME", value_parser = name, conflicts_with = "pin_dir")]
    name: Option<String>,

    /// Folder on the BPF file system where the maps of the instance are pinned
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, default_value = DEFAULT_PIN_DIRECTORY)]
    pin_dir: PathBuf,
}

impl InstanceOptions {
    /// Where its maps are pinned.
    pub fn pin_directory(&self) -> PathBuf {
        self.name.as_deref().map_or_else(|| self.pin_dir.clone(), named_pin_directory)
    }

    /// What it is called on `host` where nobody says otherwise.
    pub(super) fn called(&self, host: String) -> String {
        match &self.name {
            Some(name) => format!("{host}@{name}"),
            None => host,
        }
    }
}

/// The name of an instance, which is a part of a path and of a unit's name: the BPF file system has no dots in names.
fn name(text: &str) -> Result<String, String> {
    let fits = |char: char| char.is_ascii_alphanumeric() || ['-', '_'].contains(&char);
    if (1..=32).contains(&text.len()) && text.chars().all(fits) && !text.starts_with('-') {
        return Ok(text.to_owned());
    }
    Err("a name is of 1 to 32 letters (a to z), digits, '-' and '_', and does not begin with '-'"
        .into())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        instance: InstanceOptions,
    }

    fn directory(words: &str) -> Option<PathBuf> {
        let program = Program::try_parse_from(format!("status {words}").split_whitespace()).ok()?;
        Some(program.instance.pin_directory())
    }

    #[test]
    fn an_instance_is_known_by_its_name_or_its_folder() {
        assert_eq!(directory("").as_deref(), Some(Path::new(DEFAULT_PIN_DIRECTORY)));
        assert_eq!(directory("--name lan").unwrap(), Path::new("/sys/fs/bpf/ndpi-xdp@lan"));
        assert_eq!(directory("--pin-dir /x").unwrap(), Path::new("/x"));
        assert_eq!(directory("--name lan --pin-dir /x"), None);
    }

    #[test]
    fn a_name_leads_out_of_no_folder() {
        for fits in ["lan", "wan-2", "a_B", &"x".repeat(32)] {
            assert_eq!(name(fits).as_deref(), Ok(fits));
        }
        for wrong in ["", "..", "a/b", "a.b", "-a", "a b", "ä", "a\n", &"x".repeat(33)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }
}
