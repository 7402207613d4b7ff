//! From an application to the rules that name it.

use ndpi_labels::AppId;

use super::exact::ByKey;
use super::sets::Words;
use crate::app_pattern::AppPattern;

/// Adds the rules that mean an application, as [`AppPattern::matches`] has it.
pub(super) fn add_app(sets: &ByKey<AppPattern>, app: AppId, union: &mut Words) {
    sets.add_to(&AppPattern::Pair(app), union);
    if app == AppId::default() {
        return sets.add_to(&AppPattern::Either(0), union);
    }
    for id in [app.app, app.master].into_iter().filter(|id| *id != 0) {
        sets.add_to(&AppPattern::Either(id), union);
    }
}
