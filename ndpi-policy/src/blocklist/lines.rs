//! The lines of a list, each by its form.

use super::format::Format;
use super::line::{Give, Line, Reach, is_address, without_comment};
use super::zone::Zone;
use super::{adblock, dnsmasq, hosts, unbound};

/// Reads the lines of a list in their order.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    format: Format,
    /// Whether a line was one of an Adblock list: what is not understood there is for a browser.
    for_browsers: bool,
    zone: Zone,
}

impl Lines {
    pub(crate) fn new(format: Format) -> Self {
        Self { format, for_browsers: format == Format::Adblock, ..Self::default() }
    }

    /// Reads a line, and gives its names.
    pub(crate) fn line<'t>(&mut self, line: &'t str, give: Give<'_, 't>) -> Line {
        let text = line.trim().trim_start_matches('\u{feff}');
        if is_comment(text) {
            self.for_browsers |= self.format == Format::Any && text.starts_with("[Adblock");
            return Line::Read;
        }
        match self.format {
            Format::Any => self.by_shape(text, give),
            Format::Names => name(text, give),
            Format::Hosts => hosts::line(without_comment(text), give).unwrap_or(Line::Strange),
            Format::Adblock => {
                adblock::line(text, give).unwrap_or_else(|| adblock::rest(text, give))
            }
            Format::Dnsmasq => dnsmasq::line(text, give).unwrap_or(Line::Strange),
            Format::Unbound => unbound::line(text, give).unwrap_or(Line::Strange),
            Format::Zone => self.zone.line(text, give).unwrap_or(Line::Strange),
        }
    }

    fn by_shape<'t>(&mut self, text: &'t str, give: Give<'_, 't>) -> Line {
        // Most lines of long lists are one of these two.
        if is_bare(text) && !self.for_browsers && !self.zone.goes_on() {
            return name(text, give);
        }
        if text.starts_with(|c: char| c.is_ascii_digit() || c == ':')
            && let Some(line) = hosts::line(without_comment(text), give)
        {
            return line;
        }
        if let Some(line) = adblock::line(text, give) {
            self.for_browsers = true;
            return line;
        }
        let by_its_marks = dnsmasq::line(text, give)
            .or_else(|| unbound::line(text, give))
            .or_else(|| self.zone.line(text, give));
        by_its_marks.unwrap_or_else(|| {
            let content = without_comment(text);
            hosts::line(content, give).unwrap_or_else(|| {
                if self.for_browsers { adblock::rest(text, give) } else { name(content, give) }
            })
        })
    }
}

/// Whether there is anything in a list but comments, whatever its format.
pub(crate) fn has_entries(list: &str) -> bool {
    list.lines().any(|line| !is_comment(line.trim().trim_start_matches('\u{feff}')))
}

/// Empty lines, comments of any kind, and the header of an Adblock list.
fn is_comment(text: &str) -> bool {
    match text.as_bytes() {
        [] | [b'#' | b'!' | b';', ..] | [b'/', b'/', ..] => true,
        [b'[', .., b']'] => !text.contains('#'),
        _ => false,
    }
}

