//! The help texts, and the exit codes of wrong usage.
#![allow(clippy::unwrap_used)]

use clap::{CommandFactory as _, Parser as _};
use rstest::rstest;

use super::args::{Cli, Command, ScenariosCommand};
use super::{Exit, parse};
use comeback_commands::options::ReportFormat;

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
fn help_texts(#[case] path: &str) {
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
fn wrong_usage_stops_a_bisection(#[case] line: &str, #[case] wanted: u8) {
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
    assert_eq!(cli.terminal.verbose, 2);
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
