//! `ndpi-xdp policy check`.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::commands::{NdpiOptions, print};
use crate::files::Onlooker;
use crate::policy::{Support, Vocabulary, check};
use crate::text::shown;

/// Say everything that is wrong with a policy
///
/// Shows all problems at once: mistakes, with which the policy cannot be used, and warnings, such as
/// rules that can never match. Exit status 1 if there is any problem, so that a silent check means
/// a clean policy.
#[derive(Args, Clone, Debug)]
pub struct CheckArguments {
    /// The policy
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub ndpi: NdpiOptions,
}

impl CheckArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// nDPI, whose names the policy uses, cannot be loaded or set up.
    pub fn run(self) -> Result<ExitCode> {
        let engine = self.ndpi.engine(&self.ndpi.library()?)?;
        let diagnostics = check(&self.file, &Vocabulary::of(&engine), Support::THIS_BUILD)
            .for_caller_of_sudo(Onlooker::behind_sudo());
        let clean = diagnostics.problems().is_empty();
        let text = if self.json {
            let usable = !diagnostics.has_errors();
            let problems = diagnostics.to_json();
            let file = &self.file;
            format!("{}\n", json!({ "file": file, "usable": usable, "problems": problems }))
        } else if clean {
            format!("{}: no problems\n", shown(&self.file))
        } else {
            format!("{}\n", diagnostics.render(wants_colour()))
        };
        print(&text)?;
        Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// On a terminal, unless the user asks for none (<https://no-color.org>).
fn wants_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && io::stdout().is_terminal()
}