/// A line of nothing but what names are made of.
fn is_bare(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// One name. An address is none: whoever lists addresses means `dst`.
fn name<'t>(text: &'t str, give: Give<'_, 't>) -> Line {
    let text = if is_bare(text) { text } else { without_comment(text) };
    // `*` would be every name there is.
    if text.contains(char::is_whitespace) || text.contains('/') || text == "*" || is_address(text) {
        return Line::Strange;
    }
    if !text.is_empty() {
        give(Reach::AsWritten, text);
    }
    Line::Read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocklist::line::Left;

    /// What lines give, each name with the mark of its reach, and the result of each line.
    fn read(format: Format, text: &str) -> (Vec<String>, Vec<Line>) {
        let mut lines = Lines::new(format);
        let mut names = Vec::new();
        let mut give = |reach: Reach, name: &str| {
            names.push(match reach {
                Reach::AsWritten => name.to_owned(),
                Reach::Tree => format!(".{name}"),
                Reach::Below => format!("*.{name}"),
                Reach::ImportantTree => format!(".{name} important"),
                Reach::ImportantBelow => format!("*.{name} important"),
                Reach::ExceptTree => format!("!.{name}"),
                Reach::ExceptImportant => format!("!.{name} important"),
                Reach::ExceptItself => format!("!{name}"),
            });
        };
        let became = text.lines().map(|line| lines.line(line, &mut give)).collect();
        (names, became)
    }

    /// A line that is read, or has nothing in it, and what it gives.
    fn gives(line: &str, expected: &[&str]) {
        let (names, became) = read(Format::Any, line);
        assert_eq!(
            (names.iter().map(String::as_str).collect(), became),
            (expected.to_vec(), vec![Line::Read]),
            "{line}"
        );
    }

    fn becomes(line: &str, expected: Line) {
        assert_eq!(read(Format::Any, line), (vec![], vec![expected]), "{line}");
    }

    #[test]
    fn plain_names_and_comments_of_all_kinds() {
        gives("example.com", &["example.com"]);
        gives("\u{feff}*.example.com\r", &["*.example.com"]);
        gives("  .example.com  # why", &[".example.com"]);
        gives("example.com ; why", &["example.com"]);
        gives("example.com#why", &["example.com"]);
        gives("example.com // why", &["example.com"]);
        for nothing in ["   ", "# why", "! Title: x", "; why", "// why", "[Adblock Plus 2.0]", "##"]
        {
            gives(nothing, &[]);
        }
        for strange in [
            "two words",
            "10.0.0.0/8",
            "1.2.3.4-1.2.3.10",
            "10.0.0.1",
            "2001:db8::1",
            "https://a.example/x",
            "<p>",
        ] {
            let (_, became) = read(Format::Any, strange);
            // What is no name at all is for whoever takes names to refuse.
            assert!(became == [Line::Strange] || strange == "<p>", "{strange}");
        }
    }

    #[test]
    fn hosts_files_mean_the_names_and_not_this_machine() {
        gives("0.0.0.0 ads.example.com", &["ads.example.com"]);
        gives(
            "127.0.0.1\tads.example.com tracker.example.com # why",
            &["ads.example.com", "tracker.example.com"],
        );
        gives(":: ads.example.com", &["ads.example.com"]);
        for own in [
            "127.0.0.1 localhost localhost.localdomain",
            "::1 localhost ip6-localhost ip6-loopback",
            "fe80::1%lo0 localhost",
            "ff02::1 ip6-allnodes",
            "255.255.255.255 broadcasthost",
            "0.0.0.0 0.0.0.0",
            "127.0.1.1 myhost.example.com myhost",
        ] {
            gives(own, &[]);
        }
        gives("0 ads.example.com", &["ads.example.com"]);
        becomes("192.168.1.5 printer.example.com", Line::LeftOut(Left::Answer));
        becomes("192.168.1.1 router.lan", Line::LeftOut(Left::Answer));
    }

    #[test]
    fn adblock_filters_mean_the_names_below_too() {
        gives("||ads.example.com^", &[".ads.example.com"]);
        gives("||ads.example.com^$important", &[".ads.example.com important"]);
        gives("||ads.example.com^$all,important", &[".ads.example.com important"]);
        gives("||*.example.com^$important", &["*.example.com important"]);
        gives("@@||good.example.com^$important", &["!.good.example.com important"]);
        gives("||ads.example.com^$all", &[".ads.example.com"]);
        gives("||ads.example.com", &[".ads.example.com"]);
        gives("||*.example.com^", &["*.example.com"]);
        gives("@@||good.example.com^", &["!.good.example.com"]);
        gives("@@||good.example.com^|", &["!.good.example.com"]);
        for part_of_a_page in [
            "||ads.example.com^$third-party",
            "||ads.example.com^$script,domain=a.example",
            "||example.com/ads/*",
            "||ads*.example.com^",
            "|https://ads.example.com/",
            "/banner[0-9]+/",
            "@@||example.com^$elemhide",
            "@@/ads/allowed",
            "example.com##.ad",
            "example.com,b.example#@#.ad",
            "example.com#?#div:has(.ad)",
            "example.com#$#body { x: y }",
        ] {
            becomes(part_of_a_page, Line::LeftOut(Left::Page));
        }
        becomes("||10.0.0.1^", Line::LeftOut(Left::Address));
        // In such a list all else is about parts of pages too, except a name.
        let list = "-ad-banner.\nexample.com\n&ad_box=\n.com/ads/\n";
        let page = Line::LeftOut(Left::Page);
        let expected = (vec!["example.com".to_owned()], vec![page, Line::Read, page, page]);
        assert_eq!(read(Format::Adblock, list), expected);
        let (names, became) = read(Format::Any, &format!("[Adblock Plus 2.0]\n{list}"));
        assert_eq!((names, became[1..].to_vec()), expected);
    }

    #[test]
    fn dnsmasq_means_the_names_below_too() {
        gives("address=/ads.example.com/0.0.0.0", &[".ads.example.com"]);
        gives("address=/ads.example.com/", &[".ads.example.com"]);
        gives("address=/ads.example.com/#", &[".ads.example.com"]);
        gives("address=/a.example/b.example/::", &[".a.example", ".b.example"]);
        gives("server=/ads.example.com/  # why", &[".ads.example.com"]);
        gives("local=/ads.example.com/", &[".ads.example.com"]);
        gives("server=/good.example.com/#", &["!.good.example.com"]);
        becomes("address=/nas.example.com/192.168.1.5", Line::LeftOut(Left::Answer));
        becomes("server=/corp.example.com/10.0.0.53", Line::LeftOut(Left::Answer));
        becomes("address=/#/0.0.0.0", Line::LeftOut(Left::Answer));
        becomes("server=8.8.8.8", Line::LeftOut(Left::Answer));
    }

    #[test]
    fn unbound_means_the_names_below_too() {
        gives("local-zone: \"ads.example.com\" always_nxdomain", &[".ads.example.com"]);
        gives("local-zone: ads.example.com. refuse", &[".ads.example.com."]);
        gives("local-zone: \"good.example.com\" always_transparent", &["!.good.example.com"]);
        gives("local-data: \"ads.example.com A 0.0.0.0\"", &["ads.example.com"]);
        gives("server:", &[]);
        becomes("local-data: \"nas.example.com. IN A 192.168.1.5\"", Line::LeftOut(Left::Answer));
        becomes("local-zone: \"example.com\" typetransparent", Line::LeftOut(Left::Answer));
    }

    #[test]
    fn a_response_policy_zone_says_for_each_name_how_far_it_reaches() {
        let zone = "$TTL 60
$ORIGIN rpz.example.
@ IN SOA localhost. root.localhost. (
    1   ; serial
    3600 )
@ IN NS localhost.
ads.example.com CNAME .
*.ads.example.com 60 IN CNAME .
b.example.rpz.example. CNAME *.
good.example.com CNAME rpz-passthru.
drop.example.com CNAME rpz-drop.
walled.example.com CNAME garden.example.net.
sink.example.com A 127.0.0.1
32.1.0.0.10.rpz-ip CNAME .
";
        let (names, became) = read(Format::Any, zone);
        assert_eq!(
            names,
            [
                "ads.example.com",
                "*.ads.example.com",
                "b.example",
                "!good.example.com",
                "drop.example.com",
                "sink.example.com"
            ]
        );
        let left_out = became.iter().filter(|line| matches!(line, Line::LeftOut(_))).count();
        assert_eq!((left_out, became.contains(&Line::Strange)), (2, false));
    }

    #[test]
    fn a_format_that_is_given_is_kept_to() {
        let mixed = "example.com\n0.0.0.0 a.example\n||b.example^\naddress=/c.example/\nd.example CNAME .\n";
        let read_by = |format| {
            let (names, became) = read(format, mixed);
            (names.len(), became.iter().filter(|line| **line == Line::Strange).count())
        };
        assert_eq!(read_by(Format::Any), (5, 0));
        assert_eq!(read_by(Format::Hosts), (1, 4));
        assert_eq!(read_by(Format::Dnsmasq), (1, 4));
        assert_eq!(read_by(Format::Zone), (1, 4));
        assert_eq!(read_by(Format::Unbound), (0, 5));
    }
}
