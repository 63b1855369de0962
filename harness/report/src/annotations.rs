//! Workflow commands, which GitHub shows as annotations: at most ten, worst first.

use super::drift;
use super::items::{Grade, Item, worst_first};
use comeback_record::document::RunDocument;
use comeback_text::terminal::sanitize;

/// How many annotations GitHub shows for one step.
const MOST: usize = 10;

/// The annotations, one a line. Empty if nothing needs attention.
pub fn render(document: &RunDocument) -> String {
    let worth = worst_first(document);
    let drift = drift::sentences(document).join("; ");
    let most = MOST - usize::from(!drift.is_empty());
    let shown = if worth.len() > most { most - 1 } else { worth.len() };
    let mut text: String = worth[..shown].iter().map(one).collect();
    if !drift.is_empty() {
        text += &format!("::notice title=drift::{}\n", data(&drift));
    }
    if worth.len() > shown {
        let rest = worth.len() - shown;
        let level = level(worth[shown].grade);
        text += &format!("::{level} title=comeback::and {rest} more: see the report\n");
    }
    text
}

fn one(item: &Item<'_>) -> String {
    let place = item.place.as_ref();
    let place = place.map(|(file, line)| format!("file={},line={line},", property(file)));
    format!(
        "::{} {}title={}::{}\n",
        level(item.grade),
        place.unwrap_or_default(),
        property(&format!("{}: {}", item.verdict, item.subject())),
        data(&item.headline),
    )
}

fn level(grade: Grade) -> &'static str {
    match grade {
        Grade::Red | Grade::Fault => "error",
        Grade::Doubt => "warning",
        Grade::Fine | Grade::Skipped => "notice",
    }
}

/// Escapes a message: line ends, and percent signs, which begin an escape.
fn data(text: &str) -> String {
    sanitize(text).replace('%', "%25")
}

/// Escapes the value of a property, also the characters that end it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use comeback_record::document::samples;

    #[test]
    fn an_annotation_has_the_line_of_the_row() {
        insta::assert_snapshot!(render(&samples::red_gate()));
        assert_eq!(render(&samples::reproduced()), "");
    }

    #[test]
    fn at_most_ten_worst_first() {
        let mut document = samples::motley();
        let cases = document.cases.clone();
        for _ in 0..3 {
            document.cases.extend(cases.iter().cloned());
        }
        let text = render(&document);
        assert_eq!(text.lines().count(), MOST);
        assert!(
            text.lines().next().is_some_and(|line| line.starts_with("::error ")),
            "{text}"
        );
        assert!(text.ends_with("more: see the report\n"), "{text}");
    }

    proptest! {
        #[test]
        fn nothing_breaks_out_of_a_command(text in any::<String>()) {
            let mut document = samples::red_gate();
            document.cases[0].scenario = text.clone();
            document.cases[0].reason = Some(text.clone());
            document.cases[0].source = text;
            let rendered = render(&document);
            prop_assert_eq!(rendered.lines().count(), 1);
            let mut parts = rendered.trim_end().splitn(3, "::").skip(1);
            let head = parts.next().unwrap_or_default();
            let head = head.strip_prefix("error ").unwrap_or_default();
            let properties: Vec<&str> = head.split(',').filter_map(|p| Some(p.split_once('=')?.0)).collect();
            prop_assert_eq!(properties, vec!["file", "line", "title"]);
        }
    }
}
