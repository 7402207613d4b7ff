//! Host names and clients of decided flows: kept by an instance beside the kernel's maps, which have neither, and asked
//! for by those who list flows.

mod book;
mod named;

pub(crate) use book::HostBook;
pub(crate) use named::{Names, fetch};
