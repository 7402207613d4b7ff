//! Small libraries that pretend to be nDPI, compiled from C.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use ndpi_sys::{Functions, Library, LoadError};

/// A library to compile: nDPI 5.0 with all symbols and the right sizes, but for what is changed.
#[derive(Clone)]
pub(crate) struct Fake {
    /// The C expression that `ndpi_revision` returns.
    pub(crate) revision: &'static str,
    /// A symbol that it lacks.
    pub(crate) without: Option<&'static str>,
    /// Bytes of a flow that it tells.
    pub(crate) flow_size: u32,
    /// Bytes of the result for a packet.
    pub(crate) result_size: usize,
    /// C statements that dissect: `f` is the flow, `r` the result, both bytes.
    pub(crate) dissect: &'static str,
    /// What `ndpi_init_detection_module` returns.
    pub(crate) module: &'static str,
    /// What `ndpi_finalize_initialization` returns.
    pub(crate) finalized: i32,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            revision: "\"5.0.0-fake\"",
            without: None,
            flow_size: 1208,
            result_size: 56,
            dissect: "",
            module: "malloc(16)",
            finalized: 0,
        }
    }
}

/// The functions that a fake has a body for, in order of their definition in [`Fake::source`].
const WRITTEN: [&str; 9] = [
    "ndpi_revision",
    "ndpi_detection_get_sizeof_ndpi_flow_struct",
    "ndpi_init_detection_module",
    "ndpi_finalize_initialization",
    "ndpi_exit_detection_module",
    "ndpi_flow_malloc",
    "ndpi_flow_free",
    "ndpi_get_proto_by_name",
    "ndpi_detection_process_packet",
];

impl Fake {
    /// The result of loading it.
    pub(crate) fn load(&self) -> Result<Library, LoadError> {
        let file = File::compiled(&self.source());
        Library::open(&file.path, false)
    }

    fn source(&self) -> String {
        let Self { revision, flow_size, result_size, dissect, module, finalized, .. } = self;
        let mut source = format!(
            "#include <stdint.h>
             #include <stdlib.h>
             #include <string.h>
             struct result {{ unsigned char byte[{result_size}]; }};
             const char *ndpi_revision(void) {{ return {revision}; }}
             uint32_t ndpi_detection_get_sizeof_ndpi_flow_struct(void) {{ return {flow_size}; }}
             void *ndpi_init_detection_module(void *g) {{ return {module}; }}
             int ndpi_finalize_initialization(void *m) {{ return {finalized}; }}
             void ndpi_exit_detection_module(void *m) {{ free(m); }}
             void *ndpi_flow_malloc(size_t size) {{ return malloc(size); }}
             void ndpi_flow_free(void *flow) {{ free(flow); }}
             uint16_t ndpi_get_proto_by_name(void *m, const char *name) {{ return 7; }}
             struct result ndpi_detection_process_packet(void *m, unsigned char *f,
                 const unsigned char *p, unsigned short length, uint64_t time, void *info)
             {{
                 struct result value;
                 unsigned char *r = value.byte;
                 memset(r, 0, sizeof value);
                 {dissect}
                 return value;
             }}\n"
        );
        for symbol in Functions::SYMBOLS.iter().filter(|symbol| !WRITTEN.contains(symbol)) {
            if self.without != Some(symbol) {
                writeln!(source, "int {symbol}(void) {{ return 0; }}").unwrap();
            }
        }
        source
    }
}

/// A compiled file, removed in the end.
pub(crate) struct File {
    pub(crate) path: PathBuf,
}

impl File {
    /// Compiles C into a shared library.
    pub(crate) fn compiled(source: &str) -> Self {
        let code = Self::written("c", source);
        let file = Self { path: unique("so") };
        let output = Command::new(compiler())
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&file.path, &code.path])
            .output()
            .expect("the compiler was there a moment ago");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        file
    }

    /// Writes text into a file.
    pub(crate) fn written(extension: &str, text: &str) -> Self {
        let file = Self { path: unique(extension) };
        std::fs::write(&file.path, text).unwrap();
        file
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // It may not have come to be.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A file name that no other test uses.
fn unique(extension: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("fake-{}-{number}.{extension}", std::process::id()))
}

fn compiler() -> String {
    std::env::var("CC").ok().filter(|value| !value.is_empty()).unwrap_or_else(|| "cc".into())
}

/// Whether there is a C compiler; says so where there is none, which is a failure in CI.
pub(crate) fn can_compile() -> bool {
    let found = Command::new(compiler()).arg("--version").output().is_ok();
    if !found {
        testkit::skip("there is no C compiler `cc`; install gcc or clang, or set CC");
    }
    found
}
