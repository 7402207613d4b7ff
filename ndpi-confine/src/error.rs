//! Why a process could not be confined.

use std::io;

/// Why a process could not be confined. What was taken away before stays away.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfineError {
    /// Threads that run already would keep all rights.
    #[error("the process has other threads, which would keep their rights")]
    Threads,
    /// Capabilities cannot be read or given up.
    #[error("cannot give up capabilities")]
    Capabilities(#[source] io::Error),
    /// The kernel refuses `PR_SET_NO_NEW_PRIVS`.
    #[error("cannot rule out new privileges")]
    NoNewPrivileges(#[source] io::Error),
    /// The kernel has Landlock and refuses the rules.
    #[error("cannot bound which files can be opened (Landlock)")]
    Files(#[source] landlock::RulesetError),
    /// The kernel has no seccomp filters, or refuses this one.
    #[error("cannot bound which system calls can be made (seccomp)")]
    Calls(#[source] seccompiler::Error),
}
