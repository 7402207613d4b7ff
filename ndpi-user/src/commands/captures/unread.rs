//! What of a capture could not be read, for its link layer: never left unsaid.

use std::fmt;

use crate::capture::LinkType;
use crate::link::type_name;
use crate::report::CaptureReport;

/// Says on standard error what of a capture could not be read; whether that was all of it.
pub(in crate::commands) fn tell_unread(capture: &CaptureReport) -> bool {
    let unread: u64 = capture.skips.link_types().map(|(_, packets)| packets).sum();
    let nothing = unread > 0 && unread == capture.packets;
    for line in lines(capture, nothing) {
        if nothing { log::error!("{line}") } else { log::warn!("{line}") }
    }
    nothing
}

fn lines(capture: &CaptureReport, nothing: bool) -> Vec<String> {
    let CaptureReport { name, packets, skips, .. } = capture;
    let of_type = |(link_type, unread): (LinkType, u64)| {
        let link_type = Named(link_type);
        if nothing {
            format!(
                "{name}: nothing could be read: {unread} packets of {packets} begin with \
                 {link_type}, which is not read; docs/link-layers.md lists those that are"
            )
        } else {
            format!(
                "{name}: {unread} of {packets} packets were passed over, since they begin with \
                 {link_type}, which is not read"
            )
        }
    };
    let mut lines: Vec<_> = skips.link_types().map(of_type).collect();
    for (kind, unopened) in &capture.unopened {
        lines.push(format!(
            "{name}: {unopened} of {packets} packets came through a tunnel ({kind}) that the programs in \
             the kernel do not open: they count as the tunnel's; `ndpi-xdp pcap --tunnels` looks into it"
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
            None => f.write_str(", which has no name in libpcap's registry"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::lines;
    use crate::capture::LinkType;
    use crate::link::{Skip, Skips};
    use crate::report::CaptureReport;

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
        let [all] = &lines(&capture(2, &usb), true)[..] else { panic!() };
        assert!(all.contains("nothing could be read") && all.contains("189 (USB_LINUX)"), "{all}");
        let [some] = &lines(&capture(5, &usb), false)[..] else { panic!() };
        assert!(some.contains("2 of 5 packets"), "{some}");
        let [unknown] = &lines(&capture(5, &[Skip::LinkType(LinkType(999))]), false)[..] else {
            panic!()
        };
        assert!(unknown.contains("999, which has no name"), "{unknown}");
        let [encrypted] = &lines(&capture(5, &[Skip::Protected]), false)[..] else { panic!() };
        assert!(encrypted.contains("1 of 5 packets are encrypted"), "{encrypted}");
        assert!(lines(&capture(5, &[Skip::LaterFragment]), false).is_empty());
    }
}
