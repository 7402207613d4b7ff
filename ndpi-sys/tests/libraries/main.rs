//! The checks when a library is loaded: libraries that pretend to be nDPI, and a real one.

mod fake;
mod fakes;
mod real;
