//! Secrets, taken out of what is kept and shown. Pure.
//!
//! Applied where something comes in, so that nothing behind it has to think of it: to a case's facts as they enter its
//! history, to its output and its end, to what builders say, to the engine's address and to the command's arguments.
//!
//! What it knows: the values of variables that are called secrets (see [`is_secret`]), and texts that look like one. A secret
//! that was encoded, or cut in two by whoever printed it, it does not know.

use std::fmt;
use std::sync::{Arc, LazyLock};

use regex::Regex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// What stands where a secret stood.
pub const MARK: &str = "[redacted]";
/// Shorter values are found in any text, and are no secrets.
const SHORTEST: usize = 4;
/// Values from this length on are taken out of the middle of words, too.
const ANYWHERE: usize = 8;
/// What the behaviour table is about: never taken for a secret, whatever a variable holds.
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
/// Shapes of secrets. What is captured as `keep` and `after` stays.
const SHAPES: [&str; 20] = [
    // A private key, as far as it is there.
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    // Names of variables and fields; of headers; of options. Quotes stay, so that what can be read stays readable.
    r#"(?P<keep>(?i:[a-z0-9_]*[_-](?:token|key|secret|password)|(?:^|[^a-z0-9_-])[a-z0-9_]*passw(?:or)?d|api_?key)["']?[ \t]*[=:][ \t]*")[^"\r\n]+(?P<after>")"#,
    r#"(?P<keep>(?i:[a-z0-9_]*[_-](?:token|key|secret|password)|(?:^|[^a-z0-9_-])[a-z0-9_]*passw(?:or)?d|api_?key)["']?[ \t]*[=:][ \t]*')[^'\r\n]+(?P<after>')"#,
    r#"(?P<keep>(?i:[a-z0-9_]*[_-](?:token|key|secret|password)|(?:^|[^a-z0-9_-])[a-z0-9_]*passw(?:or)?d|api_?key)["']?[ \t]*[=:][ \t]*)[^\s"',;&)}\]]+"#,
    r#"(?P<keep>(?i:authorization)["']?\s*[=:]\s*["']?(?:(?i:basic|bearer|token|bot)[ \t]+)?)[^\s,;"']{8,}"#,
    // What registries are logged in to with.
    r#"(?P<keep>"(?:auth|identitytoken|registrytoken)"\s*:\s*")[^"]+(?P<after>")"#,
    r"(?P<keep>\b(?i:bearer)\s+)[A-Za-z0-9._~+/=-]{8,}",
    // The password in an address, and the name before it, which may be one too.
    r#"(?P<keep>\b[A-Za-z][A-Za-z0-9+.-]*://)[^/\s"'@:]*:[^/\s"']*(?P<after>@)"#,
    // OpenAI, Anthropic, Stripe and whoever does as they do.
    r"\b[sr]k[-_][A-Za-z0-9_-]{16,}",
    // GitHub and GitLab.
    r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})",
    // Slack.
    r"\b(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}",
    // Who knows the address of a webhook may post to it.
    r"(?P<keep>\bhooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9/_-]{10,}",
    r"(?P<keep>\bdiscord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/)[0-9]+/[A-Za-z0-9_-]{20,}",
    // Discord.
    r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}",
    // SendGrid.
    r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    // Hugging Face, npm, PyPI, Docker Hub.
    r"\b(?:hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,}|dckr_pat_[A-Za-z0-9_-]{20,})",
    // Telegram, also where `bot` is written before it.
    r"[0-9]{8,10}:[A-Za-z0-9_-]{30,}",
    // AWS.
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    // Google.
    r"\bAIza[A-Za-z0-9_-]{30,}",
    // JSON web tokens.
    r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*",
];

static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    // Each of them is compiled in a test.
    SHAPES.iter().filter_map(|shape| Regex::new(shape).ok()).collect()
});

/// True of the name of a variable, or of a field, whose value is a secret: `OPENAI_API_KEY`, `bot_token`, `password`.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let kinds = ["token", "key", "secret", "password"];
    kinds
        .iter()
        .any(|kind| name.ends_with(&format!("_{kind}")) || (name == *kind && *kind != "key"))
}

/// A text without what looks like a secret.
pub fn text(text: &str) -> String {
    Secrets::default().text(text)
}

/// What is known to be secret.
#[derive(Clone, Default)]
pub struct Secrets {
    /// The longest first: one may be part of another.
    values: Arc<[String]>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.values.len())
    }
}

impl Secrets {
    /// The secrets among variables.
    pub fn among<'v>(variables: impl IntoIterator<Item = (&'v str, &'v str)>) -> Self {
        let secret = variables.into_iter().filter(|(name, _)| is_secret(name));
        // What has several lines is printed line by line.
        let values = secret.flat_map(|(_, value)| value.lines().chain([value]));
        let mut values: Vec<String> = values.map(|value| value.trim().to_owned()).collect();
        values.retain(|value| value.len() >= SHORTEST && !value.contains(MARK) && !WORDS.contains(&value.as_str()));
        values.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        values.dedup();
        Self { values: values.into() }
    }

    /// A text without the known values, and otherwise as it is.
    pub fn values(&self, text: &str) -> String {
        self.until_nothing_is_left(text, &[])
    }

    /// A text without secrets.
    pub fn text(&self, text: &str) -> String {
        self.until_nothing_is_left(text, &PATTERNS)
    }

    /// Lines of output without secrets. A private key goes over several of them.
    pub fn lines(&self, lines: &[String]) -> Vec<String> {
        let mut key = KeyBlock::default();
        lines.iter().map(|line| key.line(self, line)).collect()
    }

    /// All texts in a value, without secrets. What would not be readable afterwards, because a secret spells a word of the
    /// record's own, keeps the values that are known by their names only.
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

    /// What was taken out may show what was not to be seen beside it; each turn leaves less, so this ends.
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

/// Line after line of something that is printed while it is made.
#[derive(Debug, Default)]
pub struct KeyBlock {
    open: bool,
}

impl KeyBlock {
    /// The next line, without secrets.
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

/// What was taken out already is not looked at again.
fn between_marks(text: &str, change: impl Fn(&str) -> String) -> String {
    let parts: Vec<String> = text.split(MARK).map(change).collect();
    parts.join(MARK)
}

/// A text without a value: wherever it stands if it is long, and else where it is a word.
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
