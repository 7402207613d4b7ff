//! The lab's results for a person.

use std::fmt::Write as _;

use super::requests::Family;
use super::trial::Trial;

/// One column: its heading, whether it is flush right, and what stands in it.
struct Column {
    heading: &'static str,
    right: bool,
    cell: fn(&Trial) -> String,
}

const COLUMNS: [Column; 11] = [
    left("ASKED", |row| row.request.shown()),
    left("OVER", |row| over(row).to_owned()),
    left("NDPI SAYS", |row| field(row, "app")),
    left("CATEGORY", |row| field(row, "category")),
    left("VERDICT", |row| field(row, "action")),
    left("RULE", |row| field(row, "rule")),
    left("CLIENT", |row| if row.answered() { "answered" } else { "no answer" }.to_owned()),
    right("TIME", |row| format!("{:.2} s", row.asked.took.as_secs_f64())),
    right("DECIDED IN", decided_in),
    right("LEAKED", |row| field(row, "leaked")),
    right("DROPPED", |row| field(row, "dropped")),
];

const fn left(heading: &'static str, cell: fn(&Trial) -> String) -> Column {
    Column { heading, right: false, cell }
}

const fn right(heading: &'static str, cell: fn(&Trial) -> String) -> Column {
    Column { heading, right: true, cell }
}

/// The table, and below it whatever is not as it should be.
pub(super) fn show(trials: &[Trial], own_policy: bool) -> String {
    let headings = COLUMNS.iter().map(|column| column.heading.to_owned()).collect();
    let rows = trials.iter().map(|row| COLUMNS.iter().map(|column| (column.cell)(row)).collect());
    let mut text = laid_out(&std::iter::once(headings).chain(rows).collect::<Vec<Vec<String>>>());
    text.push('\n');
    text += &summary(trials);
    for trial in trials {
        for problem in trial.problems(own_policy) {
            let _ =
                writeln!(text, "WRONG: {} over {}: {problem}", trial.request.shown(), over(trial));
        }
    }
    text
}

fn summary(trials: &[Trial]) -> String {
    let answered = trials.iter().filter(|row| row.answered()).count();
    let blocked = trials.iter().filter(|row| row.blocked()).count();
    let leaked: u64 = trials.iter().map(Trial::leaked).sum();
    let dropped: u64 = trials.iter().map(Trial::dropped).sum();
    let late = trials.iter().filter(|row| row.too_late()).count();
    let mut text = format!(
        "{} requests: {answered} answered, {blocked} blocked; of the blocked flows {leaked} packets \
         passed before the verdict stood, {dropped} were dropped in the kernel.\n",
        trials.len()
    );
    if late > 0 {
        let _ = writeln!(text, "{late} of the blocked were answered before their verdict stood.");
    }
    text
}

fn over(row: &Trial) -> &'static str {
    match row.request.family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

/// From the packet that completed the classification until the verdict stood in the kernel's map.
fn decided_in(row: &Trial) -> String {
    row.verdict["latency_us"].as_f64().map_or("-".to_owned(), |us| format!("{us:.0} µs"))
}

/// A field of the flow's record, or a dash.
fn field(row: &Trial, name: &str) -> String {
    match &row.flow[name] {
        serde_json::Value::Null => "-".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn laid_out(rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<_> = (0..COLUMNS.len()).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).zip(&COLUMNS).map(|((cell, width), column)| {
            if column.right { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}
