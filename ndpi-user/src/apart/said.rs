//! Bytes of nDPI's process, read as everything that they might be: for those who try whatever bytes.

use super::answer::{
    Answer, decode_classification, decode_details, decode_dns, encode_classification,
    encode_details, encode_dns,
};

/// What the session makes of an answer, as it would be given again, for each kind that it may be; `None` where it is
/// none of that kind.
pub fn worker_said(bytes: &[u8]) -> [Option<Vec<u8>>; 4] {
    let again = |encode: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        encode(&mut bytes);
        bytes
    };
    [
        Answer::decode(bytes).map(|it| again(&|to| it.encode(to))),
        decode_details(bytes).map(|it| again(&|to| encode_details(&it, to))),
        decode_classification(bytes).map(|it| again(&|to| encode_classification(it.as_ref(), to))),
        decode_dns(bytes).map(|it| again(&|to| encode_dns(it.as_ref(), to))),
    ]
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use ndpi::{AppId, Classification, DnsAddress, State};
    use ndpi_flow::{Details, DnsAnswer, Known};
    use testkit::seed;

    use super::*;

    /// What the fuzzer of messages begins with: one answer of each kind.
    #[test]
    fn the_seeds_of_answers_are_in_the_repository_and_said_again_they_are_the_same() {
        let said = Classification {
            state: State::Classified,
            app: AppId { master: 91, app: 119 },
            ..Classification::default()
        };
        let details = Details::new("www.example.com", "", "h2");
        let addresses = ["198.18.0.1", "2001:db8::1"].map(|it| it.parse::<IpAddr>().unwrap());
        let addresses = addresses.map(|address| DnsAddress { address, ttl: 60 }).into();
        let name = "www.example.com".to_owned();
        let dns = DnsAnswer { name, addresses, known_as: Some(Known::default()) };
        let answer = Answer {
            opened: true,
            classification: said,
            texts: [Some("www.example.com".into()), None, Some("h2".into())],
            details: Some(details.clone()),
            ..Answer::default()
        };
        let names = ["worker-answer", "worker-details", "worker-classification", "worker-dns"];
        let mut answers = [const { Vec::new() }; 4];
        answer.encode(&mut answers[0]);
        encode_details(&details, &mut answers[1]);
        encode_classification(Some(&said), &mut answers[2]);
        encode_dns(Some(&dns), &mut answers[3]);
        for (at, (name, bytes)) in names.into_iter().zip(answers).enumerate() {
            seed::hold("control", name, &[b"w", &bytes[..]].concat());
            assert_eq!(worker_said(&bytes)[at].as_deref(), Some(&bytes[..]), "{name}");
        }
    }
}
