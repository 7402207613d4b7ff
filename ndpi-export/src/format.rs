//! Formats by name, and which types of records each has.

use std::fmt;

use anyhow::{Context as _, Result};
use ndpi_events::{Kind, Kinds};
use serde::Deserialize;

use super::json;

/// What records look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum OutputFormat {
    /// A JSON object a line: docs/records.md.
    Json,
    /// Flows as comma-separated values.
    Csv,
    /// JSON with the names of Suricata's EVE.
    Eve,
    /// Messages for collectors of flows.
    Ipfix,
    /// Files of columns, for analysts.
    Parquet,
}

/// What has flows and nothing else.
const FLOWS: Kinds = Kinds::of(&[Kind::FlowActive, Kind::FlowEnded]);

impl OutputFormat {
    const ALL: [Self; 5] = [Self::Json, Self::Csv, Self::Eve, Self::Ipfix, Self::Parquet];

    fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Eve => "eve",
            Self::Ipfix => "ipfix",
            Self::Parquet => "parquet",
        }
    }

    /// The format of this name.
    pub(super) fn named(name: &str) -> Result<Self> {
        let named = Self::ALL.into_iter().find(|it| it.name() == name);
        named.with_context(|| format!("there is no format {name:?}; {}", formats()))
    }

    /// The kinds of events that it has.
    pub(super) fn kinds(self) -> Kinds {
        match self {
            Self::Json => Kinds::ALL,
            Self::Csv | Self::Eve | Self::Parquet => FLOWS.or(Kinds::of(&[Kind::Decided])),
            Self::Ipfix => FLOWS,
        }
    }

    /// Those of which it has records where none are asked for.
    pub(super) fn usual_kinds(self) -> Kinds {
        match self {
            Self::Json => json::RECORDS,
            Self::Csv | Self::Ipfix | Self::Parquet => FLOWS,
            Self::Eve => self.kinds(),
        }
    }
}

/// Which formats there are, for errors.
pub(super) fn formats() -> String {
    format!("there are {}", OutputFormat::ALL.map(OutputFormat::name).join(", "))
}

impl TryFrom<String> for OutputFormat {
    type Error = anyhow::Error;

    fn try_from(name: String) -> Result<Self> {
        Self::named(&name)
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
