//! Every page that has console blocks.

use std::fs;

use crate::console::{check, is_not_run};
use crate::page::{Page, path};

#[test]
fn the_readme_shows_what_is_printed() {
    check("README.md");
}

#[test]
fn the_page_for_contributors_says_why_its_blocks_are_not_run() {
    check("CONTRIBUTING.md");
}

#[test]
fn the_page_on_commands_has_the_help_of_each() {
    check("docs/commands.md");
}

#[test]
fn the_page_for_operators_shows_what_is_printed() {
    check("docs/operate.md");
}

#[test]
fn the_page_on_policies_shows_what_is_printed() {
    check("docs/policy.md");
}

#[test]
fn the_reference_of_policies_shows_what_is_printed() {
    check("docs/policy-reference.md");
}

#[test]
fn the_page_on_records_shows_what_is_written() {
    check("docs/records.md");
}

/// The pages above.
const CHECKED: [&str; 7] = [
    "CONTRIBUTING.md",
    "README.md",
    "docs/commands.md",
    "docs/operate.md",
    "docs/policy-reference.md",
    "docs/policy.md",
    "docs/records.md",
];

#[test]
fn no_page_has_a_console_block_that_is_not_looked_at() {
    for name in all() {
        let page = Page::read(&name);
        for block in page.blocks() {
            let place = format!("{name}:{}", block.line);
            assert!(!["sh", "shell", "bash"].contains(&block.language), "{place}: say console");
            let is_looked_at = CHECKED.contains(&name.as_str()) || is_not_run(&block);
            assert!(block.language != "console" || is_looked_at, "{place}: nothing runs it");
        }
    }
}

#[test]
fn every_policy_of_a_page_is_tried_there() {
    for name in all() {
        let page = Page::read(&name);
        let blocks = page.blocks();
        for (number, block) in blocks.iter().enumerate().filter(|(_, it)| it.language == "toml") {
            let next = blocks[number + 1..].iter().find(|it| it.language != "text");
            let tries = next.is_some_and(|next| next.text.contains("policy.toml"));
            assert!(tries, "{name}:{}: nothing tries this policy", block.line);
        }
    }
}

/// The pages at the top of the repository, in `docs` and of each crate.
pub(crate) fn all() -> Vec<String> {
    let in_folder = |folder: &str| {
        let files = fs::read_dir(path(folder)).unwrap().map(|file| file.unwrap().path());
        let pages = files.filter(|file| file.extension().is_some_and(|it| it == "md"));
        let names = pages.map(|file| file.file_name().unwrap().to_str().unwrap().to_owned());
        names.map(|name| format!("{folder}{name}")).collect::<Vec<_>>()
    };
    let crates = fs::read_dir(path("")).unwrap().map(|entry| entry.unwrap().path());
    let crates = crates.filter(|folder| folder.join("Cargo.toml").is_file());
    let crates =
        crates.map(|folder| folder.file_name().unwrap().to_str().unwrap().to_owned() + "/");
    let folders = [String::new(), "docs/".to_owned()].into_iter().chain(crates);
    folders.flat_map(|folder| in_folder(&folder)).collect()
}
