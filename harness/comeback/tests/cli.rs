//! The command line without an engine: exit codes, messages, and what goes to stdout and stderr.

#![allow(clippy::unwrap_used)]

mod action;
mod outsider;

use std::path::Path;
use std::process::{Command, Stdio};

use outsider::{CommandOutput, comeback, run};
use rstest::rstest;

/// An address without an engine.
const NOWHERE: &str = "unix:///nonexistent.sock";
/// Another one, with a password in it.
const SECRET: &str = "tcp://me:hunter2hunter2@127.0.0.1:9";

#[rstest]
#[case::check(&["check", "release:0.17.0"])]
#[case::reproduce(&["reproduce"])]
#[case::compare(&["compare", "release:0.16.0", "release:0.17.0"])]
#[case::matrix(&["matrix"])]
#[case::selftest(&["selftest"])]
#[case::explore(&["explore", "release:0.17.0"])]
#[case::sweep(&["sweep"])]
#[case::sweep_that_only_looks(&["sweep", "--dry-run"])]
#[case::images(&["images", "list"])]
fn commands_without_an_engine_exit_with_3(#[case] command: &[&str]) {
    let seen = run(comeback().args(command).args(["--host", NOWHERE]));
    assert_eq!(seen.code, 3, "{seen}");
    assert_eq!(seen.out, "", "{seen}");
    assert!(
        seen.err
            .starts_with(&format!("error: no container engine answers at {NOWHERE}\n")),
        "{seen}"
    );
    assert!(seen.err.contains("--host or DOCKER_HOST"), "{seen}");
    assert!(!seen.err.ends_with("\n\n"), "{seen}");
}

#[test]
fn the_engine_is_found_by_the_environment() {
    let seen = run(comeback().arg("sweep").env("DOCKER_HOST", NOWHERE));
    assert_eq!(seen.code, 3, "{seen}");
    assert!(seen.err.contains(NOWHERE), "{seen}");
}

/// A password in the engine's address is never printed, wherever the address comes from and in any output.
#[rstest]
#[case::a_flag(&["--host", SECRET], "DOCKER_HOST", NOWHERE)]
#[case::a_variable(&[], "DOCKER_HOST", SECRET)]
#[case::podmans_variable(&["--engine", "podman"], "CONTAINER_HOST", SECRET)]
#[case::unsupported_scheme(&["--engine", "podman"], "CONTAINER_HOST", "ssh://me:hunter2hunter2@127.0.0.1:9/run/x.sock")]
fn credentials_of_the_engine_are_never_printed(#[case] flags: &[&str], #[case] variable: &str, #[case] value: &str) {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record").display().to_string();
    let report = format!("html={}", folder.path().join("report.html").display());
    let commands: [&[&str]; 4] = [
        &[
            "check",
            "release:0.17.0",
            "--format",
            "json",
            "--record",
            &record,
            "--output",
            &report,
        ],
        &["reproduce", "-vv", "--format", "jsonl"],
        &["sweep"],
        &["doctor", "--format", "json", "--offline"],
    ];
    for command in commands {
        let seen = run(comeback()
            .args(command)
            .args(flags)
            .env(variable, value)
            .env("RUST_LOG", "trace"));
        assert_eq!(seen.code, 3, "{seen}");
        assert!(!seen.out.contains("hunter2") && !seen.err.contains("hunter2"), "{seen}");
        assert!(
            seen.err.contains("127.0.0.1") || seen.out.contains("127.0.0.1"),
            "{seen}"
        );
    }
    let written = Command::new("grep")
        .args(["-rl", "hunter2"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&written.stdout), "");
}

