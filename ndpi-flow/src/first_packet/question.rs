//! Questions that clients ask DNS servers, and their answers (RFC 1035, section 4.1).

use ndpi_common::parse::proto;

use crate::sample::Sample;

/// Length of a message's header.
const HEADER: usize = 12;
/// The first byte of its flags says that it is a response.
const RESPONSE: u8 = 0x80;
/// Type and class behind a name.
const TYPE_AND_CLASS: usize = 4;
/// The longest name as it is sent (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 255;
/// The longest label; a longer length is a pointer or reserved.
const LONGEST_LABEL: u8 = 63;

/// Questions that are kept of one flow. A stub resolver asks for both families from one socket.
const KEPT: usize = 8;

/// A question with the transaction's number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Question {
    id: [u8; 2],
    /// Name, type and class as they are sent, in lower case: some resolvers mix cases, and servers
    /// need not repeat them (RFC 4343).
    asked: Box<[u8]>,
}

/// The questions of one flow.
#[derive(Debug, Default)]
pub struct Questions {
    /// Each with whether it was answered.
    asked: Vec<(Question, bool)>,
    /// There were others: more than are kept, or such as could not be read.
    others: bool,
}

/// An answer of a DNS server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The first one to a question of the flow.
    Asked,
    /// Another one to a question that was answered (it was asked twice), or to one that is not known.
    Other,
    /// Its client asked for something else, or for nothing. Never in TCP, where a question may be cut in two.
    Unsolicited,
}

impl Questions {
    /// Takes a packet of a flow with a DNS server: notes the question that its client asks, and says what the
    /// answer of its server is to the questions so far.
    pub fn take(
        kept: &mut Option<Box<Self>>,
        sample: &Sample,
        from_client: bool,
    ) -> Option<Answer> {
        let is_tcp = sample.key.proto() == proto::TCP;
        let message = sample.payload().and_then(|it| if is_tcp { unframed(it) } else { Some(it) });
        match (message.and_then(read), from_client) {
            (Some((false, question)), true) => kept.get_or_insert_default().ask(question),
            (_, true) => kept.get_or_insert_default().others = true,
            (Some((true, question)), false) => return Some(Self::answer(kept, &question, is_tcp)),
            (_, false) => {}
        }
        None
    }

    /// The names that were asked for, in lower case, the last first.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.asked.iter().rev().filter_map(|(question, _)| name(&question.asked))
    }

    fn ask(&mut self, question: Question) {
        if self.asked.iter().any(|(asked, _)| *asked == question) {
            return;
        }
        if self.asked.len() == KEPT {
            self.asked.remove(0);
            self.others = true;
        }
        self.asked.push((question, false));
    }

    fn answer(kept: &mut Option<Box<Self>>, question: &Question, is_tcp: bool) -> Answer {
        let others = kept.as_ref().is_some_and(|kept| kept.others);
        let mut asked = kept.iter_mut().flat_map(|kept| &mut kept.asked);
        let was_answered = asked.find(|(asked, _)| asked == question);
        match was_answered.map(|(_, answered)| std::mem::replace(answered, true)) {
            Some(false) => Answer::Asked,
            None if !others && !is_tcp => Answer::Unsolicited,
            Some(true) | None => Answer::Other,
        }
    }
}

/// The message that a segment of TCP holds whole, without the length before it (RFC 7766, section 8).
fn unframed(payload: &[u8]) -> Option<&[u8]> {
    let (length, message) = payload.split_first_chunk()?;
    (usize::from(u16::from_be_bytes(*length)) == message.len()).then_some(message)
}

/// Whether a message is a response, and its one question.
fn read(message: &[u8]) -> Option<(bool, Question)> {
    let header = message.get(..HEADER)?;
    if header[4..6] != [0, 1] {
        return None;
    }
    let end = HEADER + name_length(&message[HEADER..])? + TYPE_AND_CLASS;
    let asked = message.get(HEADER..end)?.to_ascii_lowercase().into();
    Some((header[2] & RESPONSE != 0, Question { id: [header[0], header[1]], asked }))
}

