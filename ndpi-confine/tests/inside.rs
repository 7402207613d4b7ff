//! Attempts of a confined process at all that it should be refused, and at what it needs.

use std::ffi::{c_int, c_long, c_void};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use std::ptr::{null, null_mut};
use std::thread;

use ndpi_confine::{Confinement, MAP_COMMANDS, TEST_RUN, refuse_what_no_service_does};

/// What an attempt ends with, in a process of its own that is confined before it.
fn inside(confinement: &Confinement, attempt: impl FnOnce() -> io::Result<()>) -> c_int {
    in_a_process(|| {
        if confinement.apply().is_err() {
            return NOT_CONFINED;
        }
        errno(&attempt())
    })
}

/// What a process says that could not be confined: no error of the system's has this number.
const NOT_CONFINED: c_int = 255;
/// An error that is not one of the system's.
const OTHER: c_int = 254;

/// What `work` returns, in a process of its own.
fn in_a_process(work: impl FnOnce() -> c_int) -> c_int {
    // SAFETY: the child has one thread, allocates with the C library, which keeps its locks whole over a
    // fork, prints nothing, and ends without running what its parent has still to run.
    match unsafe { libc::fork() } {
        -1 => panic!("cannot fork: {}", io::Error::last_os_error()),
        0 => {
            let code = work();
            // SAFETY: ends the process and nothing else.
            unsafe { libc::_exit(code) }
        }
        pid => {
            let mut status = 0;
            // SAFETY: `status` lives.
            assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
            assert!(libc::WIFEXITED(status), "the process was ended: {status:#x}");
            libc::WEXITSTATUS(status)
        }
    }
}

fn errno(result: &io::Result<()>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(error) => error.raw_os_error().unwrap_or(OTHER),
    }
}

