//! Matchers on addresses, ports, protocols and host names.

use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::DeValue;

use super::meant::{meant_net, meant_port, meant_range};
use super::reader::{Reader, here};
use super::value::{as_list, quoted};
use super::words::Meant;
use crate::diagnose::{Place, Problem};
use crate::host::HostPattern;
use crate::names::nearest;
use crate::net::Net;
use crate::rule::At;
use crate::{proto, service};

type Value<'i> = Spanned<DeValue<'i>>;

impl Reader<'_> {
    pub(super) fn host(&mut self, value: &Value<'_>) -> Vec<At<HostPattern>> {
        if value.get_ref().as_table().is_some() {
            return self
                .list("host", value, true)
                .map_or_else(Vec::new, |list| self.names_of(list));
        }
        let Some(name) = self.entry("host", "names or { file = \"…\" }", value) else {
            return Vec::new();
        };
        self.host_entry(name, here(value)).into_iter().collect()
    }

    pub(super) fn net(&mut self, key: &'static str, value: &Value<'_>) -> Vec<At<Net>> {
        if value.get_ref().as_table().is_some() {
            return self
                .list(key, value, false)
                .map_or_else(Vec::new, |list| self.networks_of(list));
        }
        let Some(entry) = self.entry(key, "networks or { file = \"…\" }", value) else {
            return Vec::new();
        };
        self.net_entry(entry, here(value)).into_iter().collect()
    }

    pub(super) fn proto(&mut self, value: &Value<'_>) -> Vec<At<u8>> {
        if value.get_ref().as_integer().is_some() {
            let number = self.number("proto", u16::from(u8::MAX), value);
            return number
                .and_then(|at| Some(At { value: u8::try_from(at.value).ok()?, place: at.place }))
                .into_iter()
                .collect();
        }
        let Some(name) = self.text("proto", "names or numbers of IP protocols", value) else {
            return Vec::new();
        };
        if let Some(number) = proto::number(name) {
            return vec![At { value: number, place: here(value) }];
        }
        let near = nearest(name, proto::names());
        let help = match (Meant::Proto.by(name), near.first()) {
            (Some(help), _) => help.to_owned(),
            _ if name.contains(',') => as_list("proto", name),
            (None, Some(word)) => format!("did you mean \"{word}\"?"),
            (None, None) => format!(
                "write a number from 0 to 255, or one of {}",
                quoted(&proto::names().collect::<Vec<_>>())
            ),
        };
        let message = format!("`proto` cannot be {name:?}");
        self.report(Problem::error("unknown-word", here(value), message).help(help));
        Vec::new()
    }

    /// A number, a range, or the name of a service.
    pub(super) fn port(&mut self, value: &Value<'_>) -> Vec<At<RangeInclusive<u16>>> {
        let Some(name) = value.get_ref().as_str().filter(|text| text.contains(char::is_alphabetic))
        else {
            return self.range("port", u16::MAX, value);
        };
        if let Some(port) = service::number(name) {
            return vec![At { value: port..=port, place: here(value) }];
        }
        let message = format!("`port` cannot be {name:?}");
        self.report(Problem::error("range", here(value), message).help(meant_port(name)));
        Vec::new()
    }

    /// A number, or two with a dash.
    pub(super) fn range(
        &mut self,
        key: &str,
        max: u16,
        value: &Value<'_>,
    ) -> Vec<At<RangeInclusive<u16>>> {
        if value.get_ref().as_integer().is_some() {
            let number = self.number(key, max, value);
            return number
                .map(|at| At { value: at.value..=at.value, place: at.place })
                .into_iter()
                .collect();
        }
        let Some(text) = self.text(key, "numbers or ranges", value) else { return Vec::new() };
        let bounds = bounds(text);
        let within = bounds.filter(|(first, last)| first <= last && *last <= max.into());
        let Some((first, last)) = within.and_then(as_u16) else {
            let code = if bounds.is_some() { "range-bounds" } else { "range" };
            let message = format!("`{key}` cannot be {text:?}");
            let help = meant_range(key, max, text);
            self.report(Problem::error(code, here(value), message).help(help));
            return Vec::new();
        };
        vec![At { value: first..=last, place: here(value) }]
    }

    fn host_entry(&mut self, entry: &str, place: Place) -> Option<At<HostPattern>> {
        match HostPattern::parse(entry) {
            Ok(value) => Some(At { value, place }),
            Err(error) => {
                let message = format!("{entry:?}: {error}");
                let help = match Net::parse(entry) {
                    Ok(_) => {
                        format!("addresses are asked for by `src`, `dst` or `any`: dst = {entry:?}")
                    }
                    Err(_) if entry.contains(',') => as_list("host", entry),
                    Err(_) => error.help(),
                };
                self.report(Problem::error("host", place, message).help(help));
                None
            }
        }
    }

    fn net_entry(&mut self, entry: &str, place: Place) -> Option<At<Net>> {
        match Net::parse(entry) {
            Ok((value, cleared)) => {
                if cleared {
                    let message = format!("{entry:?} has bits set below its prefix");
                    let help = format!("it is read as \"{value}\"");
                    self.report(Problem::warning("host-bits", place, message).help(help));
                }
                Some(At { value, place })
            }
            Err(error) => {
                let help = meant_net(entry).unwrap_or_else(|| {
                    "networks look like \"198.18.0.0/15\", \"2001:db8::/32\" or \"198.18.0.1\"; for \
                     names there is `host`"
                        .to_owned()
                });
                self.report(Problem::error("net", place, format!("{entry:?}: {error}")).help(help));
                None
            }
        }
    }
}

/// The numbers of a range, whatever they are.
fn bounds(text: &str) -> Option<(u32, u32)> {
    let number = |part: &str| {
        let part = part.trim();
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        // What is too large for the type is too large for every key.
        is_number.then(|| part.parse().unwrap_or(u32::MAX))
    };
    match text.split_once('-') {
        Some((first, last)) => Some((number(first)?, number(last)?)),
        None => number(text).map(|only| (only, only)),
    }
}

fn as_u16((first, last): (u32, u32)) -> Option<(u16, u16)> {
    Some((first.try_into().ok()?, last.try_into().ok()?))
}
