//! Hosts that nDPI files under another category than that of their application: what an application may
//! be of, which its table does not tell.
//!
//! nDPI's list of hosts gives each an application and a category, and can only be asked host by host. So
//! one host of each pair is named here, and the loaded library says what it makes of it.

use std::collections::HashSet;

use ndpi_labels::{CategoryId, Classification};

use crate::app_pattern::AppPattern;
use crate::category::CategoryTable;

/// One host for each application and category (`host_match` of nDPI's `ndpi_content_match.c.inc`).
const HOSTS: [&str; 25] = [
    "aaplimg.com",
    "afcdn.net",
    "aiv-cdn.net",
    "aliexpress.com",
    "captive.apple.com",
    "cdnjs.cloudflare.com",
    "connectivitycheck.android.com",
    "fast.com",
    "gemini.google.com",
    "goog",
    "ip-video-course-exercise-files-us-west-2.s3.us-west-2.amazonaws.com",
    "microsoft.com",
    "msftconnecttest.com",
    "opendns.com",
    "pagead2.googlesyndication.com",
    "pinterest.global.map.fastly.net",
    "prod-streaming-video-msn-com.akamaized.net",
    "reddit.map.fastly.net",
    "s.loris.llnwd.net",
    "s3.lvlt.dash.us.aiv-cdn.net.c.footprint.net",
    "salesforceliveagent.com",
    "sharepoint.com",
    "spotify.map.fastly.net",
    "visualstudio.com",
    "www.bloomberg.com",
];

/// Categories that nDPI gives a flow of any application for what it transfers or whom it asks, by nDPI's
/// numbers (`ndpi_protocol_category_t`). In order: Media, Download, `ConnCheck`, Advertisement.
const BY_CONTENT: [CategoryId; 4] = [CategoryId(1), CategoryId(7), CategoryId(30), CategoryId(101)];

/// Given to flows with a host, certificate or fingerprint of a list (`Malware`).
const MALWARE: CategoryId = CategoryId(100);

/// Applications with the categories that they have for some of their hosts.
#[derive(Clone, Debug, Default)]
pub struct Filed {
    pairs: HashSet<(u16, CategoryId)>,
    /// Whether lists of the user's give hosts and addresses categories, any of them.
    lists: bool,
}

impl Filed {
    /// What `classify` says of the hosts; `lists` where lists of categories are loaded.
    pub fn of(classify: impl Fn(&str) -> Option<Classification>, lists: bool) -> Self {
        let pair = |said: Classification| (said.app.app, said.category);
        Self { pairs: HOSTS.into_iter().filter_map(classify).map(pair).collect(), lists }
    }

    /// Whether nothing is under the category, as far as was asked: no application of nDPI's `table`, no host
    /// and no list.
    pub(super) fn leaves_empty(&self, category: CategoryId, table: &CategoryTable) -> bool {
        let asked = !self.pairs.is_empty() && !self.lists;
        let filled = category == MALWARE
            || is_by_content(category)
            || self.pairs.iter().any(|(_, filed)| *filed == category);
        asked && !filled && table.members(category).is_empty()
    }

    /// Whether nDPI is known to file some flows of the application under the category, though it is not
    /// the application's own.
    pub(super) fn knows(&self, app: AppPattern, category: CategoryId) -> bool {
        is_by_content(category) || self.pairs.contains(&(app.application(), category))
    }
}

/// Whether flows of any application may be of the category for what they transfer or whom they ask.
pub(super) fn is_by_content(category: CategoryId) -> bool {
    BY_CONTENT.contains(&category)
}
