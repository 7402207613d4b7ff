#![doc = include_str!("../README.md")]

mod address;
mod wire;

pub use address::Address;
pub use wire::{Wire, connect};
