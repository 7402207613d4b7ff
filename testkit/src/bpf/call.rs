//! Running programs, and loading ones of a few instructions, through the `bpf` system call.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

const PROG_LOAD: i32 = 5;
const PROG_TEST_RUN: i32 = 10;
const PROG_GET_FD_BY_ID: i32 = 13;
const OBJECT_GET_INFO_BY_FD: i32 = 15;
const PROG_QUERY: i32 = 16;
const TYPE_CLASSIFIER: u32 = 3;
const TYPE_XDP: u32 = 6;
/// `BPF_F_XDP_HAS_FRAGS`: a tail call goes only between programs that agree on it.
const HAS_FRAGS: u32 = 1 << 5;
/// `BPF_XDP`.
const ATTACH_XDP: u32 = 37;
const MAP_CREATE: i32 = 0;
const MAP_LOOKUP: i32 = 1;
const MAP_UPDATE: i32 = 2;
const LINK_CREATE: i32 = 28;
const HASH: u32 = 1;
const ARRAY: u32 = 2;
const PROG_ARRAY: u32 = 3;
/// `BPF_F_TEST_XDP_LIVE_FRAMES`: what the program says of a frame is done.
const LIVE_FRAMES: u32 = 1 << 1;
/// `XDP_FLAGS_DRV_MODE`: in the driver, or not at all.
const IN_DRIVER: u32 = 1 << 2;
/// `XDP_FLAGS_SKB_MODE`: in front of the stack.
const GENERIC: u32 = 1 << 1;

/// `union bpf_attr` for `BPF_PROG_LOAD`, as far as it is used.
#[repr(C)]
#[derive(Default)]
struct LoadAttr {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
}

/// `union bpf_attr` for `BPF_MAP_CREATE`, as far as it is used.
#[repr(C)]
#[derive(Clone, Copy)]
struct MapAttr {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
}

/// `union bpf_attr` for `BPF_MAP_LOOKUP_ELEM` and `BPF_MAP_UPDATE_ELEM`.
#[repr(C)]
#[derive(Default)]
struct ElementAttr {
    map_fd: u64,
    key: u64,
    value: u64,
    flags: u64,
}

/// `union bpf_attr` for `BPF_PROG_TEST_RUN`, as far as it is used.
#[repr(C)]
#[derive(Default)]
struct RunAttr {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
    flags: u32,
    cpu: u32,
    batch_size: u32,
    reserved: u32,
}

