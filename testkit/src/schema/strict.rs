//! The schema with no field too many.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

const SCHEMA: &str = include_str!("../../../docs/records.schema.json");

/// Kinds whose fields are not all listed.
const OPEN: [&str; 1] = ["snapshot"];

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema = strict();
    jsonschema::draft202012::meta::validate(&schema).expect("the schema is a schema");
    jsonschema::draft202012::new(&schema).expect("the schema can be used")
});

/// The schema, which allows for fields of later versions, without those.
fn strict() -> Value {
    let mut schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    let kinds = schema["$defs"].as_object_mut().expect("definitions");
    for (name, kind) in kinds {
        let is_listed = kind.get("properties").is_some() && !OPEN.contains(&&**name);
        if is_listed {
            kind["additionalProperties"] = false.into();
        }
    }
    schema
}

/// Gives the record back if it is one, with no field that the schema does not have.
#[track_caller]
pub fn checked(record: Value) -> Value {
    if VALIDATOR.is_valid(&record) {
        return record;
    }
    panic!("not in the schema of records: {}\n{record}", reasons(&record));
}

/// What is wrong with a record, by the definition that its type names.
fn reasons(record: &Value) -> String {
    let kind = [&record["state"], &record["type"]].into_iter().filter_map(Value::as_str);
    let mut schema = strict();
    for name in kind {
        if schema["$defs"].get(name).is_some() {
            schema["oneOf"] = serde_json::json!([{ "$ref": format!("#/$defs/{name}") }]);
        }
    }
    let validator = jsonschema::draft202012::new(&schema).expect("the schema can be used");
    let errors = validator.iter_errors(record).map(|error| error.to_string());
    errors.collect::<Vec<_>>().join("; ")
}
