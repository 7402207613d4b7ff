//! Outputs that can be written to, as far as that can be known before anything is enforced.

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use ndpi_events::BusBuilder;

use super::delivery::{Couriers, Deliverer, Framed};
use super::destination::{
    Datagrams, FileTarget, Listener, Plain, Reopen, STANDARD_OUTPUT, StreamTarget, Target,
    WholeFiles, check_file, check_whole, standard_output,
};
use super::encoder::{Encoder, Headed};
use super::format::OutputFormat;
use super::ipfix::Ipfix;
use super::lines::RecordSink;
use super::output::{Destination, Output};
use super::parquet::Parquet;
use super::{csv, eve, json};

/// An output that was found to be in order: its file is there, its port is its own.
#[derive(Debug)]
pub struct Prepared {
    output: Output,
    port: Option<TcpListener>,
    courier: Option<OwnedFd>,
}

/// Prepares all outputs of an instance; with the processes that deliver for some of them.
///
/// # Errors
///
/// Two have the same destination, a file may not be written to, or a port cannot be had.
pub fn prepare(outputs: &[Output], mut couriers: Couriers) -> Result<Vec<Prepared>> {
    let places: Vec<_> = outputs.iter().map(|output| place(&output.to)).collect();
    for (at, (place, output)) in places.iter().zip(outputs).enumerate() {
        let to = &output.to;
        ensure!(!places[..at].contains(place), "two outputs go to {to}: each needs its own");
    }
    let each = outputs.iter().enumerate();
    each.map(|(at, output)| Prepared::new(output, couriers.take(at))).collect()
}

/// A destination by its one name.
fn place(to: &Destination) -> Destination {
    match to {
        Destination::File(path) => Destination::File(resolved(path)),
        Destination::Unix(path) => Destination::Unix(resolved(path)),
        other => other.clone(),
    }
}

fn resolved(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default();
    folder.canonicalize().map_or_else(|_| path.to_owned(), |folder| folder.join(name))
}

impl Prepared {
    fn new(output: &Output, courier: Option<OwnedFd>) -> Result<Self> {
        let failed = || format!("cannot start the output {output}");
        let mut port = None;
        match &output.to {
            Destination::File(path) => match check(output.format, path) {
                // There may be room again when there is something to write.
                Err(error) if !is_full(error.kind()) => return Err(error).with_context(failed),
                _ => {}
            },
            Destination::Listen(address) => {
                port = Some(TcpListener::bind(address).with_context(failed)?);
            }
            // Whoever listens there may come later.
            Destination::StandardOutput
            | Destination::Unix(_)
            | Destination::Tcp(_)
            | Destination::Udp(_)
            | Destination::Nats(_)
            | Destination::Kafka(_) => {}
        }
        Ok(Self { output: output.clone(), port, courier })
    }

    /// What it is called: `FORMAT:DESTINATION`.
    pub fn name(&self) -> String {
        self.output.to_string()
    }

    /// Subscribes, and starts a thread that writes what is asked for. Files are opened again when `reopen` says so.
    ///
    /// # Errors
    ///
    /// There can be no thread that waits for readers, or for what is delivered.
    pub fn start(self, bus: &mut BusBuilder, reopen: &Reopen) -> Result<RecordSink> {
        let is_framed = matches!(self.output.to, Destination::Nats(_) | Destination::Kafka(_));
        match self.output.format {
            OutputFormat::Json if is_framed => self.start_with(Framed(json::write), bus, reopen),
            OutputFormat::Eve if is_framed => self.start_with(Framed(eve::write), bus, reopen),
            OutputFormat::Json => self.start_with(json::write, bus, reopen),
            OutputFormat::Eve => self.start_with(eve::write, bus, reopen),
            OutputFormat::Csv => {
                self.start_with(Headed { header: csv::header(), write: csv::write }, bus, reopen)
            }
            OutputFormat::Ipfix => {
                let by_udp = matches!(self.output.to, Destination::Udp(_));
                self.start_with(Ipfix::new(by_udp), bus, reopen)
            }
            OutputFormat::Parquet => {
                let encoder = Parquet::new(&self.output.rotation, reopen.follow());
                self.start_with(encoder, bus, reopen)
            }
        }
    }

