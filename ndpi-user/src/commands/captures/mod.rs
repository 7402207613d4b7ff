//! What the commands that read captures have in common: formats, records, progress, and the word
//! at the end.

mod format;
mod progress;
mod recorder;
mod report;
mod unread;

pub(super) use format::Format;
pub(super) use progress::Bar;
pub(super) use recorder::{Recorder, Recording, capture_record, write_json};
pub(super) use report::{Outcome, file_name, is_broken_pipe, name, report, tell_errors};
pub(super) use unread::tell_unread;
