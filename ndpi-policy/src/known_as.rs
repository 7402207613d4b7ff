//! Common names of applications, and nDPI's names for them.

/// Other names, letters and digits only, in lower case; then nDPI's. Suggested only where the library has
/// it.
const KNOWN_AS: [(&str, &str); 74] = [
    ("ssl", "TLS"),
    ("https", "TLS"),
    ("ssltls", "TLS"),
    ("tlsssl", "TLS"),
    ("http3", "QUIC"),
    ("h3", "QUIC"),
    ("h2", "HTTP2"),
    ("dnsoverhttps", "DoH_DoT"),
    ("dnsovertls", "DoH_DoT"),
    ("doh", "DoH_DoT"),
    ("dot", "DoH_DoT"),
    ("securedns", "DoH_DoT"),
    ("smb", "SMBv23"),
    ("cifs", "SMBv23"),
    ("samba", "SMBv23"),
    ("ftp", "FTP_CONTROL"),
    ("ping", "ICMP"),
    ("icmp6", "ICMPV6"),
    ("bonjour", "MDNS"),
    ("avahi", "MDNS"),
    ("upnp", "SSDP"),
    ("remotedesktop", "RDP"),
    ("mstsc", "RDP"),
    ("torrent", "BitTorrent"),
    ("torrents", "BitTorrent"),
    ("utorrent", "BitTorrent"),
    ("transmission", "BitTorrent"),
    ("emule", "eDonkey"),
    ("microsoftteams", "Teams"),
    ("msteams", "Teams"),
    ("skypeforbusiness", "Teams"),
    ("skype", "Teams"),
    ("office365", "Microsoft365"),
    ("o365", "Microsoft365"),
    ("m365", "Microsoft365"),
    ("microsoftoffice", "Microsoft365"),
    ("onedrive", "MS_OneDrive"),
    ("microsoftonedrive", "MS_OneDrive"),
    ("exchange", "Outlook"),
    ("hotmail", "Outlook"),
    ("ciscowebex", "Webex"),
    ("hangouts", "GoogleMeet"),
    ("googlehangouts", "GoogleMeet"),
    ("gdrive", "GoogleDrive"),
    ("googlemail", "GMail"),
    ("googleplay", "PlayStore"),
    ("gcp", "GoogleCloud"),
    ("x", "Twitter"),
    ("xcom", "Twitter"),
    ("messenger", "FacebookMessenger"),
    ("fb", "Facebook"),
    ("insta", "Instagram"),
    ("vkontakte", "VK"),
    ("bytedance", "TikTok"),
    ("douyin", "TikTok"),
    ("primevideo", "AmazonVideo"),
    ("amazonprime", "AmazonVideo"),
    ("amazonprimevideo", "AmazonVideo"),
    ("aws", "AmazonAWS"),
    ("s3", "AWS_S3"),
    ("alexa", "AmazonAlexa"),
    ("siri", "AppleSiri"),
    ("icloud", "AppleiCloud"),
    ("itunes", "AppleiTunes"),
    ("appstore", "AppleStore"),
    ("appletv", "AppleTVPlus"),
    ("disney", "DisneyPlus"),
    ("hbomax", "HBO"),
    ("paramount", "ParamountPlus"),
    ("psn", "Playstation"),
    ("playstationnetwork", "Playstation"),
    ("xboxlive", "Xbox"),
    ("warp", "CloudflareWarp"),
    ("1111", "CloudflareWarp"),
];

/// nDPI's name for what is commonly called otherwise; `letters` as of `read::words::letters`.
pub(super) fn ndpi_name(letters: &str) -> Option<&'static str> {
    KNOWN_AS.iter().find(|(name, _)| *name == letters).map(|(_, ndpi)| *ndpi)
}

#[cfg(test)]
mod tests {
    use ndpi_labels::Recorded;

    use super::*;
    use crate::vocabulary::Vocabulary;

    #[test]
    fn every_name_leads_to_one_of_the_library_and_is_none_itself() {
        let apps = Vocabulary::of(&Recorded::ndpi_5_0()).apps;
        for (name, ndpi) in KNOWN_AS {
            assert!(apps.id(ndpi).is_some(), "{ndpi}");
            assert_eq!(apps.id(name), None, "{name}");
        }
    }
}
