//! Keys and values in the typed maps of aya, which has a trait of its own for what may be copied.

use ndpi_common::Pod;

/// A key or value.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Element<T>(pub T);

// SAFETY: it has the layout of `T`, which promises what aya asks for.
unsafe impl<T: Pod> aya::Pod for Element<T> {}
