//! Messages of `ndpi-xdp run` about a policy that it cannot use.

use testkit::program::Run;
use testkit::sandbox::Sandbox;

use crate::ready;

const PROGRAMS: [&str; 3] = ["ip", "tc", "nsenter"];

/// Runs with a policy of this content; its file's name is `policy.toml`.
fn with_policy(sandbox: &Sandbox, content: &str) -> Run {
    let file = sandbox.file("policy.toml", content);
    sandbox.run(&format!("run --iface left --policy {}", file.display()))
}

#[test]
fn an_unusable_policy_is_refused_before_anything_is_attached() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    let rule = |line: &str| format!("[[rule]]\nname = \"one\"\n{line}\naction = \"drop\"\n");
    for (content, line, words) in [
        ("default = count\n".to_owned(), 1, &[][..]),
        (rule("categroy = [\"Web\"]"), 3, &["categroy", "category"]),
        (rule("category = [\"SocialNetwrok\"]"), 3, &["SocialNetwrok", "SocialNetwork"]),
        (rule("app = [\"Facebok\"]"), 3, &["Facebok", "Facebook"]),
        (rule("app = [\"TLS\"]").replace("drop", "dorp"), 4, &["dorp", "drop"]),
    ] {
        let run = with_policy(&sandbox, &content);
        run.assert_failed(1, words).assert_failed(1, &[&format!("policy.toml:{line}")]);
    }
    sandbox.assert_clean();
}

#[test]
fn a_policy_that_is_not_there() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox
        .run("run --iface left --policy /nowhere/policy.toml")
        .assert_failed(1, &["/nowhere/policy.toml", "No such file"]);
    sandbox.assert_clean();
}

#[test]
fn wrong_usage_has_a_status_of_its_own() {
    if !ready(&PROGRAMS) {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run("run").assert_failed(2, &["--iface"]);
    sandbox.run("run --iface left --mode fast").assert_failed(2, &["native", "generic"]);
    sandbox.assert_clean();
}
