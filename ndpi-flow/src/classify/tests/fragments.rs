//! Datagrams in fragments, from samples to decisions.

use ndpi_labels::Finding;
use testkit::frame::{ACK, Talk, V4, V6};

use super::*;

/// What stands before the IP header in frames.
const LINK: usize = 14;
const WORD: &[u8] = b"forbidden";

/// Is sure once a packet that is no fragment has the word.
struct Reader;

impl Detector for Reader {
    type Flow = Classification;

    fn open(&self) -> Classification {
        Classification::default()
    }

    fn inspect(&self, flow: &mut Classification, l3: &[u8], _time_ms: u64) -> Classification {
        if l3.windows(WORD.len()).any(|window| window == WORD) {
            flow.state = State::Classified;
        }
        *flow
    }

    fn classification(&self, flow: &Classification) -> Classification {
        *flow
    }

    fn give_up(&self, flow: &mut Classification) -> Classification {
        let guessed = flow.state != State::Classified;
        Classification { state: State::Classified, guessed, ..*flow }
    }

    fn rule_texts<'f>(&self, _flow: &'f Classification) -> RuleTexts<'f> {
        RuleTexts::new(None, None, None)
    }

    fn details(&self, _flow: &Classification) -> Details {
        Details::default()
    }
}

fn classifier() -> Classifier<Reader> {
    let settings = Settings {
        timeouts: Some(Timeouts::default()),
        max_flows: 9,
        accounting: Accounting::Kernel,
        normalise: true,
    };
    Classifier::new(Reader, settings)
}

/// What the client sends, cut within the word: two fragments.
fn halves(talk: Talk) -> [Vec<u8>; 2] {
    let bytes = talk.transport(true, ACK, &[b"it is ", WORD, &[b'.'; 40]].concat());
    let cut = if talk.proto == 17 { 16 } else { 32 };
    let fragment = |start: usize, end: usize| {
        talk.fragment(start, end < bytes.len(), &bytes[start..end])[LINK..].to_vec()
    };
    [fragment(0, cut), fragment(cut, bytes.len())]
}

fn sample(talk: Talk, l3: &[u8]) -> Sample<'_> {
    let key = talk.key();
    let is_lower = key.ports().0 == testkit::frame::CLIENT_PORT;
    let direction = if is_lower { Direction::FromLower } else { Direction::FromUpper };
    Sample::new(key, direction, SECOND, l3)
}

/// The kernel does not know the flow.
fn stray(talk: Talk, l3: &[u8]) -> Sample<'_> {
    let mut key = talk.key();
    match &mut key {
        FlowKey::V4(key) => (key.lower_port, key.upper_port) = (0, 0),
        FlowKey::V6(key) => (key.lower_port, key.upper_port) = (0, 0),
        FlowKey::Tenant(key) => (key.flow.lower_port, key.flow.upper_port) = (0, 0),
    }
    Sample { key, stray: true, ..sample(talk, l3) }
}

const TALKS: [Talk; 4] = [V4, V6, Talk { proto: 17, ..V4 }, Talk { proto: 17, ..V6 }];

#[test]
fn a_flow_is_decided_by_the_datagram_that_its_fragments_make() {
    for talk in TALKS {
        let (mut classifier, mut notes) = (classifier(), Notes::default());
        for (half, decided) in halves(talk).iter().zip([0, 1]) {
            classifier.sample(&sample(talk, half), &mut notes);
            assert_eq!(notes.decided.len(), decided, "{talk:?}");
        }
        let flow = classifier.get_mut(&talk.key()).unwrap();
        assert_eq!((flow.inspected, flow.packets_before), (1, 2), "each fragment counts");
        assert!(flow.findings.is_empty());
    }
}

#[test]
fn a_fragment_that_came_before_the_first_is_not_lost() {
    for talk in TALKS {
        let (mut classifier, mut notes) = (classifier(), Notes::default());
        let [first, later] = halves(talk);
        classifier.sample(&stray(talk, &later), &mut notes);
        assert!(classifier.table().is_empty(), "it opens no flow");
        classifier.sample(&sample(talk, &first), &mut notes);
        assert_eq!(notes.decided.len(), 1, "{talk:?}");
    }
}

/// The first fragment overtakes the later one between the kernel and this: another classifier was shown that.
#[test]
fn the_classifier_that_has_the_flow_looks_at_what_another_made_whole() {
    for talk in TALKS {
        let (mut own, mut other) = (classifier(), classifier());
        let (mut notes, mut others) = (Notes::default(), Notes::default());
        let fragments = std::sync::Arc::default();
        own.share_fragments(std::sync::Arc::clone(&fragments));
        other.share_fragments(fragments);
        let [first, later] = halves(talk);
        own.sample(&sample(talk, &first), &mut notes);
        other.sample(&stray(talk, &later), &mut others);
        assert_eq!((notes.decided.len(), others.decided.len()), (0, 0));
        own.expire(SECOND, 1, &mut notes);
        assert_eq!((notes.decided.len(), others.decided.len()), (1, 0), "{talk:?}");
    }
}

#[test]
fn fragments_that_overlap_are_found() {
    let (mut classifier, mut notes) = (classifier(), Notes::default());
    let [first, later] = halves(V4);
    let bytes = V4.transport(true, ACK, &[0; 100]);
    let over = V4.fragment(24, true, &bytes[24..80])[LINK..].to_vec();
    classifier.sample(&sample(V4, &first), &mut notes);
    classifier.sample(&sample(V4, &over), &mut notes);
    let flow = classifier.get_mut(&V4.key()).unwrap();
    assert!(flow.findings.contains(Finding::FragmentOverlap));
    // The datagram is discarded: what comes then makes none whole.
    classifier.sample(&sample(V4, &later), &mut notes);
    assert!(notes.decided.is_empty());
}

#[test]
fn what_never_became_whole_is_looked_at_when_no_more_is_shown_and_at_the_end() {
    let talk = V4.udp();
    let bytes = talk.transport(true, ACK, &[WORD, &[b'.'; 600]].concat());
    let first = talk.fragment(0, true, &bytes[..304])[LINK..].to_vec();
    let (mut one, mut notes) = (classifier(), Notes::default());
    one.sample(&Sample { last: true, ..sample(talk, &first) }, &mut notes);
    assert_eq!(notes.decided.len(), 1);
    let (mut one, mut notes) = (classifier(), Notes::default());
    one.sample(&sample(talk, &first), &mut notes);
    assert!(notes.decided.is_empty(), "more may come");
    one.end_all(&mut notes);
    let (flow, _) = &notes.finished[&talk.key()][0];
    assert!(!flow.decided().unwrap().classification.guessed);
}

#[test]
fn without_the_normaliser_fragments_are_read_as_they_come() {
    let (mut classifier, mut notes) = (classifier(), Notes::default());
    classifier.settings.normalise = false;
    let [first, later] = halves(V4);
    classifier.sample(&sample(V4, &first), &mut notes);
    classifier.sample(&stray(V4, &later), &mut notes);
    classifier.sample(&sample(V4, &later), &mut notes);
    assert!(notes.decided.is_empty());
    assert_eq!(classifier.get_mut(&V4.key()).unwrap().inspected, 2);
}
