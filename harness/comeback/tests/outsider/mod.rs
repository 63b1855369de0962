//! Runs the binary as anybody would.
#![allow(dead_code)]

use std::fmt;
use std::process::{Command, Output};
use std::time::Duration;

/// The binary.
pub const BINARY: &str = env!("CARGO_BIN_EXE_comeback");
/// No command of these tests takes longer, on the slowest machine.
const LIMIT: Duration = Duration::from_secs(600);

/// The binary, in an environment that says nothing about how to talk.
pub fn comeback() -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(BINARY);
    for name in ["NO_COLOR", "CLICOLOR", "COLUMNS", "RUST_LOG"] {
        command.env_remove(name);
    }
    // Whoever runs the tests may have defaults of their own.
    command.env("COMEBACK_CONFIG", "");
    command.timeout(LIMIT);
    command
}

/// A child that is not waited for.
pub fn child() -> Command {
    let mut command = Command::new(BINARY);
    command.env_remove("RUST_LOG").env("COMEBACK_CONFIG", "");
    command
}

/// What there is to see of a command that has ended.
pub struct CommandOutput {
    /// Exit code; of a signal, its number below 0.
    pub code: i32,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
}

/// Runs a command to its end.
pub fn run(command: &mut assert_cmd::Command) -> CommandOutput {
    CommandOutput::of(command.output().expect("it runs"))
}

impl CommandOutput {
    /// What a child left.
    pub fn of(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let signal = output.status.signal().map(|signal| -signal);
        Self {
            code: output.status.code().or(signal).unwrap_or_default(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Stdout as the one JSON document it has to be.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("stdout is no JSON document ({why}):\n{self}"))
    }
}

/// The dossier of a failed assertion.
impl fmt::Display for CommandOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\nexit code {}\n--- stdout\n{}\n--- stderr\n{}\n---",
            self.code, self.out, self.err
        )
    }
}

/// That nothing in a text is acted upon by whoever shows it: no terminal escape, no character that reorders others, and no
/// command of a CI server; annotations are such commands, and ours alone.
pub fn inert(text: &str, format: &str) {
    let acts = |c: &char| {
        c.is_control() && *c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert_eq!(text.chars().find(acts), None, "in {format}");
    for line in text.lines() {
        let ours = format == "annotations" && ["::error ", "::warning "].iter().any(|c| line.starts_with(c));
        assert!(ours || !line.trim_start().starts_with("::"), "in {format}: {line}");
        for command in ["##[", "##vso[", "##teamcity["] {
            assert!(!line.contains(command), "in {format}: {line}");
        }
    }
}
