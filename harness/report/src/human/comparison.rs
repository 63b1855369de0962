//! The report of `compare`: how each scenario changed from the old image to the new one.

use super::{dossier, words};
use comeback_record::compare::{Change, Comparison};
use comeback_record::document::{CaseEntry, ImageEntry, RunDocument};
use comeback_scenario::model::Guard;
use comeback_text::terminal::{Paint, Style, sanitize};
use comeback_text::terminal::{pad, width, wrap};
use comeback_verdict::{Classification, Verdict};

/// Changes in the order of their importance.
const ORDER: [Change; 7] = [
    Change::Introduced,
    Change::Changed,
    Change::Inconclusive,
    Change::Repaired,
    Change::PreExisting,
    Change::Unsupported,
    Change::Held,
];

/// One line for each scenario that does not hold on both images, the most important first, and the number of those that do.
pub fn table(document: &RunDocument, found: &[Comparison], style: Style) -> String {
    let [old, new, ..] = document.images.as_slice() else {
        return String::new();
    };
    let mut shown: Vec<&Comparison> = found.iter().filter(|c| c.change != Change::Held).collect();
    shown.sort_by_key(|c| ORDER.iter().position(|change| *change == c.change));
    let names = shown.iter().map(|c| width(&sanitize(&c.scenario))).max().unwrap_or(0);
    let mut text = String::new();
    for comparison in &shown {
        let (sign, paint) = mark(comparison.change);
        let head = format!(
            "{sign} {}  {}",
            pad(comparison.change.name(), "pre-existing".len()),
            pad(&sanitize(&comparison.scenario), names),
        );
        let tail = tail(comparison);
        let line = if width(&head) + 2 + width(&tail) <= style.width {
            format!("{head}  {tail}")
        } else {
            format!("{}\n    {tail}", head.trim_end())
        };
        text += &format!("{}\n", style.paint(paint, &line));
    }
    let held = found.len() - shown.len();
    if held > 0 {
        let on = format!(
            "{} on {} and on {}",
            if held == 1 { "holds" } else { "hold" },
            sanitize(&old.name),
            sanitize(&new.name)
        );
        let line = format!("✓ {} {on}", words::count(held, "scenario"));
        text += &wrap(&line, style.width, "");
    }
    if text.is_empty() { text } else { text + "\n" }
}

/// `fixed → regressed, the signal half of the fix`.
pub fn tail(comparison: &Comparison) -> String {
    let change = if comparison.old == comparison.new {
        format!("{} on both", comparison.new)
    } else {
        format!("{} → {}", comparison.old, comparison.new)
    };
    let guards: Vec<&str> = comparison.guards.iter().map(|guard| half(*guard)).collect();
    if guards.is_empty() {
        change
    } else {
        format!("{change}: {}", guards.join(" and "))
    }
}

/// A part of the fix by name.
fn half(guard: Guard) -> &'static str {
    match guard {
        Guard::Signal => "the signal half of the fix",
        Guard::Marker => "the marker half of the fix",
        Guard::Reconciler => "the boot reconciler",
    }
}

/// The sign of a change, and how it is painted.
pub fn mark(change: Change) -> (&'static str, Paint) {
    match change {
        Change::Held => ("✓", Paint::Good),
        Change::Introduced => ("✗", Paint::Bad),
        Change::Repaired => ("↑", Paint::Info),
        Change::PreExisting => ("~", Paint::Dim),
        Change::Changed => ("≠", Paint::Bad),
        Change::Inconclusive => ("?", Paint::Doubt),
        Change::Unsupported => ("-", Paint::Dim),
    }
}

/// The dossiers of what the new image introduces or changes, and of inconclusive scenarios.
pub fn dossiers(document: &RunDocument, found: &[Comparison], style: Style) -> String {
    let [old, new, ..] = document.images.as_slice() else {
        return String::new();
    };
    let mut text = String::new();
    for comparison in found {
        let of = |image: &ImageEntry| -> Vec<&CaseEntry> {
            let same =
                |case: &&CaseEntry| case.counts && case.scenario == comparison.scenario && case.image == image.name;
            document.cases.iter().filter(same).collect()
        };
        match comparison.change {
            Change::Introduced | Change::Changed => {
                let case = of(new).into_iter().find(|case| case.classification == comparison.new);
                // Judged against the old image, not against the expectation of its release.
                let against = case.map(|case| CaseEntry {
                    verdict: Verdict::Regression,
                    expected: Classification::Fixed.name().to_owned(),
                    ..case.clone()
                });
                if let Some(case) = against {
                    text += &dossier::dossier(document, &case, style);
                    let line = match comparison.change {
                        Change::Introduced => format!("  introduced by {}: it holds on {}.", new.name, old.name),
                        _ => format!(
                            "  changed: it does not hold on {} either, but fails differently.",
                            old.name
                        ),
                    };
                    text += &wrap(&sanitize(&line), style.width, "  ");
                    text.push('\n');
                }
            }
            Change::Inconclusive => {
                let doubtful = |case: &&CaseEntry| {
                    matches!(
                        case.classification,
                        Classification::Inconclusive | Classification::Error
                    )
                };
                let case = of(new).into_iter().chain(of(old)).find(doubtful);
                text += &case.map_or_else(String::new, |case| dossier::dossier(document, case, style));
            }
            _ => {}
        }
    }
    text
}

/// `1 introduced, 2 pre-existing, 40 held · 1 m 04 s · exit 1`.
pub fn closing(document: &RunDocument, found: &[Comparison], style: Style) -> String {
    let counts: Vec<String> = ORDER
        .iter()
        .filter_map(|change| {
            let n = found.iter().filter(|c| c.change == *change).count();
            (n > 0).then(|| style.paint(mark(*change).1, &format!("{n} {}", change.name())))
        })
        .collect();
    let what = if counts.is_empty() {
        "nothing was compared".to_owned()
    } else {
        counts.join(", ")
    };
    format!(
        "{what} · {} · {}\n",
        words::seconds(document.seconds),
        words::exit(document, style),
    )
}
