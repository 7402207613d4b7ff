//! System calls that no service which enforces ever makes, refused to all of its threads: seccomp.

use libc::{CLONE_THREAD, PROT_EXEC, PROT_WRITE, c_int, c_long};
use rustix::process::getpid;
use rustix::thread::CapabilitySet;

use crate::calls::{Call, When, bits};
use crate::error::ConfineError;
use crate::{capabilities, filter};

/// Other programs and users, other processes' memory, mounts and namespaces, modules and kernels, clocks, and ways
/// round a filter.
const NEVER: [c_long; 59] = [
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_setuid,
    libc::SYS_setgid,
    libc::SYS_setreuid,
    libc::SYS_setregid,
    libc::SYS_setresuid,
    libc::SYS_setresgid,
    libc::SYS_setfsuid,
    libc::SYS_setfsgid,
    libc::SYS_setgroups,
    libc::SYS_personality,
    libc::SYS_pkey_mprotect,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mknodat,
    libc::SYS_open_by_handle_at,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_io_uring_setup,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_memfd_create,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
];

/// Calls that only some machines have.
#[cfg(target_arch = "x86_64")]
const OF_MACHINE: &[c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_mknod,
    libc::SYS_kexec_file_load,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
];
#[cfg(not(target_arch = "x86_64"))]
const OF_MACHINE: &[c_long] = &[];

/// On x86-64, the same calls have another number in the x32 ABI, which some kernels take from every process.
#[cfg(target_arch = "x86_64")]
const X32: c_long = 0x4000_0000;

/// Those of them that have a number of their own there: `execve`, `ptrace`, `rt_sigqueueinfo`, `kexec_load`,
/// `rt_tgsigqueueinfo`, `process_vm_readv`, `process_vm_writev`, `execveat`.
#[cfg(target_arch = "x86_64")]
const OF_X32: [c_long; 8] = [520, 521, 524, 528, 536, 539, 540, 545];

/// Sockets that a service needs for commands, metrics, outputs, answers to rejected flows, interfaces, and making
/// those promiscuous.
const FAMILIES: [c_int; 5] =
    [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_PACKET];

/// Typing for whoever sits at a terminal: `TIOCSTI`, `TIOCLINUX`.
const TYPING: [u32; 2] = [0x5412, 0x541c];

/// Has the kernel refuse, to all threads of this process and for good, what a service that enforces never does once
/// it has started: other programs, processes and users, memory that is written and executed, mounts, namespaces,
/// modules. What it does do stays possible to all code in it: `bpf(2)`, files and sockets.
///
/// # Errors
/// The kernel has no seccomp filters, or refuses this one.
pub fn refuse_what_no_service_does() -> Result<(), ConfineError> {
    let programs = filter::refusing(&refused()).map_err(ConfineError::Calls)?;
    filter::install_in_all_threads(&programs).map_err(ConfineError::Calls)
}

/// Gives up all capabilities but these, where the process has them. Threads that run already keep theirs.
///
/// # Errors
/// The kernel refuses it.
pub fn keep_capabilities(kept: CapabilitySet) -> Result<(), ConfineError> {
    capabilities::give_up_but(kept).map_err(|error| ConfineError::Capabilities(error.into()))
}

fn refused() -> Vec<Call> {
    let own = getpid().as_raw_nonzero().get().cast_unsigned();
    let (code, written_code) = (bits(PROT_EXEC), bits(PROT_WRITE | PROT_EXEC));
    let bounded = [
        (libc::SYS_clone, When::Bits(0, bits(CLONE_THREAD), 0)),
        (libc::SYS_mprotect, When::Bits(2, code, code)),
        (libc::SYS_mmap, When::Bits(2, written_code, written_code)),
        (libc::SYS_tgkill, When::NoneOf(0, vec![own])),
        (libc::SYS_socket, When::NoneOf(0, FAMILIES.map(bits).to_vec())),
        (libc::SYS_ioctl, When::OneOf(1, TYPING.to_vec())),
    ];
    let never = NEVER.iter().chain(OF_MACHINE).map(|&number| (number, When::Always));
    let native: Vec<_> = never.chain(bounded).map(|(number, when)| Call { number, when }).collect();
    let foreign = in_other_abi(&native);
    native.into_iter().chain(foreign).collect()
}

/// The same calls by the numbers that they have in another ABI of the machine.
#[cfg(target_arch = "x86_64")]
fn in_other_abi(native: &[Call]) -> Vec<Call> {
    let same =
        native.iter().map(|call| Call { number: call.number | X32, when: call.when.clone() });
    let own = OF_X32.map(|number| Call { number: number | X32, when: When::Always });
    same.chain(own).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn in_other_abi(_native: &[Call]) -> Vec<Call> {
    Vec::new()
}
