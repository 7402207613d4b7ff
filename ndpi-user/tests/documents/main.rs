//! The documents as tests: their console blocks are run, their tables and examples are compared with
//! what the program has and writes.
//!
//! With `UPDATE_DOCS=1` what is generated is written to the documents, and the output of console blocks
//! is replaced by what their commands print.

mod capture;
mod console;
mod network;
mod options;
mod page;
mod pages;
mod reference;
mod stage;
#[path = "../support/mod.rs"]
mod support;
mod transcript;
