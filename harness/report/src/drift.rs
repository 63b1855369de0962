//! Drift in words: what the gateways of a run said and comeback does not know.

use comeback_record::document::{DriftEntry, RunDocument};

/// Most words to name for one place.
const NAMED: usize = 8;

/// One sentence for all images with the same drift. It quotes containers, so the caller has to sanitize it.
pub fn sentences(document: &RunDocument) -> Vec<String> {
    let mut groups: Vec<(&[String], Vec<&DriftEntry>)> = Vec::new();
    for entry in &document.drift {
        match groups.iter_mut().find(|(images, _)| *images == entry.images) {
            Some((_, entries)) => entries.push(entry),
            None => groups.push((&entry.images, vec![entry])),
        }
    }
    let groups = groups.into_iter();
    groups.map(|(images, entries)| sentence(images, &entries)).collect()
}

fn sentence(images: &[String], entries: &[&DriftEntry]) -> String {
    let places = entries.chunk_by(|a, b| a.place == b.place).map(|of_place| {
        let named: Vec<&str> = of_place.iter().take(NAMED).map(|entry| entry.word.as_str()).collect();
        let more = match of_place.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{} {}{more}", of_place[0].place, named.join(", "))
    });
    let places: Vec<String> = places.collect();
    let (gateways, say) = match images {
        [_] => ("gateway", "says"),
        _ => ("gateways", "say"),
    };
    format!(
        "the {gateways} of {} {say} what comeback does not know: {}",
        images.join(", "),
        places.join("; ")
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{annotations, html, human, json, jsonl, junit, markdown};
    use comeback_record::document::samples;
    use comeback_text::terminal::Style;

    const SENTENCE: &str = "the gateway of release:0.23.0 says what comeback does not know: key in the state file \
                            fuel, mood; gateway_state napping; action of the reconciler adopted";

    #[test]
    fn a_sentence_for_each_image() {
        assert_eq!(sentences(&samples::drifted()), [SENTENCE]);
        assert!(sentences(&samples::red_gate()).is_empty());
        let mut document = samples::drifted();
        for entry in &mut document.drift {
            entry.images.push("release:0.24.0".into());
        }
        let told = sentences(&document);
        assert!(
            told[0].starts_with("the gateways of release:0.23.0, release:0.24.0 say what"),
            "{told:?}"
        );
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let mut document = samples::drifted();
        let first = document.drift[0].clone();
        document.drift = vec![first; NAMED + 2];
        assert!(sentences(&document)[0].ends_with("fuel, fuel and 2 more"));
    }

    /// For people it is one line where there is room; a report's own mark-up of the words does not matter here.
    #[test]
    fn every_report_tells_it_once() {
        let mut document = samples::drifted();
        let wide = Style {
            width: 400,
            ..Style::PLAIN
        };
        let plain = |text: String| text.replace(['`', '\\'], "");
        for command in ["check", "reproduce", "selftest", "compare", "matrix", "explore"] {
            document.command = command.into();
            let lines = human::render(&document, wide);
            let told: Vec<&str> = lines.lines().filter(|line| line.starts_with("drift  ")).collect();
            assert_eq!(told, [format!("drift  {SENTENCE}")], "{command}");
            let text = plain(markdown::render(&document));
            assert_eq!(text.matches(SENTENCE).count(), 1, "{command}: {text}");
        }
        document.command = "check".into();
        let page = html::render(&document).unwrap();
        assert_eq!(page.matches(SENTENCE).count(), 1);
        let suites = junit::render(&document).unwrap();
        assert_eq!(
            suites.matches(&format!("name=\"drift\" value=\"{SENTENCE}\"")).count(),
            1,
            "{suites}"
        );
        let notices = annotations::render(&document);
        assert_eq!(notices, format!("::notice title=drift::{SENTENCE}\n"));
        for text in [json::render(&document).unwrap(), jsonl::document(&document).unwrap()] {
            let value: serde_json::Value = serde_json::from_str(text.trim()).unwrap();
            let value = value.get("document").unwrap_or(&value);
            let wanted = serde_json::json!({
                "place": "state-key", "word": "mood", "releases": ["0.23.0"], "images": ["release:0.23.0"],
                "scenario": "docker-restart", "cases": 1,
            });
            assert_eq!(value["drift"][1], wanted, "{value}");
        }
    }

    #[test]
    fn no_report_mentions_it_where_there_is_none() {
        let document = samples::red_gate();
        let texts = [
            human::render(&document, Style::PLAIN),
            markdown::render(&document),
            html::render(&document).unwrap(),
            junit::render(&document).unwrap(),
            annotations::render(&document),
            json::render(&document).unwrap(),
        ];
        for text in texts {
            assert!(!text.to_lowercase().contains("drift"), "{text}");
        }
    }
}
