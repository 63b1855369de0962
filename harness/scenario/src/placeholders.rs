//! Placeholders in `text` and `json` of a seed: `{pid}`, `{start_time}`, `{now}`, `{now-90s}`, `{now-2m}`.

use std::time::Duration;

/// A placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placeholder {
    /// The pid of the running gateway.
    Pid,
    /// The gateway's start time: field 22 of its stat, in clock ticks since the host's boot.
    StartTime,
    /// The present time, or the time so long ago.
    Now(Duration),
}

/// Fills the placeholders of `text`. If `value` returns `None`, the placeholder is kept as written.
pub fn fill(text: &str, mut value: impl FnMut(Placeholder) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let filled = rest.find('}').and_then(|close| {
            let value = value(parse(&rest[1..close])?)?;
            Some((value, close))
        });
        match filled {
            Some((value, close)) => {
                out.push_str(&value);
                rest = &rest[close + 1..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// The placeholders in `text`, in order.
pub fn find(text: &str) -> Vec<Placeholder> {
    let mut found = Vec::new();
    fill(text, |p| {
        found.push(p);
        None
    });
    found
}

/// The words in braces that look like a placeholder and are none: `{gateway_pid}`. A shell's `${NAME}` is not meant.
pub(super) fn unknown(text: &str) -> Option<&str> {
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        from = open + 1;
        let inside = text[from..].split_once('}').map_or("", |(inside, _)| inside);
        let word = inside.starts_with(|c: char| c.is_ascii_alphabetic())
            && inside
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
        if word && !text[..open].ends_with('$') && parse(inside).is_none() {
            return Some(&text[open..from + inside.len() + 1]);
        }
    }
    None
}

/// Parses the text between the braces.
fn parse(inside: &str) -> Option<Placeholder> {
    match inside {
        "pid" => Some(Placeholder::Pid),
        "start_time" => Some(Placeholder::StartTime),
        "now" => Some(Placeholder::Now(Duration::ZERO)),
        _ => {
            let age = inside.strip_prefix("now-")?;
            let (digits, unit) = age.split_at(age.bytes().take_while(u8::is_ascii_digit).count());
            let seconds = match unit {
                "s" => 1,
                "m" => 60,
                _ => return None,
            };
            let age = digits.parse::<u32>().ok()?.checked_mul(seconds)?;
            Some(Placeholder::Now(Duration::from_secs(age.into())))
        }
    }
}

/// True if the text is a placeholder for a number, and nothing else.
pub(super) fn is_number(text: &str) -> bool {
    matches!(text, "{pid}" | "{start_time}")
}

/// The text with every placeholder filled with a sample, to check its syntax.
pub(super) fn sample(text: &str) -> String {
    fill(text, |p| {
        Some(match p {
            Placeholder::Pid | Placeholder::StartTime => "1".to_owned(),
            Placeholder::Now(_) => "2026-01-01T00:00:00+00:00".to_owned(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_placeholders_are_filled() {
        let value = |p: Placeholder| Some(format!("<{p:?}>"));
        assert_eq!(fill("{\"a\":{pid}}", value), "{\"a\":<Pid>}");
        assert_eq!(fill("{now-90s}{now-2m}", value), "<Now(90s)><Now(120s)>");
        assert_eq!(fill("{{pid}} {nope} {now-} {", value), "{<Pid>} {nope} {now-} {");
    }

    #[test]
    fn what_looks_like_a_placeholder_is_found() {
        assert_eq!(unknown("a {pid} of {gateway_pid}"), Some("{gateway_pid}"));
        assert_eq!(unknown("{now-90}"), Some("{now-90}"));
        for text in [
            "{pid}{start_time}{now-90s}",
            "${NAME}",
            r#"{"a":{"b":1}}"#,
            "{",
            "{}",
            "{ word }",
            "{a b}",
        ] {
            assert_eq!(unknown(text), None, "{text}");
        }
    }
}
