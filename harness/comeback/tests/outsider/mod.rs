//! Runs the binary as a user would.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Path of the binary.
pub const BINARY: &str = env!("CARGO_BIN_EXE_comeback");
/// The formats of a report.
pub const FORMATS: [&str; 8] = [
    "human",
    "json",
    "jsonl",
    "junit",
    "ctrf",
    "markdown",
    "annotations",
    "html",
];
/// The stub's files.
const STUB: [&str; 6] = [
    "pyproject.toml",
    "Dockerfile",
    "hermes_cli/__init__.py",
    "hermes_cli/container_boot.py",
    "hermes_cli/main.py",
    "hermes_cli/service_manager.py",
];
/// Timeout of a command. None takes longer, even on a slow machine.
const LIMIT: Duration = Duration::from_secs(600);

/// The binary, in an environment without settings for its output.
pub fn comeback() -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(BINARY);
    for name in ["NO_COLOR", "CLICOLOR", "COLUMNS", "RUST_LOG"] {
        command.env_remove(name);
    }
    // The developer may have a defaults file.
    command.env("COMEBACK_CONFIG", "");
    command.timeout(LIMIT);
    command
}

/// The image of the gateway that stands in for the real one (`tests/stub-gateway`), with the behaviour of 0.16.0 or 0.17.0,
/// as an image expression. It is for tests of the harness that are not about hermes: its cases take half the time.
pub fn stub(release: &str) -> String {
    static BUILT: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let reference = built.entry(release.to_owned()).or_insert_with(|| build_stub(release));
    format!("docker:{reference}")
}

fn build_stub(release: &str) -> String {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/stub-gateway");
    let tree = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stub-{release}"));
    std::fs::create_dir_all(tree.join("hermes_cli")).expect("a folder for the stub");
    for file in STUB {
        let text = std::fs::read_to_string(from.join(file)).expect("the stub's file");
        std::fs::write(tree.join(file), text.replace("\"0.17.0\"", &format!("\"{release}\"")))
            .expect("the stub's file");
    }
    let built = run(comeback().args(["images", "build", &format!("source:{}", tree.display())]));
    assert_eq!(built.code, 0, "{built}");
    let reference = built.out.trim().to_owned();
    // What is read in an image is cached: no later run has to.
    let read = run(comeback().args(["images", "build", &format!("docker:{reference}")]));
    assert_eq!(read.code, 0, "{read}");
    reference
}

/// A child process that is not waited for.
pub fn child() -> Command {
    let mut command = Command::new(BINARY);
    command.env_remove("RUST_LOG").env("COMEBACK_CONFIG", "");
    command
}

/// The result of a command.
pub struct CommandOutput {
    /// Exit code; for a signal, its negative number.
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
    /// The result of a child process.
    pub fn of(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        let signal = output.status.signal().map(|signal| -signal);
        Self {
            code: output.status.code().or(signal).unwrap_or_default(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Parses stdout as a single JSON document.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|why| panic!("stdout is no JSON document ({why}):\n{self}"))
    }
}

/// Everything needed to understand a failed assertion.
impl fmt::Display for CommandOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\nexit code {}\n--- stdout\n{}\n--- stderr\n{}\n---",
            self.code, self.out, self.err
        )
    }
}

/// Asserts that a text has no effect where it is shown: no terminal escape sequence, no bidirectional control, and no
/// workflow command of a CI server. In the format `annotations`, comeback's own commands are allowed.
pub fn inert(text: &str, format: &str) {
    let acts = |c: &char| {
        c.is_control() && *c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert_eq!(text.chars().find(acts), None, "in {format}");
    for line in text.lines() {
        let ours = format == "annotations"
            && ["::error ", "::warning ", "::notice "]
                .iter()
                .any(|c| line.starts_with(c));
        assert!(ours || !line.trim_start().starts_with("::"), "in {format}: {line}");
        for command in ["##[", "##vso[", "##teamcity["] {
            assert!(!line.contains(command), "in {format}: {line}");
        }
    }
}
