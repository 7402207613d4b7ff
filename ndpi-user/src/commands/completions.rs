//! `ndpi-xdp completions`: what a shell completes.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::stdout::print;

/// Print a script that completes ndpi-xdp's commands and options in a shell
#[derive(Args, Clone, Debug)]
pub struct CompletionsArguments {
    /// The shell
    pub shell: Shell,
}

impl CompletionsArguments {
    /// Runs the command: the script is for `program`.
    ///
    /// # Errors
    /// Standard output cannot be written to.
    pub fn run(self, program: Command) -> anyhow::Result<ExitCode> {
        print(&script(self.shell, program))
    }
}

fn script(shell: Shell, mut program: Command) -> String {
    let name = program.get_name().to_owned();
    let mut script = Vec::new();
    generate(shell, &mut program, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, ValueEnum as _};

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in Shell::value_variants() {
            let script = script(*shell, Cli::command());
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
            assert!(script.contains("max-flows"), "{shell}");
        }
    }
}