/// Makes a call with arguments as they are.
fn call<const N: usize>(number: c_long, arguments: [usize; N]) -> io::Result<()> {
    let mut six = [0; 6];
    six[..N].copy_from_slice(&arguments);
    // SAFETY: every pointer that the tests pass is null or to memory that outlives the call, and the
    // process ends after it.
    match unsafe { libc::syscall(number, six[0], six[1], six[2], six[3], six[4], six[5]) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

const fn word(value: c_int) -> usize {
    value.cast_unsigned() as usize
}

#[test]
fn what_hostile_code_would_try_is_refused() {
    let here = c"/".as_ptr() as usize;
    let fork = word(libc::SIGCHLD);
    let new_user = word(libc::CLONE_NEWUSER) | fork;
    let executable = word(libc::PROT_READ | libc::PROT_EXEC);
    let private = word(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let parent = std::os::unix::process::parent_id() as usize;
    let calls: [(&str, c_long, [usize; 5]); 29] = [
        ("socket", libc::SYS_socket, [word(libc::AF_INET), word(libc::SOCK_STREAM), 0, 0, 0]),
        ("netlink", libc::SYS_socket, [word(libc::AF_NETLINK), word(libc::SOCK_RAW), 0, 0, 0]),
        ("connect", libc::SYS_connect, [0; 5]),
        ("sendmsg", libc::SYS_sendmsg, [0; 5]),
        ("fork", libc::SYS_clone, [fork, 0, 0, 0, 0]),
        ("new user namespace", libc::SYS_clone, [new_user, 0, 0, 0, 0]),
        ("unshare", libc::SYS_unshare, [word(libc::CLONE_NEWUSER), 0, 0, 0, 0]),
        ("setns", libc::SYS_setns, [0; 5]),
        ("load a program", libc::SYS_bpf, [5, 0, 0, 0, 0]),
        ("make a map", libc::SYS_bpf, [0; 5]),
        ("attach", libc::SYS_bpf, [28, 0, 0, 0, 0]),
        ("change a link", libc::SYS_bpf, [29, 0, 0, 0, 0]),
        ("ptrace", libc::SYS_ptrace, [word(16), parent, 0, 0, 0]),
        ("read memory", libc::SYS_process_vm_readv, [parent, 0, 0, 0, 0]),
        ("signal", libc::SYS_kill, [parent, 0, 0, 0, 0]),
        ("signal a thread", libc::SYS_tgkill, [parent, parent, 0, 0, 0]),
        ("pidfd", libc::SYS_pidfd_open, [parent, 0, 0, 0, 0]),
        ("limits of another", libc::SYS_prlimit64, [parent, 7, 0, 0, 0]),
        ("io_uring", libc::SYS_io_uring_setup, [1, 0, 0, 0, 0]),
        ("userfaultfd", libc::SYS_userfaultfd, [0; 5]),
        ("perf", libc::SYS_perf_event_open, [0; 5]),
        ("keys", libc::SYS_add_key, [0; 5]),
        ("mount", libc::SYS_mount, [here, here, 0, word(4096), 0]),
        ("chroot", libc::SYS_chroot, [here, 0, 0, 0, 0]),
        ("user", libc::SYS_setuid, [0; 5]),
        ("capabilities", libc::SYS_capset, [0; 5]),
        ("another filter", libc::SYS_seccomp, [1, 0, 0, 0, 0]),
        ("executable memory", libc::SYS_mmap, [0, 4096, executable, private, usize::MAX]),
        ("typing for the user", libc::SYS_ioctl, [0, 0x5412, here, 0, 0]),
    ];
    for (what, number, arguments) in calls {
        let refused = inside(&Confinement::new(), || call(number, arguments));
        assert_eq!(refused, libc::EPERM, "{what}");
    }
    let clone3 = inside(&Confinement::new(), || call(libc::SYS_clone3, [0; 2]));
    assert_eq!(clone3, libc::ENOSYS);
}

#[test]
fn no_program_can_be_started() {
    let refused = inside(&Confinement::new(), || Command::new("/bin/true").status().map(drop));
    assert_eq!(refused, libc::EPERM);
    let path = c"/bin/true".as_ptr();
    let arguments = [path, null()];
    let execute = || call(libc::SYS_execve, [path as usize, arguments.as_ptr() as usize, 0]);
    assert_eq!(inside(&Confinement::new(), execute), libc::EPERM);
    let at = || call(libc::SYS_execveat, [0, path as usize, arguments.as_ptr() as usize, 0, 0]);
    assert_eq!(inside(&Confinement::new(), at), libc::EPERM);
}

#[test]
fn memory_does_not_become_executable() {
    let change = || {
        // SAFETY: memory of its own, which nobody else has.
        let memory = unsafe {
            let (access, kind) = (libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            libc::mmap(null_mut::<c_void>(), 4096, access, kind, -1, 0)
        };
        call(libc::SYS_mprotect, [memory as usize, 4096, word(libc::PROT_EXEC)])
    };
    assert_eq!(inside(&Confinement::new(), change), libc::EPERM);
}

/// Whether this kernel has Landlock; says so if not.
fn files_can_be_bounded() -> bool {
    let bounded = in_a_process(|| match Confinement::new().apply() {
        Ok(enforced) => c_int::from(enforced.files),
        Err(_) => NOT_CONFINED,
    });
    assert_ne!(bounded, NOT_CONFINED);
    if bounded == 0 {
        eprintln!("skipped: this kernel has no Landlock");
    }
    bounded == 1
}

#[test]
fn only_what_was_named_can_be_read() {
    if !files_can_be_bounded() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("below/deep")).unwrap();
    for name in ["named", "other", "below/deep/file"] {
        fs::write(at(name), name).unwrap();
    }
    let confinement = Confinement::new().reads(at("named")).reads(at("below")).reads(at("missing"));
    let read = |path: &Path| inside(&confinement, || fs::read(path).map(drop));
    assert_eq!(read(&at("named")), 0);
    assert_eq!(read(&at("below/deep/file")), 0);
    assert_eq!(read(&at("other")), libc::EACCES);
    assert_eq!(read(&at("missing")), libc::ENOENT);
    for other in ["/etc/shadow", "/etc/passwd", "/proc/self/environ", "/proc/self/mem"] {
        assert_eq!(read(Path::new(other)), libc::EACCES, "{other}");
    }
    let list = inside(&confinement, || fs::read_dir(folder.path()).map(drop));
    assert_eq!(list, libc::EACCES);
}

#[test]
fn nothing_can_be_written_that_is_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "before").unwrap();
    let mut open = OpenOptions::new().append(true).open(&path).unwrap();
    let confinement = Confinement::new().reads(folder.path());
    for options in [
        OpenOptions::new().write(true),
        OpenOptions::new().append(true),
        OpenOptions::new().read(true).write(true),
        OpenOptions::new().read(true).custom_flags(libc::O_TRUNC),
        OpenOptions::new().read(true).custom_flags(libc::O_CREAT),
    ] {
        let refused = inside(&confinement, || options.open(&path).map(drop));
        assert_eq!(refused, libc::EPERM, "{options:?}");
    }
    let new = folder.path().join("new");
    let changes: [(&str, &dyn Fn() -> io::Result<()>); 5] = [
        ("remove", &|| fs::remove_file(&path)),
        ("rename", &|| fs::rename(&path, &new)),
        ("link", &|| fs::hard_link(&path, &new)),
        ("folder", &|| fs::create_dir(&new)),
        ("mode", &|| fs::set_permissions(&path, fs::Permissions::from_mode(0o777))),
    ];
    for (what, change) in changes {
        assert_eq!(inside(&confinement, change), libc::EPERM, "{what}");
    }
    assert_eq!(inside(&confinement, || open.write_all(b" and after")), 0);
    assert_eq!(fs::read_to_string(&path).unwrap(), "before and after");
}

#[test]
fn what_classifying_needs_works() {
    let work = || {
        let sum = thread::Builder::new().name("one".into()).spawn(|| {
            let mut memory = vec![1_u8; 32 << 20];
            memory.resize(33 << 20, 1);
            memory.iter().map(|&byte| usize::from(byte)).sum::<usize>()
        });
        let sum = sum?.join().map_err(|_| io::Error::other("the thread has panicked"))?;
        if sum != 33 << 20 {
            return Err(io::Error::other("memory is wrong"));
        }
        thread::sleep(std::time::Duration::from_millis(1));
        File::open("/etc/localtime").or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => File::open("/"),
            _ => Err(error),
        })?;
        Ok(())
    };
    assert_eq!(inside(&Confinement::new().reads("/etc/localtime").reads("/"), work), 0);
}

