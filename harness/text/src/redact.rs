//! Removes secrets from everything that is kept or shown. Pure.
//!
//! Redaction happens where data comes in, so no later code has to think of it: facts as they enter a case's history,
//! the output and the end of a case, builders' output, the engine's address, and the command's arguments.
//!
//! It finds the values of variables whose names say that they are secret (see [`is_secret`]), and text that has the
//! shape of a secret. It does not find a secret that was encoded or printed in parts.

use std::fmt;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Replaces a secret.
pub const MARK: &str = "[redacted]";
/// Shorter values occur in any text, so they are not taken for secrets.
const SHORTEST: usize = 4;
/// Values of at least this length, in bytes, are removed from the middle of words too.
const ANYWHERE: usize = 8;
/// The words of the behaviour table. They are never taken for a secret, even if a variable holds one of them.
const WORDS: [&str; 30] = [
    "absent",
    "default",
    "degraded",
    "down",
    "draining",
    "exited",
    "false",
    "fixed",
    "gateway",
    "hermes",
    "none",
    "null",
    "planned",
    "present",
    "profile",
    "registered",
    "regressed",
    "respawning",
    "restart",
    "running",
    "signal",
    "start",
    "started",
    "starting",
    "startup_failed",
    "state",
    "stop",
    "stopped",
    "true",
    "unset",
];
/// Shapes of secrets. The groups `keep` and `after` stay in the text.
const SHAPES: [&str; 20] = [
    // A private key, even if its end is missing.
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    // Names of variables, fields, headers and options. Quotes stay, so that JSON stays readable.
    r#"(?P<keep>(?i:[a-z0-9_]*[_-](?:token|key|secret|password)|(?:^|[^a-z0-9_-])[a-z0-9_]*passw(?:or)?d|api_?key)["']?[ \t]*[=:][ \t]*")[^"\r\n]+(?P<after>")"#,
    r#"(?P<keep>(?i:[a-z0-9_]*[_-](?:token|key|secret|password)|(?:^|[^a-z0-9_-])[a-z0-9_]*passw(?:or)?d|api_?key)["']?[ \t]*[=:][ \t]*')[^'\r\n]+(?P<after>')"#,
    r#"(?P<keep>(?i:[a-z0-9_]*[_-](?:token|key|secret|password)|(?:^|[^a-z0-9_-])[a-z0-9_]*passw(?:or)?d|api_?key)["']?[ \t]*[=:][ \t]*)[^\s"',;&)}\]]+"#,
    r#"(?P<keep>(?i:authorization)["']?\s*[=:]\s*["']?(?:(?i:basic|bearer|token|bot)[ \t]+)?)[^\s,;"']{8,}"#,
    // Credentials in a registry configuration.
    r#"(?P<keep>"(?:auth|identitytoken|registrytoken)"\s*:\s*")[^"]+(?P<after>")"#,
    r"(?P<keep>\b(?i:bearer)\s+)[A-Za-z0-9._~+/=-]{8,}",
    // The password in a URL, and the name before it, which may be a token.
    r#"(?P<keep>\b[A-Za-z][A-Za-z0-9+.-]*://)[^/\s"'@:]*:[^/\s"']*(?P<after>@)"#,
    // OpenAI, Anthropic, Stripe and others with the same format.
    r"\b[sr]k[-_][A-Za-z0-9_-]{16,}",
    // GitHub and GitLab.
    r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})",
    // Slack.
    r"\b(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}",
    // Webhooks: anybody who knows the URL may post to it.
    r"(?P<keep>\bhooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9/_-]{10,}",
    r"(?P<keep>\bdiscord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/)[0-9]+/[A-Za-z0-9_-]{20,}",
    // Discord.
    r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
    // SendGrid.
    r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    // Hugging Face, npm, PyPI, Docker Hub.
    r"\b(?:hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,}|dckr_pat_[A-Za-z0-9_-]{20,})",
    // Telegram, also after a literal `bot`.
    r"[0-9]{8,10}:[A-Za-z0-9_-]{30,}",
    // AWS.
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    // Google.
    r"\bAIza[A-Za-z0-9_-]{30,}",
    // JSON web tokens.
    r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*",
];

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    // A test checks that all of them compile.
    SHAPES.iter().filter_map(|shape| Regex::new(shape).ok()).collect()
});

/// True if the name of a variable or field says that its value is secret: `OPENAI_API_KEY`, `bot_token`, `password`.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let kinds = ["token", "key", "secret", "password"];
    kinds
        .iter()
        .any(|kind| name.ends_with(&format!("_{kind}")) || (name == *kind && *kind != "key"))
}

/// Removes everything that has the shape of a secret.
pub fn text(text: &str) -> String {
    Secrets::default().text(text)
}

