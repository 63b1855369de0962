#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use rstest::rstest;
use serde_json::json;

use super::*;

#[test]
fn all_shapes_compile() {
    assert_eq!(PATTERNS.len(), SHAPES.len());
}

#[rstest]
#[case("Authorization: Bearer abc.def-123", "Authorization: Bearer [redacted]")]
#[case("authorization=Basic dXNlcjpwYXNz, x", "authorization=Basic [redacted], x")]
#[case("got bearer 0123456789abcdef", "got bearer [redacted]")]
#[case("key sk-proj-0123456789abcdefABCDEF!", "key [redacted]!")]
#[case("sk_live_0123456789abcdef", "[redacted]")]
#[case("(ghp_0123456789abcdefghij0123456789abcdef)", "([redacted])")]
#[case("github_pat_11ABCDEFG0123456789_abcdef", "[redacted]")]
#[case("xoxb-123456789012-abcdefghijkl", "[redacted]")]
#[case(
    "https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1/getMe",
    "https://api.telegram.org/bot[redacted]/getMe"
)]
#[case("AKIAIOSFODNN7EXAMPLE", "[redacted]")]
#[case(
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG",
    "aws_secret_access_key = [redacted]"
)]
#[case("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmN", "[redacted]")]
#[case("tcp://me:p@ss:w0rd@engine:2376/x", "tcp://[redacted]@engine:2376/x")]
#[case("https://:token@index.example/simple", "https://[redacted]@index.example/simple")]
#[case("{\"api_key\": \"abc def\", \"n\": 1}", "{\"api_key\": \"[redacted]\", \"n\": 1}")]
#[case("OPENAI_API_KEY=abc MODE=x", "OPENAI_API_KEY=[redacted] MODE=x")]
#[case("--db-password='a b' on", "--db-password='[redacted]' on")]
#[case(
    "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb",
    "a\n[redacted]\nb"
)]
#[case("-----BEGIN PRIVATE KEY-----\nMIIE", "[redacted]")]
#[case(
    "-----BEGIN PGP PRIVATE KEY BLOCK-----\nlQOYB\n-----END PGP PRIVATE KEY BLOCK-----.",
    "[redacted]."
)]
#[case("sk-ant-api03-0123456789abcdef_-AA", "[redacted]")]
#[case("{'Authorization': 'Basic dXNlcjpwYXNz'}", "{'Authorization': 'Basic [redacted]'}")]
#[case(
    "{\"auths\": {\"r\": {\"auth\": \"dXNlcjpwYXNz\"}}}",
    "{\"auths\": {\"r\": {\"auth\": \"[redacted]\"}}}"
)]
#[case(
    "https://hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx ok",
    "https://hooks.slack.com/services/[redacted] ok"
)]
#[case(
    "https://discord.com/api/webhooks/123456789012345678/abcdefghijklmnopqrstuvwxyz-_0123",
    "https://discord.com/api/webhooks/[redacted]"
)]
#[case("MTIzNDU2Nzg5MDEyMzQ1Njc4.GabcdE.abcdefghijklmnopqrstuvwxyz0123456789", "[redacted]")]
#[case(
    "SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789abcdefg",
    "[redacted]"
)]
#[case("hf_abcdefghijklmnopqrstuvwxyzABCDEFGH", "[redacted]")]
#[case("dckr_pat_abcdefghijklmnopqrstuvwxyz0", "[redacted]")]
fn secrets_are_found_by_their_shape(#[case] line: &str, #[case] wanted: &str) {
    assert_eq!(text(line), wanted);
}

/// Text that verdicts depend on, or that people read.
#[rstest]
#[case("2026-06-11T08:12:05Z profile=default prior_state=stopped action=registered")]
#[case("reconcile: profile=work prior_state=None action=started key=value")]
#[case("release:0.17.0 sha256:0f5d3c1b0f5d3c1b0f5d3c1b0f5d3c1b0f5d3c1b0f5d3c1b0f5d3c1b0f5d3c1b")]
#[case("unix:///var/run/docker.sock and ssh://me@host and https://index.example:8080/simple")]
#[case("ts=1781165520.123456 pid:1234567:8 at 08:12:04.113")]
#[case("Received SIGTERM — initiating shutdown; tokens: 12, monkey: banana, the secret is out")]
#[case("docker:comeback-test-lacking-passwd:4293 is not a gateway image")]
#[case("task-runner-with-a-very-long-name and risk-assessment-of-everything")]
fn no_secret_is_left_alone(#[case] line: &str) {
    assert_eq!(text(line), line);
}

