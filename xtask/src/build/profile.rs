//! Flags and profile that the object is compiled with.

/// What rustc is given beyond the profile.
pub(super) const FLAGS: [&str; 2] = [
    // Type information of maps and programs, for the kernel and bpftool.
    "-Clink-arg=--btf",
    // 32-bit registers and jumps: in every kernel that has ring buffers.
    "-Ctarget-cpu=v3",
];

/// The whole profile, whatever the workspace's own `release` says: what comes out depends on it.
pub(super) const PROFILE: [(&str, &str); 9] = [
    ("CODEGEN_UNITS", "1"),
    // What bpf-linker makes BTF of.
    ("DEBUG", "2"),
    ("DEBUG_ASSERTIONS", "false"),
    ("INCREMENTAL", "false"),
    ("LTO", "fat"),
    ("OPT_LEVEL", "3"),
    ("OVERFLOW_CHECKS", "false"),
    ("STRIP", "none"),
    // The same bytes wherever the checkout, cargo's folder and the toolchain are.
    ("TRIM_PATHS", "all"),
];
