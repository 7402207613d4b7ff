//! How benches end.

use std::fmt::Display;
use std::process::ExitCode;

/// The exit status of a bench that ran, and was as it should be or not, or that says why it could not.
pub fn ended(result: Result<bool, impl Display>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}
