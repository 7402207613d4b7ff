//! Parts shared by all that read captures: which files, samples, records, progress, signals, and the report.

mod find;
mod folders;
mod format;
mod progress;
mod recorder;
mod report;
mod sample;
mod sandbox;
mod stop;
mod timeline;
mod unread;

pub(crate) use find::{Found, find};
pub(crate) use folders::Folders;
pub(crate) use format::Format;
pub(crate) use progress::{Bar, bytes_of};
pub(crate) use recorder::{Recorder, Recording, capture_record, write_json};
pub(crate) use report::{CaptureResults, is_broken_pipe, name, report, tell_errors};
pub(crate) use sample::{sample, sample_of};
pub(crate) use sandbox::{Sandbox, reading, reading_with_lists};
pub(crate) use stop::Stop;
pub(crate) use timeline::Timeline;
pub(crate) use unread::tell_unread;
