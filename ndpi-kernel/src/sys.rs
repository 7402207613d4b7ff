//! The bpf(2) calls that aya does not make: rings without an object, batches, look-up with removal,
//! links that are pinned, moved and asked where they are
//! ([`link`]).
//!
//! Every map goes by a descriptor and typed keys and values, whose sizes the caller has compared
//! with the map's own, and which is not of a type that has a value for each CPU
//! ([`super::maps::hash::Hash::open`] sees to both).

pub(crate) mod link;

use std::ffi::c_long;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use ndpi_common::Pod;

/// Commands of bpf(2), as numbered in `linux/bpf.h`.
#[derive(Clone, Copy)]
enum Command {
    Create = 0,
    Lookup = 1,
    Update = 2,
    Delete = 3,
    Pin = 6,
    Get = 7,
    ProgramById = 13,
    ObjectInfo = 15,
    ProgramQuery = 16,
    LookupAndDelete = 21,
    LookupBatch = 24,
    LinkCreate = 28,
    LinkUpdate = 29,
    LinkDetach = 34,
}

/// `BPF_MAP_TYPE_RINGBUF`.
const RING: u32 = 27;
/// `BPF_MAP_TYPE_ARRAY`.
const ARRAY: u32 = 2;

/// What an update does with a key that is there, or is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Write {
    /// Inserts or overwrites (`BPF_ANY`).
    Any = 0,
    /// Inserts only; fails with `EEXIST` (`BPF_NOEXIST`).
    New = 1,
    /// Overwrites only; fails with `ENOENT` (`BPF_EXIST`).
    Existing = 2,
}

/// The front of `union bpf_attr` for `BPF_MAP_CREATE`.
#[repr(C)]
#[derive(Default)]
struct CreateAttr {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
    numa_node: u32,
    map_name: [u8; 16],
}

