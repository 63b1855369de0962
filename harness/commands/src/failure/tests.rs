//! The message and the exit code of every kind of failure.
#![allow(clippy::unwrap_used)]

use super::{Failure, FailureKind};
use crate::variants;
use comeback_engine::{EngineError, EngineErrorKind};
use comeback_text::terminal::Style;
use comeback_verdict::Exit;

fn failures() -> Vec<(Failure, Exit)> {
    let unreachable = EngineError::new(
        "version",
        EngineErrorKind::Unreachable("No such file or directory".into()),
    );
    let status = EngineErrorKind::Status {
        code: 500,
        message: "no space left on device\n".into(),
    };
    vec![
        (
            Failure::engine(&unreachable, "unix:///var/run/docker.sock"),
            Exit::Environment,
        ),
        (
            Failure::engine(&EngineError::new("create container", status), "x").doing("sweep"),
            Exit::Environment,
        ),
        (
            Failure::new(FailureKind::Image {
                image: "release:0.99.0".into(),
                why: "PyPI has no such release of hermes-agent".into(),
                hint: Some("the newest is 0.19.0".into()),
            })
            .detail([
                "uv pip install hermes-agent==0.99.0".into(),
                "\u{1b}[31mNo solution found".into(),
            ]),
            Exit::Environment,
        ),
        (
            Failure::new(FailureKind::Leak {
                left: vec!["container 3f2a (docker-restart)".into()],
            }),
            Exit::Environment,
        ),
        (
            Failure::new(FailureKind::NothingSelected {
                filter: Some("tag(nope)".into()),
                of: 5,
            }),
            Exit::Nothing,
        ),
        (
            Failure::new(FailureKind::NothingSelected { filter: None, of: 0 }),
            Exit::Nothing,
        ),
        (
            Failure::new(FailureKind::Usage {
                why: "`relaese:0.17.0` is no image expression".into(),
                hint: Some("did you mean release:0.17.0?".into()),
            }),
            Exit::Usage,
        ),
        (
            Failure::new(FailureKind::BadFile {
                diagnostic: "error: unknown key\n --> a.toml:1:1\n".into(),
            }),
            Exit::Usage,
        ),
        (
            Failure::new(FailureKind::Io {
                path: "run.json".into(),
                why: "permission denied".into(),
            })
            .doing("write the report"),
            Exit::Usage,
        ),
        (
            Failure::new(FailureKind::Internal {
                why: "a case was lost".into(),
            }),
            Exit::Internal,
        ),
        (
            Failure::new(FailureKind::Interrupted {
                exit: Exit::Interrupted,
            }),
            Exit::Interrupted,
        ),
        (
            Failure::new(FailureKind::Interrupted { exit: Exit::Terminated }),
            Exit::Terminated,
        ),
    ]
}

variants!(FailureKind:
    EngineUnavailable, EngineFailed, Image, Leak, NothingSelected, Usage, BadFile, Io, Internal, Interrupted);

#[test]
fn every_kind_of_failure_has_a_sample() {
    let seen: Vec<&str> = failures().iter().map(|(failure, _)| name_of(&failure.kind)).collect();
    for name in NAMES {
        assert!(seen.contains(name), "no sample of {name}");
    }
}

#[test]
fn how_errors_read() {
    let all: Vec<String> = failures()
        .iter()
        .map(|(failure, _)| format!("{}[{}]\n", failure.render(Style::PLAIN), failure.exit()))
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn exit_codes_of_errors() {
    for (failure, exit) in failures() {
        assert_eq!(failure.exit(), exit, "{failure}");
    }
}
