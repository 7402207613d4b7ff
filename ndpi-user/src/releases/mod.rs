//! Exceptions to the policy for a time: which there are, what is kept of them, and the command that makes and ends them.
//!
//! An instance has its policy judge with the rules of its releases before those of the file, so that a release reaches
//! all that a reload does: verdicts that stand, servers that are blocked, flows of an earlier instance.

mod book;
mod command;
mod kept;

pub(crate) use book::{Book, BookError};
pub(crate) use command::{end, in_words, list, make};
pub(crate) use kept::KeptFile;