    fn start_with(
        self,
        mut encoder: impl Encoder + 'static,
        bus: &mut BusBuilder,
        reopen: &Reopen,
    ) -> Result<RecordSink> {
        let name = self.output.to.to_string();
        let Self { output: Output { format, to, filter, rotation, queue, .. }, port, courier } =
            self;
        let kinds = filter.kinds(format.usual_kinds());
        let events = bus.subscribe(kinds, move |event| filter.takes(event), queue);
        let target: Box<dyn Target> = match to {
            Destination::StandardOutput => {
                Box::new(Plain::new(STANDARD_OUTPUT, standard_output()?))
            }
            Destination::File(path) if format == OutputFormat::Parquet => {
                Box::new(WholeFiles::new(path, rotation.keep))
            }
            Destination::File(path) => Box::new(FileTarget::new(path, rotation, reopen)),
            Destination::Unix(path) => Box::new(StreamTarget::unix(path)),
            Destination::Tcp(address) => Box::new(StreamTarget::tcp(address)),
            Destination::Udp(address) => Box::new(Datagrams::new(address)),
            Destination::Nats(_) | Destination::Kafka(_) => {
                let courier = courier.context("no process was started that delivers records")?;
                let deliverer = Deliverer::start(name, courier, events.losses().clone());
                Box::new(deliverer.context("cannot deliver records")?)
            }
            Destination::Listen(address) => {
                let port = port.map_or_else(|| TcpListener::bind(address), Ok);
                let mut preamble = Vec::new();
                encoder.preamble(&mut preamble);
                let losses = events.losses().clone();
                let listener = port.and_then(|port| Listener::start(port, preamble, losses));
                Box::new(listener.context("cannot wait for readers of records")?)
            }
        };
        Ok(RecordSink::start(events, encoder, target))
    }
}

/// Whether files of this format can be written.
fn check(format: OutputFormat, path: &Path) -> io::Result<()> {
    if format == OutputFormat::Parquet { check_whole(path) } else { check_file(path) }
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn refused(outputs: &[String]) -> String {
        let outputs: Vec<_> = outputs.iter().map(|it| it.parse().unwrap()).collect();
        format!("{:#}", prepare(&outputs, Couriers::default()).unwrap_err())
    }

    #[test]
    fn two_outputs_to_one_place_are_refused_however_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().display(), folder.path().join("link"));
        symlink(folder.path(), &link).unwrap();
        for (one, other) in [
            (format!("json:{path}/a"), format!("csv:{path}/a")),
            (format!("json:{path}/a"), format!("json:file:{}/a", link.display())),
            (format!("eve:unix:{path}/s"), format!("eve:unix:{path}/./s")),
            ("ipfix:udp:127.0.0.1:9".into(), "ipfix:udp:127.0.0.1:9".into()),
            ("json:-".into(), "csv:-".into()),
            ("json:tcp-listen:127.0.0.1:9".into(), "csv:tcp-listen:127.0.0.1:9".into()),
        ] {
            let error = refused(&[one, other.clone()]);
            assert!(error.starts_with("two outputs go to "), "{other}: {error}");
        }
        let all = [format!("json:{path}/a"), format!("csv:{path}/b"), format!("eve:unix:{path}/a")];
        assert_eq!(
            prepare(&all.map(|it| it.parse().unwrap()), Couriers::default()).unwrap().len(),
            3
        );
    }

    #[test]
    fn what_cannot_be_written_to_is_refused_before_there_is_anything_to_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        for (output, what) in [
            (format!("json:{path}/missing/a"), "missing/a: No such file or directory"),
            (format!("json:{path}"), "this is a folder"),
            ("json:/dev/null".into(), "this is no regular file"),
            (format!("json:tcp-listen:{}", taken.local_addr().unwrap()), "Address already in use"),
        ] {
            let error = refused(&[output]);
            let is_named = error.starts_with("cannot start the output json:");
            assert!(is_named && error.contains(what), "{error}");
        }
        // Nobody listens yet.
        assert!(
            prepare(&[format!("json:unix:{path}/missing/s").parse().unwrap()], Couriers::default())
                .is_ok()
        );
    }
}
