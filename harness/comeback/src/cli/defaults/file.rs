//! Parses the file of defaults to values of flags, or to all errors in it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{KEYS, Key, Kind};
use crate::cli::values::{duration, output};
use comeback_scenario::vocabulary::did_you_mean;
use comeback_scenario::{Diagnostic, Filter};

/// The values of a key's flag, in order.
pub(super) type Values = Vec<(&'static Key, Vec<String>)>;

/// Why a value is rejected: the message above the snippet, and the label at the caret.
struct Wrong {
    span: Range<usize>,
    message: String,
    label: String,
}

/// Parses the text of the file `shown`. Paths in it are relative to `root`.
pub(super) fn parse(shown: &str, text: &str, root: &Path) -> Result<Values, Vec<Diagnostic>> {
    let text: Arc<str> = Arc::from(text);
    let error = |wrong: Wrong| {
        let mut diagnostic = Diagnostic::new(shown, &text, wrong.span, wrong.message);
        diagnostic.label(wrong.label);
        diagnostic
    };
    let (table, syntax) = DeTable::parse_recoverable(&text);
    if !syntax.is_empty() {
        let wrong = syntax.iter().map(|e| Wrong {
            span: e.span().unwrap_or(0..0),
            message: "this is not TOML".to_owned(),
            label: e.message().to_owned(),
        });
        return Err(wrong.map(error).collect());
    }
    let (mut values, mut errors) = (Values::new(), Vec::new());
    for (name, node) in table.get_ref() {
        match KEYS.iter().find(|key| key.name == name.get_ref()) {
            None => {
                let mut diagnostic = error(unknown(name));
                let names: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
                diagnostic.note(format!("keys: {}", names.join(", ")));
                errors.push(diagnostic);
            }
            Some(key) => match value(key, node, root) {
                Ok(value) => values.push((key, value)),
                Err(wrong) => errors.push(error(wrong)),
            },
        }
    }
    errors.sort_by_key(Diagnostic::start);
    if errors.is_empty() { Ok(values) } else { Err(errors) }
}

fn unknown(name: &Spanned<std::borrow::Cow<'_, str>>) -> Wrong {
    let label = match did_you_mean(name.get_ref(), KEYS.iter().map(|key| key.name)) {
        Some(similar) => format!("there is no such default; did you mean `{similar}`?"),
        None => "there is no such default".to_owned(),
    };
    Wrong {
        span: name.span(),
        message: format!("unknown key `{}`", name.get_ref()),
        label,
    }
}

/// The values to pass to the key's flag.
fn value(key: &Key, node: &Spanned<DeValue<'_>>, root: &Path) -> Result<Vec<String>, Wrong> {
    let wrong = |label: String| Wrong {
        span: node.span(),
        message: format!("invalid value of `{}`", key.name),
        label,
    };
    let text = || node.get_ref().as_str().ok_or_else(|| wrong("expected a string".into()));
    let one = |value: String| Ok(vec![value]);
    match key.kind {
        Kind::Text => match text()?.trim() {
            "" => Err(wrong("it is empty".into())),
            text => one(text.to_owned()),
        },
        Kind::Filter => {
            let text = text()?;
            Filter::parse(text).map_err(|e| {
                let said = e.render(false);
                wrong(
                    said.lines()
                        .next()
                        .unwrap_or_default()
                        .trim_start_matches("error: ")
                        .to_owned(),
                )
            })?;
            one(text.to_owned())
        }
        Kind::Number => match whole(node) {
            Some(number) if number > 0 => one(number.to_string()),
            _ => Err(wrong("expected a whole number from 1".into())),
        },
        Kind::Flag => match node.get_ref().as_bool() {
            Some(flag) => one(flag.to_string()),
            None => Err(wrong("expected true or false".into())),
        },
        Kind::Duration => match (whole(node), node.get_ref().as_str()) {
            (Some(seconds), _) if seconds > 0 => one(seconds.to_string()),
            (None, Some(text)) => {
                duration(text).map_err(wrong)?;
                one(text.to_owned())
            }
            _ => Err(wrong(
                "expected a duration such as \"90s\" or \"5m\", longer than 0".into(),
            )),
        },
        Kind::Path => one(root.join(text()?).display().to_string()),
        Kind::Word(words) => {
            let text = text()?;
            if words.contains(&text) {
                return one(text.to_owned());
            }
            Err(wrong(match words {
                [one] => format!("it can only be \"{one}\""),
                _ => format!("expected one of {}", words.join(", ")),
            }))
        }
        Kind::Outputs => outputs(node, root, key),
    }
}

fn outputs(node: &Spanned<DeValue<'_>>, root: &Path, key: &Key) -> Result<Vec<String>, Wrong> {
    let wrong = |span: Range<usize>, label: String| Wrong {
        span,
        message: format!("invalid value of `{}`", key.name),
        label,
    };
    let list = node.get_ref().as_array();
    let list = list.ok_or_else(|| wrong(node.span(), "expected a list: [\"json=run.json\"]".into()))?;
    let each = list.iter().map(|item| {
        let text = item.get_ref().as_str();
        let text = text.ok_or_else(|| wrong(item.span(), "expected a string: \"json=run.json\"".into()))?;
        let output = output(text).map_err(|why| wrong(item.span(), why))?;
        let format = text.split('=').next().unwrap_or_default();
        Ok(format!("{format}={}", root.join(output.path).display()))
    });
    each.collect()
}

fn whole(node: &Spanned<DeValue<'_>>) -> Option<u32> {
    let number = node.get_ref().as_integer()?;
    u32::from_str_radix(number.as_str(), number.radix()).ok()
}
