//! What the classifier needs of nDPI: three calls and the texts.

use ndpi::{Classification, Engine, Flow, Hints};

use crate::flow::Details;

/// Something that classifies flows packet by packet: nDPI, or a script in a test.
pub trait Detector {
    /// Its state for one undecided flow.
    type Flow;

    /// Makes the state of a new flow.
    fn open(&self) -> Self::Flow;

    /// Looks at one more packet: `l3` from the IP header on, `time_ms` since the Unix epoch.
    fn inspect(&self, flow: &mut Self::Flow, l3: &[u8], time_ms: u64) -> Classification;

    /// What is known so far.
    fn classification(&self, flow: &Self::Flow) -> Classification;

    /// Makes the best of what was seen; no packet can be looked at afterwards.
    fn give_up(&self, flow: &mut Self::Flow) -> Classification;

    /// Copies host name and fingerprints out of the state.
    fn details(&self, flow: &Self::Flow) -> Details;
}
impl<'e> Detector for &'e Engine {
    type Flow = Flow<'e>;

    fn open(&self) -> Flow<'e> {
        self.flow()
    }

    fn inspect(&self, flow: &mut Flow<'e>, l3: &[u8], time_ms: u64) -> Classification {
        flow.process(l3, time_ms, Hints::default())
    }

    fn classification(&self, flow: &Flow<'e>) -> Classification {
        flow.classification()
    }

    fn give_up(&self, flow: &mut Flow<'e>) -> Classification {
        flow.give_up()
    }

    fn details(&self, flow: &Flow<'e>) -> Details {
        let texts = [flow.hostname(), flow.ja4(), flow.alpn()];
        let [hostname, ja4, alpn] = texts.map(Option::unwrap_or_default);
        Details::new(&hostname, &ja4, &alpn)
    }
}