#[rstest]
#[case("TELEGRAM_BOT_TOKEN", true)]
#[case("openai_api_key", true)]
#[case("x-api-key", true)]
#[case("password", true)]
#[case("GATEWAY_STATE", false)]
#[case("key", false)]
#[case("MONKEY", false)]
fn secret_names(#[case] name: &str, #[case] secret: bool) {
    assert_eq!(is_secret(name), secret);
}

fn secrets() -> Secrets {
    Secrets::among([
        ("A_TOKEN", "correct horse battery"),
        ("B_PASSWORD", "hunter2"),
        ("C_SECRET", "running"),
        ("D_KEY", "abc"),
        ("E_KEY", "first line of it\nsecond line of it"),
        ("MODE", "not a secret"),
    ])
}

#[rstest]
#[case("xcorrect horse batteryx", "x[redacted]x")]
#[case("hunter2, hunter22", "[redacted], hunter22")]
#[case("state=running", "state=running")]
#[case("abc", "abc")]
#[case("> second line of it", "> [redacted]")]
#[case("not a secret", "not a secret")]
fn known_values_are_removed_as_words_or_anywhere(#[case] line: &str, #[case] wanted: &str) {
    assert_eq!(secrets().values(line), wanted);
}

#[test]
fn a_private_key_over_several_lines_is_removed() {
    let lines = [
        "a",
        "x -----BEGIN PRIVATE KEY-----",
        "MIIE",
        "-----END PRIVATE KEY-----",
        "b",
    ];
    let lines: Vec<String> = lines.iter().map(|l| (*l).to_owned()).collect();
    assert_eq!(
        secrets().lines(&lines),
        ["a", "x [redacted]", "[redacted]", "[redacted]", "b"]
    );
}

#[test]
fn all_removes_secrets_from_every_string() {
    let value =
        json!({"gateway_state": "running", "bot_token": "1", "nested": [{"why": "hunter2"}, 3], "token": "running"});
    let wanted =
        json!({"gateway_state": "running", "bot_token": MARK, "nested": [{"why": MARK}, 3], "token": "running"});
    assert_eq!(secrets().all(value), wanted);
}

#[test]
fn debug_output_holds_no_secret() {
    assert!(!format!("{:?}", secrets()).contains("hunter2"));
}

proptest! {
    #[test]
    fn redaction_is_idempotent(
        text in "(sk-|bearer |_key=|://a:|@|hunter2|x|[redacted]|\\[|\\]| |[a-z0-9]{1,20}|-----BEGIN PRIVATE KEY-----|\n){0,12}",
        value in ".{0,10}|[xd\\[\\]]{4,6}",
    ) {
        let secrets = Secrets::among([("A_TOKEN", value.as_str()), ("B_KEY", "hunter2")]);
        let once = secrets.text(&text);
        prop_assert_eq!(secrets.text(&once), once.clone());
        prop_assert!(once.len() <= text.len() * MARK.len(), "{} from {}", once.len(), text.len());
    }

    #[test]
    fn redaction_of_any_text_is_idempotent(text in any::<String>(), value in any::<String>()) {
        let secrets = Secrets::among([("A_TOKEN", value.as_str())]);
        let once = secrets.text(&text);
        prop_assert_eq!(secrets.text(&once), once.clone());
        prop_assert!(once.len() <= text.len() * MARK.len());
    }

    #[test]
    fn known_values_are_removed(before in "[a-z ]{0,9}", value in "[A-Z0-9/+]{8,40}", after in "[a-z ]{0,9}") {
        let secrets = Secrets::among([("A_TOKEN", value.as_str())]);
        let text = secrets.text(&format!("{before}{value}{after}"));
        prop_assert!(!text.contains(&value), "{text}");
    }
}
