//! Assumptions about a flow that was described in words, as notes in its explanation.

use ndpi_labels::AppId;

use crate::host::name_inside;
use crate::vocabulary::Vocabulary;

/// What carries an application and is none itself.
const CARRIERS: [&str; 4] = ["TLS", "QUIC", "HTTP", "DNS"];

/// The one name in what stands for a flow's host.
///
/// # Errors
/// What to write in place of a pattern, a URL or nothing.
pub(super) fn one_name(host: &str) -> Result<&str, String> {
    let bare = host.trim_start_matches("*.").trim_start_matches('.');
    let (_, rest) = bare.split_once("://").unwrap_or(("", bare.trim_start_matches('/')));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let is_more = bare.contains(['/', '@', '\\']);
    let name = if is_more { name_inside(rest).unwrap_or(rest) } else { rest };
    if host.is_empty() {
        return Err("leave it out for a flow without a name".to_owned());
    }
    if name.is_empty() || name.contains(['*', ',', '/', '\\']) || name.contains(char::is_whitespace)
    {
        return Err("a flow has one name: write it, as in host=www.example.com".to_owned());
    }
    match (name == host, bare == host) {
        (true, _) => Ok(host),
        (_, true) => Err(format!("a flow has one name: write host={name}")),
        _ => Err(format!(
            "a flow has one name: write host={name}, or one below it, as host=www.{name}"
        )),
    }
}

/// What carries the name, where neither an application nor a port of it says so; `said` is what it was
/// taken for, and `in_http` what it would be in plain HTTP.
pub(super) fn carrier(said: AppId, in_http: Option<AppId>, names: &Vocabulary) -> String {
    let is_quic = names.apps.id("QUIC").is_some_and(|quic| [said.master, said.app].contains(&quic));
    if is_quic {
        return "no app is given, so this is QUIC, as most UDP with a name is".to_owned();
    }
    let in_http = in_http.map_or_else(|| "HTTP".to_owned(), |app| names.app_name(app));
    format!(
        "no app is given, so this is TLS; in plain HTTP it is {in_http}: add app=HTTP, or port=80, to ask \
         for that"
    )
}

/// Where a name alone says no more than what carries it.
pub(super) fn known_by_more(said: AppId, names: &Vocabulary) -> Option<&'static str> {
    let is_carrier =
        |id: u16| id == 0 || CARRIERS.iter().any(|name| names.apps.id(name) == Some(id));
    (is_carrier(said.master) && is_carrier(said.app)).then_some(
        "nDPI knows no application by this name; of real traffic it may know more, by addresses or \
         certificates",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_has_one_name() {
        let www = "a flow has one name: write host=www.youtube.com";
        let below =
            "a flow has one name: write host=youtube.com, or one below it, as host=www.youtube.com";
        let any = "a flow has one name: write it, as in host=www.example.com";
        for (host, expected) in [
            ("www.youtube.com", None),
            ("www.youtube.com:8080", None),
            ("WWW.YouTube.com.", None),
            ("_dns.resolver.arpa", None),
            ("2001:db8::1", None),
            (".youtube.com", Some(below)),
            ("*.youtube.com", Some(below)),
            ("https://www.youtube.com/", Some(www)),
            ("https://www.youtube.com", Some(www)),
            ("HTTP://user@www.youtube.com:8080/watch?v=1", Some(www)),
            ("www.youtube.com/watch", Some(www)),
            ("//www.youtube.com/", Some(www)),
            ("*", Some(any)),
            ("*youtube*", Some(any)),
            (".", Some(any)),
            ("a.example,b.example", Some(any)),
            ("a.example b.example", Some(any)),
            ("", Some("leave it out for a flow without a name")),
        ] {
            assert_eq!(one_name(host).err().as_deref(), expected, "{host}");
        }
    }
}
