//! The transcript of a terminal, as a console block has it.

/// A command and what it prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) by: Whom,
    /// What a shell gets: several lines where they end with a backslash.
    pub(crate) command: String,
    pub(crate) output: String,
}

/// Who gives a command, by the prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whom {
    /// `$`: anybody.
    Anybody,
    /// `#`: root.
    Root,
}

impl Whom {
    fn of(line: &str) -> Option<(Self, &str)> {
        let anybody = line.strip_prefix("$ ").map(|command| (Self::Anybody, command));
        anybody.or_else(|| line.strip_prefix("# ").map(|command| (Self::Root, command)))
    }

    fn prompt(self) -> char {
        match self {
            Self::Anybody => '$',
            Self::Root => '#',
        }
    }
}

/// The steps of a block.
pub(crate) fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for line in text.split_inclusive('\n') {
        match (Whom::of(line), steps.last_mut()) {
            (_, Some(step)) if goes_on => step.command.push_str(line),
            (Some((by, command)), _) => {
                steps.push(Step { by, command: command.to_owned(), output: String::new() });
            }
            (None, Some(step)) => step.output.push_str(line),
            (None, None) => panic!("output before the first command: {line}"),
        }
        let is_command = steps.last().is_some_and(|step| step.output.is_empty());
        goes_on = is_command && line.ends_with("\\\n");
    }
    steps
}

/// The block of these steps.
pub(crate) fn text(steps: &[Step]) -> String {
    let one = |Step { by, command, output }: &Step| format!("{} {command}{output}", by.prompt());
    steps.iter().map(one).collect()
}

#[test]
fn a_transcript_is_taken_apart_and_put_together() {
    let block = "$ a b \\\n    c\nout\n\nmore\n# d\n$ e\nlast\n";
    let steps = steps(block);
    let commands: Vec<_> = steps.iter().map(|step| (step.by, step.command.as_str())).collect();
    let expected =
        [(Whom::Anybody, "a b \\\n    c\n"), (Whom::Root, "d\n"), (Whom::Anybody, "e\n")];
    assert_eq!(commands, expected);
    assert_eq!(steps[0].output, "out\n\nmore\n");
    assert_eq!(text(&steps), block);
}
