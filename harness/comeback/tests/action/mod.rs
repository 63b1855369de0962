//! The scripts of the GitHub action, run as a runner would, with a fake `comeback` that writes down its arguments.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use rstest::rstest;

use super::outsider::CommandOutput;

/// The fake: writes down its arguments, writes the requested reports, and ends with `$CODE`.
const PROGRAM: &str = r#"#!/usr/bin/env bash
printf '%s\n' "$@" >"$CALLED"
echo "::error::a line of a container"
[[ ${COMEBACK_CONFIG-unset} == '' ]] || exit 70
[[ $CODE != 64 ]] || exit 64
for argument in "$@"; do
    case $argument in
    json=*) echo "{\"verdict\": \"$VERDICT\"}" >"${argument#*=}" ;;
    markdown=*) echo '# the summary' >"${argument#*=}" ;;
    annotations=*) echo '::error title=x::the annotation' >"${argument#*=}" ;;
    html=*) echo '<html>' >"${argument#*=}" ;;
    esac
done
exit "$CODE"
"#;

struct Step {
    seen: CommandOutput,
    called: Vec<String>,
    output: String,
    summary: String,
}

impl Step {
    fn output(&self, name: &str) -> &str {
        let found = self
            .output
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("no output {name} in\n{}", self.output))
    }
}

fn judge(folder: &Path, code: &str, verdict: &str, inputs: &[(&str, &str)]) -> Step {
    let program = folder.join("program");
    std::fs::write(&program, PROGRAM).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let file = |name: &str| folder.join(name);
    let mut step = Command::new("bash");
    step.arg("../../ci/action/run")
        .env("GITHUB_OUTPUT", file("output"))
        .env("GITHUB_STEP_SUMMARY", file("summary"))
        .env("RUNNER_TEMP", folder)
        .env("COMEBACK", &program)
        .env("CALLED", file("called"))
        .envs([("CODE", code), ("VERDICT", verdict)]);
    for name in ["INPUT_FILTER", "INPUT_EXPECT", "INPUT_COMPARE_WITH", "INPUT_ARGS"] {
        step.env(name, "");
    }
    let seen = CommandOutput::of(step.envs(inputs.iter().copied()).output().unwrap());
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap_or_default();
    Step {
        seen,
        called: read("called").lines().map(str::to_owned).collect(),
        output: read("output"),
        summary: read("summary"),
    }
}

#[test]
fn inputs_are_passed_as_arguments() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = [
        ("INPUT_IMAGE", "docker:a\n  --offline\n"),
        ("INPUT_FILTER", "tag(core) and not x; touch owned"),
        ("INPUT_EXPECT", "fixed"),
        ("INPUT_ARGS", "--repeat\n3\n\n"),
        ("INPUT_HISTORY", "history.jsonl"),
    ];
    let step = judge(folder.path(), "0", "held", &inputs);
    assert_eq!(step.seen.code, 0, "{}", step.seen);
    assert_eq!(step.called[0], "check");
    let tail = [
        "--filter",
        "tag(core) and not x; touch owned",
        "--history",
        "history.jsonl",
        "--expect",
        "fixed",
        "--repeat",
        "3",
        "--",
        "docker:a",
        "--offline",
    ];
    assert!(step.called.ends_with(&tail.map(str::to_owned)), "{:?}", step.called);
}

#[test]
fn compare_with_is_the_first_image() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = [("INPUT_IMAGE", "docker:new"), ("INPUT_COMPARE_WITH", "docker:old")];
    let step = judge(folder.path(), "0", "held", &inputs);
    assert_eq!(step.called[0], "compare");
    assert!(
        step.called
            .ends_with(&["--", "docker:old", "docker:new"].map(str::to_owned)),
        "{:?}",
        step.called
    );
}