/// `CAP_DAC_READ_SEARCH`, as a set of it alone.
const DAC_READ_SEARCH: u64 = 1 << 2;

#[test]
fn no_capability_is_left_that_gives_more_than_reading() {
    let left = |line: &'static str, mask: u64| {
        let status = Confinement::new().reads("/proc");
        inside(&status, move || {
            let status = fs::read_to_string("/proc/thread-self/status")?;
            let value = status.lines().find_map(|it| it.strip_prefix(line)).unwrap_or("none");
            match u64::from_str_radix(value.trim(), 16) {
                Ok(set) if set & !mask == 0 => Ok(()),
                _ => Err(io::Error::other("more is left")),
            }
        })
    };
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        // Without CAP_SETPCAP the bounding set stays as it was.
        if set != "CapBnd:" || rustix::process::geteuid().is_root() {
            assert_eq!(left(set, DAC_READ_SEARCH), 0, "{set}");
        }
    }
    assert_eq!(left("NoNewPrivs:", 1), 0);
}

#[test]
fn one_that_forks_gives_each_child_less() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    fs::write(&one, "1").unwrap();
    fs::write(&two, "2").unwrap();
    let parent = Confinement::new().reads(&one).reads(&two).forks();
    let bounded = files_can_be_bounded();
    let code = inside(&parent, || {
        let child = Confinement::new().reads(&one);
        let code = in_a_process(|| {
            let confined = child.apply().is_ok();
            let reads_one = fs::read(&one).is_ok();
            let reads_two = fs::read(&two).is_ok();
            let forks = call(libc::SYS_clone, [word(libc::SIGCHLD), 0, 0, 0, 0]).is_ok();
            c_int::from(!(confined && reads_one && reads_two != bounded && !forks))
        });
        let widened =
            Confinement::new().reads("/etc").apply().is_ok() && fs::read("/etc/passwd").is_ok();
        match (code, widened && bounded) {
            (0, false) => Ok(()),
            _ => Err(io::Error::from_raw_os_error(code + 1)),
        }
    });
    assert_eq!(code, 0);
}

#[test]
fn bpf_commands_are_those_that_were_kept() {
    let (maps, runs) = (Confinement::new().bpf(&MAP_COMMANDS), Confinement::new().bpf(&[TEST_RUN]));
    let command = |confinement: &Confinement, command: u32| {
        inside(confinement, || call(libc::SYS_bpf, [command as usize, 0, 0]))
    };
    for other in (0..=64).filter(|other| !MAP_COMMANDS.contains(other)) {
        assert_eq!(command(&maps, other), libc::EPERM, "{other}");
    }
    // The kernel's own answer, for attributes that are missing.
    for kept in MAP_COMMANDS {
        assert_ne!(command(&maps, kept), libc::EPERM, "{kept}");
        assert_eq!(command(&runs, kept), libc::EPERM, "{kept}");
    }
    assert_ne!(command(&runs, TEST_RUN), libc::EPERM);
}

