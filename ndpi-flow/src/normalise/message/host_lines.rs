//! The lines with the host in the head of an HTTP request.

use crate::normalise::request::Line;

const HOST: &[u8] = b"host";

/// What is known of the host by the lines so far.
#[derive(Debug, Default)]
pub(super) struct HostLines {
    /// What the first field with one says.
    value: Option<Vec<u8>>,
    /// That was not written as most senders do, or there is another field.
    pub(super) is_odd: bool,
    /// Another field says something else.
    pub(super) differ: bool,
    /// The value of the field that lines are of, where it is a host.
    current: Option<Vec<u8>>,
}

impl HostLines {
    /// Takes a line behind the first one; true if it is one of them.
    pub(super) fn take(&mut self, line: Line<'_>) -> bool {
        // A field may go on in the next line (RFC 9112, section 5.2).
        if line.text.first().is_some_and(|byte| b" \t".contains(byte)) {
            let Some(value) = &mut self.current else { return false };
            let more = line.text.trim_ascii();
            if !value.is_empty() && !more.is_empty() {
                value.push(b' ');
            }
            value.extend_from_slice(more);
            self.is_odd = true;
            return true;
        }
        self.end();
        let Some((name, value)) = line.field() else { return false };
        if !name.trim_ascii().eq_ignore_ascii_case(HOST) {
            return false;
        }
        let trimmed = value.trim_ascii();
        let is_usual = name.len() == HOST.len() && value.len() == trimmed.len() + 1;
        self.is_odd |= !is_usual || self.value.is_some();
        self.current = Some(trimmed.to_vec());
        true
    }

    /// The head ends here: what the first field says. Servers refuse a second one, or take the first (RFC 9112,
    /// section 3.2).
    pub(super) fn end(&mut self) -> Option<&[u8]> {
        if let Some(value) = self.current.take() {
            match &self.value {
                None => self.value = Some(value),
                Some(first) => self.differ |= !first.eq_ignore_ascii_case(&value),
            }
        }
        self.value.as_deref()
    }
}
