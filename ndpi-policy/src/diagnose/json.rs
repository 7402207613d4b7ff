//! Problems as programs read them.

use ndpi_text::shown;
use serde_json::{Value, json};

use super::{Diagnostics, Place, Problem, Severity};

impl Diagnostics {
    /// All problems as JSON objects, places as file, line and column (counted from 1, the end
    /// excluded).
    pub fn to_json(&self) -> Value {
        self.problems.iter().map(|problem| self.problem_to_json(problem)).collect()
    }

    fn problem_to_json(&self, problem: &Problem) -> Value {
        let mut object = json!({
            "severity": problem.severity.name(),
            "code": problem.code,
            "message": problem.message,
        });
        if let Some(place) = problem.place {
            object["place"] = self.place_to_json(place);
        }
        if let Some(help) = &problem.help {
            object["help"] = json!(help);
        }
        if let Some((place, label)) = &problem.related {
            object["related"] = self.place_to_json(*place);
            object["related"]["message"] = json!(label);
        }
        object
    }

    fn place_to_json(&self, place: Place) -> Value {
        let (line, column) = self.line_column(place);
        let end = Place { start: place.end, ..place };
        let (end_line, end_column) = self.line_column(end);
        json!({
            "file": shown(self.path(place.source)).to_string(),
            "line": line, "column": column, "end_line": end_line, "end_column": end_column,
        })
    }
}

impl Severity {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }
}
