//! The columns of a file, as its footer describes them.

use std::fmt::Write as _;
use std::sync::Arc;

use parquet::schema::parser::parse_message_type;
use parquet::schema::types::TypePtr;

use crate::row::{FIELDS, Field, Holds};

/// The columns of [`FIELDS`]. What may be absent is null; a list of nothing is empty.
pub(super) fn schema() -> TypePtr {
    let mut message = "message record {\n".to_owned();
    for field in &FIELDS {
        // Memory takes it.
        let _ = writeln!(message, "{}", column(field));
    }
    message.push('}');
    Arc::new(parse_message_type(&message).expect("each kind of column was parsed by a test"))
}

/// <https://parquet.apache.org/docs/file-format/types/logicaltypes/>
fn column(Field { name, holds, .. }: &Field) -> String {
    match holds {
        Holds::Number => format!("optional int64 {name} (INTEGER(64,false));"),
        Holds::Text => format!("optional binary {name} (STRING);"),
        Holds::Flag => format!("optional boolean {name};"),
        Holds::Moment => format!("optional int64 {name} (TIMESTAMP(MICROS,true));"),
        Holds::List => format!(
            "required group {name} (LIST) {{ repeated group list {{ required binary element (STRING); }} }}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_a_column_of_its_name() {
        let schema = schema();
        let names: Vec<_> = schema.get_fields().iter().map(|it| it.name()).collect();
        let fields: Vec<_> = FIELDS.iter().map(|it| it.name).collect();
        assert_eq!(names, fields);
    }
}
