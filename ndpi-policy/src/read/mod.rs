//! From the text of a policy to rules: every problem is reported, none stops the reading.
//!
//! The tables are walked key by key instead of through a derived deserializer, which would stop at
//! the first mistake.

mod action;
mod document;
mod excepted;
mod exceptions;
mod groups;
mod keys;
mod lines;
mod list;
mod matchers;
mod meant;
mod network;
mod reader;
mod rule;
mod tally;
mod time;
mod toml_text;
mod value;
mod words;

pub(crate) use self::matchers::EMPTY;
pub(crate) use self::reader::Reader;
