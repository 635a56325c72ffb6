//! Prints the error, sets the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    impasto::report::explain_aborts();
    match impasto::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            impasto::report::print_error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
