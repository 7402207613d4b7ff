//! Files of other formats, each with the command that makes a capture of it.

use super::wrapped::gzip;
use super::{Problem, read};

#[test]
fn every_foreign_format_is_named_with_what_converts_it() {
    let tar = [&[b'a'; 257][..], b"ustar\x0000", &[0; 300]].concat();
    let erf = |seconds: u32| {
        let header = [0, 0, 0, 0].into_iter().chain(seconds.to_le_bytes());
        header.chain([2, 4, 0, 20, 0, 0, 0, 4, 1, 2, 3, 4]).collect::<Vec<u8>>()
    };
    let erf = [erf(1_600_000_000), erf(1_600_000_001)].concat();
    let without_time = [&[0; 8][..], &[2, 4, 0, 20, 0, 0, 0, 4, 1, 2, 3, 4]].concat();
    let twice = gzip(&gzip(b"whatever"));
    for (file, name, command) in [
        (&b"snoop\0\0\0\0\0\0\x02\0\0\0\x04"[..], "snoop", "editcap -F pcapng test "),
        (b"\x04\x22\x4d\x18rest", "lz4", "`lz4 -dc test`"),
        (b"\xfd7zXZ\0\0\x04", "xz", "`xz -dc test`"),
        (b"BZh91AY&SY", "bzip2", "`bzip2 -dc test`"),
        (b"PK\x03\x04\x14\0", "zip archive", "`unzip -p test`"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "7-Zip", "`7z x -so test`"),
        (b"RTSS\x01\x01\x01\0", "Network Monitor", "editcap"),
        (b"GMBU\0\x02\x01\0", "Network Monitor", "editcap"),
        (b"iptrace 2.0\0", "iptrace", "editcap"),
        (b"0000  45 00 00 1c 00 00\n", "hexadecimal dump", "text2pcap test capture.pcap"),
        (b"00000000: 4500 001c 0000\n", "hexadecimal dump", "text2pcap"),
        (&tar, "tar archive", "`tar -xf test`"),
        (&erf, "ERF", "editcap"),
        (&without_time, "ERF", "editcap"),
        (b"\xac\x01\0\x1c\x02\0\x04\0", "Ixia", "editcap"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
            "Git LFS",
            "`git lfs pull`",
        ),
        (&twice, "compressed more than once", "`gzip -dc test`"),
    ] {
        let error = read(file).1.expect("no capture");
        assert!(matches!(error.problem, Problem::Foreign(_)), "{name}: {error}");
        let text = error.to_string();
        assert!(text.starts_with("test: byte 0: not a pcap or pcapng capture but "), "{text}");
        assert!(text.contains(name) && text.contains(command), "{name}: {text}");
    }
}

#[test]
fn text_is_called_text_and_nothing_converts_it() {
    for (file, name) in [
        (&b"no capture at all"[..], "but text"),
        ("[\n {\"_index\": \"\u{fc}\"".as_bytes(), "text (JSON)"),
        (b"<?xml version=\"1.0\"?><pdml>", "text (XML)"),
        (b"<!DOCTYPE html><html>404", "a web page (HTML)"),
        (b"\"No.\",\"Time\",\"Source\"\n1,2,3\n", "text (CSV)"),
        (b"btsnoop\0\0\0\0\x01\0\0\x03\xea", "Bluetooth"),
    ] {
        let text = read(file).1.expect("no capture").to_string();
        assert!(text.contains(name) && !text.contains(['`', ';']), "{name}: {text}");
    }
}

#[test]
fn what_nobody_knows_is_shown_by_its_first_bytes() {
    for file in [&b"\x01no capture"[..], b"abc\xfe at all", &[0xff; 40], &[0; 40]] {
        let error = read(file).1.expect("no capture");
        assert!(matches!(error.problem, Problem::NotACapture(_)), "{error}");
    }
    let text = read(b"h\x01ll").1.unwrap().to_string();
    assert_eq!(
        text,
        "test: byte 0: not a pcap or pcapng capture: it begins with the bytes 68 01 6c 6c"
    );
}