#[test]
fn descriptors_are_received_where_that_was_kept() {
    // The kernel's own answer, for a descriptor that is none.
    let receive = || call(libc::SYS_recvmsg, [usize::MAX, 0, 0]);
    assert_eq!(inside(&Confinement::new().forks(), receive), libc::EPERM);
    assert_eq!(inside(&Confinement::new().forks().receives_descriptors(), receive), libc::EBADF);
}

#[test]
fn with_other_threads_it_is_refused() {
    let refused = in_a_process(|| {
        let (send, wait) = std::sync::mpsc::channel::<()>();
        let other = thread::spawn(move || wait.recv());
        let confined = Confinement::new().apply();
        drop(send);
        let _ = other.join();
        c_int::from(matches!(confined, Err(ndpi_confine::ConfineError::Threads)))
    });
    assert_eq!(refused, 1);
}

/// What an attempt ends with in a thread that was there before the process was refused what no service does.
fn in_a_service(attempt: impl FnOnce() -> io::Result<()> + Send) -> c_int {
    in_a_process(|| {
        let (begin, wait) = std::sync::mpsc::channel::<()>();
        thread::scope(|scope| {
            let earlier = scope.spawn(move || {
                // Whoever would send has gone when it may begin.
                let _ = wait.recv();
                errno(&attempt())
            });
            let refused = refuse_what_no_service_does();
            drop(begin);
            let ended = earlier.join();
            if refused.is_err() { NOT_CONFINED } else { ended.unwrap_or(NOT_CONFINED) }
        })
    })
}

#[test]
fn a_service_is_refused_what_it_never_does_in_all_its_threads() {
    let fork = word(libc::SIGCHLD);
    let parent = std::os::unix::process::parent_id() as usize;
    let written_code = word(libc::PROT_WRITE | libc::PROT_EXEC);
    let private = word(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let x32 = 0x4000_0000;
    let mut calls = vec![
        ("fork", libc::SYS_clone, [fork, 0, 0, 0, 0]),
        ("execve", libc::SYS_execve, [0; 5]),
        ("ptrace", libc::SYS_ptrace, [word(16), parent, 0, 0, 0]),
        ("signal", libc::SYS_kill, [parent, 0, 0, 0, 0]),
        ("signal a thread", libc::SYS_tgkill, [parent, parent, 0, 0, 0]),
        ("user", libc::SYS_setuid, [usize::MAX; 5]),
        ("mount", libc::SYS_mount, [0; 5]),
        ("namespace", libc::SYS_unshare, [word(libc::CLONE_NEWUSER), 0, 0, 0, 0]),
        ("module", libc::SYS_init_module, [0; 5]),
        ("io_uring", libc::SYS_io_uring_setup, [1, 0, 0, 0, 0]),
        ("written code", libc::SYS_mmap, [0, 4096, written_code, private, usize::MAX]),
        ("code", libc::SYS_mprotect, [0, 4096, word(libc::PROT_EXEC), 0, 0]),
        ("Bluetooth", libc::SYS_socket, [word(libc::AF_BLUETOOTH), 3, 0, 0, 0]),
        ("typing for the user", libc::SYS_ioctl, [0, 0x5412, 0, 0, 0]),
    ];
    if cfg!(target_arch = "x86_64") {
        calls.push(("execve of x32", x32 + 520, [0; 5]));
        calls.push(("mount of x32", x32 + libc::SYS_mount, [0; 5]));
    }
    for (what, number, arguments) in calls {
        assert_eq!(in_a_service(|| call(number, arguments)), libc::EPERM, "{what}");
    }
}

#[test]
fn a_service_goes_on_with_what_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let work = || {
        fs::write(folder.path().join("record"), "one")?;
        fs::rename(folder.path().join("record"), folder.path().join("kept"))?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        std::net::TcpStream::connect(listener.local_addr()?)?;
        let thread = thread::Builder::new().spawn(|| 1)?;
        thread.join().map(drop).map_err(|_| io::Error::other("the thread has panicked"))
    };
    assert_eq!(in_a_service(work), 0);
}
