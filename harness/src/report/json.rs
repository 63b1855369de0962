//! The run document as JSON.

use crate::evidence::document::RunDocument;

/// The document, indented, with a line end. Control characters in strings are escaped by the format itself.
///
/// # Errors
///
/// If a value cannot be written as JSON, which no document of ours holds.
pub fn render(document: &RunDocument) -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(document)? + "\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::evidence::document::{RunDocument, samples};

    #[test]
    fn escapes_never_reach_a_terminal() {
        let text = super::render(&samples::motley()).unwrap();
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
        assert_eq!(serde_json::from_str::<RunDocument>(&text).unwrap(), samples::motley());
    }
}
