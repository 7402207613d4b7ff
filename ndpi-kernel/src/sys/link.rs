//! Links that hold programs on interfaces: making them, giving them another program, pinning them, and
//! asking what they hold where.

use std::ffi::CString;
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Command, bpf, descriptor};

/// `union bpf_attr` for making a link to an interface.
#[repr(C)]
struct CreateAttr {
    program_fd: u32,
    ifindex: u32,
    attach_type: u32,
    flags: u32,
    /// What a link of tcx comes before or behind: nothing, for the first or last place.
    relative: u32,
    padding: u32,
    expected_revision: u64,
}

/// `union bpf_attr` for giving a link another program.
#[repr(C)]
struct UpdateAttr {
    link_fd: u32,
    program_fd: u32,
    flags: u32,
    old_program_fd: u32,
}

/// `union bpf_attr` for calls on one link.
#[repr(C)]
struct DetachAttr {
    link_fd: u32,
}

/// `union bpf_attr` for pinning an object, and for opening a pin.
#[repr(C)]
struct PinAttr {
    path: u64,
    fd: u32,
    flags: u32,
}

/// `union bpf_attr` for opening an object by its number.
#[repr(C)]
struct IdAttr {
    id: u32,
    next_id: u32,
    flags: u32,
}

/// `union bpf_attr` for asking what an object is.
#[repr(C)]
struct InfoAttr {
    fd: u32,
    len: u32,
    info: u64,
}

/// `union bpf_attr` for asking which programs are at a place of an interface.
#[repr(C)]
struct QueryAttr {
    ifindex: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    programs: u64,
    count: u32,
    padding: u32,
}

/// The front of `struct bpf_link_info` for links to interfaces (XDP, tcx).
#[repr(C)]
#[derive(Default)]
struct Info {
    kind: u32,
    id: u32,
    program: u32,
    padding: u32,
    ifindex: u32,
    /// Of links of tcx.
    attach_type: u32,
}

/// Where on an interface a link puts its program (`enum bpf_attach_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinkPlace {
    Xdp = 37,
    TcxIngress = 46,
    TcxEgress = 47,
}

/// `BPF_LINK_TYPE_XDP` and `BPF_LINK_TYPE_TCX`.
const XDP: u32 = 6;
const TCX: u32 = 11;

impl LinkPlace {
    /// The place of a link, by the kernel's numbers; `None` for links to other things.
    fn of(info: &Info) -> Option<Self> {
        match (info.kind, info.attach_type) {
            (XDP, _) => Some(Self::Xdp),
            (TCX, at) if at == Self::TcxIngress as u32 => Some(Self::TcxIngress),
            (TCX, at) if at == Self::TcxEgress as u32 => Some(Self::TcxEgress),
            _ => None,
        }
    }
}

/// What a link holds, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) place: LinkPlace,
    /// The kernel's number for the link.
    pub(crate) id: u32,
    /// The kernel's number for the program.
    pub(crate) program: u32,
    /// The interface, by its index in the namespace where it is now; `None` when it is gone or the link was
    /// detached.
    pub(crate) ifindex: Option<u32>,
}

/// Makes a link that holds `program` on an interface for as long as it is open or pinned. Linux 5.9 for
/// XDP, 6.6 for tcx.
pub(crate) fn create(
    program: BorrowedFd<'_>,
    ifindex: u32,
    place: LinkPlace,
    flags: u32,
) -> io::Result<OwnedFd> {
    let mut attr = CreateAttr {
        program_fd: descriptor(program),
        ifindex,
        attach_type: place as u32,
        flags,
        relative: 0,
        padding: 0,
        expected_revision: 0,
    };
    // SAFETY: the attribute's form is that of the command, and it holds no pointers.
    let fd = unsafe { bpf(Command::LinkCreate, &raw mut attr) }?;
    new_descriptor(fd)
}

