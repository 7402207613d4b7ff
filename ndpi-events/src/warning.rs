//! Warnings without a state of their own.

use serde::{Deserialize, Serialize};

use crate::{Time, Word};

/// Something that whoever operates it should know of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warning {
    /// When.
    pub time: Time,
    /// What it is about: `rings-full`, `frames-lost`, `records-lost`, `map-refused`.
    pub about: Word,
    /// How many of them since the last warning of the kind: packets, frames, records; of `map-refused`, how often
    /// so far.
    pub count: u64,
    /// In words.
    pub text: String,
}
