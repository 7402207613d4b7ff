//! The programs, from the ground up: what is above uses what is below, never the other way.
//!
//! | layer | modules |
//! |---|---|
//! | entry points | `programs` |
//! | the way of a packet | `handle`, then `fast_path`, `slow_path` (and `quoted`, `strays`) |
//! | its flow | `decide`: `forwarded`, `verdict` (and `reopen`, `limit`, `requests`, `inspect`), `undecided` (and `servers`, `show`) |
//! | what all use | `count`, `family`, `fragments`, `ends`, `hook`, `entry`, `answer`, `at_hand`, `settings`, `maps`, `frame`, `bounds`, `atomic` |

mod answer;
mod at_hand;
mod atomic;
mod bounds;
mod clock;
mod count;
mod decide;
mod ends;
mod entry;
mod family;
mod fast_path;
mod forwarded;
mod fragments;
mod frame;
mod handle;
mod hook;
mod ingress;
mod inspect;
mod limit;
mod maps;
mod odd;
mod programs;
mod quoted;
mod reopen;
mod requests;
mod sequence;
mod servers;
mod settings;
mod show;
mod slow_path;
mod strays;
mod undecided;
mod verdict;