#[test]
fn the_current_docker_context_is_used() {
    let folder = tempfile::tempdir().unwrap();
    // Docker stores a context under the SHA-256 of its name.
    let meta = folder
        .path()
        .join("contexts/meta/92b6359c721fcf6f815f21bc434bff939a36add34a64108e711e7a78af95d964");
    std::fs::create_dir_all(&meta).unwrap();
    write(folder.path(), "config.json", r#"{"currentContext":"elsewhere"}"#);
    let context = format!(r#"{{"Endpoints":{{"docker":{{"Host":"{NOWHERE}"}}}}}}"#);
    write(&meta, "meta.json", &context);
    let there = run(comeback()
        .args(["sweep", "--dry-run"])
        .env_remove("DOCKER_HOST")
        .env("DOCKER_CONFIG", folder.path())
        .env("DOCKER_CONTEXT", "somewhere"));
    assert_eq!(there.code, 3, "{there}");
    assert!(there.err.contains(NOWHERE), "{there}");
    let missing = run(comeback()
        .args(["sweep", "--dry-run"])
        .env_remove("DOCKER_HOST")
        .env("DOCKER_CONFIG", folder.path()));
    assert_eq!(missing.code, 3, "{missing}");
    assert!(missing.err.contains("docker context `elsewhere`"), "{missing}");
    assert!(missing.err.contains("there is no such context"), "{missing}");
}

#[rstest]
#[case::for_people(&["--offline"])]
#[case::for_programs(&["--offline", "--format", "json"])]
fn doctor_reports_a_missing_engine(#[case] flags: &[&str]) {
    let seen = run(comeback().args(["doctor", "--host", NOWHERE]).args(flags));
    assert_eq!(seen.code, 3, "{seen}");
    assert_eq!(seen.err, "", "{seen}");
    if flags.contains(&"json") {
        let document = seen.json();
        assert_eq!(document["ready"], false);
        assert_eq!(document["exit_code"], 3);
        assert_eq!(document["findings"][0]["check"], "engine");
        assert_eq!(document["findings"][0]["state"], "bad");
    } else {
        assert!(seen.out.contains("✗ engine"), "{seen}");
        assert!(seen.out.contains("named by --host"), "{seen}");
    }
}

#[test]
fn json_is_one_document_even_without_an_engine() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.json");
    let output = format!("json={}", file.display());
    let seen = run(comeback()
        .args(["check", "release:0.17.0", "--format", "json", "--host", NOWHERE])
        .args(["--output", &output]));
    let document = seen.json();
    assert_eq!(seen.code, 3, "{seen}");
    assert_eq!(document["exit_code"], 3);
    assert_eq!(document["verdict"], "error");
    assert_eq!(document["schema"], 1);
    assert!(document["engine"].is_null());
    assert_eq!(document["cases"], serde_json::json!([]));
    assert!(document["failure"].as_str().unwrap().contains(NOWHERE));
    let written: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(written["run"], document["run"], "the file and stdout are one document");
}

#[rstest]
#[case::nothing_selected(&["--filter", "tag(no-such-tag)"], 4)]
#[case::unknown_predicate(&["--filter", "tga(core)"], 64)]
#[case::no_image(&["--scenarios", "/nonexistent"], 64)]
fn json_is_one_document_for_every_error(#[case] flags: &[&str], #[case] code: i32) {
    let seen = run(comeback()
        .args(["check", "release:0.17.0", "--format", "json"])
        .args(flags));
    assert_eq!(seen.code, code, "{seen}");
    assert_eq!(seen.json()["exit_code"], code);
    assert!(seen.err.starts_with("error:"), "{seen}");
}

#[rstest]
#[case::unknown_predicate(&["check", "release:0.17.0", "--filter", "tga(core)"], 64, "unknown predicate `tga`")]
#[case::with_a_caret(&["check", "release:0.17.0", "--filter", "tga(core)"], 64, "^^^ not a predicate; did you mean `tag`?")]
#[case::unknown_id(&["check", "release:0.17.0", "--filter", "docker-restrat"], 4, "`docker-restart`")]
#[case::unknown_id_to_explain(&["scenarios", "explain", "docker-restrat"], 4, "did you mean `docker-restart`?")]
#[case::nothing_selected(&["check", "release:0.17.0", "--filter", "tag(no-such-tag)"], 4, "`comeback scenarios` lists")]
#[case::no_image_expression(&["check", "0.17.0"], 64, "release:")]
#[case::no_image(&["check"], 64, "Usage")]
#[case::unknown_command(&["chekc"], 64, "check")]
#[case::bad_format(&["check", "release:0.17.0", "--format", "pdf"], 64, "json")]
fn wrong_arguments_are_usage_errors(#[case] command: &[&str], #[case] code: i32, #[case] said: &str) {
    // Wrong arguments are reported even without an engine.
    let seen = run(comeback().args(command).env("DOCKER_HOST", NOWHERE));
    assert_eq!(seen.code, code, "{seen}");
    assert!(seen.err.contains(said), "{seen}");
    assert_eq!(seen.out, "", "{seen}");
}

#[test]
fn all_errors_of_scenario_files_are_reported_at_once() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        "one.toml",
        "schema = 1\ntitle = \"a\"\nwhy = \"b\"\ncolour = 1\n[[step]]\ndocker-restart = {}\n",
    );
    write(folder.path(), "two.toml", "schema = 1\ntitle = \"unfinished\n");
    let path = folder.path().to_str().unwrap();
    let seen = run(comeback().args(["check", "release:0.17.0", "--scenarios", path, "--host", NOWHERE]));
    assert_eq!(seen.code, 64, "{seen}");
    assert_eq!(seen.out, "", "{seen}");
    for said in [
        "unknown operation `docker-restart`",
        "did you mean `engine-restart`?",
        "`colour`",
        "one.toml:6:1",
        "two.toml:2:",
        "^^^",
        "nothing was run",
    ] {
        assert!(seen.err.contains(said), "{said} is not in\n{seen}");
    }
}

