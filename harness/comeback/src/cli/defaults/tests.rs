#![allow(clippy::unwrap_used)]

use clap::{CommandFactory as _, FromArgMatches as _};
use rstest::rstest;

use super::*;
use crate::cli::args::{self, Cli};

/// A folder with this file where it belongs.
fn folder(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(PLACE);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    folder
}

/// A command line with the defaults of this file.
fn cli(text: &str, line: &str, set: &[&str]) -> Cli {
    let folder = folder(text);
    let defaults = read(&above(folder.path()).unwrap()).unwrap();
    let command = defaults.apply_where(Cli::command(), &|name| set.contains(&name));
    let words = std::iter::once("comeback").chain(line.split_whitespace());
    Cli::from_arg_matches(&command.try_get_matches_from(words).unwrap()).unwrap()
}

fn check(text: &str, line: &str) -> args::Check {
    match cli(text, &format!("check x {line}"), &[]).command {
        args::Command::Check(check) => check,
        other => panic!("{other:?}"),
    }
}

const ALL: &str = r#"
filter = "tag(core)"
scenarios = "mine"
jobs = 3
repeat = 2
timeout = "90s"
fail-fast = true
keep = "on-failure"
output = ["json=out/run.json", "human=report.txt"]
record = "/records"
host = "unix:///engine.sock"
offline = true
color = "never"
"#;

#[test]
fn every_key_is_the_default_of_its_flag() {
    let found = check(ALL, "");
    assert_eq!(found.job.select.filter.as_deref(), Some("tag(core)"));
    assert!(found.job.select.scenarios.unwrap().ends_with("mine"));
    assert_eq!(found.job.run.jobs.unwrap().get(), 3);
    assert_eq!(found.job.run.repeat.get(), 2);
    assert_eq!(found.job.run.timeout.as_secs(), 90);
    assert!(found.job.run.fail_fast && found.job.engine.offline);
    assert!(found.job.run.keep.is_some());
    assert_eq!(found.job.report.render.output.len(), 2);
    assert!(
        found.job.report.render.output[0].path.is_absolute()
            && found.job.report.render.output[0].path.ends_with("out/run.json")
    );
    assert_eq!(found.job.report.record.as_deref(), Some(Path::new("/records")));
    assert_eq!(found.job.engine.host.as_deref(), Some("unix:///engine.sock"));
    assert_eq!(cli(ALL, "scenarios", &[]).terminal.color, args::ColorWhen::Never);
}

/// A key whose flag was renamed would be a default of nothing.
#[test]
fn every_key_has_a_flag() {
    for key in &KEYS {
        let command = Cli::command();
        let all: Vec<&Command> = std::iter::once(&command).chain(command.get_subcommands()).collect();
        let has = all
            .iter()
            .any(|c| c.get_arguments().any(|a| a.get_id() == key.argument));
        assert!(has, "{}", key.name);
        let flag = all
            .iter()
            .flat_map(|c| c.get_arguments())
            .find(|a| a.get_id() == key.argument);
        assert_eq!(flag.unwrap().get_long(), Some(key.name));
        let variable = format!("COMEBACK_{}", key.name.to_uppercase().replace('-', "_"));
        assert_eq!(flag.unwrap().get_env(), Some(variable.as_ref()));
    }
}

#[test]
fn flags_override_the_file() {
    let line =
        "--filter x -j 1 --repeat 5 --timeout 7 --fail-fast=false --output json=a --record r --host h --offline=false";
    let found = check(ALL, line);
    assert_eq!(found.job.select.filter.as_deref(), Some("x"));
    assert_eq!((found.job.run.jobs.unwrap().get(), found.job.run.repeat.get()), (1, 5));
    assert_eq!(found.job.run.timeout.as_secs(), 7);
    assert!(!found.job.run.fail_fast && !found.job.engine.offline);
    assert_eq!(found.job.report.render.output.len(), 1);
    assert_eq!(found.job.engine.host.as_deref(), Some("h"));
}

#[test]
fn variables_of_other_programs_override_the_file() {
    let command = cli(ALL, "check x", &["DOCKER_CONTEXT", "NO_COLOR"]);
    assert_eq!(command.command.options().unwrap().engine().unwrap().host, None);
    assert_eq!(command.terminal.color, args::ColorWhen::Auto);
}

#[test]
fn a_file_does_not_filter_what_reproduce_shows() {
    let args::Command::Reproduce(found) = cli(ALL, "reproduce", &[]).command else {
        panic!("not reproduce")
    };
    assert_eq!(found.job.select.filter, None);
    assert_eq!(found.job.run.repeat.get(), 2);
}

#[test]
fn the_nearest_file_is_used() {
    let outer = folder("jobs = 1");
    let inner = outer.path().join("a/b");
    std::fs::create_dir_all(&inner).unwrap();
    assert_eq!(above(&inner), Some(outer.path().join(PLACE)));
    std::fs::create_dir_all(outer.path().join("a/.config")).unwrap();
    std::fs::write(outer.path().join("a").join(PLACE), "").unwrap();
    assert_eq!(above(&inner), Some(outer.path().join("a").join(PLACE)));
}

#[rstest]
#[case::wrong_values(
    "wrong_values",
    "filter = \"tga(core)\"\njobs = 0\nrepeat = \"2\"\ntimeout = \"never\"\nfail-fast = 1\nkeep = \"always\"\n\
     output = [\"pdf=x\"]\nhost = \"\"\nrecord = 7\ncolor = \"blue\"\n"
)]
#[case::unknown_keys("unknown_keys", "job = 3\nfilters = \"x\"\n[run]\njobs = 1\n")]
#[case::no_toml("no_toml", "jobs = \n")]
fn all_errors_are_reported_at_once(#[case] name: &str, #[case] text: &str) {
    let errors = file::parse(".config/comeback.toml", text, Path::new("/")).unwrap_err();
    let all: Vec<String> = errors.iter().map(|e| e.render(false)).collect();
    insta::assert_snapshot!(name, all.join("\n"));
}