/// Known secrets.
#[derive(Clone, Default)]
pub struct Secrets {
    /// The longest first, because one may contain another.
    values: Arc<[String]>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.values.len())
    }
}

impl Secrets {
    /// The secrets among these variables.
    pub fn among<'v>(variables: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let secret = variables.into_iter().filter(|(name, _)| is_secret(name));
        // A value of several lines is printed line by line.
        let values = secret.flat_map(|(_, value)| value.lines().chain([value]));
        let mut values: Vec<String> = values.map(|value| value.trim().to_owned()).collect();
        values.retain(|value| value.len() >= SHORTEST && !value.contains(MARK) && !WORDS.contains(&value.as_str()));
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        Self { values: values.into() }
    }

    /// Removes the known values, and nothing else.
    pub fn values(&self, text: &str) -> String {
        self.until_nothing_is_left(text, &[])
    }

    /// Removes known values and everything that has the shape of a secret.
    pub fn text(&self, text: &str) -> String {
        self.until_nothing_is_left(text, &PATTERNS)
    }

    /// Removes secrets from lines of output. A private key may span several lines.
    pub fn lines(&self, lines: &[String]) -> Vec<String> {
        let mut key = KeyBlock::default();
        lines.iter().map(|line| key.line(self, line)).collect()
    }

    /// Removes secrets from all strings in a value. If the result no longer deserializes, because a secret equals a
    /// word of the format, known values are removed only from fields whose names say that they are secret.
    pub fn all<T: Serialize + DeserializeOwned>(&self, what: T) -> T {
        let Ok(before) = serde_json::to_value(&what) else {
            return what;
        };
        for secrets in [self, &Self::default()] {
            let after = secrets.walk(&before);
            if after == before {
                return what;
            }
            if let Ok(after) = serde_json::from_value(after) {
                return after;
            }
        }
        what
    }

    fn walk(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(all) => all.iter().map(|one| self.walk(one)).collect(),
            Value::Object(all) => {
                let field = |(name, value): (&String, &Value)| match value {
                    Value::String(text) if is_secret(name) && !WORDS.contains(&text.as_str()) && !text.is_empty() => {
                        (self.text(name), Value::String(MARK.to_owned()))
                    }
                    value => (self.text(name), self.walk(value)),
                };
                Value::Object(all.iter().map(field).collect())
            }
            other => other.clone(),
        }
    }

    /// Removing one secret may expose another beside it. Each pass leaves less text, so this ends.
    fn until_nothing_is_left(&self, text: &str, patterns: &[Regex]) -> String {
        let mut text = text.to_owned();
        loop {
            let next = self.once(&text, patterns);
            if next == text {
                return text;
            }
            text = next;
        }
    }

    fn once(&self, text: &str, patterns: &[Regex]) -> String {
        let mut text = text.to_owned();
        for value in self.values.iter() {
            text = between_marks(&text, |part| without(part, value));
        }
        for pattern in patterns {
            text = between_marks(&text, |part| {
                pattern
                    .replace_all(part, format!("${{keep}}{MARK}${{after}}"))
                    .into_owned()
            });
        }
        text
    }
}

/// Removes secrets line by line from output that is still being written.
#[derive(Debug, Default)]
pub struct KeyBlock {
    open: bool,
}

impl KeyBlock {
    /// Removes the secrets from the next line.
    pub fn line(&mut self, secrets: &Secrets, line: &str) -> String {
        let (begins, ends) = (line.rfind("-----BEGIN "), line.rfind("-----END "));
        let within = self.open;
        if begins.is_some_and(|at| line[at..].contains("PRIVATE KEY")) {
            self.open = ends < begins;
        } else if ends.is_some() {
            self.open = false;
        }
        if within { MARK.to_owned() } else { secrets.text(line) }
    }
}

/// Applies `change` to the text between marks: what was removed once is not looked at again.
fn between_marks(text: &str, change: impl Fn(&str) -> String) -> String {
    let parts: Vec<String> = text.split(MARK).map(change).collect();
    parts.join(MARK)
}

/// Removes a value from a text: anywhere if it is long, otherwise only as a whole word.
fn without(text: &str, value: &str) -> String {
    if value.len() >= ANYWHERE {
        return text.replace(value, MARK);
    }
    let mut clean = String::new();
    let mut from = 0;
    for (at, _) in text.match_indices(value) {
        let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let end = at + value.len();
        if is_part(text[..at].chars().next_back()) || is_part(text[end..].chars().next()) {
            continue;
        }
        clean += &text[from..at];
        clean += MARK;
        from = end;
    }
    clean + &text[from..]
}

#[cfg(test)]
mod tests;
