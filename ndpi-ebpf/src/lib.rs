//! The kernel side: XDP and TC programs over one parser and one decision path.
#![no_std]
