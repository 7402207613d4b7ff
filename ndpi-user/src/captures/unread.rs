//! Reports of packets that could not be read because of their link layer.

use std::fmt;

use ndpi_capture::LinkType;
use ndpi_capture::link::type_name;

use crate::report::CaptureReport;

/// Says on standard error what of a capture could not be read; whether there is no flow for that.
pub(crate) fn tell_unread(capture: &CaptureReport) -> bool {
    let nothing = nothing(capture);
    if let Some(line) = &nothing {
        log::error!("{line}");
    }
    for line in lines(capture, nothing.is_some()) {
        log::warn!("{line}");
    }
    nothing.is_some()
}

/// What is said of a capture of which nothing could be read: not where there is only what carries no
/// flows, as ARP and STP.
fn nothing(capture: &CaptureReport) -> Option<String> {
    let CaptureReport { name, packets, read, skips, .. } = capture;
    let of_types =
        skips.link_types().map(|(link_type, unread)| (Named(link_type).to_string(), unread));
    let of_others = skips.losses().map(|(loss, unread)| (loss.to_owned(), unread));
    let lost: Vec<_> = of_types.chain(of_others).collect();
    if *read > 0 || lost.is_empty() {
        return None;
    }
    let reasons: Vec<_> = lost.iter().map(|(what, unread)| format!("{unread} {what}")).collect();
    let reasons = reasons.join(", ");
    let packets = if *packets == 1 { "1 packet".into() } else { format!("{packets} packets") };
    Some(format!(
        "{name}: nothing could be read of {packets}: {reasons}; docs/link-layers.md lists what is read"
    ))
}

fn lines(capture: &CaptureReport, nothing: bool) -> Vec<String> {
    let CaptureReport { name, packets, skips, .. } = capture;
    let of_type = |(link_type, unread): (LinkType, u64)| {
        format!("{name}: {unread} of {packets} packets were not read: {}", Named(link_type))
    };
    let mut lines: Vec<_> = skips.link_types().filter(|_| !nothing).map(of_type).collect();
    for (kind, unopened) in &capture.unopened {
        lines.push(format!(
            "{name}: {unopened} of {packets} packets came through a tunnel ({kind}) that the programs in \
             the kernel do not open: they count as the tunnel's; `ndpi-xdp pcap --tunnels` looks into it"
        ));
    }
    for (kind, closed) in &capture.closed {
        lines.push(format!(
            "{name}: {closed} of {packets} packets are of tunnels that are not opened ({kind}): they count as \
             the tunnel's; docs/tunnels.md lists those that are"
        ));
    }
    let protected = skips.protected();
    if protected > 0 {
        lines.push(format!(
            "{name}: {protected} of {packets} packets are encrypted 802.11 frames, whose flows \
             cannot be seen: decrypt the capture first, as airdecap-ng does with the network's key"
        ));
    }
    lines
}

/// A link type with its number and its name.
struct Named(LinkType);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link type {}", self.0.0)?;
        match type_name(self.0) {
            Some(name) => write!(f, " ({name})"),
            None => f.write_str(" (without a name in libpcap's registry)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndpi_common::parse::Refusal;

    use super::{lines, nothing};
    use crate::report::CaptureReport;
    use ndpi_capture::LinkType;
    use ndpi_capture::link::{Skip, Skips};

    fn capture(packets: u64, skipped: &[Skip]) -> CaptureReport {
        let mut skips = Skips::default();
        for skip in skipped {
            skips.count(*skip);
        }
        CaptureReport { name: "x.pcap".into(), packets, skips, ..CaptureReport::default() }
    }

    #[test]
    fn what_was_not_read_is_named() {
        let usb = [Skip::LinkType(LinkType(189)); 2];
        let all = nothing(&capture(2, &usb)).unwrap();
        assert!(
            all.contains("nothing could be read of 2 packets: 2 link type 189 (USB_LINUX)"),
            "{all}"
        );
        assert!(lines(&capture(2, &usb), true).is_empty());
        let [some] = &lines(&capture(5, &usb), false)[..] else { panic!() };
        assert!(some.contains("2 of 5 packets"), "{some}");
        let [unknown] = &lines(&capture(5, &[Skip::LinkType(LinkType(999))]), false)[..] else {
            panic!()
        };
        assert!(unknown.contains("999 (without a name"), "{unknown}");
        let [encrypted] = &lines(&capture(5, &[Skip::Protected]), false)[..] else { panic!() };
        assert!(encrypted.contains("1 of 5 packets are encrypted"), "{encrypted}");
        assert!(lines(&capture(5, &[Skip::LaterFragment]), false).is_empty());
    }

    #[test]
    fn what_carries_no_flows_is_no_loss() {
        let control = [Refusal::NotIp, Refusal::Llc].map(Skip::Refused);
        assert_eq!(nothing(&capture(2, &control)), None);
        let cut = [control[0], Skip::Refused(Refusal::TruncatedIp), Skip::Protected];
        let said = nothing(&capture(3, &cut)).unwrap();
        assert!(said.contains("of 3 packets: 1 truncated_ip, 1 wifi_encrypted;"), "{said}");
        let some = CaptureReport { read: 1, ..capture(3, &cut) };
        assert_eq!(nothing(&some), None);
    }
}
