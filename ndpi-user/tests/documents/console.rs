//! Running the console blocks of a page, and comparing what comes of it with what the page says.

use snapbox::{Assert, Data, IntoData as _};

use crate::page::{Block, Page, is_updating};
use crate::stage::{Stage, has_ndpi};
use crate::transcript::{self, Step, Whom};

/// What begins the note of a block that is not run; the reason follows.
const NOT_RUN: &str = "not run: ";

/// Whether a block has a reason for not being run.
pub(crate) fn is_not_run(block: &Block) -> bool {
    block.note.starts_with(NOT_RUN)
}

/// A block whose commands were run.
struct Ran<'a> {
    block: &'a Block<'a>,
    /// Its steps with what they print now.
    steps: Vec<Step>,
    /// The step that starts an instance, whose output comes when that ends.
    starts: Option<Start>,
}

/// The step that starts an instance.
#[derive(Clone, Copy)]
struct Start {
    number: usize,
    /// So many lines it prints, by the page, before it is interrupted.
    lines: usize,
}

/// Runs all blocks of a page in their order. A command of root's is passed over, with a message, where
/// these tests are not root's.
#[track_caller]
pub(crate) fn check(name: &str) {
    if !has_ndpi() {
        return;
    }
    let page = Page::read(name);
    let blocks = page.blocks();
    let mut stage = Stage::new();
    let mut ran = Vec::new();
    for block in &blocks {
        if block.language != "console" {
            put_file(&mut stage, block);
        } else if let Some(reason) = block.note.strip_prefix(NOT_RUN) {
            eprintln!("not run: {name}:{}: {reason}", block.line);
        } else {
            ran.extend(run(&mut stage, name, block));
        }
    }
    let started = ran.iter_mut().find_map(|ran| ran.starts.map(|start| (start, &mut ran.steps)));
    if let Some((Start { number, lines }, steps)) = started {
        steps[number].output = stage.end(lines);
    }
    let wrong: Vec<_> = ran.iter().filter_map(|ran| compare(name, ran)).collect();
    if is_updating() {
        page.write(&updated(&page.text, &ran));
    } else {
        assert!(wrong.is_empty(), "UPDATE_DOCS=1 writes what is printed now\n{}", wrong.concat());
    }
}

/// A policy is `policy.toml` to the commands behind it; other files are named behind the language.
fn put_file(stage: &mut Stage, block: &Block) {
    match (block.language, block.note) {
        ("toml", "") => stage.file("policy.toml", block.text.as_bytes()),
        (_, "") => {}
        (_, name) => stage.file(name, block.text.as_bytes()),
    }
}

/// The block with what its commands print; `None` where they need root and this is not.
fn run<'a>(stage: &mut Stage, name: &str, block: &'a Block<'a>) -> Option<Ran<'a>> {
    let mut steps = transcript::steps(block.text);
    if steps.iter().any(|step| step.by == Whom::Root) && !crate::ready(&["ip", "nsenter"]) {
        eprintln!("skipped: {name}:{}", block.line);
        return None;
    }
    let starts = steps
        .iter()
        .position(|step| step.by == Whom::Root && step.command.starts_with("ndpi-xdp run "));
    let until_interrupted = |step: &Step| step.output.lines().take_while(|it| *it != "^C").count();
    let starts = starts.map(|number| Start { number, lines: until_interrupted(&steps[number]) });
    for step in &mut steps {
        step.output = match step.by {
            Whom::Anybody => stage.as_anybody(&step.command),
            Whom::Root => stage.as_root(&step.command),
        };
    }
    Some(Ran { block, steps, starts })
}

/// How the output differs from the page's, in which `...` stands for lines and `[..]` for a part of
/// one.
fn compare(name: &str, ran: &Ran) -> Option<String> {
    let title = format!("{name}:{}", ran.block.line);
    let there = Data::text(ran.block.text);
    let compared = Assert::new().normalize_paths(false).try_eq(
        Some(&title),
        transcript::text(&ran.steps).into_data(),
        there,
    );
    compared.err().map(|difference| format!("{title}\n{difference}\n"))
}

/// The page with the present output of those blocks that differ.
fn updated(text: &str, ran: &[Ran]) -> String {
    let mut text = text.to_owned();
    // From the last one on, so that the places of those before it stay right.
    for ran in ran.iter().rev().filter(|ran| compare("", ran).is_some()) {
        let Block { start, text: there, .. } = ran.block;
        let now = without_today(transcript::text(&ran.steps));
        text.replace_range(*start..start + there.len(), &now);
    }
    text
}

/// Without times of today, which are other ones tomorrow.
fn without_today(mut text: String) -> String {
    let today = jiff::Timestamp::now().strftime("%FT").to_string();
    while let Some(start) = text.find(&today) {
        let end = text[start..].find('Z').map_or(text.len(), |length| start + length);
        text.replace_range(start..end, "[..]");
    }
    text
}
