//! Files that are no captures for us but for others, or captures in a wrapping: by which command they
//! become one.

use super::window::Window;

/// Bytes that some format has near its beginning.
const LOOKED_AT: usize = 265;

/// A format that we do not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// What it is.
    pub name: &'static str,
    cure: Cure,
}

/// What makes a capture of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cure {
    /// Wireshark's `editcap` reads it.
    Editcap,
    /// A command that takes the file's name as its last argument and writes what is inside to standard
    /// output.
    Unpack(&'static str),
    /// Another command, `FILE` standing for the file.
    Command(&'static str),
    /// What to do instead.
    Other(&'static str),
    /// Nothing does.
    None,
}

/// Formats by the bytes at an offset. Magic numbers: Wireshark's wiretap, and file(1).
const FORMATS: &[(usize, &[u8], &str, Cure)] = &[
    (0, b"\xfd7zXZ\0", "compressed by xz", Cure::Unpack("xz -dc")),
    (0, b"BZh", "compressed by bzip2", Cure::Unpack("bzip2 -dc")),
    (0, b"\x04\x22\x4d\x18", "compressed by lz4", Cure::Unpack("lz4 -dc")),
    (0, b"\x02\x21\x4c\x18", "compressed by lz4 (legacy)", Cure::Unpack("lz4 -dc")),
    (0, b"\x89LZO\0\r\n\x1a\n", "compressed by lzop", Cure::Unpack("lzop -dc")),
    (0, b"LZIP", "compressed by lzip", Cure::Unpack("lzip -dc")),
    (0, b"LRZI", "compressed by lrzip", Cure::Unpack("lrzip -qdo -")),
    (0, b"\x5d\0\0", "compressed by lzma", Cure::Unpack("xz --format=lzma -dc")),
    (0, b"\x1f\x9d", "compressed by compress", Cure::Unpack("gzip -dc")),
    (0, b"PK\x03\x04", "a zip archive", Cure::Unpack("unzip -p")),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", Cure::Unpack("7z x -so")),
    (0, b"Rar!\x1a\x07", "a RAR archive", Cure::Unpack("unrar p -inul")),
    (257, b"ustar", "a tar archive", Cure::Command("tar -xf FILE")),
    (0, b"snoop\0\0\0", "a snoop capture (Solaris)", Cure::Editcap),
    (0, b"btsnoop\0", "a btsnoop capture (Bluetooth), which has no IP", Cure::None),
    (0, b"RTSS", "a Network Monitor 1 capture", Cure::Editcap),
    (0, b"GMBU", "a Network Monitor 2 capture", Cure::Editcap),
    (0, b"TRSNIFF data    \x1a", "a Sniffer capture", Cure::Editcap),
    (0, b"XCP\0", "a NetXRay or Windows Sniffer capture", Cure::Editcap),
    (0, b"\x7fver", "an OmniPeek capture", Cure::Editcap),
    (0, b"iptrace 1.0", "an iptrace capture (AIX)", Cure::Editcap),
    (0, b"iptrace 2.0", "an iptrace capture (AIX)", Cure::Editcap),
    (0, b"\x54\x52\0\x64", "a nettl capture (HP-UX)", Cure::Editcap),
    (0, b"\x05VNF", "a Visual Networks capture", Cure::Editcap),
    (0, b"\xaa\xaa\xaa\xaa", "a 5Views capture", Cure::Editcap),
    (0, b"NetScaler", "a NetScaler capture", Cure::Editcap),
    (0, b"\x0bNetS", "a NetScaler capture", Cure::Editcap),
    (0, b"\xac\x01\0\x1c", "an lcap capture (Ixia)", Cure::Editcap),
    (0, b"\xab\x01\0\x1c", "an lcap capture (Ixia)", Cure::Editcap),
    (0, b"\x1c\0\x01\xac", "an lcap capture (Ixia)", Cure::Editcap),
    (0, b"\x1c\0\x01\xab", "an lcap capture (Ixia)", Cure::Editcap),
    (0, b"\x1f\x8b\x08", "compressed more than once", Cure::Unpack("gzip -dc")),
    (0, b"\x28\xb5\x2f\xfd", "compressed more than once", Cure::Unpack("zstd -dc")),
    (
        0,
        b"version https://git-lfs.",
        "a pointer of Git LFS",
        Cure::Other("`git lfs pull` fetches the file"),
    ),
    (
        0,
        b"\xef\xbf\xbd",
        "what was taken for text and rewritten",
        Cure::Other("its bytes are lost"),
    ),
];

const ERF: (&str, Cure) = ("probably an ERF capture (Endace)", Cure::Editcap);
const HEX_DUMP: (&str, Cure) = ("a hexadecimal dump", Cure::Command("text2pcap FILE capture.pcap"));

impl Foreign {
    /// What a file is that begins as the window does and is no capture.
    pub(super) fn recognise(window: &mut Window) -> std::io::Result<Option<Self>> {
        let start = window.fill(LOOKED_AT)?;
        let of = |(name, cure)| Self { name, cure };
        let known = FORMATS
            .iter()
            .find(|(at, magic, ..)| start.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
        Ok(match known {
            Some(&(_, _, name, cure)) => Some(of((name, cure))),
            None if is_hex_dump(start) => Some(of(HEX_DUMP)),
            None if is_erf(start) => Some(of(ERF)),
            None => text(start).map(|name| of((name, Cure::None))),
        })
    }

    /// What it is, and the command that makes a capture of it.
    pub(super) fn advice(self, path: &str) -> String {
        let Self { name, cure } = self;
        let file = if path == "stdin" { String::new() } else { format!(" {}", quoted(path)) };
        match cure {
            Cure::Unpack(command) => format!(
                "not a pcap or pcapng capture but {name}; `{command}{file}` unpacks it, and `-` in \
                 place of a file reads what comes out"
            ),
            Cure::Editcap => {
                let file = if file.is_empty() { " -" } else { &file };
                format!(
                    "not a pcap or pcapng capture but {name}; Wireshark's `editcap -F \
                     pcapng{file} capture.pcapng` converts it"
                )
            }
            Cure::Command(command) => {
                let file = if file.is_empty() { "-" } else { file.trim_start() };
                let command = command.replace("FILE", file);
                format!("not a pcap or pcapng capture but {name}; `{command}` makes files of it")
            }
            Cure::Other(advice) => format!("not a pcap or pcapng capture but {name}; {advice}"),
            Cure::None => format!("not a pcap or pcapng capture but {name}"),
        }
    }
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// Which text a file is, if it is any: it has no control characters but those of lines, and a last
/// character may be cut.
fn text(start: &[u8]) -> Option<&'static str> {
    const SHORTEST: usize = 4;
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let of_text = |c: char| !c.is_control() || matches!(c, '\t' | '\n' | '\r' | '\x0c' | '\x1b');
    if text.len() < SHORTEST || !text.chars().all(of_text) {
        return None;
    }
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let begins =
        |word: &str| text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    Some(match text.chars().next() {
        Some('{' | '[') => "text (JSON)",
        _ if begins("<!doctype html") || begins("<html") => "a web page (HTML)",
        Some('<') => "text (XML)",
        _ if text.lines().next().is_some_and(|line| line.matches(',').count() > 1) => "text (CSV)",
        _ => "text",
    })
}

/// An offset of at least four hexadecimal digits, and a byte after it, as `hexdump -C`, `xxd` and
/// `tcpdump -x` write them.
fn is_hex_dump(start: &[u8]) -> bool {
    let line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let Ok(line) = std::str::from_utf8(line) else { return false };
    let mut words = line.split_whitespace();
    let hex = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let offset = words.next().map(|word| word.trim_end_matches(':').trim_start_matches("0x"));
    let is_offset = offset.is_some_and(|word| word.len() >= 4 && hex(word) && is_zero(word));
    is_offset && words.next().is_some_and(|word| matches!(word.len(), 2 | 4) && hex(word))
}

fn is_zero(word: &str) -> bool {
    word.bytes().all(|byte| byte == b'0')
}

/// ERF has no magic number. Its first record has a time since 1970 in little endian, a type below 48
/// and a length in big endian that another record follows, of a time not before; or that is the file's.
fn is_erf(start: &[u8]) -> bool {
    let Some(first) = erf_record(start) else { return false };
    if first.length == start.len() {
        return true;
    }
    if first.seconds < AFTER_1990 {
        return false;
    }
    match start.get(first.length..).and_then(erf_record) {
        Some(next) => next.seconds >= first.seconds && next.seconds - first.seconds < 86_400,
        None => false,
    }
}

const AFTER_1990: u32 = 631_152_000;

struct ErfRecord {
    seconds: u32,
    length: usize,
}

fn erf_record(bytes: &[u8]) -> Option<ErfRecord> {
    let header: [u8; 16] = *bytes.first_chunk()?;
    let [_, _, _, _, s0, s1, s2, s3, kind, _flags, l0, l1, ..] = header;
    let seconds = u32::from_le_bytes([s0, s1, s2, s3]);
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let fits = (1..48).contains(&(kind & 0x7f)) && length > header.len();
    fits.then_some(ErfRecord { seconds, length })
}
