//! ssh: the key exchange with the server whose host key we know. Nobody may log in, and the
//! server's saying so is the answer.

use super::call::{Answer, Output, PATIENCE, Setting, reason};
use crate::lab::servers;

pub(super) fn arguments(setting: &Setting) -> Vec<String> {
    let known_hosts = setting.folder.join(servers::KNOWN_HOSTS);
    let options = [
        "BatchMode=yes".to_owned(),
        "PreferredAuthentications=publickey".to_owned(),
        "IdentityFile=none".to_owned(),
        "IdentityAgent=none".to_owned(),
        "StrictHostKeyChecking=yes".to_owned(),
        "GlobalKnownHostsFile=none".to_owned(),
        format!("UserKnownHostsFile={}", known_hosts.display()),
        format!("ConnectTimeout={}", PATIENCE.as_secs()),
        format!("BindAddress={}", setting.from.ip()),
    ];
    let mut arguments = vec!["-F".to_owned(), "none".to_owned()];
    for option in options {
        arguments.extend(["-o".to_owned(), option]);
    }
    arguments.push(format!("visitor@{}", setting.server));
    arguments
}

pub(super) fn answer(output: &Output) -> Answer {
    if output.stderr.contains("Permission denied (publickey)") {
        return Ok("host key known, login refused".to_owned());
    }
    Err(reason(&output.stderr))
}
