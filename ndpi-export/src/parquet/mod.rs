//! Records of flows as Apache Parquet (<https://parquet.apache.org/docs/file-format/>): whole files, which are made
//! in memory, as none can be read before its end is written.

mod group;
mod schema;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ndpi_events::Event;
use parquet::basic::Compression;
use parquet::errors::Result;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;

use self::group::Group;
use super::destination::{Reopened, Rotation};
use super::encoder::Encoder;
use super::row::Row;

/// The size and the age at which a file ends where nothing else is asked for.
const USUAL: (u64, Duration) = (32 << 20, Duration::from_mins(5));

/// The largest size that can be asked for: what is not written yet is in memory.
pub(super) const LARGEST: u64 = 256 << 20;

/// How often it is looked whether files are asked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Makes files of rows. To others each file is a record.
pub(super) struct Parquet {
    schema: TypePtr,
    properties: WriterPropertiesPtr,
    most: (u64, Duration),
    reopened: Reopened,
    group: Group,
    file: Option<Begun>,
}

/// A file that is being made.
struct Begun {
    writer: SerializedFileWriter<Vec<u8>>,
    since: Instant,
    rows: u64,
}

impl Begun {
    /// Whether what is finished of it has this size: its groups of rows.
    fn is_large(&self, size: u64) -> bool {
        let has_groups = !self.writer.flushed_row_groups().is_empty();
        has_groups && self.writer.bytes_written() as u64 >= size
    }
}

impl Parquet {
    /// Ends files when `rotation` says, and when `reopened` is asked for.
    pub(super) fn new(rotation: &Rotation, reopened: Reopened) -> Self {
        let most = (rotation.size.unwrap_or(USUAL.0), rotation.every.unwrap_or(USUAL.1));
        let by = concat!("ndpi-xdp version ", env!("CARGO_PKG_VERSION"));
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
        let properties = Arc::new(properties.set_created_by(by.into()).build());
        let (schema, group) = (schema::schema(), Group::default());
        Self { schema, properties, most, reopened, group, file: None }
    }

    fn add(&mut self, row: &Row<'_>) -> Result<()> {
        let begun = match &mut self.file {
            Some(begun) => begun,
            file => file.insert(Begun {
                writer: SerializedFileWriter::new(
                    Vec::new(),
                    Arc::clone(&self.schema),
                    Arc::clone(&self.properties),
                )?,
                since: Instant::now(),
                rows: 0,
            }),
        };
        begun.rows += 1;
        self.group.add(row);
        if self.group.is_full() {
            self.group.write(&mut begun.writer)?;
        }
        Ok(())
    }

    /// Whether the file ends here.
    fn is_due(&mut self) -> bool {
        let is_asked_for = self.reopened.is_asked_for();
        let (size, age) = self.most;
        self.file.as_ref().is_some_and(|begun| {
            is_asked_for || begun.is_large(size) || begun.since.elapsed() >= age
        })
    }

    /// Appends the file, if there is one, and begins the next with the next row.
    fn end(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let Some(mut begun) = self.file.take() else { return Ok(()) };
        if !self.group.is_empty() {
            self.group.write(&mut begun.writer)?;
        }
        out.append(&mut begun.writer.into_inner()?);
        Ok(())
    }
}

/// Nothing of it fails: it is written to memory, in the order of the schema.
const IN_MEMORY: &str = "rows of the schema are written to memory";

impl Encoder for Parquet {
    fn encode(&mut self, event: &Event, out: &mut Vec<u8>) {
        let Some(row) = Row::of(event) else { return };
        self.add(&row).expect(IN_MEMORY);
        if self.file.as_ref().is_some_and(|begun| begun.is_large(self.most.0)) {
            self.end(out).expect(IN_MEMORY);
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.is_due() {
            self.end(out).expect(IN_MEMORY);
        }
    }

    fn held(&self) -> u64 {
        self.file.as_ref().map_or(0, |begun| begun.rows)
    }

    fn due(&self) -> Option<Instant> {
        let due = self.file.as_ref()?.since + self.most.1;
        Some(due.min(Instant::now() + LOOK_EVERY))
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.end(out).expect(IN_MEMORY);
    }
}

#[cfg(test)]
mod tests;
