//! Prints the error, sets the exit code.

use std::env;
use std::process::ExitCode;

use impasto::internals;

fn main() -> ExitCode {
    // SVT-AV1 prints to the terminal unless this variable limits it to errors; it offers no other way.
    if env::var_os("SVT_LOG").is_none() {
        // SAFETY: the program has no other thread yet.
        unsafe { env::set_var("SVT_LOG", "1") };
    }
    // ONNX Runtime's own build counts its uses for its makers from its first moment on; this variable prevents that.
    if env::var_os("ORT_DISABLE_TELEMETRY").is_none() {
        // SAFETY: as above.
        unsafe { env::set_var("ORT_DISABLE_TELEMETRY", "1") };
    }
    internals::explain_aborts();
    match internals::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            internals::print_error(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
