//! The names by which nDPI is asked for.

/// The name by which the loader knows nDPI 5.
pub const SONAME: &str = "libndpi.so.5";

/// The environment variable that names the library to use.
pub const LIBRARY_VARIABLE: &str = "NDPI_LIBRARY";
