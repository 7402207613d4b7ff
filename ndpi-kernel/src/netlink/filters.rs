//! BPF filters of the `clsact` queueing discipline, and the discipline itself.

use std::io;

use super::message::{Answers, DO, DUMP, Request, find, read_cstr, read_u32};

const DELETE_QDISC: u16 = 37;
const NEW_FILTER: u16 = 44;
const GET_FILTER: u16 = 46;
/// The fixed part of a traffic control message (`struct tcmsg`).
const FIXED: usize = 20;
const KIND: u16 = 1;
const OPTIONS: u16 = 2;
const BPF_NAME: u16 = 7;
const BPF_PROGRAM: u16 = 11;
/// The handle of `clsact` (`TC_H_MAKE(TC_H_CLSACT, 0)`).
const CLSACT: u32 = 0xffff_0000;
/// Its parent (`TC_H_CLSACT`).
const CLSACT_PARENT: u32 = 0xffff_fff1;
/// The parent of its filters at ingress.
pub(crate) const INGRESS: u32 = 0xffff_fff2;
/// The parent of its filters at egress.
pub(crate) const EGRESS: u32 = 0xffff_fff3;

/// A BPF filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) priority: u16,
    pub(crate) handle: u32,
    pub(crate) name: String,
    /// The program's number; 0 where the kernel does not say (before 4.15).
    pub(crate) program: u32,
}

/// A filter of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnyFilter {
    pub(crate) kind: String,
    pub(crate) priority: u16,
    /// Of a BPF filter, as its maker chose it.
    pub(crate) name: String,
    /// The program's number of a BPF filter; else 0.
    pub(crate) program: u32,
}

/// All filters of an interface under `parent`, in the order in which packets meet them.
pub(crate) fn all_filters(index: u32, parent: u32) -> io::Result<Vec<AnyFilter>> {
    let answers = dump(index, parent)?;
    let filters = answers.iter().filter(|(kind, _)| *kind == NEW_FILTER);
    Ok(filters.filter_map(|(_, message)| any(message)).collect())
}

/// The BPF filters of an interface under `parent` ([`EGRESS`], [`INGRESS`]), and how many filters
/// of other kinds there are.
pub(crate) fn filters(index: u32, parent: u32) -> io::Result<(Vec<Filter>, usize)> {
    let answers = dump(index, parent)?;
    let filters = answers.iter().filter(|(kind, _)| *kind == NEW_FILTER).map(|(_, m)| parse(m));
    let (bpf, others): (Vec<_>, Vec<_>) = filters.partition(Option::is_some);
    Ok((bpf.into_iter().flatten().collect(), others.len()))
}

fn dump(index: u32, parent: u32) -> io::Result<Answers> {
    match Request::new(GET_FILTER, DUMP, &fixed(index, 0, parent)).exchange() {
        // No such queueing discipline on this interface.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOENT)) => {
            Ok(Vec::new())
        }
        answers => answers,
    }
}

/// Removes `clsact` from an interface, with any filter that is left in it.
pub(crate) fn delete_clsact(index: u32) -> io::Result<()> {
    let request = Request::new(DELETE_QDISC, DO, &fixed(index, CLSACT, CLSACT_PARENT));
    request.with(KIND, b"clsact\0").exchange().map(drop)
}

fn fixed(index: u32, handle: u32, parent: u32) -> [u8; FIXED] {
    let mut fixed = [0; FIXED];
    fixed[4..8].copy_from_slice(&index.to_ne_bytes());
    fixed[8..12].copy_from_slice(&handle.to_ne_bytes());
    fixed[12..16].copy_from_slice(&parent.to_ne_bytes());
    fixed
}

/// A BPF filter; `None` for other kinds. A dump also has a message for each priority, without a
/// handle, which is no filter.
fn parse(message: &[u8]) -> Option<Filter> {
    let (fixed, rest) = message.split_at_checked(FIXED)?;
    let options = find(rest, OPTIONS)
        .filter(|_| find(rest, KIND).map(read_cstr).as_deref() == Some("bpf"))?;
    Some(Filter {
        priority: u16::try_from(read_u32(&fixed[16..])? >> 16).ok()?,
        handle: read_u32(&fixed[8..])?,
        name: find(options, BPF_NAME).map(read_cstr).unwrap_or_default(),
        program: find(options, BPF_PROGRAM).and_then(read_u32).unwrap_or(0),
    })
}

/// A filter of any kind; `None` for what only announces a priority, without a handle.
fn any(message: &[u8]) -> Option<AnyFilter> {
    let (fixed, rest) = message.split_at_checked(FIXED)?;
    let bpf = parse(message);
    if read_u32(&fixed[8..])? == 0 {
        return None;
    }
    Some(AnyFilter {
        kind: read_cstr(find(rest, KIND)?),
        priority: u16::try_from(read_u32(&fixed[16..])? >> 16).ok()?,
        name: bpf.as_ref().map_or_else(String::new, |filter| filter.name.clone()),
        program: bpf.map_or(0, |filter| filter.program),
    })
}

#[cfg(test)]
mod tests {
    use super::super::message::attribute;
    use super::*;

    fn message(kind: &[u8], options: &[u8]) -> Vec<u8> {
        let mut bytes = fixed(7, 1, EGRESS).to_vec();
        bytes[16..20].copy_from_slice(&(49_152u32 << 16 | 0x0300).to_ne_bytes());
        bytes.extend(attribute(KIND, kind));
        bytes.extend(attribute(OPTIONS, options));
        bytes
    }

    #[test]
    fn a_bpf_filter_is_read() {
        let options =
            [attribute(BPF_NAME, b"ndpi_tc\0"), attribute(BPF_PROGRAM, &9u32.to_ne_bytes())];
        let filter = parse(&message(b"bpf\0", &options.concat()));
        let expected = Filter { priority: 49_152, handle: 1, name: "ndpi_tc".into(), program: 9 };
        assert_eq!(filter, Some(expected));
    }

    #[test]
    fn a_filter_of_any_kind_has_its_place() {
        let found = any(&message(b"u32\0", &[])).unwrap();
        assert_eq!((found.kind.as_str(), found.priority, found.program), ("u32", 49_152, 0));
        let mut announced = message(b"u32\0", &[]);
        announced[8..12].fill(0);
        assert_eq!(any(&announced), None);
    }

    #[test]
    fn other_kinds_are_not() {
        assert_eq!(parse(&message(b"flower\0", &[])), None);
        assert_eq!(parse(&[0; 10]), None);
    }
}
