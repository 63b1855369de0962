#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

use super::*;
use comeback_record::document::samples;

fn events(text: &str) -> Vec<Event<'_>> {
    Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).collect()
}

#[test]
fn a_red_gate() {
    insta::assert_snapshot!(render(&samples::red_gate()));
}

#[test]
fn a_reproduction() {
    insta::assert_snapshot!(render(&samples::reproduced()));
}

#[test]
fn one_of_everything() {
    insta::assert_snapshot!(render(&samples::motley()));
}

#[test]
fn a_race_on_record() {
    insta::assert_snapshot!(render(&samples::raced()));
}

#[test]
fn a_soak() {
    insta::assert_snapshot!(render(&samples::soak()));
}

#[test]
fn a_matrix() {
    insta::assert_snapshot!(render(&samples::matrix()));
}

/// A matrix is committed to a repository, so it may only change if the behaviour of a gateway changes.
#[test]
fn a_matrix_depends_only_on_behaviour() {
    let document = samples::matrix();
    let mut other = document.clone();
    other.run = "another".into();
    other.started = jiff::Timestamp::UNIX_EPOCH;
    other.seconds = 1.0;
    other.engine = None;
    other.record = Some("/elsewhere".into());
    other.arguments.push("--jobs=7".into());
    for image in &mut other.images {
        image.digest = "sha256:other".into();
        image.reference = "other".into();
        image.made ^= true;
    }
    for case in &mut other.cases {
        case.seconds = 99.0;
        case.evidence = None;
        case.logs.clear();
        case.timeline.clear();
        case.reason = case.reason.take().map(|why| why + " or 3.4 s");
    }
    other.cases.reverse();
    assert_eq!(render(&document), render(&other));
}

#[test]
fn tables_of_a_matrix_are_complete() {
    let text = render(&samples::matrix());
    let mut columns = 0;
    for event in events(&text) {
        match event {
            Event::Start(Tag::Table(of)) => columns = of.len(),
            Event::Start(Tag::TableRow) => assert!(columns > 1),
            _ => {}
        }
    }
    for block in text.split("\n\n").filter(|block| block.starts_with('|')) {
        let bars: std::collections::BTreeSet<usize> = block.lines().map(|l| l.matches('|').count()).collect();
        assert_eq!(bars.len(), 1, "{block}");
    }
}

#[test]
fn a_summary_fits_into_a_comment() {
    let mut document = samples::red_gate();
    let cases = document.cases.clone();
    for n in 0..300 {
        document.cases.extend(cases.iter().cloned().map(|mut case| {
            case.scenario = format!("{}-{n}", case.scenario);
            case
        }));
    }
    let text = render(&document);
    assert!(text.len() <= MOST + 200, "{}", text.len());
    assert!(text.contains("more that need attention are in the report"), "{text}");
}

proptest! {
    #[test]
    fn prose_has_no_markup(text in any::<String>()) {
        let source = format!("x {} x", prose(&text));
        let mut seen = String::new();
        for event in events(&source) {
            match event {
                Event::Text(part) => seen.push_str(&part),
                Event::Start(Tag::Paragraph) | Event::End(_) => {}
                other => prop_assert!(false, "{other:?} in {source}"),
            }
        }
        prop_assert_eq!(seen.replace("@\u{200b}", "@"), format!("x {} x", sanitize(&text)));
    }

    #[test]
    fn a_cell_is_one_piece_of_code(text in "[ -~|`\\\\]{0,12}") {
        let source = format!("| a | b |\n|---|---|\n| {} | end |\n", cell(&text));
        let codes = events(&source).into_iter().filter(|e| matches!(e, Event::Code(_))).count();
        let cells = events(&source).into_iter().filter(|e| matches!(e, Event::Start(Tag::TableCell))).count();
        prop_assert_eq!(codes, usize::from(!text.trim().is_empty()));
        prop_assert_eq!(cells, 4);
    }

    #[test]
    fn output_of_containers_is_escaped(text in any::<String>()) {
        let mut document = samples::red_gate();
        let case = &mut document.cases[0];
        case.reason = Some(text.clone());
        case.scenario = text.clone();
        case.logs.values_mut().for_each(|lines| lines.push(text.clone()));
        case.rows[0].observed = Some(comeback_scenario::model::Value::Str(text.clone()));
        let mut matrix = samples::matrix();
        matrix.images[0].supervisor = Some(text.clone());
        matrix.images[1].base = Some(text.clone());
        matrix.cases[2].note = Some(text.clone());
        matrix.cases[3].rows[0].observed = Some(comeback_scenario::model::Value::Str(text));
        let rendered = render(&document) + &render(&matrix);
        for event in events(&rendered) {
            match event {
                Event::Html(tag) | Event::InlineHtml(tag) => {
                    let ours = ["<details><summary><b>", "</details>"];
                    prop_assert!(ours.iter().any(|our| tag.starts_with(our)), "{tag}");
                }
                Event::Start(Tag::Link { .. } | Tag::Image { .. }) => prop_assert!(false, "a link in {rendered}"),
                _ => {}
            }
        }
    }
}
