//! The policy as its users meet it: text in, decisions and messages out.

mod adopted;
#[path = "../../../fuzz/cases/asked.rs"]
mod asked;
mod common;
mod corpus;
mod decisions;
mod evasion;
mod explanations;
mod first_packet;
mod groups;
mod handed;
mod lints;
mod lists;
mod messages;
mod mistakes;
mod property;
mod schema;
mod words;
