//! Policies as the process that reads them hands them over, lies among them.

use std::path::Path;

use ndpi_policy::take_over;

use crate::asked;

/// What stands between the policy, its list, and what is handed over.
pub(crate) const SEPARATOR: &[u8] = b"\n%%\n";

/// Takes what stands last in `data` over as what was read of a policy and a list, which stand before it, and has it show
/// its problems or decide about a few flows.
///
/// # Panics
/// If what is taken over is no policy.
pub(crate) fn run(data: &[u8]) {
    let Some((policy, rest)) = cut(data) else { return };
    let Some((list, handed)) = cut(rest) else { return };
    let file = |path: &Path| match path.to_str() {
        Some("policy.toml") => Some(policy.to_vec()),
        Some("list") => Some(list.to_vec()),
        _ => None,
    };
    let names = asked::vocabulary();
    match take_over(handed, &file) {
        Ok(Ok(read)) => {
            let policy = read.index(&names);
            let _ = (policy.diagnostics().render(false), policy.diagnostics().to_json());
            asked::ask(&policy, &names);
        }
        Ok(Err(problems)) => {
            let _ = (problems.render(false), problems.to_json());
            assert!(problems.has_errors());
        }
        Err(_) => {}
    }
}

fn cut(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = data.windows(SEPARATOR.len()).position(|it| it == SEPARATOR)?;
    Some((&data[..at], &data[at + SEPARATOR.len()..]))
}
