//! Where nDPI works.

use ndpi::Engine;

use super::remote::RemoteEngine;

/// An engine for each thread that classifies.
pub(crate) enum Engines {
    /// In this process.
    Here(Vec<Engine>),
    /// In one that has no rights.
    Apart(Vec<RemoteEngine>),
}
