//! `ndpi-xdp list`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::NdpiOptions;
use crate::listing;

/// List the names of nDPI that policies can use
#[derive(Args, Clone, Debug)]
pub struct ListArguments {
    /// What to list
    #[arg(value_enum)]
    pub kind: Kind,

    /// Only rows with this word in a column
    #[arg(value_name = "WORD")]
    pub word: Option<String>,

    /// Print one JSON object per line
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    #[expect(missing_docs, reason = "clap would print the comment in the help")]
    pub ndpi: NdpiOptions,
}

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Protocols and applications (`app`), with their category and breed
    Protocols,
    /// Categories (`category`), with the protocols and applications of each
    Categories,
    /// Groups (`group`) for what people mean by video, games and so on, with their members
    Groups,
    /// Breeds (`breed`)
    Breeds,
    /// Risks (`risk`), with what each adds to `risk_score`
    Risks,
}

impl From<Kind> for listing::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Protocols => Self::Protocols,
            Kind::Categories => Self::Categories,
            Kind::Groups => Self::Groups,
            Kind::Breeds => Self::Breeds,
            Kind::Risks => Self::Risks,
        }
    }
}

impl ListArguments {
    /// Runs the command.
    ///
    /// # Errors
    /// nDPI cannot be loaded or set up, or nothing has the word.
    pub fn run(self) -> Result<ExitCode> {
        listing::list(self.kind.into(), self.word.as_deref(), self.json, &self.ndpi.into())
    }
}
