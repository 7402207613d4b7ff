//! Rows in the hand, column by column, until there are enough for a group.

use std::fmt::Display;
use std::io::Write;
use std::ops::Range;

use bytes::Bytes;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};

use crate::row::{FIELDS, Field, Holds, Row, Value};

/// Rows of a group at most.
const MOST_ROWS: usize = 32 * 1024;

/// Bytes of the texts of a group at most, but for those of the last row.
const MOST_TEXT: usize = 8 << 20;

/// The rows of the next group.
pub(super) struct Group {
    columns: Vec<Column>,
    rows: usize,
    text: usize,
}

impl Default for Group {
    fn default() -> Self {
        Self { columns: FIELDS.iter().map(Column::of).collect(), rows: 0, text: 0 }
    }
}

impl Group {
    pub(super) fn add(&mut self, row: &Row<'_>) {
        for (field, column) in FIELDS.iter().zip(&mut self.columns) {
            self.text += column.add((field.value)(row));
        }
        self.rows += 1;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= MOST_ROWS || self.text >= MOST_TEXT
    }

    /// Appends them to a file as a group of rows, and begins the next.
    pub(super) fn write<W: Write + Send>(
        &mut self,
        file: &mut SerializedFileWriter<W>,
    ) -> Result<()> {
        let Self { columns, .. } = std::mem::take(self);
        let mut group = file.next_row_group()?;
        columns.into_iter().try_for_each(|column| column.write(&mut group))?;
        group.close().map(drop)
    }
}

/// The values of one column, those that are absent left out, and what says where they belong
/// (<https://parquet.apache.org/docs/file-format/nestedencoding/>).
struct Column {
    values: Values,
    /// For each value 1, for each that is absent and for each empty list 0.
    defined: Vec<i16>,
    /// For each value of a list 1, but for its first; nothing in other columns.
    repeated: Vec<i16>,
    is_list: bool,
}

enum Values {
    Numbers(Vec<i64>),
    Flags(Vec<bool>),
    Texts { bytes: Vec<u8>, each: Vec<Range<usize>> },
}

impl Column {
    fn of(field: &Field) -> Self {
        let values = match field.holds {
            Holds::Number | Holds::Moment => Values::Numbers(Vec::new()),
            Holds::Flag => Values::Flags(Vec::new()),
            Holds::Text | Holds::List => Values::Texts { bytes: Vec::new(), each: Vec::new() },
        };
        let (defined, repeated) = (Vec::new(), Vec::new());
        Self { values, defined, repeated, is_list: field.holds == Holds::List }
    }

    /// Adds a value; says how many bytes of text it has.
    fn add(&mut self, value: Value<'_>) -> usize {
        match value {
            Value::Absent => self.add_nothing(),
            Value::Number(number) => self.add_number(number.cast_signed()),
            Value::Time(time) => self.add_number(time.timestamp().as_microsecond()),
            Value::Flag(flag) => {
                if let Values::Flags(flags) = &mut self.values {
                    flags.push(flag);
                    self.defined.push(1);
                }
                0
            }
            Value::Text(text) => self.add_list(&[text]),
            Value::Address(address) => self.add_list(&[address]),
            Value::Mac(mac) => self.add_list(&[mac]),
            Value::Texts(texts) => self.add_list(texts),
            Value::Words(words) => self.add_list(words),
            Value::Names(names) => self.add_list(names),
            Value::Addresses(addresses) => self.add_list(addresses),
        }
    }

    fn add_nothing(&mut self) -> usize {
        self.defined.push(0);
        if self.is_list {
            self.repeated.push(0);
        }
        0
    }

    fn add_number(&mut self, number: i64) -> usize {
        if let Values::Numbers(numbers) = &mut self.values {
            numbers.push(number);
            self.defined.push(1);
        }
        0
    }

    fn add_list(&mut self, texts: &[impl Display]) -> usize {
        if texts.is_empty() {
            return self.add_nothing();
        }
        let Values::Texts { bytes, each } = &mut self.values else { return 0 };
        let begin = bytes.len();
        for (at, text) in texts.iter().enumerate() {
            let start = bytes.len();
            // Memory takes it.
            let _ = write!(bytes, "{text}");
            each.push(start..bytes.len());
            self.defined.push(1);
            if self.is_list {
                self.repeated.push(i16::from(at > 0));
            }
        }
        bytes.len() - begin
    }

    fn write<W: Write + Send>(self, rows: &mut SerializedRowGroupWriter<'_, W>) -> Result<()> {
        let Self { values, defined, repeated, is_list } = self;
        let Some(mut column) = rows.next_column()? else { return Ok(()) };
        let (defined, repeated) = (Some(&*defined), is_list.then_some(&*repeated));
        match (values, column.untyped()) {
            (Values::Numbers(numbers), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(&numbers, defined, repeated)?;
            }
            (Values::Flags(flags), ColumnWriter::BoolColumnWriter(writer)) => {
                writer.write_batch(&flags, defined, repeated)?;
            }
            (Values::Texts { bytes, each }, ColumnWriter::ByteArrayColumnWriter(writer)) => {
                let bytes = Bytes::from(bytes);
                let texts: Vec<_> =
                    each.into_iter().map(|range| ByteArray::from(bytes.slice(range))).collect();
                writer.write_batch(&texts, defined, repeated)?;
            }
            _ => unreachable!("the schema is made of the same fields"),
        }
        column.close()
    }
}
