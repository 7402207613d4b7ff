//! Those who write what is reported: their start, their names and their end.

use anyhow::Result;
use ndpi_events::{BusBuilder, Losses};
use ndpi_export::{Couriers, Ending, LogSink, Output, Prepared, RecordSink, Reopen, prepare};
use ndpi_policy::Vocabulary;

use crate::hosts::HostBook;

/// Prepares all outputs, with the processes that deliver for some of them.
///
/// # Errors
///
/// One cannot be had, or is asked for an application that there is not.
pub(super) fn prepared(
    outputs: &[Output],
    couriers: Couriers,
    names: &Vocabulary,
) -> Result<Vec<Prepared>> {
    outputs.iter().try_for_each(|output| output.check_apps(names))?;
    prepare(outputs, couriers)
}

/// Starts to write records elsewhere; each with its name.
pub(super) fn start(
    outputs: Vec<Prepared>,
    bus: &mut BusBuilder,
    reopen: &Reopen,
) -> Result<Vec<(String, RecordSink)>> {
    let each = outputs.into_iter();
    each.map(|output| Ok((output.name(), output.start(bus, reopen)?))).collect()
}

/// Those who write records, by the names that messages call them.
pub(super) fn writers(
    records: &RecordSink,
    outputs: &[(String, RecordSink)],
) -> Vec<(String, Losses)> {
    let records = (records.name().to_owned(), records.losses().clone());
    [records].into_iter().chain(of_outputs(outputs)).collect()
}

/// Those who write, by the names that they have in snapshots.
pub(super) fn sinks(
    records: &RecordSink,
    messages: &LogSink,
    hosts: &HostBook,
    outputs: &[(String, RecordSink)],
) -> Vec<(String, Losses)> {
    let own =
        [("records", records.losses()), ("messages", messages.losses()), ("hosts", hosts.losses())];
    let own = own.map(|(name, losses)| (name.to_owned(), losses.clone()));
    own.into_iter().chain(of_outputs(outputs)).collect()
}

fn of_outputs(outputs: &[(String, RecordSink)]) -> impl Iterator<Item = (String, Losses)> {
    outputs.iter().map(|(name, sink)| (name.clone(), sink.losses().clone()))
}

/// Ends the writing to all outputs, of which none waits for another.
pub(super) fn end(mut outputs: Vec<(String, RecordSink)>) -> Vec<Ending> {
    for (_, sink) in &mut outputs {
        sink.end(None);
    }
    outputs.into_iter().map(|(_, sink)| sink.finished()).collect()
}