/// Puts `program` in the place of the one that a link holds, with no packet in between that meets neither.
pub(crate) fn update(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    let (link_fd, program_fd) = (descriptor(link), descriptor(program));
    let mut attr = UpdateAttr { link_fd, program_fd, flags: 0, old_program_fd: 0 };
    // SAFETY: as in `create`.
    unsafe { bpf(Command::LinkUpdate, &raw mut attr) }.map(drop)
}

/// Takes a link's program off at once, whoever else has the link open or pinned.
pub(crate) fn detach(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = DetachAttr { link_fd: descriptor(link) };
    // SAFETY: as in `create`.
    unsafe { bpf(Command::LinkDetach, &raw mut attr) }.map(drop)
}

/// Pins a link at a path on a BPF file system.
pub(crate) fn pin(link: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    at_path(Command::Pin, path, descriptor(link)).map(drop)
}

/// Opens what is pinned at a path.
pub(crate) fn open(path: &Path) -> io::Result<OwnedFd> {
    new_descriptor(at_path(Command::Get, path, 0)?)
}

fn at_path(command: Command, path: &Path, fd: u32) -> io::Result<i64> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    let mut attr = PinAttr { path: path.as_ptr().expose_provenance() as u64, fd, flags: 0 };
    // SAFETY: the attribute's form is that of the command; the path ends in 0 and outlives the call.
    unsafe { bpf(command, &raw mut attr) }
}

/// Opens a loaded program by the kernel's number for it, for which the kernel wants `CAP_SYS_ADMIN`.
pub(crate) fn program(id: u32) -> io::Result<OwnedFd> {
    let mut attr = IdAttr { id, next_id: 0, flags: 0 };
    // SAFETY: as in `create`.
    let fd = unsafe { bpf(Command::ProgramById, &raw mut attr) }?;
    new_descriptor(fd)
}

/// What a link holds; `None` when it is no link to an interface.
pub(crate) fn held(link: BorrowedFd<'_>) -> io::Result<Option<Held>> {
    let mut info = Info::default();
    let mut attr = InfoAttr {
        fd: descriptor(link),
        len: u32::try_from(size_of::<Info>()).map_err(io::Error::other)?,
        info: (&raw mut info).expose_provenance() as u64,
    };
    // SAFETY: the kernel writes at most `len` bytes to `info`, which outlives the call.
    unsafe { bpf(Command::ObjectInfo, &raw mut attr) }?;
    let Some(place) = LinkPlace::of(&info) else { return Ok(None) };
    let ifindex = (info.ifindex != 0).then_some(info.ifindex);
    Ok(Some(Held { place, id: info.id, program: info.program, ifindex }))
}

/// Programs that tcx runs at a place at most (`BPF_MPROG_MAX`).
const MOST: usize = 64;

/// The numbers of the programs that tcx runs at a place of an interface of this namespace, first one first.
pub(crate) fn programs_at(ifindex: u32, place: LinkPlace) -> io::Result<Vec<u32>> {
    let mut programs = [0u32; MOST];
    let mut attr = QueryAttr {
        ifindex,
        attach_type: place as u32,
        query_flags: 0,
        attach_flags: 0,
        programs: programs.as_mut_ptr().expose_provenance() as u64,
        count: u32::try_from(MOST).map_err(io::Error::other)?,
        padding: 0,
    };
    // SAFETY: the kernel writes at most `count` numbers to `programs`, which outlives the call.
    unsafe { bpf(Command::ProgramQuery, &raw mut attr) }?;
    Ok(programs.into_iter().take(attr.count as usize).collect())
}

fn new_descriptor(fd: i64) -> io::Result<OwnedFd> {
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

const _: () = {
    // The kernel refuses attributes whose bytes beyond a command's last field are not 0.
    assert!(size_of::<CreateAttr>() == 32 && size_of::<UpdateAttr>() == 16);
    assert!(size_of::<DetachAttr>() == 4 && size_of::<PinAttr>() == 16);
    assert!(size_of::<QueryAttr>() == 32 && size_of::<IdAttr>() == 12);
    assert!(size_of::<InfoAttr>() == 16 && size_of::<Info>() == 24);
};
