//! Rules that go by the same name.

use std::collections::HashMap;

use crate::diagnose::Problem;
use crate::rule::Rule;

/// Every rule with the name of one before it.
pub(super) fn repeated(rules: &[Rule]) -> Vec<Problem> {
    let mut first: HashMap<&str, &Rule> = HashMap::new();
    let mut problems = Vec::new();
    for rule in rules {
        if let Some(other) = first.get(rule.name.as_str()) {
            let message = format!("two rules are called {:?}", rule.name);
            let problem = Problem::warning("duplicate-name", rule.named, message);
            let help = "give each rule a name of its own: records, counters and what is left of a \
                        limit go by it";
            problems.push(problem.related(other.named, "the first of the name").help(help));
        } else {
            first.insert(&rule.name, rule);
        }
    }
    problems
}
