//! The keys of a bucket of policies.

/// The key of a site's policy.
pub(super) fn of_site(site: &str) -> String {
    format!("site.{}", token(site))
}

/// The key of the policy of one instance, which goes before that of its site.
pub(super) fn of_host(instance: &str) -> String {
    format!("host.{}", token(instance))
}

/// The key under which an instance says what came of its policy.
pub(super) fn of_outcome(site: &str, instance: &str) -> String {
    format!("outcome.{}.{}", token(site), token(instance))
}

/// A name as one token of a key: what keys do not have is `_`.
fn token(name: &str) -> String {
    let fits = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_' || it == '=';
    let token: String = name.chars().map(|it| if fits(it) { it } else { '_' }).collect();
    if token.is_empty() { "_".into() } else { token }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_token_of_a_key() {
        assert_eq!(of_site("north"), "site.north");
        assert_eq!(of_host("router.lan@x"), "host.router_lan_x");
        assert_eq!(of_outcome("", "*>"), "outcome._.__");
    }
}
