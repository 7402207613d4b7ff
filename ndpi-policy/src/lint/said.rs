//! Applications written the wrong way round, or with a breed that they do not have.

use ndpi_labels::AppId;

use super::says::and_more;
use crate::app_pattern::AppPattern;
use crate::carrier::may_carry;
use crate::diagnose::Problem;
use crate::rule::{At, Rule};
use crate::vocabulary::Vocabulary;

/// Carriers that nDPI never names as what is carried by an application: DNS, HTTP, DTLS, TLS, QUIC.
const OUTSIDE: [u16; 5] = [5, 7, 30, 91, 188];
/// Those of them that carry one another: HTTP, DTLS, TLS, QUIC.
const ALONE: [u16; 4] = [7, 30, 91, 188];

/// Pairs of which the carrier comes last.
pub(super) fn reversed(rule: &Rule, names: &Vocabulary) -> Vec<Problem> {
    let lists = [&rule.matchers.app, &rule.not.app].into_iter().flatten().flatten();
    lists.filter_map(|at| wrong_way_round(at, names)).collect()
}

fn wrong_way_round(at: &At<AppPattern>, names: &Vocabulary) -> Option<Problem> {
    let AppPattern::Pair(pair) = at.value else { return None };
    let written = names.app_name(pair);
    let carrier = names.apps.name(pair.app)?;
    if ALONE.contains(&pair.master) && ALONE.contains(&pair.app) {
        let first = names.apps.name(pair.master)?;
        let message =
            format!("{written} may never match: nDPI names one carrier of an application");
        let help = format!("write \"{first}\" or \"{carrier}\"; each takes all that it carries");
        return Some(Problem::hint("reversed-pair", at.place, message).help(help));
    }
    let reversed = OUTSIDE.contains(&pair.app) && !may_carry(pair.master) && pair.master != 0;
    let turned = names.app_name(AppId { master: pair.app, app: pair.master });
    let message = format!("{written} can never match: nDPI names what carries first");
    let help = format!("write \"{turned}\"");
    reversed.then(|| Problem::warning("reversed-pair", at.place, message).help(help))
}

/// Applications none of which is of the breeds.
pub(super) fn other_breed(rule: &Rule, names: &Vocabulary) -> Option<Problem> {
    let (apps, breeds) = (rule.matchers.app.as_deref()?, rule.matchers.breed.as_deref()?);
    let first = apps.first()?;
    let own = |at: &At<AppPattern>| names.app_breeds.get(&at.value.application()).copied();
    let may = |at: &At<AppPattern>| {
        let carries = matches!(at.value, AppPattern::Either(id) if may_carry(id) || id == 0);
        carries || own(at).is_none_or(|own| breeds.iter().any(|it| it.value == own))
    };
    if apps.iter().any(may) {
        return None;
    }
    let breed = |id: ndpi_labels::BreedId| names.breeds.name(id.0.into()).unwrap_or("?");
    let wanted = and_more(breeds.iter().map(|at| breed(at.value)));
    let (name, its) = (names.pattern_name(first.value), breed(own(first)?));
    let message = format!(
        "{:?} matches only where nDPI calls {name} {wanted} for its content or host: `app` and `breed` \
         must both hold, and its own breed is {its}",
        rule.name
    );
    let problem = Problem::hint("other-breed", first.place, message);
    Some(problem.related(breeds[0].place, "`breed` asks for this").help(format!(
        "for all of {name}, take `breed` out; for what is of either, make two rules"
    )))
}
