//! Entries of `app`: an application, or one that a certain protocol carries.

use ndpi_labels::AppId;
use serde::{Deserialize, Serialize};

/// An entry of `app`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AppPattern {
    /// `Facebook`: as the application or as the protocol that carries one.
    Either(u16),
    /// `TLS.Facebook`: exactly this pair.
    Pair(AppId),
}

impl AppPattern {
    /// Whether an application is meant.
    pub fn matches(self, app: AppId) -> bool {
        match self {
            // Unknown is no protocol: an absent master does not make a flow unknown.
            Self::Either(0) => app == AppId::default(),
            Self::Either(id) => app.app == id || app.master == id,
            Self::Pair(pair) => app == pair,
        }
    }

    /// The number that it goes by: of a pair, the application's.
    pub(crate) fn application(self) -> u16 {
        match self {
            Self::Either(id) | Self::Pair(AppId { app: id, .. }) => id,
        }
    }
}