#[rstest]
#[case::held("0", "held", "held", "# the summary\n")]
#[case::red("1", "regression", "regression", "# the summary\n")]
#[case::ended_without_a_document("64", "", "error", "**comeback** ended with exit code 64")]
fn verdict_is_in_outputs_and_summary(
    #[case] code: &str,
    #[case] verdict: &str,
    #[case] said: &str,
    #[case] summary: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    let step = judge(folder.path(), code, verdict, &[("INPUT_IMAGE", "source:.")]);
    // Also if the verdict is red, because the record has to be kept first.
    assert_eq!(step.seen.code, 0, "{}", step.seen);
    assert_eq!((step.output("verdict"), step.output("exit-code")), (said, code));
    assert!(step.output("report").ends_with("report.html"));
    assert!(step.summary.starts_with(summary), "{}", step.summary);
    let mut last = Command::new("bash");
    last.arg("../../ci/action/verdict")
        .envs([("VERDICT", said), ("EXIT_CODE", code)]);
    let last = CommandOutput::of(last.output().unwrap());
    assert_eq!(last.code.to_string(), code, "{last}");
}

#[test]
fn container_output_is_not_run_as_workflow_commands() {
    let folder = tempfile::tempdir().unwrap();
    let step = judge(folder.path(), "1", "regression", &[("INPUT_IMAGE", "source:.")]);
    let out = &step.seen.out;
    let at = |part: &str| out.find(part).unwrap_or_else(|| panic!("no {part} in\n{out}"));
    let token = out
        .lines()
        .next()
        .and_then(|l| l.strip_prefix("::stop-commands::"))
        .unwrap();
    let again = at(&format!("::{token}::"));
    assert!(at("a line of a container") < again, "{out}");
    assert!(at("the annotation") > again, "{out}");
}

/// A folder of releases with one release, whose program says its version.
fn releases(folder: &Path) -> String {
    let name = format!("comeback-1.2.3-{}-unknown-linux-gnu", std::env::consts::ARCH);
    let release = folder.join("releases/v1.2.3");
    std::fs::create_dir_all(release.join(&name)).unwrap();
    let program = release.join(&name).join("comeback");
    std::fs::write(&program, "#!/bin/sh\necho comeback 1.2.3\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = format!("tar -czf {name}.tar.gz {name} && rm -r {name} && sha256sum {name}.tar.gz >SHA256SUMS");
    let made = Command::new("bash")
        .args(["-c", &script])
        .current_dir(&release)
        .status();
    assert!(made.unwrap().success());
    format!("file://{}/releases", folder.display())
}

fn provide(folder: &Path, inputs: &[(&str, &str)]) -> (CommandOutput, Option<String>) {
    let output = folder.join("output");
    let mut step = Command::new("bash");
    step.arg("../../ci/action/program")
        .env("GITHUB_OUTPUT", &output)
        .env("RUNNER_TEMP", folder)
        .envs(inputs.iter().copied());
    let seen = CommandOutput::of(step.output().unwrap());
    let text = std::fs::read_to_string(output).unwrap_or_default();
    (seen, text.trim().strip_prefix("program=").map(str::to_owned))
}

#[test]
fn released_program_is_fetched_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let from = releases(folder.path());
    let (seen, program) = provide(folder.path(), &[("INPUT_RELEASES", &from), ("INPUT_VERSION", "v1.2.3")]);
    assert_eq!(seen.code, 0, "{seen}");
    assert!(seen.out.contains("comeback 1.2.3"), "{seen}");
    assert!(program.unwrap().ends_with("/comeback"));
}

#[rstest]
#[case::other_hash(&[("INPUT_VERSION", "1.2.3"), ("INPUT_SHA256", "00")], "and 00 was expected: nothing of it was run")]
#[case::no_such_release(&[("INPUT_VERSION", "1.2.4")], "is there a release 1.2.4?")]
#[case::own_version_is_not_released(&[], "set `build: true`")]
fn wrong_program_is_not_run(#[case] inputs: &[(&str, &str)], #[case] said: &str) {
    let folder = tempfile::tempdir().unwrap();
    let from = releases(folder.path());
    let (seen, program) = provide(folder.path(), &[inputs, &[("INPUT_RELEASES", &from)]].concat());
    assert_eq!((seen.code, program), (3, None), "{seen}");
    assert!(seen.out.contains("::error title=comeback::"), "{seen}");
    assert!(seen.out.contains(said), "{seen}");
}

