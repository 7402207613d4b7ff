//! nDPI 5.0's symbols, resolved at run time from a shared library.
