//! The policy as its users meet it: text in, decisions and messages out.

mod adopted;
mod common;
mod corpus;
mod decisions;
mod evasion;
mod explanations;
mod first_packet;
mod groups;
mod lints;
mod lists;
mod messages;
mod mistakes;
mod property;
mod schema;
mod words;