/// The length of a name without pointers, its end included.
fn name_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < LONGEST_NAME {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=LONGEST_LABEL => at += 1 + usize::from(length),
            _ => return None,
        }
    }
    None
}

/// A name as it is written.
fn name(mut bytes: &[u8]) -> Option<String> {
    let mut labels = Vec::new();
    while let Some((&length @ 1.., rest)) = bytes.split_first() {
        let (label, others) = rest.split_at_checked(length.into())?;
        labels.push(str::from_utf8(label).ok()?);
        bytes = others;
    }
    Some(labels.join("."))
}

#[cfg(test)]
mod tests {
    use ndpi_common::{Direction, KeyV4};
    use proptest::prelude::*;

    use super::*;
    use crate::key::FlowKey;

    const QUERY: [u8; 2] = [1, 0];
    const ANSWER: [u8; 2] = [0x81, 0x80];

    fn dns(id: u16, flags: [u8; 2], name: &[u8], record: u8) -> Vec<u8> {
        let header = [&id.to_be_bytes()[..], &flags, &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
        [&header[..], name, &[0, record, 0, 1]].concat()
    }

    /// What a DNS message, from the client or the server, is to the questions of `kept`.
    fn of_udp(
        kept: &mut Option<Box<Questions>>,
        payload: &[u8],
        from_client: bool,
    ) -> Option<Answer> {
        let length = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
        send(kept, proto::UDP, &[&length[..], &[0, 0]].concat(), payload, from_client)
    }

    /// Whether it is the first answer to one of them.
    fn take(kept: &mut Option<Box<Questions>>, payload: &[u8], from_client: bool) -> bool {
        of_udp(kept, payload, from_client) == Some(Answer::Asked)
    }

    /// The same of a segment of TCP.
    fn take_segment(kept: &mut Option<Box<Questions>>, payload: &[u8], from_client: bool) -> bool {
        let header = [&[0; 8][..], &[0x50, 0x18], &[0; 6]].concat();
        let answer = send(kept, proto::TCP, &header, payload, from_client);
        assert_ne!(answer, Some(Answer::Unsolicited));
        answer == Some(Answer::Asked)
    }

    /// The same of a packet whose transport header goes on like this behind its ports.
    fn send(
        kept: &mut Option<Box<Questions>>,
        transport: u8,
        header: &[u8],
        payload: &[u8],
        from_client: bool,
    ) -> Option<Answer> {
        let (source, destination) = ([198, 18, 0, 1], [198, 18, 0, 53]);
        let (key, client) = KeyV4::new((source, 40_000), (destination, 53), 0, transport);
        let total = u16::try_from(24 + header.len() + payload.len()).unwrap().to_be_bytes();
        let (addresses, ports) = if from_client {
            ([source, destination], [[156, 64], [0, 53]])
        } else {
            ([destination, source], [[0, 53], [156, 64]])
        };
        let ip = [&[0x45, 0][..], &total, &[0, 0, 0, 0, 64, transport, 0, 0], &addresses.concat()]
            .concat();
        let l3 = [&ip[..], &ports.concat(), header, payload].concat();
        let direction = if from_client { client } else { client.opposite() };
        assert_eq!(client, Direction::FromLower);
        let sample = Sample::new(FlowKey::V4(key), direction, 0, &l3);
        Questions::take(kept, &sample, from_client)
    }

    const NAME: &[u8] = b"\x03www\x07example\x00";

    #[test]
    fn an_answer_is_one_to_a_question_of_the_same_flow() {
        let mut kept = None;
        assert!(!take(&mut kept, &dns(7, ANSWER, NAME, 1), false), "nobody asked");
        assert!(!take(&mut kept, &dns(7, QUERY, NAME, 1), true));
        assert!(!take(&mut kept, &dns(8, ANSWER, NAME, 1), false), "another number");
        assert!(!take(&mut kept, &dns(7, ANSWER, NAME, 28), false), "another type");
        assert!(!take(&mut kept, &dns(7, ANSWER, b"\x03www\x00", 1), false), "another name");
        assert!(!take(&mut kept, &dns(7, ANSWER, NAME, 1), true), "from the client");
        assert!(take(&mut kept, &dns(7, ANSWER, b"\x03wWw\x07EXAMPLE\x00", 1), false));
        assert!(!take(&mut kept, &dns(7, ANSWER, NAME, 1), false), "a second one");
    }

    #[test]
    fn an_answer_that_nobody_asked_for_is_unsolicited() {
        let answer = dns(7, ANSWER, NAME, 1);
        let unsolicited = Some(Answer::Unsolicited);
        assert_eq!(of_udp(&mut None, &answer, false), unsolicited, "nothing was asked");
        let mut kept = None;
        assert_eq!(of_udp(&mut kept, &dns(7, QUERY, NAME, 1), true), None);
        for other in [dns(8, ANSWER, NAME, 1), dns(7, ANSWER, b"\x03www\x00", 1)] {
            assert_eq!(of_udp(&mut kept, &other, false), unsolicited);
        }
        assert_eq!(of_udp(&mut kept, &answer, false), Some(Answer::Asked));
        assert_eq!(of_udp(&mut kept, &answer, false), Some(Answer::Other), "asked twice, maybe");
    }

    #[test]
    fn where_not_all_questions_are_known_no_answer_is_unsolicited() {
        let mut kept = None;
        of_udp(&mut kept, b"cannot be read", true);
        assert_eq!(of_udp(&mut kept, &dns(7, ANSWER, NAME, 1), false), Some(Answer::Other));
        assert_eq!(of_udp(&mut None, b"no answer", false), None);
        let mut kept = None;
        for id in 0..=u16::try_from(KEPT).unwrap() {
            of_udp(&mut kept, &dns(id, QUERY, NAME, 1), true);
        }
        assert_eq!(of_udp(&mut kept, &dns(0, ANSWER, NAME, 1), false), Some(Answer::Other));
    }

    #[test]
    fn both_families_are_asked_for_at_once() {
        let mut kept = None;
        for record in [1, 28, 65] {
            take(&mut kept, &dns(u16::from(record), QUERY, NAME, record), true);
        }
        for record in [28, 1, 65] {
            assert!(take(&mut kept, &dns(u16::from(record), ANSWER, NAME, record), false));
        }
    }

    #[test]
    fn a_length_stands_before_a_message_in_tcp() {
        let framed = |message: Vec<u8>| {
            [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat()
        };
        let mut kept = None;
        take_segment(&mut kept, &framed(dns(7, QUERY, NAME, 1)), true);
        let answer = framed(dns(7, ANSWER, NAME, 1));
        assert!(!take_segment(&mut kept, &answer[..answer.len() - 1], false), "not whole");
        assert!(take_segment(&mut kept, &answer, false));
    }

    #[test]
    fn a_number_that_looks_like_a_length_is_none_in_udp() {
        let mut kept = None;
        let [query, answer] = [QUERY, ANSWER].map(|flags| dns(27, flags, NAME, 1));
        assert_eq!(query.len(), 27 + 2);
        take(&mut kept, &query, true);
        assert!(take(&mut kept, &answer, false));
    }

    #[test]
    fn questions_of_a_flow_are_bounded() {
        let mut kept = None;
        for id in 0..1000 {
            take(&mut kept, &dns(id, QUERY, NAME, 1), true);
            take(&mut kept, &dns(id, QUERY, NAME, 1), true);
        }
        assert_eq!(kept.as_ref().unwrap().asked.len(), KEPT);
        assert!(take(&mut kept, &dns(999, ANSWER, NAME, 1), false));
        assert!(!take(&mut kept, &dns(900, ANSWER, NAME, 1), false), "forgotten");
    }

    proptest! {
        #[test]
        fn anything_may_come(payload in proptest::collection::vec(any::<u8>(), 0..600)) {
            if let Some((_, question)) = unframed(&payload).and_then(read).or_else(|| read(&payload)) {
                prop_assert!(question.asked.len() <= LONGEST_NAME + TYPE_AND_CLASS);
            }
        }
    }
}
