//! The journal of systemd, for messages with fields: its native protocol, where standard error leads there.

use std::env;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use log::Level;
use log::kv::Key;
use rustix::fs::fstat;

use super::message_ids::id_of;

/// Where it listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";

/// Which stream of the journal's standard output or error are, as systemd says (systemd.exec(5)).
const STREAM: &str = "JOURNAL_STREAM";

/// A connection to it.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
    path: PathBuf,
    /// What this instance is called in records.
    instance: String,
}

impl Journal {
    /// The one that standard error leads to; `None` where that leads elsewhere.
    ///
    /// # Errors
    ///
    /// Nobody listens at `path`.
    pub(super) fn of_standard_error(path: &Path, instance: &str) -> io::Result<Option<Self>> {
        let stream = env::var(STREAM).unwrap_or_default();
        if !is_stream(&stream, io::stderr()) {
            return Ok(None);
        }
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        // A journal that has stalled keeps nobody: standard error has a bound of its own.
        socket.set_nonblocking(true)?;
        Ok(Some(Self { socket, path: path.into(), instance: instance.into() }))
    }

    /// Sends a message, which is on its way then, whole.
    ///
    /// # Errors
    ///
    /// It takes nothing now, or nobody listens any more.
    pub(super) fn send(&self, record: &log::Record<'_>) -> io::Result<()> {
        let entry = self.entry(record);
        match self.socket.send(&entry) {
            // It was started again meanwhile.
            Err(error) if is_gone(&error) => {
                self.socket.connect(&self.path)?;
                self.socket.send(&entry).map(drop)
            }
            sent => sent.map(drop),
        }
    }

    fn entry(&self, record: &log::Record<'_>) -> Vec<u8> {
        let said = |key: &str| record.key_values().get(Key::from(key)).map(|it| it.to_string());
        let mut entry = Vec::new();
        let mut field = |name, value: &str| add(&mut entry, name, value);
        // What was quoted from somewhere does nothing to whoever reads it.
        let message = ndpi_text::message(&record.args().to_string()).to_string();
        field("MESSAGE", &message);
        field("PRIORITY", priority(record.level()));
        field("SYSLOG_IDENTIFIER", "ndpi-xdp");
        field("INSTANCE", &self.instance);
        if let Some(interface) = said("interface").filter(|it| !it.is_empty()) {
            field("INTERFACE", &interface);
        }
        if let Some(id) = said("event").and_then(|event| id_of(&event)) {
            field("MESSAGE_ID", id);
        }
        entry
    }
}

/// Whether nobody listens at the other end any more, as the first message and those behind it are refused.
fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotConnected)
}

/// Whether a descriptor is the stream that systemd has named, by device and inode.
fn is_stream(named: &str, fd: impl AsFd) -> bool {
    let Some((device, inode)) = named.split_once(':') else { return false };
    let (Ok(device), Ok(inode)) = (device.parse::<u64>(), inode.parse::<u64>()) else {
        return false;
    };
    fstat(fd).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (device, inode))
}

/// Appends a field. A value of several lines has its length before it, as eight bytes, the lowest first.
fn add(entry: &mut Vec<u8>, name: &str, value: &str) {
    entry.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend_from_slice(value.as_bytes());
    entry.push(b'\n');
}

/// As syslog(3) has it: error, warning, informational, debug.
fn priority(level: Level) -> &'static str {
    match level {
        Level::Error => "3",
        Level::Warn => "4",
        Level::Info => "6",
        Level::Debug | Level::Trace => "7",
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn entry(level: Level, message: &str, fields: &[(&str, &str)]) -> String {
        let (socket, _) = UnixDatagram::pair().unwrap();
        let journal = Journal { socket, path: PathBuf::new(), instance: "router@lan".into() };
        let mut record = log::Record::builder();
        let record = record.level(level).key_values(&fields);
        let entry = journal.entry(&record.args(format_args!("{message}")).build());
        String::from_utf8(entry).unwrap()
    }

    #[test]
    fn a_message_has_its_fields() {
        assert_eq!(
            entry(Level::Info, "it is on", &[]),
            "MESSAGE=it is on\nPRIORITY=6\nSYSLOG_IDENTIFIER=ndpi-xdp\nINSTANCE=router@lan\n"
        );
        let off =
            entry(Level::Warn, "eth0 is gone", &[("event", "detached"), ("interface", "eth0")]);
        let id = id_of("detached").unwrap();
        assert!(off.ends_with(&format!("\nINTERFACE=eth0\nMESSAGE_ID={id}\n")), "{off}");
        assert!(off.contains("\nPRIORITY=4\n"), "{off}");
        let other = entry(Level::Error, "x", &[("event", "of no kind"), ("interface", "")]);
        assert!(!other.contains("MESSAGE_ID") && !other.contains("INTERFACE"), "{other}");
    }

    #[test]
    fn no_message_makes_a_field_of_its_own() {
        let two = entry(Level::Error, "one\nPRIORITY=0", &[]);
        assert!(
            two.starts_with("MESSAGE\n\u{e}\0\0\0\0\0\0\0one\nPRIORITY=0\nPRIORITY=3\n"),
            "{two:?}"
        );
    }

    #[test]
    fn standard_error_is_known_by_device_and_inode() {
        let file = File::open("/dev/null").unwrap();
        let stat = fstat(&file).unwrap();
        assert!(is_stream(&format!("{}:{}", stat.st_dev, stat.st_ino), &file));
        let other = format!("{}:{}", stat.st_dev, stat.st_ino + 1);
        for other in ["", ":", "1", "x:y", "1:", &other] {
            assert!(!is_stream(other, &file), "{other}");
        }
    }
}
