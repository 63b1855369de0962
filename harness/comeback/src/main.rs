//! The `comeback` binary. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    comeback::main(std::env::args_os().collect())
}