#[test]
fn a_users_scenario_file_is_planned_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string("../../scenarios/docker-restart.toml").unwrap();
    write(folder.path(), "mine.toml", &text);
    let path = folder.path().to_str().unwrap();
    let seen = run(comeback().args([
        "check",
        "release:0.17.0",
        "--dry-run",
        "--filter",
        "mine",
        "--scenarios",
        path,
    ]));
    assert_eq!(seen.code, 0, "{seen}");
    assert!(seen.out.starts_with("1 case;"), "{seen}");
}

#[test]
fn defaults_come_from_the_nearest_file_and_flags_override_them() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::create_dir(folder.path().join(".config")).unwrap();
    write(
        folder.path(),
        ".config/comeback.toml",
        "filter = \"operator-stop\"\nrepeat = 3\n",
    );
    let plan = |flags: &[&str], variable: Option<&str>| {
        let mut command = comeback();
        command.env_remove("COMEBACK_CONFIG").current_dir(&below);
        if let Some(value) = variable {
            command.env("COMEBACK_REPEAT", value);
        }
        run(command.args(["check", "release:0.17.0", "--dry-run"]).args(flags))
    };
    let from_the_file = plan(&["-v"], None);
    assert!(from_the_file.out.starts_with("3 cases"), "{from_the_file}");
    assert!(
        from_the_file.err.contains("defaults from ") && from_the_file.err.contains("comeback.toml"),
        "{from_the_file}"
    );
    assert_eq!(plan(&[], None).err, "");
    let from_the_environment = plan(&[], Some("2"));
    assert!(
        from_the_environment.out.starts_with("2 cases"),
        "{from_the_environment}"
    );
    let from_a_flag = plan(&["--repeat", "1"], Some("2"));
    assert!(from_a_flag.out.starts_with("1 case;"), "{from_a_flag}");
    write(folder.path(), ".config/comeback.toml", "repaet = 3\n");
    let wrong = plan(&[], None);
    assert_eq!(wrong.code, 64, "{wrong}");
    for said in [
        "unknown key `repaet`",
        "comeback.toml:1:1",
        "did you mean `repeat`?",
        "^^^",
    ] {
        assert!(wrong.err.contains(said), "{said} is not in\n{wrong}");
    }
    let off =
        run(comeback()
            .current_dir(&below)
            .args(["check", "release:0.17.0", "--dry-run", "--filter", "operator-stop"]));
    assert!(off.out.starts_with("1 case;"), "{off}");
}

#[test]
fn variables_for_flags_are_ignored_by_commands_without_the_flag() {
    let seen = run(comeback()
        .args(["scenarios", "operations"])
        .env("COMEBACK_FILTER", "operator-stop"));
    assert_eq!(seen.code, 0, "{seen}");
}

#[test]
fn data_goes_to_stdout_and_progress_to_stderr() {
    let seen = run(comeback().arg("scenarios"));
    assert_eq!(seen.code, 0, "{seen}");
    assert!(seen.out.contains("docker-restart"), "{seen}");
    assert_eq!(seen.err, "", "{seen}");
}

#[rstest]
#[case::asked_for(&["--color", "always"], None, true)]
#[case::a_pipe(&[], None, false)]
#[case::never(&["--color", "never"], None, false)]
#[case::refused(&[], Some("1"), false)]
fn colour_follows_flag_variable_and_terminal(
    #[case] flags: &[&str],
    #[case] no_color: Option<&str>,
    #[case] painted: bool,
) {
    let mut command = comeback();
    command.args(["check", "release:0.17.0", "--host", NOWHERE]).args(flags);
    if let Some(value) = no_color {
        command.env("NO_COLOR", value);
    }
    let seen = run(&mut command);
    assert_eq!(seen.err.contains('\u{1b}'), painted, "{seen}");
}

/// As in `comeback scenarios | head -0`.
#[test]
fn a_closed_stdout_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = Command::new(outsider::BINARY)
        .arg("scenarios")
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let seen = CommandOutput::of(child.wait_with_output().unwrap());
    assert_eq!((seen.code, seen.err.as_str()), (0, ""), "{seen}");
}

#[test]
fn a_closed_stderr_does_not_change_the_exit_code() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = Command::new(outsider::BINARY)
        .args(["sweep", "--host", NOWHERE])
        .stderr(writer)
        .spawn()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

#[test]
fn scenarios_lists_without_checkout_home_or_engine() {
    let folder = tempfile::tempdir().unwrap();
    let seen = run(comeback()
        .args(["scenarios", "explain", "docker-restart"])
        .env_clear()
        .current_dir(folder.path()));
    assert_eq!(seen.code, 0, "{seen}");
    assert!(seen.out.contains("#42675"), "{seen}");
}

#[test]
fn dry_run_prints_the_plan_without_an_engine() {
    let seen = run(comeback().args(["reproduce", "--dry-run", "--host", NOWHERE]));
    assert_eq!(seen.code, 0, "{seen}");
    assert!(seen.out.contains("docker-restart "), "{seen}");
    assert!(
        seen.out.contains("release:0.16.0@bookworm  release:0.17.0@bookworm"),
        "{seen}"
    );
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}
