//! Which system calls can be made, and with which arguments.

use libc::{
    CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER,
    CLONE_NEWUTS, CLONE_THREAD, O_ACCMODE, O_CREAT, O_TRUNC, PROT_EXEC, c_int, c_long,
};
use rustix::process::getpid;

/// Commands of `bpf(2)` that read and write maps of which the process has a descriptor.
pub const MAP_COMMANDS: [u32; 9] = [
    1,  // BPF_MAP_LOOKUP_ELEM
    2,  // BPF_MAP_UPDATE_ELEM
    3,  // BPF_MAP_DELETE_ELEM
    4,  // BPF_MAP_GET_NEXT_KEY
    21, // BPF_MAP_LOOKUP_AND_DELETE_ELEM
    24, // BPF_MAP_LOOKUP_BATCH
    25, // BPF_MAP_LOOKUP_AND_DELETE_BATCH
    26, // BPF_MAP_UPDATE_BATCH
    27, // BPF_MAP_DELETE_BATCH
];

/// The command of `bpf(2)` that runs a program of which the process has a descriptor, on a packet that the
/// process has made (`BPF_PROG_TEST_RUN`).
pub const TEST_RUN: u32 = 10;

/// A call that can be made, or is refused.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) number: c_long,
    pub(crate) when: When,
}

/// With which arguments.
#[derive(Clone, Debug)]
pub(crate) enum When {
    Always,
    /// Argument `.0`, of which the kernel takes 32 bits, is one of these.
    OneOf(u8, Vec<u32>),
    /// Argument `.0`, the same, is none of these.
    NoneOf(u8, Vec<u32>),
    /// Of the bits `.1` of argument `.0`, those that are set are `.2`.
    Bits(u8, u32, u32),
    /// It is about this process, or the one with this number, and changes nothing: argument `.1` is null.
    Own(u32, u8),
}

/// Memory, threads, signals, time, and what is open already.
const ALWAYS: [c_long; 52] = [
    libc::SYS_brk,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_membarrier,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_getcpu,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_nanosleep,
    libc::SYS_close,
    libc::SYS_fadvise64,
    libc::SYS_fdatasync,
    libc::SYS_fstat,
    libc::SYS_fsync,
    libc::SYS_lseek,
    libc::SYS_newfstatat,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_statx,
    libc::SYS_write,
    libc::SYS_writev,
    // Let through here, and answered by a filter of its own.
    libc::SYS_clone3,
];

/// Calls that only older machines have; others have had what replaces them from the start.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[libc::SYS_poll, libc::SYS_time];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// Processes, and what they need to confine themselves further: none of that gives a right.
const FORKING: [c_long; 11] = [
    libc::SYS_kill,
    libc::SYS_pipe2,
    libc::SYS_tgkill,
    libc::SYS_wait4,
    libc::SYS_waitid,
    libc::SYS_capget,
    libc::SYS_capset,
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_restrict_self,
    libc::SYS_seccomp,
];

const NAMESPACES: c_int = CLONE_NEWCGROUP
    | CLONE_NEWIPC
    | CLONE_NEWNET
    | CLONE_NEWNS
    | CLONE_NEWPID
    | CLONE_NEWUSER
    | CLONE_NEWUTS;

/// What is done with a descriptor that names a terminal, or is asked whether it does. `TCGETS2` is what
/// newer C libraries ask with; its number is that of most machines, these among them.
const TERMINAL: [u32; 4] = [TCGETS2, as_u32(libc::TCGETS), as_u32(libc::TIOCGWINSZ), FIONREAD];
const TCGETS2: u32 = 0x802c_542a;
const FIONREAD: u32 = as_u32(libc::FIONREAD);

const DESCRIPTOR: [c_int; 5] =
    [libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_GETFL, libc::F_SETFD, libc::F_SETFL];

/// Names of threads and of mappings, and a signal for when the parent is gone.
const OF_PROCESS: [c_int; 4] =
    [libc::PR_GET_NAME, libc::PR_SET_NAME, libc::PR_SET_PDEATHSIG, libc::PR_SET_VMA];

const CONFINING: [c_int; 5] = [
    libc::PR_CAPBSET_DROP,
    libc::PR_CAPBSET_READ,
    libc::PR_CAP_AMBIENT,
    libc::PR_SET_NO_NEW_PRIVS,
    libc::PR_GET_NO_NEW_PRIVS,
];

/// The calls that this process can make from now on: with those that fork, where it `forks`, with
/// the one that receives descriptors, where it `receives` them, and with these commands of `bpf(2)`.
pub(crate) fn allowed((forks, receives): (bool, bool), bpf: &[u32]) -> Vec<Call> {
    let own = getpid().as_raw_nonzero().get().cast_unsigned();
    let always = |number: &c_long| Call { number: *number, when: When::Always };
    let mut calls: Vec<_> = ALWAYS.iter().chain(OLDER).map(always).collect();
    calls.extend(bounded(forks, own));
    if forks {
        calls.extend(FORKING.iter().map(always));
        // Whether it is alone is asked that way, see `Confinement::apply`.
        calls.push(Call {
            number: libc::SYS_unshare,
            when: When::OneOf(0, vec![bits(CLONE_THREAD)]),
        });
    } else {
        calls.push(Call { number: libc::SYS_tgkill, when: When::OneOf(0, vec![own]) });
    }
    if receives {
        calls.push(always(&libc::SYS_recvmsg));
    }
    if !bpf.is_empty() {
        calls.push(Call { number: libc::SYS_bpf, when: When::OneOf(0, bpf.to_vec()) });
    }
    calls
}

/// Calls that do harmless things with some arguments, and others with others.
fn bounded(forks: bool, own: u32) -> [Call; 9] {
    let call = |number, when| Call { number, when };
    let confining = if forks { &CONFINING[..] } else { &[] };
    let of_process = OF_PROCESS.iter().chain(confining).map(|&option| bits(option)).collect();
    [
        call(libc::SYS_clone, cloning(forks)),
        call(libc::SYS_mmap, When::Bits(2, bits(PROT_EXEC), 0)),
        call(libc::SYS_mprotect, When::Bits(2, bits(PROT_EXEC), 0)),
        call(libc::SYS_openat, When::Bits(2, bits(O_ACCMODE | O_CREAT | O_TRUNC), 0)),
        call(libc::SYS_fcntl, When::OneOf(1, DESCRIPTOR.map(bits).to_vec())),
        call(libc::SYS_ioctl, When::OneOf(1, TERMINAL.to_vec())),
        call(libc::SYS_prctl, When::OneOf(0, of_process)),
        call(libc::SYS_prlimit64, When::Own(own, 2)),
        // A thread's own.
        call(libc::SYS_sched_setaffinity, When::OneOf(0, vec![0])),
    ]
}

/// Threads, or processes; never in another namespace.
fn cloning(forks: bool) -> When {
    if forks {
        When::Bits(0, bits(NAMESPACES), 0)
    } else {
        When::Bits(0, bits(NAMESPACES | CLONE_THREAD), bits(CLONE_THREAD))
    }
}

/// The bits that the kernel compares.
pub(crate) const fn bits(value: c_int) -> u32 {
    value.cast_unsigned()
}

#[expect(clippy::cast_possible_truncation, reason = "the kernel takes 32 bits of a request")]
const fn as_u32(request: libc::Ioctl) -> u32 {
    request as u32
}
