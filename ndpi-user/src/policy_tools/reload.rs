//! Has a running instance reload its policy: `ndpi-xdp policy reload`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use ndpi_events::ReloadResult;
use ndpi_text::{clean, message};
use serde::Serialize;
use serde_json::{Value, json};

use crate::control::{Answer, Command, Reload, answered_something_else, cleaned_json, order};
use crate::stdout::print;

/// Asks the instance with these maps to reload its policy, and prints its answer. Exit status 1 if the
/// policy was not taken.
///
/// # Errors
/// No instance is running, or it could not be asked or refused.
pub(crate) fn reload(pin_directory: &Path, as_json: bool) -> Result<ExitCode> {
    let Answer::PolicyReload(reload) = order(pin_directory, Command::PolicyReload)? else {
        return Err(answered_something_else());
    };
    let reload = cleaned(reload);
    print(&if as_json { to_json(&reload) } else { to_text(&reload) })?;
    Ok(if reload.result.taken { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// An answer as it can be shown: the instance may run as a user with fewer rights than whoever asks,
/// and read packets that anybody sends.
fn cleaned(reload: Reload) -> Reload {
    let Reload { result, problems, error, text } = reload;
    let unenforced = result.unenforced.iter();
    let result = ReloadResult {
        policy: clean(&result.policy).into_owned(),
        unenforced: unenforced.map(|(name, why)| cleaned_pair(name, why)).collect(),
        ..result
    };
    Reload {
        result,
        problems: cleaned_json(problems),
        error: error.map(|error| clean(&error).into_owned()),
        text: message(&text).to_string(),
    }
}

fn cleaned_pair(name: &str, why: &str) -> (String, String) {
    (clean(name).into_owned(), clean(why).into_owned())
}

fn to_json(reload: &Reload) -> String {
    /// All but the text for a person.
    #[derive(Serialize)]
    struct Record<'a> {
        r#type: &'static str,
        #[serde(flatten)]
        result: &'a ReloadResult,
        problems: &'a Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a str>,
    }
    let Reload { result, problems, error, text: _ } = reload;
    let record = Record { r#type: "reload", result, problems, error: error.as_deref() };
    format!("{}\n", json!(record))
}

fn to_text(reload: &Reload) -> String {
    let Reload { result, text, error, problems: _ } = reload;
    let policy = &result.policy;
    let problems = if text.is_empty() { String::new() } else { format!("{text}\n") };
    match (error, result.rules) {
        (Some(error), _) => format!("{problems}{policy}: not taken: {error}\n"),
        (None, None) => format!("{problems}{policy}: not taken, the one before stays in force\n"),
        (None, Some(rules)) => {
            let (flows, changed) = (result.flows.unwrap_or(0), result.changed.unwrap_or(0));
            let standing = match result.where_not() {
                None => "in force".to_owned(),
                Some(where_not) => format!("taken, but {where_not}"),
            };
            format!(
                "{problems}{policy}: {rules} rules {standing}; {changed} of {flows} verdicts changed\n"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use ndpi_events::ReloadResult;
    use serde_json::json;

    use super::{Reload, cleaned, to_json, to_text};

    fn taken() -> Reload {
        let result = ReloadResult {
            taken: true,
            policy: "p.toml".into(),
            rules: Some(3),
            flows: Some(7),
            changed: Some(2),
            ..ReloadResult::default()
        };
        Reload { result, problems: json!([]), ..Reload::default() }
    }

    fn unenforced(name: &str, why: &str) -> Reload {
        let mut reload = taken();
        reload.result.unenforced.insert(name.into(), why.into());
        reload
    }

    #[test]
    fn an_instance_does_nothing_to_the_terminal_of_whoever_asks() {
        let hostile = "a\u{1b}]0;x\u{7}\u{9b}2J\r";
        let result = ReloadResult { policy: hostile.into(), ..taken().result };
        let answer = Reload {
            result,
            error: Some(hostile.into()),
            text: format!("{hostile}\n{hostile}"),
            problems: json!([{ hostile: [hostile, 7] }]),
        };
        let answer = cleaned(answer);
        let elsewhere = cleaned(unenforced(hostile, hostile));
        for shown in [to_text(&answer), to_json(&answer), to_text(&elsewhere), to_json(&elsewhere)]
        {
            assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
        }
        assert_eq!(to_text(&answer).lines().count(), 3);
        assert!(serde_json::from_str::<serde_json::Value>(&to_json(&answer)).is_ok());
    }

    #[test]
    fn what_came_of_it_is_said() {
        let result = ReloadResult { policy: "p.toml".into(), ..ReloadResult::default() };
        let refused = Reload { result, text: "error: no".into(), ..taken() };
        let full = Reload { error: Some("no room".into()), text: String::new(), ..refused.clone() };
        assert_eq!(to_text(&taken()), "p.toml: 3 rules in force; 2 of 7 verdicts changed\n");
        let gone = unenforced("wg0", "gone");
        assert!(to_text(&gone).contains("3 rules taken, but not enforced on wg0 (gone);"));
        assert!(to_json(&gone).contains(r#""unenforced":{"wg0":"gone"}"#));
        assert!(to_text(&refused).starts_with("error: no\np.toml: not taken"));
        assert_eq!(to_text(&full), "p.toml: not taken: no room\n");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&to_json(&full)).unwrap(),
            json!({ "type": "reload", "taken": false, "policy": "p.toml", "problems": [], "error": "no room" })
        );
        assert!(to_json(&taken()).contains("\"changed\":2"));
    }
}
