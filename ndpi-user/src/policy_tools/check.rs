//! Problems of a policy: `ndpi-xdp policy check`.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use ndpi::Asking;
use ndpi_policy::{Caught, Support, Vocabulary, caught, load};
use ndpi_text::shown;
use serde_json::{Value, json};

use super::input;
use crate::engine_setup::EngineSetup;
use crate::files::Onlooker;
use crate::policy_files::{PolicyFiles, for_caller_of_sudo};
use crate::stdout::print;

/// A policy to be checked, and what is printed of it.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// Policy file; `-` for standard input, with lists relative to the current folder.
    pub(crate) file: PathBuf,
    /// One JSON object in place of text.
    pub(crate) json: bool,
    /// Whether it is listed what each rule takes by the categories and groups that it names.
    pub(crate) members: bool,
    pub(crate) engine: EngineSetup,
}

impl Check {
    /// Prints all problems of the policy. Exit status 1 if there is a mistake or a warning.
    ///
    /// # Errors
    /// nDPI, whose names the policy uses, cannot be loaded or set up.
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let engine = self.engine.engine(&self.engine.library()?)?;
        let lists = !self.engine.categories.is_empty();
        let names = Vocabulary::of(&engine).with_filed(&engine, lists);
        let app_of = |host: &str| Some(engine.classify_host(host, Asking::Tls)?.app);
        let caller = Onlooker::behind_sudo();
        let diagnostics =
            for_caller_of_sudo(input::check(&self.file, &names, &app_of)?, caller.as_ref());
        // What was read from standard input is gone.
        let listed = self.members
            && !input::is_given(&self.file)
            && caller.as_ref().is_none_or(|caller| caller.may_read(&self.file));
        let caught = if listed { self.caught(&names) } else { Vec::new() };
        let clean = diagnostics.is_clean();
        let text = if self.json {
            let usable = !diagnostics.has_errors();
            let problems = diagnostics.to_json();
            let file = &self.file;
            let mut object = json!({ "file": file, "usable": usable, "problems": problems });
            if listed {
                object["takes"] = caught.iter().map(|(at, it)| to_json(at, it)).collect();
            }
            format!("{object}\n")
        } else if diagnostics.problems().is_empty() {
            format!("{}: no problems\n", shown(&self.file))
        } else {
            format!("{}\n", diagnostics.render(wants_colour()))
        };
        print(&text)?;
        if !self.json {
            print(&caught.iter().map(|(at, it)| to_text(at, it)).collect::<String>())?;
        }
        Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Check {
    /// What the rules take by categories and groups, each with its line; nothing of a policy that cannot be
    /// used.
    fn caught(&self, names: &Vocabulary) -> Vec<(String, Caught)> {
        let files = PolicyFiles::as_they_are();
        let loaded = load(&self.file, names, Support::THIS_BUILD, &files);
        let Ok(policy) = loaded else { return Vec::new() };
        let found = policy.diagnostics();
        let at = |it: &Caught| {
            format!("{}:{}", shown(found.path(it.place.source)), found.line_column(it.place).0)
        };
        caught(policy.rules(), names).into_iter().map(|it| (at(&it), it)).collect()
    }
}

fn to_text(at: &str, it: &Caught) -> String {
    format!("{at}: {:?}, `{}` {}: {}\n", it.rule, it.key, it.name, it.members())
}

fn to_json(at: &str, it: &Caught) -> Value {
    json!({
        "at": at,
        "rule": it.rule,
        "key": it.key,
        "name": it.name,
        "app": it.apps,
        "category": it.categories,
        "evasion": it.findings,
    })
}

/// On a terminal, unless the user asks for none (<https://no-color.org>).
fn wants_colour() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && io::stdout().is_terminal()
}
