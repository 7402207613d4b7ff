//! Parts shared by the commands that read captures: formats, records, progress, and the word
//! at the end.

mod find;
mod folders;
mod format;
mod progress;
mod recorder;
mod report;
mod stop;
mod timeline;
mod unread;

pub(super) use find::{Found, find};
pub(super) use folders::Folders;
pub(super) use format::Format;
pub(super) use progress::{Bar, bytes_of};
pub(super) use recorder::{Recorder, Recording, capture_record, write_json};
pub(super) use report::{Outcome, is_broken_pipe, name, report, tell_errors};
pub(super) use stop::Stop;
pub(super) use timeline::Timeline;
pub(super) use unread::tell_unread;
