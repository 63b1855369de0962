//! Parse, dispatch, exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let cli = match comeback::cli::parse(arguments.clone()) {
        Ok(cli) => cli,
        Err(code) => return ExitCode::from(code),
    };
    comeback::app::main(cli, arguments)
}
