use std::net::SocketAddr;
use std::path::Path;

use super::*;
use crate::lab::requests::{Expected, Family, Page};

fn request(ask: Ask, family: Family) -> Request {
    Request { ask, name: "www.example.org", family, expected: Expected::Answered }
}

fn arguments(ask: Ask, family: Family) -> String {
    let request = request(ask, family);
    let from = SocketAddr::new(family.client(), 40_000);
    let setting = Setting { folder: Path::new("/lab"), server: family.server(), from };
    call(&request, &setting).arguments.join(" ")
}

fn output(success: bool, stdout: &str, stderr: &str) -> Output {
    Output { success, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
}

#[test]
fn curl_goes_where_dig_said_from_the_port_given() {
    let line = arguments(Ask::Https(Page::Small), Family::V6);
    assert!(line.starts_with("--disable "), "{line}");
    assert!(line.contains("--resolve www.example.org:443:[2001:db8:2::2] "), "{line}");
    assert!(line.contains("--interface 2001:db8:1::2 --local-port 40000 "), "{line}");
    assert!(line.ends_with("--output /dev/null https://www.example.org/"), "{line}");
    let line = arguments(Ask::HttpTwice, Family::V4);
    assert!(line.contains("http://www.example.org/tiny --output /dev/null http://"), "{line}");
}

#[test]
fn a_page_cut_short_is_no_answer() {
    let ask = request(Ask::HttpTwice, Family::V4);
    assert!(answer(&ask, &output(true, "200 64\n200 262144\n", "")).is_ok());
    let cut = output(false, "200 64\n200 4096\n", "curl: (28) Operation timed out");
    assert_eq!(answer(&ask, &cut), Err("curl: (28) Operation timed out".to_owned()));
    assert!(answer(&ask, &output(true, "200 64\n", "")).is_err(), "only the first page");
    assert!(answer(&ask, &output(true, "200 64\n404 262144\n", "")).is_err());
}

#[test]
fn only_the_address_of_the_lab_is_an_answer() {
    let ask = request(Ask::Address, Family::V4);
    assert_eq!(answer(&ask, &output(true, "198.18.2.2\n", "")), Ok("198.18.2.2".to_owned()));
    assert!(answer(&ask, &output(true, "198.51.100.1\n", "")).is_err());
    let none = output(false, ";; communications error to 198.18.2.2#53: timed out\n", "");
    assert!(answer(&ask, &none).unwrap_err().contains("timed out"));
}

#[test]
fn a_handshake_without_the_page_is_no_answer() {
    let ask = request(Ask::Tls, Family::V4);
    let page = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(servers::SMALL.1));
    assert!(answer(&ask, &output(true, &page, "depth=0 CN = x\nverify return:1")).is_ok());
    assert!(answer(&ask, &output(true, &page[..5000], "")).unwrap_err().contains("of 262144"));
    let none = output(false, "", "depth=0 CN = x\nverify return:1");
    assert_eq!(answer(&ask, &none), Err("no answer".to_owned()));
}

#[test]
fn the_refusal_is_sshs_answer() {
    let ask = request(Ask::Ssh, Family::V4);
    let refused = output(false, "", "visitor@198.18.2.2: Permission denied (publickey).\r\n");
    assert!(answer(&ask, &refused).is_ok());
    let cut = output(false, "", "Connection timed out during banner exchange\n");
    assert!(answer(&ask, &cut).is_err());
}
