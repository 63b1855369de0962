#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use comeback_record::document::samples;

#[test]
fn a_page_has_no_scripts_and_loads_nothing() {
    for document in samples::all() {
        let page = render(&document).unwrap();
        for bad in [
            "<script",
            "javascript:",
            "http://",
            "https://",
            " onload",
            "url(",
            "@import",
            "<iframe",
        ] {
            assert!(!page.contains(bad), "{bad}");
        }
    }
}

#[test]
fn ids_are_unique_and_links_have_targets() {
    for document in samples::all() {
        let page = render(&document).unwrap();
        let values = |name: &str| -> Vec<String> {
            let key = format!(" {name}=\"");
            let parts = page.split(&key).skip(1);
            parts.map(|part| part.split('"').next().unwrap().to_owned()).collect()
        };
        let ids = values("id");
        let unique: std::collections::BTreeSet<&String> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len());
        for href in values("href").iter().filter_map(|h| h.strip_prefix('#')) {
            assert!(ids.iter().any(|id| id == href), "{href}");
        }
        for label in values("aria-labelledby").iter().flat_map(|l| l.split(' ')) {
            assert!(ids.iter().any(|id| id == label), "{label}");
        }
    }
}

/// Six hundred cases, one in ten of them red.
#[test]
fn the_page_of_a_large_run_is_below_12_mb() {
    let mut document = samples::red_gate();
    let (red, held) = (document.cases[0].clone(), document.cases[1].clone());
    document.cases = (0..600)
        .map(|n| {
            let mut case = if n % 10 == 0 { red.clone() } else { held.clone() };
            case.scenario = format!("{}-{n}", case.scenario);
            case.logs
                .values_mut()
                .for_each(|lines| *lines = vec!["x".repeat(120); 80]);
            case
        })
        .collect();
    let page = render(&document).unwrap();
    assert!(page.len() < 12_000_000, "{} bytes", page.len());
    assert!(page.contains("docker-restart-590"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn output_of_containers_is_escaped(text in "[<>&\"'a-z/= ]{1,12}|<script>.{0,5}|.{0,8}") {
        let count = |page: &str| page.matches('<').count();
        let with = |text: &str| {
            let mut document = samples::red_gate();
            let case = &mut document.cases[0];
            for place in [&mut case.title, &mut case.why, &mut case.source, &mut case.image] {
                *place = text.to_owned();
            }
            case.reason = Some(text.to_owned());
            case.logs.values_mut().for_each(|lines| lines.push(text.to_owned()));
            case.timeline.iter_mut().for_each(|entry| entry.text = text.to_owned());
            case.rows[0].observed = Some(comeback_scenario::model::Value::Str(text.to_owned()));
            document.failure = Some(text.to_owned());
            render(&document).unwrap()
        };
        let same_length = "x".repeat(text.chars().count());
        // A picture leaves out labels that are too long, and then has fewer elements.
        let strip = |page: String| page.split("<svg").map(|p| p.split("</svg>").last().unwrap().to_owned()).collect::<String>();
        prop_assert_eq!(count(&strip(with(&text))), count(&strip(with(&same_length))));
        prop_assert!(!with(&text).contains("<script"));
    }
}