/// `union bpf_attr` for calls on one element.
#[repr(C)]
struct ElementAttr {
    map_fd: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// `union bpf_attr` for batch calls.
#[repr(C)]
struct BatchAttr {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    elem_flags: u64,
    flags: u64,
}

/// Creates a ring buffer of `bytes` bytes: a power of two and a multiple of the page size.
pub(crate) fn create_ring(name: &str, bytes: u32) -> io::Result<OwnedFd> {
    create(name, CreateAttr { map_type: RING, max_entries: bytes, ..CreateAttr::default() })
}

/// Creates an array with one value of type `V`.
pub(crate) fn create_cell<V: Pod>(name: &str) -> io::Result<OwnedFd> {
    let value_size = u32::try_from(size_of::<V>()).map_err(io::Error::other)?;
    let attr = CreateAttr {
        map_type: ARRAY,
        key_size: 4,
        value_size,
        max_entries: 1,
        ..CreateAttr::default()
    };
    create(name, attr)
}

/// Creates a hash map from `K` to `V`.
#[cfg(test)]
pub(crate) fn create_hash<K: Pod, V: Pod>(name: &str, max_entries: u32) -> io::Result<OwnedFd> {
    create_map::<K, V>(name, 1, max_entries)
}

/// Creates a map of any type from `K` to `V`.
#[cfg(test)]
pub(crate) fn create_map<K: Pod, V: Pod>(
    name: &str,
    map_type: u32,
    max_entries: u32,
) -> io::Result<OwnedFd> {
    let size = |size: usize| u32::try_from(size).map_err(io::Error::other);
    let (key_size, value_size) = (size(size_of::<K>())?, size(size_of::<V>())?);
    let attr = CreateAttr { map_type, key_size, value_size, max_entries, ..CreateAttr::default() };
    create(name, attr)
}

fn create(name: &str, mut attr: CreateAttr) -> io::Result<OwnedFd> {
    // The last byte stays 0, and the kernel wants letters, digits, `_` and `.` only.
    for (to, from) in attr.map_name[..15].iter_mut().zip(name.bytes()) {
        *to = from;
    }
    // SAFETY: a `CreateAttr` is the front of the attribute for this command and holds no pointers.
    let fd = unsafe { bpf(Command::Create, &raw mut attr) }?;
    let fd = RawFd::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The value of `key`; `None` when there is none.
pub(crate) fn lookup<K: Pod, V: Pod>(map: BorrowedFd<'_>, key: &K) -> io::Result<Option<V>> {
    read_element(Command::Lookup, map, key)
}

/// Removes `key` and returns its last value; `None` when there is none. No update of the kernel's
/// programs before the removal is missing in it. Hash maps: since Linux 5.14.
pub(crate) fn take<K: Pod, V: Pod>(map: BorrowedFd<'_>, key: &K) -> io::Result<Option<V>> {
    read_element(Command::LookupAndDelete, map, key)
}

fn read_element<K: Pod, V: Pod>(
    command: Command,
    map: BorrowedFd<'_>,
    key: &K,
) -> io::Result<Option<V>> {
    let mut value = MaybeUninit::<V>::uninit();
    let value_at = value.as_mut_ptr().expose_provenance() as u64;
    // SAFETY: `key` and `value` have the sizes of the map's key and value (see the module), and
    // both outlive the call.
    match unsafe { element(command, map, key, value_at, 0) } {
        // SAFETY: the kernel filled in the whole value, and every bit pattern is one (`Pod`).
        Ok(()) => Ok(Some(unsafe { value.assume_init() })),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes `value` under `key`.
pub(crate) fn update<K: Pod, V: Pod>(
    map: BorrowedFd<'_>,
    key: &K,
    value: &V,
    write: Write,
) -> io::Result<()> {
    let value_at = (&raw const *value).expose_provenance() as u64;
    // SAFETY: `key` and `value` have the sizes of the map's key and value (see the module), and the
    // kernel only reads them.
    unsafe { element(Command::Update, map, key, value_at, write as u64) }
}

/// Removes `key`; false when it was not there.
pub(crate) fn delete<K: Pod>(map: BorrowedFd<'_>, key: &K) -> io::Result<bool> {
    // SAFETY: `key` has the size of the map's key (see the module); no value is involved.
    match unsafe { element(Command::Delete, map, key, 0, 0) } {
        Ok(()) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// # Safety
///
/// `K` has the size of the map's key, and `value_at` is 0 or the address of a value of the map that
/// the command may read or write.
unsafe fn element<K: Pod>(
    command: Command,
    map: BorrowedFd<'_>,
    key: &K,
    value_at: u64,
    flags: u64,
) -> io::Result<()> {
    let mut attr = ElementAttr {
        map_fd: descriptor(map),
        padding: 0,
        key: (&raw const *key).expose_provenance() as u64,
        value: value_at,
        flags,
    };
    // SAFETY: the attribute's form is that of the command, and its pointers are good: `key` is
    // borrowed, `value_at` is the caller's promise.
    unsafe { bpf(command, &raw mut attr) }.map(|_| ())
}

/// Where a walk over a hash map by batches stands: opaque to user space, at least 4 bytes and at
/// most a key's size.
pub(crate) type Cursor = [u8; 64];

/// What a batch call brought.
pub(crate) struct Batch {
    /// How many keys and values were filled in.
    pub(crate) len: usize,
    /// No bucket of the map is left.
    pub(crate) last: bool,
}

/// Copies the entries of the map's next buckets into `keys` and `values`, which are of the same
/// length, and moves `cursor` (`None`: the start). Fails with `ENOSPC` where a single bucket has
/// more entries than there is room. Since Linux 5.6.
pub(crate) fn lookup_batch<K: Pod, V: Pod>(
    map: BorrowedFd<'_>,
    cursor: &mut Option<Cursor>,
    keys: &mut [MaybeUninit<K>],
    values: &mut [MaybeUninit<V>],
) -> io::Result<Batch> {
    assert!(keys.len() == values.len() && size_of::<K>() <= size_of::<Cursor>());
    let mut next: Cursor = [0; 64];
    let mut attr = BatchAttr {
        in_batch: cursor.as_ref().map_or(0, |at| at.as_ptr().expose_provenance() as u64),
        out_batch: next.as_mut_ptr().expose_provenance() as u64,
        keys: keys.as_mut_ptr().expose_provenance() as u64,
        values: values.as_mut_ptr().expose_provenance() as u64,
        count: u32::try_from(keys.len()).map_err(io::Error::other)?,
        map_fd: descriptor(map),
        elem_flags: 0,
        flags: 0,
    };
    // SAFETY: `keys` and `values` have room for `count` keys and values of the map's sizes (see the
    // module), the cursors for the map's key, and all of them outlive the call.
    let last = match unsafe { bpf(Command::LookupBatch, &raw mut attr) } {
        Ok(_) => false,
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => true,
        Err(error) => return Err(error),
    };
    *cursor = Some(next);
    Ok(Batch { len: attr.count as usize, last })
}

fn descriptor(object: BorrowedFd<'_>) -> u32 {
    // An open descriptor is never negative.
    object.as_raw_fd().cast_unsigned()
}

/// # Safety
///
/// `attr` has the form of the command's part of `union bpf_attr`, and its pointers are good for what
/// the command does with them.
unsafe fn bpf<T>(command: Command, attr: *mut T) -> io::Result<c_long> {
    // SAFETY: the kernel reads and writes `size_of::<T>()` bytes at `attr`; the rest is the
    // caller's promise.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command as c_long, attr, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

const _: () = {
    // The kernel refuses attributes whose bytes beyond a command's last field are not 0.
    assert!(size_of::<ElementAttr>() == 32 && size_of::<BatchAttr>() == 56);
    assert!(size_of::<CreateAttr>() == 44);
};
