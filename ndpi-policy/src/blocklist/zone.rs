//! Response policy zones (BIND and others): `example.com CNAME .` for a name, `*.example.com CNAME .` for
//! those below it.

use std::net::IpAddr;

use super::line::{Give, Left, Line, Reach, blocks};

/// What the lines of a zone say about those that follow.
#[derive(Debug, Default)]
pub(super) struct Zone {
    /// What fully qualified names end in, with its dots.
    origin: String,
    /// Within the brackets of a record that goes over several lines.
    in_brackets: bool,
}

impl Zone {
    /// Whether the next line belongs to a record that began before it.
    pub(super) fn goes_on(&self) -> bool {
        self.in_brackets
    }

    /// Reads a line; `None` if it is not of this kind.
    pub(super) fn line<'t>(&mut self, text: &'t str, give: Give<'_, 't>) -> Option<Line> {
        let text = text.split(';').next().unwrap_or_default();
        if self.in_brackets {
            self.in_brackets = !text.contains(')');
            return Some(Line::Read);
        }
        if let Some(control) = text.strip_prefix('$') {
            return self.control(control);
        }
        let mut words = text.split_whitespace();
        let (owner, mut kind) = (words.next()?, words.next()?);
        while kind == "IN" || kind.bytes().all(|byte| byte.is_ascii_digit()) {
            kind = words.next()?;
        }
        match kind {
            "SOA" => {
                self.in_brackets = text.contains('(') && !text.contains(')');
                Some(Line::Read)
            }
            "NS" => Some(Line::Read),
            // The owner left out, as in a record for the same name.
            _ if owner == "IN" => None,
            "CNAME" => Some(self.policy(owner, words.next()?, give)),
            "A" | "AAAA" => {
                let address: IpAddr = words.next()?.parse().ok()?;
                Some(self.give(owner, blocks(address).then_some(Reach::AsWritten), give))
            }
            "TXT" | "MX" | "SRV" => Some(Line::LeftOut(Left::Answer)),
            _ => None,
        }
    }

    fn control(&mut self, control: &str) -> Option<Line> {
        let mut words = control.split_whitespace();
        match words.next()? {
            "ORIGIN" => self.origin = format!(".{}", words.next()?.trim_start_matches('.')),
            "TTL" => {}
            _ => return None,
        }
        Some(Line::Read)
    }

    fn policy<'t>(&self, owner: &'t str, target: &str, give: Give<'_, 't>) -> Line {
        let reach = match target {
            "." | "*." | "rpz-drop." => Some(Reach::AsWritten),
            "rpz-passthru." if owner.starts_with("*.") => Some(Reach::ExceptTree),
            "rpz-passthru." => Some(Reach::ExceptItself),
            _ => None,
        };
        self.give(owner, reach, give)
    }

    fn give<'t>(&self, owner: &'t str, reach: Option<Reach>, give: Give<'_, 't>) -> Line {
        let name = owner.strip_suffix(self.origin.as_str()).unwrap_or(owner);
        // Triggers by address or by name server, not by name.
        let is_name = !["rpz-ip", "rpz-nsip", "rpz-client-ip", "rpz-nsdname", "@"]
            .iter()
            .any(|trigger| name.ends_with(trigger));
        if !is_name {
            return Line::LeftOut(Left::Address);
        }
        match reach {
            Some(Reach::ExceptTree) => give(Reach::ExceptTree, name.trim_start_matches("*.")),
            Some(reach) => give(reach, name),
            None => return Line::LeftOut(Left::Answer),
        }
        Line::Read
    }
}
