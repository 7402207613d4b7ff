//! `ndpi-xdp man`: the manual pages.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Command, ValueHint};
use ndpi_text::shown;

/// Write the manual pages of ndpi-xdp and of each command into a folder
#[derive(Args, Clone, Debug)]
pub struct ManArguments {
    /// An existing folder
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub folder: PathBuf,
}

impl ManArguments {
    /// Runs the command: the pages are those of `program`.
    ///
    /// # Errors
    /// A page cannot be written.
    pub fn run(self, program: Command) -> anyhow::Result<ExitCode> {
        write(&self.folder, program)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn write(folder: &Path, program: Command) -> anyhow::Result<()> {
    clap_mangen::generate_to(program, folder)
        .with_context(|| format!("writing manual pages into {}", shown(folder)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_has_a_page_with_its_options() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), Cli::command()).unwrap();
        let page = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        let shown = |command: &&Command| !command.is_hide_set();
        for command in Cli::command().get_subcommands().filter(shown) {
            page(&format!("ndpi-xdp-{}.1", command.get_name()));
        }
        assert!(page("ndpi-xdp-policy-check.1").contains(".SH OPTIONS"));
        assert!(page("ndpi-xdp-run.1").contains(r"\-\-max\-flows"));
        assert!(page("ndpi-xdp.1").contains("Exit status"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let error = write(Path::new("/nowhere/at all"), Cli::command()).unwrap_err();
        assert!(error.to_string().contains("/nowhere/at all"), "{error}");
    }
}
