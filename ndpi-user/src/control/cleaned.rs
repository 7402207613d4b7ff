//! Answers as they can be shown.

use ndpi_text::clean;
use serde_json::Value;

/// The same without control characters in any text: the instance may run as a user with fewer rights than whoever
/// asks, and reads packets that anybody sends.
pub fn cleaned_json(value: Value) -> Value {
    match value {
        Value::String(text) => clean(&text).into(),
        Value::Array(values) => values.into_iter().map(cleaned_json).collect(),
        Value::Object(fields) => {
            let cleaned =
                |(name, value): (String, _)| (clean(&name).into_owned(), cleaned_json(value));
            fields.into_iter().map(cleaned).collect()
        }
        other => other,
    }
}
