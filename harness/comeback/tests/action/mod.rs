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
    ];
    let step = judge(folder.path(), "0", "held", &inputs);
    assert_eq!(step.seen.code, 0, "{}", step.seen);
    assert_eq!(step.called[0], "check");
    let tail = [
        "--filter",
        "tag(core) and not x; touch owned",
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
