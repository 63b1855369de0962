//! The report of `doctor`.

use serde::Serialize;

use comeback_record::ledger::EngineEntry;
use comeback_text::terminal::{Paint, Style, sanitize};
use comeback_text::terminal::{pad, width, wrap};

/// The state of a checked item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// As it should be.
    Ok,
    /// A run works, but could work better.
    Warn,
    /// A run does not work.
    Bad,
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// Its state.
    pub state: State,
    /// What was found.
    pub what: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Finding {
    /// A finding without a problem.
    pub fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self {
            check,
            state: State::Ok,
            what: what.into(),
            advice: None,
        }
    }

    /// A finding that does not keep a run from working.
    pub fn warn(check: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            state: State::Warn,
            advice: Some(advice.into()),
            ..Self::ok(check, what)
        }
    }

    /// A finding that keeps a run from working.
    pub fn bad(check: &'static str, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self {
            state: State::Bad,
            advice: Some(advice.into()),
            ..Self::ok(check, what)
        }
    }
}

/// All findings.
#[derive(Debug, Clone, Serialize)]
pub struct Findings {
    /// Version of the format. Keys may be added within a version.
    pub schema: u32,
    /// `doctor`.
    pub command: &'static str,
    /// True if everything that a run needs is here.
    pub ready: bool,
    /// The exit code.
    pub exit_code: u8,
    /// The engine, if one answers.
    pub engine: Option<EngineEntry>,
    /// The findings, in the order of the checks.
    pub findings: Vec<Finding>,
}

/// For people at a terminal.
pub fn render(found: &Findings, style: Style) -> String {
    let names = found.findings.iter().map(|f| width(f.check)).max().unwrap_or(0);
    let indent = " ".repeat(names + 6);
    let columns = style.width.max(indent.len() + 24);
    let mut text = String::new();
    for finding in &found.findings {
        let (paint, sign) = match finding.state {
            State::Ok => (Paint::Good, "✓"),
            State::Warn => (Paint::Doubt, "!"),
            State::Bad => (Paint::Bad, "✗"),
        };
        let what = wrap(&sanitize(&finding.what), columns, &indent);
        let name = style.paint(Paint::Bold, &pad(finding.check, names));
        text += &format!("  {} {name}  {}", style.paint(paint, sign), what.trim_start());
        if let Some(advice) = &finding.advice {
            let advice = wrap(&sanitize(advice), columns, &format!("{indent}  "));
            text += &format!("{indent}{} {}", style.paint(Paint::Info, "→"), advice.trim_start());
        }
    }
    let count = |state| found.findings.iter().filter(|f| f.state == state).count();
    let closing = match (found.ready, count(State::Warn)) {
        (false, _) => style.paint(Paint::Bad, "a run does not work here: fix the lines marked ✗"),
        (true, 0) => style.paint(Paint::Good, "everything that a run needs is here"),
        (true, _) => format!(
            "{}; lines marked ! could be better",
            style.paint(Paint::Good, "everything that a run needs is here")
        ),
    };
    text + &format!("\n{closing}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Findings {
        Findings {
            schema: 1,
            command: "doctor",
            ready: false,
            exit_code: 3,
            engine: None,
            findings: vec![
                Finding::ok("engine", "docker 20.10.24 at unix:///var/run/docker.sock"),
                Finding::warn(
                    "pull",
                    "debian:bookworm-slim cannot be pulled: the engine answered 500: \u{1b}[31mno such host",
                    "nothing to do: the base is bootstrapped from Debian's packages instead",
                ),
                Finding::bad("cache", "/root/.cache/comeback cannot be written", "set XDG_CACHE_HOME"),
            ],
        }
    }

    #[test]
    fn for_people() {
        for columns in [60, 100] {
            let style = Style {
                color: false,
                width: columns,
            };
            let text = render(&found(), style);
            assert!(text.lines().all(|line| width(line) <= columns), "{text}");
            insta::assert_snapshot!(format!("doctor_{columns}"), text);
        }
    }

    #[test]
    fn for_programs() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&found()).unwrap_or_default());
    }
}