#[test]
fn archive_that_was_changed_after_its_release_is_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let from = releases(folder.path());
    let release = folder.path().join("releases/v1.2.3");
    let script = "for f in *.tar.gz; do echo more >>$f; done";
    let changed = Command::new("bash").args(["-c", script]).current_dir(release).status();
    assert!(changed.unwrap().success());
    let (seen, program) = provide(folder.path(), &[("INPUT_RELEASES", &from), ("INPUT_VERSION", "1.2.3")]);
    assert_eq!((seen.code, program), (3, None), "{seen}");
    assert!(seen.out.contains("nothing of it was run"), "{seen}");
    assert!(!seen.out.contains("comeback 1.2.3"), "{seen}");
}

/// GitHub's program: has the comments of `$EARLIER`, and writes down each call that writes one.
const GH: &str = r#"#!/usr/bin/env bash
case " $* " in
*" --paginate "*) cat "$EARLIER" ;;
*) [[ -z ${REFUSED:-} ]] || exit 1
   printf '%s\n' "$*" >>"$CALLED"
   while (($#)); do [[ $1 != --input ]] || cp "$2" "$CALLED.body"; shift; done ;;
esac
"#;

struct Comment {
    seen: CommandOutput,
    called: String,
    body: String,
}

fn comment(earlier: &str, environment: &[(&str, &str)]) -> Comment {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    std::fs::write(file("gh"), GH).unwrap();
    std::fs::set_permissions(file("gh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(file("earlier"), earlier).unwrap();
    std::fs::write(file("summary.md"), "## red\n\"quoted\"\n").unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let mut step = Command::new("bash");
    step.arg("../../ci/action/comment")
        .env("PATH", path)
        .env("GITHUB_REPOSITORY", "owner/name")
        .env("FOLDER", folder.path())
        .env("ARTIFACT", "comeback")
        .env("PULL_REQUEST", "7")
        .env("RUN_URL", "https://example.org/run")
        .env("EARLIER", file("earlier"))
        .env("CALLED", file("called"))
        .envs(environment.iter().copied());
    let seen = CommandOutput::of(step.output().unwrap());
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap_or_default();
    let body: serde_json::Value = serde_json::from_str(&read("called.body")).unwrap_or_default();
    Comment {
        seen,
        called: read("called"),
        body: body["body"].as_str().unwrap_or_default().to_owned(),
    }
}

#[rstest]
#[case::first("", "--method POST repos/owner/name/issues/7/comments")]
#[case::later(
    "[3,\"hello\"]\n[5,\"<!-- comeback: comeback -->\\n## green\"]\n",
    "--method PATCH repos/owner/name/issues/comments/5"
)]
#[case::other_job(
    "[5,\"<!-- comeback: trixie -->\\n## green\"]\n",
    "--method POST repos/owner/name/issues/7/comments"
)]
fn one_comment_is_kept_up_to_date(#[case] earlier: &str, #[case] call: &str) {
    let made = comment(earlier, &[]);
    assert_eq!(made.seen.code, 0, "{}", made.seen);
    assert_eq!(made.called.lines().count(), 1, "{}", made.called);
    assert!(made.called.contains(call), "{}", made.called);
    assert!(
        made.body
            .starts_with("<!-- comeback: comeback -->\n## red\n\"quoted\"\n"),
        "{}",
        made.body
    );
    assert!(made.body.contains("(https://example.org/run)"), "{}", made.body);
}

#[rstest]
#[case::no_pull_request(&[("PULL_REQUEST", "")], "not about a pull request")]
#[case::fork(&[("REFUSED", "1")], "this job may not write one")]
fn a_comment_that_cannot_be_written_is_told_and_changes_no_verdict(
    #[case] environment: &[(&str, &str)],
    #[case] said: &str,
) {
    let made = comment("", environment);
    assert_eq!((made.seen.code, made.called.as_str()), (0, ""), "{}", made.seen);
    assert!(made.seen.out.starts_with("::notice title=comeback::"), "{}", made.seen);
    assert!(made.seen.out.contains(said), "{}", made.seen);
}
