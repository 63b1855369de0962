//! The run document as JSON.

use serde::Serialize;

use comeback_record::document::RunDocument;
use comeback_text::terminal::is_unsafe;

/// The document, indented, with a line end.
///
/// # Errors
///
/// If a value cannot be written as JSON. No document has such a value.
pub fn render(document: &RunDocument) -> Result<String, serde_json::Error> {
    pretty(document)
}

/// A value, indented, with a line end.
///
/// # Errors
///
/// As [`render`].
pub(super) fn pretty(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(inert(&serde_json::to_string_pretty(value)?) + "\n")
}

/// A value on one line.
///
/// # Errors
///
/// As [`render`].
pub(super) fn line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(inert(&serde_json::to_string(value)?) + "\n")
}

/// Escapes what a terminal or a CI server would act on. JSON itself escapes only the first 32 control characters, and a
/// command of a CI server can be anywhere in a line.
fn inert(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        // Both occur only within strings, where `\u` escapes are allowed.
        let command = c == '#' && safe.ends_with('#');
        if command || (is_unsafe(c) && c != '\n') {
            for unit in c.encode_utf16(&mut [0; 2]) {
                safe += &format!("\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use comeback_record::document::{RunDocument, samples};

    #[test]
    fn escapes_never_reach_a_terminal() {
        let text = super::render(&samples::motley()).unwrap();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        assert_eq!(serde_json::from_str::<RunDocument>(&text).unwrap(), samples::motley());
    }

    proptest! {
        #[test]
        fn inert_json_has_the_same_value(said in "(\\PC|[#\\\\\\[\\x{0}-\\x{9f}\\x{202e}\\x{e0041}\\x{feff}]|##\\[error\\]){0,20}") {
            let json = super::line(&said).unwrap();
            let acts = super::is_unsafe;
            prop_assert!(!json.trim_end_matches('\n').chars().any(acts), "{}", json);
            prop_assert!(!json.contains("##"), "{}", json);
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), said);
        }
    }
}
