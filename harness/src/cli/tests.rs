//! What people read who ask for help or make a mistake.
#![allow(clippy::unwrap_used)]

use clap::{CommandFactory as _, Parser as _};
use rstest::rstest;

use super::args::{Cli, Command, ReportFormat, ScenariosCommand};
use super::error::{Failure, FailureKind};
use super::{Exit, parse};
use crate::engine::{EngineError, EngineErrorKind};
use crate::report::Style;

fn args(line: &str) -> Vec<std::ffi::OsString> {
    std::iter::once("comeback")
        .chain(line.split_whitespace())
        .map(Into::into)
        .collect()
}

#[rstest]
#[case::itself("")]
#[case::reproduce("reproduce")]
#[case::check("check")]
#[case::compare("compare")]
#[case::explore("explore")]
#[case::judge("judge")]
#[case::merge("merge")]
#[case::selftest("selftest")]
#[case::scenarios("scenarios")]
#[case::scenarios_explain("scenarios explain")]
#[case::doctor("doctor")]
#[case::sweep("sweep")]
#[case::completions("completions")]
#[case::man("man")]
#[case::images("images")]
#[case::images_build("images build")]
#[case::images_prune("images prune")]
fn help(#[case] path: &str) {
    let mut root = Cli::command().term_width(100);
    root.build();
    let command = path
        .split_whitespace()
        .fold(&mut root, |command, name| command.find_subcommand_mut(name).unwrap());
    let name = format!("help_{}", path.replace(' ', "_"));
    insta::assert_snapshot!(name, command.clone().term_width(100).render_long_help());
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[rstest]
#[case("--help", Exit::Held)]
#[case("--version", Exit::Held)]
#[case("check --help", Exit::Held)]
#[case("", Exit::Usage)]
#[case("check", Exit::Usage)]
#[case("nonsense", Exit::Usage)]
#[case("check release:0.17.0 --repeat 0", Exit::Usage)]
#[case("check release:0.17.0 --jobs x", Exit::Usage)]
#[case("check release:0.17.0 --format pdf", Exit::Usage)]
#[case("check release:0.17.0 --output pdf=x", Exit::Usage)]
#[case("check release:0.17.0 --timeout never", Exit::Usage)]
#[case("reproduce --expect fixed", Exit::Usage)]
#[case("reproduce -v -q", Exit::Usage)]
fn exit_code_of_an_early_end(#[case] line: &str, #[case] wanted: Exit) {
    assert_eq!(parse(args(line)).err(), Some(wanted.code()));
}

#[rstest]
#[case("check source:. --exit-style bisect --frobnicate", 192)]
#[case("check --exit-style=bisect", 192)]
#[case("check --exit-style bisect --help", 0)]
fn bisecting_stops_at_a_mistake_of_the_callers(#[case] line: &str, #[case] wanted: u8) {
    assert_eq!(parse(args(line)).err(), Some(wanted));
}

#[test]
fn flags_of_check() {
    let line = "check source:. docker:x --filter tag(core) --scenarios my -j 3 --repeat 2 --expect regressed --timeout 90s \
                --fail-fast --dry-run --format json --output json=a.json --output human=b.txt --record rec \
                --keep on-failure --host unix:///x --offline --color never -vv";
    let cli = Cli::try_parse_from(args(line)).unwrap();
    let Command::Check(check) = &cli.command else {
        panic!("not check")
    };
    assert_eq!(check.images, ["source:.", "docker:x"]);
    assert_eq!(check.job.run.timeout.as_secs(), 90);
    assert_eq!(check.job.report.render.format, ReportFormat::Json);
    assert_eq!(check.job.report.render.output.len(), 2);
    assert_eq!(cli.talk.verbose, 2);
}

#[test]
fn scenarios_lists_by_default() {
    let cli = Cli::try_parse_from(args("scenarios --filter x")).unwrap();
    let Command::Scenarios(scenarios) = cli.command else {
        panic!("not scenarios")
    };
    assert!(scenarios.command.is_none());
    assert_eq!(scenarios.select.filter.as_deref(), Some("x"));
    let cli = Cli::try_parse_from(args("scenarios explain docker-restart")).unwrap();
    let Command::Scenarios(scenarios) = cli.command else {
        panic!("not scenarios")
    };
    assert!(matches!(scenarios.command, Some(ScenariosCommand::Explain { .. })));
}

#[test]
fn the_help_names_every_exit_code() {
    let help = Cli::command().render_long_help().to_string();
    for exit in Exit::ALL {
        assert!(help.contains(&exit.to_string()), "{exit} is not documented");
    }
}

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

/// A variant that is not in the list does not compile; one that nobody reads here fails.
#[test]
fn every_kind_of_failure_is_read_here() {
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
