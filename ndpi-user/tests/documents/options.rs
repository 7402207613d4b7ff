//! Every option of the command line is explained, and every option that a page names exists.

use std::collections::BTreeSet;

use clap::{Command, CommandFactory as _};
use ndpi_user::cli::Cli;

use crate::page::Page;
use crate::pages;

/// What clap adds to every command.
const EVERYWHERE: [&str; 2] = ["--help", "--version"];

#[test]
fn every_option_of_run_is_explained_to_whoever_operates_it() {
    let page = Page::read("docs/operate.md");
    let command = Cli::command();
    let run = command.find_subcommand("run").unwrap();
    for option in options(run).chain(options(&command)) {
        let row = format!("| `{option}` | ");
        assert_eq!(page.text.matches(&row).count(), 1, "{row}");
    }
}

#[test]
fn the_page_on_commands_has_them_all() {
    let page = Page::read("docs/commands.md");
    for name in names(&Cli::command(), "") {
        assert!(page.text.contains(&format!("$ {name} --help\n")), "{name}");
    }
}

#[test]
fn no_page_names_an_option_that_does_not_exist() {
    let mut known: BTreeSet<String> = EVERYWHERE.map(str::to_owned).into();
    collect(&Cli::command(), &mut known);
    for name in pages::all().iter().filter(|name| name.starts_with("docs/")) {
        let page = Page::read(name);
        let prose = page.prose();
        let code = prose.split('`').skip(1).step_by(2);
        for word in code.flat_map(str::split_whitespace).filter(|word| word.starts_with("--")) {
            let option = word.split('=').next().unwrap_or(word);
            assert!(known.contains(option), "{name}: there is no {option}");
        }
    }
}

/// The long names of a command's own options.
fn options(command: &Command) -> impl Iterator<Item = String> {
    let longs = command.get_arguments().filter_map(clap::Arg::get_long);
    longs.map(|name| format!("--{name}"))
}

/// A command and all below it, as they are typed.
fn names(command: &Command, before: &str) -> Vec<String> {
    let name = format!("{before}{}", command.get_name());
    let below = command.get_subcommands().filter(|command| !command.is_hide_set());
    let below = below.flat_map(|command| names(command, &format!("{name} ")));
    below.chain([name.clone()]).collect()
}

fn collect(command: &Command, into: &mut BTreeSet<String>) {
    into.extend(options(command));
    command.get_subcommands().for_each(|command| collect(command, into));
}