/// `union bpf_attr` for `BPF_LINK_CREATE`, as far as it is used.
#[repr(C)]
#[derive(Default)]
struct LinkAttr {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

/// `union bpf_attr` for `BPF_PROG_QUERY`, as far as it is used.
#[repr(C)]
#[derive(Default)]
struct QueryAttr {
    target_ifindex: u32,
    attach_type: u32,
    query_flags: u32,
    attach_flags: u32,
    prog_ids: u64,
    count: u32,
    reserved: u32,
    prog_attach_flags: u64,
    link_ids: u64,
    link_attach_flags: u64,
    revision: u64,
}

/// `union bpf_attr` for `BPF_PROG_GET_FD_BY_ID`.
#[repr(C)]
struct IdAttr {
    id: u32,
    next_id: u32,
    open_flags: u32,
}

/// `union bpf_attr` for `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
struct InfoAttr {
    fd: u32,
    info_len: u32,
    info: u64,
}

/// `struct bpf_prog_info`, up to the name.
#[repr(C)]
#[derive(Default)]
struct ProgramInfo {
    kind: u32,
    id: u32,
    tag: [u8; 8],
    lengths: [u32; 2],
    instructions: [u64; 2],
    load_time: u64,
    created_by: u32,
    maps: u32,
    map_ids: u64,
    name: [u8; 16],
}

/// Loads an XDP program of these instructions.
pub fn load(instructions: &[u64]) -> io::Result<OwnedFd> {
    load_named([0; 16], instructions)
}

/// The same under a name, which ends in zeros.
pub fn load_named(prog_name: [u8; 16], instructions: &[u64]) -> io::Result<OwnedFd> {
    load_as(
        LoadAttr {
            prog_name,
            prog_type: TYPE_XDP,
            prog_flags: HAS_FRAGS,
            expected_attach_type: ATTACH_XDP,
            ..LoadAttr::default()
        },
        instructions,
    )
}

/// Loads a program for TC under a name, which ends in zeros.
pub fn load_classifier(prog_name: [u8; 16], instructions: &[u64]) -> io::Result<OwnedFd> {
    load_as(LoadAttr { prog_name, prog_type: TYPE_CLASSIFIER, ..LoadAttr::default() }, instructions)
}

/// Loads a program of the kind that `attr` says.
fn load_as(mut attr: LoadAttr, instructions: &[u64]) -> io::Result<OwnedFd> {
    attr.insn_cnt = u32::try_from(instructions.len()).map_err(io::Error::other)?;
    attr.insns = instructions.as_ptr().addr() as u64;
    attr.license = c"GPL".as_ptr().addr() as u64;
    let fd = bpf(PROG_LOAD, &mut attr)?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// An array of programs with `program` as its entry 0.
pub fn array_of(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let array =
        create(&MapAttr { map_type: PROG_ARRAY, key_size: 4, value_size: 4, max_entries: 1 })?;
    let value = program.as_raw_fd();
    let mut attr = element(&array, &0_u32, (&raw const value).addr());
    bpf(MAP_UPDATE, &mut attr)?;
    Ok(array)
}

/// An array map of one number.
pub fn number() -> io::Result<OwnedFd> {
    create(&MapAttr { map_type: ARRAY, key_size: 4, value_size: 8, max_entries: 1 })
}

/// What stands in the map that [`number`] made.
pub fn read_number(map: &OwnedFd) -> io::Result<u64> {
    let mut value = 0_u64;
    let mut attr = element(map, &0_u32, (&raw mut value).addr());
    bpf(MAP_LOOKUP, &mut attr)?;
    Ok(value)
}

/// The words of a key of [`lookup_table`].
pub type TableKey = [u32; 4];

/// A hash map with room for so many keys and a number for each of these.
pub fn lookup_table(max_entries: u32, keys: impl Iterator<Item = TableKey>) -> io::Result<OwnedFd> {
    let table = create(&MapAttr { map_type: HASH, key_size: 16, value_size: 8, max_entries })?;
    let value = 0_u64;
    for key in keys {
        let mut attr = element(&table, &key, (&raw const value).addr());
        bpf(MAP_UPDATE, &mut attr)?;
    }
    Ok(table)
}

fn create(attr: &MapAttr) -> io::Result<OwnedFd> {
    let fd = bpf(MAP_CREATE, &mut { *attr })?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn element<K>(map: &OwnedFd, key: &K, value: usize) -> ElementAttr {
    ElementAttr {
        map_fd: u64::from(map.as_raw_fd().cast_unsigned()),
        key: std::ptr::from_ref(key).addr() as u64,
        value: value as u64,
        flags: 0,
    }
}

/// Attaches an XDP program to an interface, in its driver, until the link is dropped.
pub fn attach(program: &OwnedFd, ifindex: u32) -> io::Result<OwnedFd> {
    attach_xdp(program, ifindex, IN_DRIVER)
}

/// Attaches an XDP program to an interface, in front of its stack, until the link is dropped.
pub fn attach_generic(program: &OwnedFd, ifindex: u32) -> io::Result<OwnedFd> {
    attach_xdp(program, ifindex, GENERIC)
}

fn attach_xdp(program: &OwnedFd, ifindex: u32, flags: u32) -> io::Result<OwnedFd> {
    let mut attr = LinkAttr {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        target_ifindex: ifindex,
        attach_type: ATTACH_XDP,
        flags,
    };
    let fd = bpf(LINK_CREATE, &mut attr)?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Where programs for TC are attached by tcx.
#[derive(Clone, Copy, Debug)]
pub enum Hook {
    /// `BPF_TCX_INGRESS`.
    Ingress = 46,
    /// `BPF_TCX_EGRESS`.
    Egress = 47,
}

/// Where a program goes among those of an interface.
#[derive(Clone, Copy, Debug)]
pub enum Place {
    /// `BPF_F_BEFORE`: before all.
    First = 1 << 3,
    /// `BPF_F_AFTER`: behind all.
    Last = 1 << 4,
}

/// Attaches a program for TC to what goes out of an interface (tcx), until the link is dropped.
pub fn attach_tcx(program: &OwnedFd, ifindex: u32, place: Place) -> io::Result<OwnedFd> {
    let mut attr = LinkAttr {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        target_ifindex: ifindex,
        attach_type: Hook::Egress as u32,
        flags: place as u32,
    };
    let fd = bpf(LINK_CREATE, &mut attr)?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The programs for TC on an interface (tcx), by the kernel's numbers, in their order.
pub fn query_tcx(ifindex: u32, hook: Hook) -> io::Result<Vec<u32>> {
    // The most that one hook takes (`BPF_MPROG_MAX`).
    let mut ids = vec![0_u32; 64];
    let mut attr = QueryAttr {
        target_ifindex: ifindex,
        attach_type: hook as u32,
        prog_ids: ids.as_mut_ptr().addr() as u64,
        count: 64,
        ..QueryAttr::default()
    };
    match bpf(PROG_QUERY, &mut attr) {
        Ok(_) => {}
        // An interface on which there never was one.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    }
    ids.truncate(attr.count as usize);
    Ok(ids)
}

/// The name of a program, by the kernel's number for it.
pub fn program_name(id: u32) -> io::Result<String> {
    let fd = bpf(PROG_GET_FD_BY_ID, &mut IdAttr { id, next_id: 0, open_flags: 0 })?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else owns.
    let program = unsafe { OwnedFd::from_raw_fd(fd) };
    let mut info = ProgramInfo::default();
    let mut attr = InfoAttr {
        fd: program.as_raw_fd().cast_unsigned(),
        info_len: u32::try_from(size_of::<ProgramInfo>()).map_err(io::Error::other)?,
        info: (&raw mut info).addr() as u64,
    };
    bpf(OBJECT_GET_INFO_BY_FD, &mut attr)?;
    let name = info.name.split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// What a test run gave.
#[derive(Clone, Copy)]
pub struct Run {
    /// What the program answered, the last time.
    pub answer: u32,
    /// Nanoseconds a run, in the mean.
    pub nanoseconds: u32,
}

/// Runs a program so many times on a frame.
pub fn run(program: BorrowedFd<'_>, frame: &[u8], repeat: u32) -> io::Result<Run> {
    run_in(program, frame, &[], repeat)
}

/// The same with a context (`struct __sk_buff` for TC), or an empty one for all zeros.
pub fn run_in(
    program: BorrowedFd<'_>,
    frame: &[u8],
    context: &[u8],
    repeat: u32,
) -> io::Result<Run> {
    let mut attr = RunAttr {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        data_size_in: u32::try_from(frame.len()).map_err(io::Error::other)?,
        data_in: frame.as_ptr().addr() as u64,
        repeat,
        ..RunAttr::default()
    };
    if !context.is_empty() {
        attr.ctx_size_in = u32::try_from(context.len()).map_err(io::Error::other)?;
        attr.ctx_in = context.as_ptr().addr() as u64;
    }
    bpf(PROG_TEST_RUN, &mut attr)?;
    Ok(Run { answer: attr.retval, nanoseconds: attr.duration })
}

/// Has a program see so many live frames, each with `frame`'s bytes at first, `batch` at a time
/// (256 at most), and does with them what it says.
pub fn run_live(program: &OwnedFd, frame: &[u8], repeat: u32, batch_size: u32) -> io::Result<()> {
    let mut attr = RunAttr {
        prog_fd: program.as_raw_fd().cast_unsigned(),
        data_size_in: u32::try_from(frame.len()).map_err(io::Error::other)?,
        data_in: frame.as_ptr().addr() as u64,
        repeat,
        flags: LIVE_FRAMES,
        batch_size,
        ..RunAttr::default()
    };
    bpf(PROG_TEST_RUN, &mut attr).map(drop)
}

fn bpf<T>(command: i32, attr: &mut T) -> io::Result<i32> {
    // SAFETY: `attr` is the front of the attribute for this command; the addresses in it are those
    // of values that the callers hold, of the lengths that the kernel expects.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, &raw mut *attr, size_of::<T>()) };
    let result = i32::try_from(result).map_err(io::Error::other)?;
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
