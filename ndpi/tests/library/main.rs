//! The API over a real nDPI: `NDPI_LIBRARY`, or what `cargo xtask setup` made.
//!
//! Tests of one subject: `cargo test -p ndpi --test library rules::`.

mod caches;
mod capture;
mod common;
mod configuration;
mod corpus;
mod hostile;
mod hosts;
mod memory;
mod metadata;
mod names;
mod rules;
mod states;
mod stdout;
