//! Reports as people see them.
#![allow(clippy::unwrap_used)]

use rstest::rstest;

use super::render;
use comeback_explore::scripted::Fault;
use comeback_history::clock::ClockOffset;
use comeback_record::document::{RunDocument, samples};
use comeback_text::terminal::Style;
use comeback_text::terminal::width;

const NARROW: Style = Style {
    color: false,
    width: 80,
};
const WIDE: Style = Style {
    color: false,
    width: 120,
};

fn all() -> Vec<(&'static str, RunDocument)> {
    vec![
        ("reproduced", samples::reproduced()),
        ("red_gate", samples::red_gate()),
        ("engine_fault", samples::engine_fault()),
        ("motley", samples::motley()),
        ("no_engine", samples::no_engine()),
        ("not_reproduced", samples::not_reproduced()),
        ("repeated", samples::repeated()),
        ("compared_repaired", samples::compared(true)),
        ("compared_introduced", samples::compared(false)),
        ("soak", samples::soak()),
        ("raced", samples::raced()),
        ("matrix", samples::matrix()),
        ("explored", samples::explored(Fault::EveryShutdownIsAStop)),
        ("explored_nothing", samples::explored(Fault::None)),
    ]
}

#[rstest]
#[case(NARROW)]
#[case(WIDE)]
fn reports_for_a_terminal(#[case] style: Style) {
    for (name, document) in all() {
        insta::assert_snapshot!(format!("{name}_{}", style.width), render(&document, style));
    }
}

#[test]
fn nothing_from_a_container_reaches_the_terminal_raw() {
    for (name, document) in all() {
        let text = render(&document, WIDE);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{name}");
    }
}

#[test]
fn colour_changes_nothing_but_colour() {
    for (name, document) in all() {
        let painted = render(&document, Style { color: true, ..WIDE });
        let mut plain = String::new();
        let mut rest = painted.as_str();
        while let Some(start) = rest.find('\u{1b}') {
            plain.push_str(&rest[..start]);
            let end = rest[start..].find('m').unwrap();
            rest = &rest[start + end + 1..];
        }
        plain.push_str(rest);
        assert_eq!(plain, render(&document, WIDE), "{name}");
        assert!(painted.contains('\u{1b}'), "{name}");
    }
}

/// Only text that is to be copied may be wider than the terminal.
#[rstest]
fn lines_fit(#[values(60, 80, 100, 120)] columns: usize) {
    let mut wide = Vec::new();
    for (name, document) in all() {
        for line in render(
            &document,
            Style {
                color: false,
                width: columns,
            },
        )
        .lines()
        {
            let copied = [
                "see it again",
                "evidence",
                "comeback ",
                "record:",
                "engine",
                "image",
                "left out",
                "wanted",
                "release",
                "exit",
            ];
            // The scenario file of a finding is to be copied too.
            let of_file = document.explore.iter().flat_map(|e| &e.findings);
            let of_file = of_file
                .flat_map(|found| found.scenario_toml.lines())
                .any(|of| of == line.trim_start());
            let may = of_file || copied.iter().any(|word| line.contains(word)) || !line.trim().contains(' ');
            if !may && width(line) > columns {
                wide.push(format!("{name}: {line}"));
            }
        }
    }
    assert!(wide.is_empty(), "{}", wide.join("\n"));
}

#[test]
fn a_clock_offset_is_shown_with_the_engine() {
    let mut document = samples::reproduced();
    assert!(!render(&document, WIDE).contains("clock"));
    let clock = ClockOffset {
        offset_ms: -45_000,
        uncertainty_ms: 12,
    };
    document.engine.as_mut().unwrap().clock = Some(clock);
    let text = render(&document, WIDE);
    assert!(text.contains("clock 45.0 s behind ours"), "{text}");
}
