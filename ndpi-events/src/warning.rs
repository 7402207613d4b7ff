//! Warnings without a state of their own.

use serde::{Deserialize, Serialize};

use crate::{Time, Word};

/// Something that whoever operates it should know of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// When.
    pub time: Time,
    /// What it is about: `rings-full`, `rings-contended`, `frames-lost`, `records-lost`, `map-refused`, `evasion`.
    pub about: Word,
    /// How many of them since the last warning of the kind: packets, frames, records, flows of `src`; of
    /// `map-refused`, how often so far.
    pub count: u64,
    /// Of `evasion`: the client; absent where it is about several that are not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub src: Option<String>,
    /// Of `evasion`: what was found in its flows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Word>,
    /// In words.
    pub text: String,
}

impl Warning {
    /// One that is about no client.
    pub fn new(time: Time, about: Word, count: u64, text: impl Into<String>) -> Self {
        Self { time, about, count, src: None, findings: Vec::new(), text: text.into() }
    }
}
