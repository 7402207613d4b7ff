//! The protocol as a server speaks it: lines, of which some have a payload behind them.
//!
//! <https://docs.nats.io/reference/reference-protocols/nats-protocol>

use serde::Deserialize;

use crate::NatsError;

/// A line at most; `INFO` names all servers of a cluster.
const LONGEST_LINE: usize = 64 * 1024;

/// A payload with its headers at most: what a server can be set to take.
const LONGEST_PAYLOAD: usize = 64 << 20;

/// Something that the server says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Info(Info),
    Message(Message),
    Ping,
    Pong,
    Ok,
    Error(String),
}

/// What a server says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Info {
    pub(crate) max_payload: usize,
    pub(crate) headers: bool,
    pub(crate) tls_required: bool,
}

impl Default for Info {
    fn default() -> Self {
        Self { max_payload: 1 << 20, headers: false, tls_required: false }
    }
}

/// A message of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// What it is about.
    pub subject: String,
    /// The number of the subscription that it came by.
    pub subscription: u64,
    /// Where an answer is expected.
    pub reply: Option<String>,
    /// The status in its headers, such as 503 where nobody has answered a request.
    pub status: Option<u16>,
    /// The lines of its headers.
    pub headers: Vec<(String, String)>,
    /// What it carries.
    pub payload: Vec<u8>,
}

impl Message {
    /// The header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }
}

/// Bytes of a server, of which some were not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    bytes: Vec<u8>,
    at: usize,
}

impl Parser {
    /// Takes more bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next that is whole.
    ///
    /// # Errors
    ///
    /// This is no NATS.
    pub(crate) fn next(&mut self) -> Result<Option<Said>, NatsError> {
        let rest = &self.bytes[self.at..];
        let Some(end) = rest.windows(2).take(LONGEST_LINE).position(|it| it == b"\r\n") else {
            return if rest.len() > LONGEST_LINE { Err(unknown(rest)) } else { Ok(None) };
        };
        let (line, behind) = (&rest[..end], &rest[end + 2..]);
        let text = std::str::from_utf8(line).map_err(|_| unknown(line))?;
        let (verb, arguments) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        let mut taken = end + 2;
        let said = match verb.to_ascii_uppercase().as_str() {
            "INFO" => Said::Info(serde_json::from_str(arguments).map_err(|_| unknown(line))?),
            "PING" => Said::Ping,
            "PONG" => Said::Pong,
            "+OK" => Said::Ok,
            "-ERR" => Said::Error(arguments.trim().trim_matches('\'').to_owned()),
            "MSG" | "HMSG" => {
                let has_headers = verb.eq_ignore_ascii_case("HMSG");
                let head = Head::read(arguments, has_headers).ok_or_else(|| unknown(line))?;
                // With the line's end behind it.
                let Some(body) = behind.get(..head.total + 2) else { return Ok(None) };
                taken += body.len();
                let message = head.message(&body[..head.total]).ok_or_else(|| unknown(line))?;
                Said::Message(message)
            }
            _ => return Err(unknown(line)),
        };
        self.at += taken;
        Ok(Some(said))
    }
}

fn unknown(line: &[u8]) -> NatsError {
    let shown = &line[..line.len().min(60)];
    NatsError::Protocol(String::from_utf8_lossy(shown).into_owned())
}

/// The line before a message.
struct Head<'a> {
    subject: &'a str,
    subscription: u64,
    reply: Option<&'a str>,
    /// Bytes of headers.
    headers: usize,
    /// Bytes of headers and payload.
    total: usize,
}

impl<'a> Head<'a> {
    fn read(arguments: &'a str, has_headers: bool) -> Option<Self> {
        let words: Vec<_> = arguments.split_ascii_whitespace().collect();
        let (ends, numbers) =
            words.split_at_checked(words.len().checked_sub(1 + usize::from(has_headers))?)?;
        let (subject, number, reply) = match ends {
            [subject, number] => (*subject, number, None),
            [subject, number, reply] => (*subject, number, Some(*reply)),
            _ => return None,
        };
        let subscription = number.parse().ok()?;
        let total = numbers.last()?.parse().ok()?;
        let headers = if has_headers { numbers[0].parse().ok()? } else { 0 };
        (headers <= total && total <= LONGEST_PAYLOAD).then_some(Self {
            subject,
            subscription,
            reply,
            headers,
            total,
        })
    }

    fn message(&self, body: &[u8]) -> Option<Message> {
        let (head, payload) = body.split_at(self.headers);
        let text = std::str::from_utf8(head).ok()?;
        let mut lines = text.split("\r\n");
        // `NATS/1.0 503`, and what that is in words.
        let version = lines.next().unwrap_or_default();
        let status = version.split(' ').nth(1).and_then(|status| status.parse().ok());
        let pairs = lines.filter_map(|line| line.split_once(':'));
        let headers = pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Some(Message {
            subject: self.subject.to_owned(),
            subscription: self.subscription,
            reply: self.reply.map(str::to_owned),
            status,
            headers: headers.collect(),
            payload: payload.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(parser: &mut Parser) -> Vec<Said> {
        std::iter::from_fn(|| parser.next().unwrap()).collect()
    }

    #[test]
    fn what_comes_in_pieces_is_read_as_if_it_came_at_once() {
        let bytes = b"INFO {\"max_payload\":10,\"headers\":true,\"x\":1}\r\nPING\r\n+OK\r\n\
                      MSG a.b 1 2\r\nhi\r\nMSG a.b 1 answer 0\r\n\r\n-ERR 'Stale Connection'\r\n\
                      HMSG a 7 35 37\r\nNATS/1.0 503 nobody\r\nName: it s\r\n\r\nok\r\npong\r\n";
        let mut whole = Parser::default();
        whole.feed(bytes);
        let expected = all(&mut whole);
        assert_eq!(expected.len(), 8);
        assert_eq!(
            expected[0],
            Said::Info(Info { max_payload: 10, headers: true, tls_required: false })
        );
        assert_eq!(expected[5], Said::Error("Stale Connection".into()));
        let Said::Message(message) = &expected[6] else { panic!("{:?}", expected[6]) };
        assert_eq!((message.status, &*message.payload), (Some(503), &b"ok"[..]));
        assert_eq!(message.subscription, 7);
        assert_eq!(message.header("name"), Some("it s"));
        for size in [1, 2, 3, 7] {
            let (mut parser, mut said) = (Parser::default(), Vec::new());
            for piece in bytes.chunks(size) {
                parser.feed(piece);
                said.extend(all(&mut parser));
            }
            assert_eq!(said, expected, "{size} bytes at a time");
        }
    }

    #[test]
    fn what_is_no_nats_is_an_error_and_no_memory() {
        let long = vec![b'x'; LONGEST_LINE + 2];
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"MSG a.b 1\r\n",
            b"MSG a.b one 0\r\n",
            b"MSG a 1 -5\r\n",
            b"MSG a 1 99999999999\r\n",
            b"HMSG a 1 9 4\r\n",
            b"INFO {\r\n",
            b"\xff\r\n",
            &long,
        ] {
            let mut parser = Parser::default();
            parser.feed(bytes);
            assert!(matches!(parser.next(), Err(NatsError::Protocol(_))), "{bytes:?}");
        }
    }
}
