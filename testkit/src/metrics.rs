//! The metrics of an instance in a sandbox, as Prometheus asks for them.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::sandbox::Sandbox;
use crate::wait_until;

/// Where it is asked: `run --metrics` of this address. The sandbox's loopback interface must be up.
pub const ADDRESS: &str = "127.0.0.1:9100";

/// The status line and the text for a path.
pub fn get(sandbox: &Sandbox, path: &str) -> (String, String) {
    let answer = sandbox.inside(|| {
        let mut stream = TcpStream::connect(ADDRESS).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {ADDRESS}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    });
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), text.to_owned())
}

/// The value of a metric with these labels, as they are written.
pub fn value(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find(|line| line.rsplit_once(' ').is_some_and(|it| it.0 == name));
    line?.rsplit_once(' ')?.1.parse().ok()
}

/// The same of a sandbox's instance; 0 where it has no such metric.
pub fn metric(sandbox: &Sandbox, name: &str) -> f64 {
    value(&get(sandbox, "/metrics").1, name).unwrap_or_default()
}

/// What all metrics of a name add up to, whatever their labels.
pub fn sum(metrics: &str, name: &str) -> f64 {
    let values = metrics.lines().filter_map(|line| {
        let (its, value) = line.rsplit_once(' ')?;
        let is_it = its == name || its.strip_prefix(name)?.starts_with('{');
        is_it.then(|| value.parse::<f64>().ok())?
    });
    values.sum()
}

/// Waits until a metric of this name counts something, whatever its labels.
#[track_caller]
pub fn wait_for(sandbox: &Sandbox, name: &str) {
    wait_until(|| sum(&get(sandbox, "/metrics").1, name) > 0.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_found_by_their_whole_names() {
        let metrics = "# HELP a x\na 1\na_total{b=\"c d\"} 2\na_total{b=\"e\"} 3\n";
        assert_eq!(value(metrics, "a_total{b=\"c d\"}"), Some(2.0));
        assert_eq!((value(metrics, "a"), value(metrics, "a_total")), (Some(1.0), None));
        assert_eq!((sum(metrics, "a"), sum(metrics, "a_total")), (1.0, 5.0));
    }
}
