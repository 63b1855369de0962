//! The run document for people at a terminal.
//!
//! Everything that a container, an engine or a file said goes through [`sanitize`] on its way out.

pub(super) mod again;
pub(super) mod comparison;
pub(super) mod dossier;
mod explore;
pub(super) mod figures;
pub(super) mod grid;
pub(super) mod likeness;
pub(super) mod overview;
pub(super) mod repeats;
pub(super) mod selftest;
mod summary;
mod table;
pub(super) mod words;

use super::items::cut_short;
use super::{drift, trend};
use comeback_history::clock::ClockOffset;
use comeback_record::document::{CaseEntry, ImageEntry, RunDocument};
use comeback_text::terminal::{Paint, Style, fold, pad, sanitize, wrap};
use comeback_verdict::Verdict;

pub use summary::summary;
pub use words::{mark, paint, seconds};

/// The whole report of a run: the results, the dossiers of what is not as expected, and the closing line.
pub fn render(document: &RunDocument, style: Style) -> String {
    match document.command.as_str() {
        "reproduce" => reproduce(document, style),
        "selftest" => selftest(document, style),
        "compare" => compare(document, style),
        "matrix" => matrix(document, style),
        "explore" => explore(document, style),
        _ => check(document, style),
    }
}

/// The report of `reproduce`: the images side by side.
pub fn reproduce(document: &RunDocument, style: Style) -> String {
    let title = style.paint(Paint::Bold, "#42675") + "  a gateway stays down after its container was restarted";
    let mut text = fold(&title, style.width) + "\n\n";
    text += &head(document, style);
    text += &overview::table(document, style);
    text += &overview::reconciler(document, style);
    text += &dossiers(document, style);
    text += &repeats::repeats(document, style);
    text += &figures::figures(document, style);
    text += &overview::closing(document, style);
    text += &ending(document, style);
    text
}

/// The report of `check`: a table of cases, then the dossiers of those that are not as expected.
pub fn check(document: &RunDocument, style: Style) -> String {
    let mut text = head(document, style);
    text += &table::cases(document, style);
    text += &repeats::repeats(document, style);
    text += &figures::figures(document, style);
    text += &dossiers(document, style);
    text += &ending(document, style);
    text
}

/// The report of `selftest`: the overlays and the scenarios that caught them, then the cases of the control that did not hold.
pub fn selftest(document: &RunDocument, style: Style) -> String {
    let mut text = head(document, style);
    if let Some(found) = &document.selftest {
        text += &selftest::overlays(found, style);
    }
    text += &dossiers(document, style);
    text += &notes(document, style);
    match &document.selftest {
        Some(found) => text += &selftest::closing(document, found, style),
        None => text += &summary(document, style),
    }
    text
}

/// The report of `compare`: the changes, then the dossiers of what the new image introduces and of inconclusive scenarios.
pub fn compare(document: &RunDocument, style: Style) -> String {
    let Some(found) = &document.comparisons else {
        return check(document, style);
    };
    let mut text = head(document, style);
    if let Some(found) = &document.likeness {
        text += &likeness::cells(found, style);
        let courses = found.courses.iter();
        text += &courses
            .map(|course| likeness::course(document, course, style))
            .collect::<String>();
        text += &notes(document, style);
        return text + &likeness::closing(document, found, style);
    }
    text += &comparison::table(document, found, style);
    text += &comparison::dossiers(document, found, style);
    text += &notes(document, style);
    text += &comparison::closing(document, found, style);
    text
}

/// The report of `matrix`: scenarios by images, one sign each, and the dossiers of what is not as expected.
pub fn matrix(document: &RunDocument, style: Style) -> String {
    let mut text = head(document, style);
    text += &grid::grid(document, style);
    text += &dossiers_of(document, style, |verdict| verdict.is_red() || !verdict.is_conclusive());
    text += &ending(document, style);
    text
}

/// The report of `explore`: the shortest sequence of each finding, then the coverage.
pub fn explore(document: &RunDocument, style: Style) -> String {
    let Some(explored) = &document.explore else {
        return check(document, style);
    };
    let mut text = head(document, style);
    text += &explore::heading(explored, style);
    text += &explored
        .findings
        .iter()
        .map(|f| explore::finding(explored, f, style))
        .collect::<String>();
    text += &explore::coverage(explored, style);
    text += &notes(document, style);
    text += &explore::closing(document, explored, style);
    text
}

/// The head of a report: engine and images.
fn head(document: &RunDocument, style: Style) -> String {
    let mut text = String::new();
    let label = |word: &str| style.paint(Paint::Dim, &pad(word, 9));
    if let Some(engine) = &document.engine {
        let cpus = if engine.cpus == 1 { "processor" } else { "processors" };
        let clock = engine.clock.and_then(ClockOffset::words);
        let clock = clock.map(|words| format!(", {words}")).unwrap_or_default();
        let line = format!(
            "{} {} ({}), API {}, {} {cpus}{clock}",
            engine.name, engine.version, engine.host, engine.api, engine.cpus
        );
        let line = wrap(&sanitize(&line), style.width, &" ".repeat(11));
        text += &format!("  {}{}", label("engine"), line.trim_start());
    }
    let widest = |of: &dyn Fn(&ImageEntry) -> String| document.images.iter().map(|i| of(i).chars().count()).max();
    let name = |image: &ImageEntry| sanitize(&image.name);
    let kind = |image: &ImageEntry| sanitize(&words::image_kind(document, image));
    let (names, kinds) = (widest(&name).unwrap_or(0), widest(&kind).unwrap_or(0));
    for (i, image) in document.images.iter().enumerate() {
        let first = label(if i == 0 {
            if document.images.len() == 1 { "image" } else { "images" }
        } else {
            ""
        });
        let had = if image.made {
            format!("ready after {}", words::seconds(image.seconds))
        } else {
            "already there".to_owned()
        };
        let line = format!("{}  {}  {had}", pad(&name(image), names), pad(&kind(image), kinds));
        text += &format!("  {first}{line}\n");
    }
    if let Some(part) = document.part() {
        text += &format!("  {}{}\n", label("part"), sanitize(&part));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// The dossiers of all cases that did not hold, worst first.
fn dossiers(document: &RunDocument, style: Style) -> String {
    dossiers_of(document, style, |verdict| verdict != Verdict::Held)
}

/// The dossiers of the cases with a wanted verdict, worst first.
fn dossiers_of(document: &RunDocument, style: Style, wanted: impl Fn(Verdict) -> bool) -> String {
    let mut worth: Vec<&CaseEntry> = document
        .cases
        .iter()
        .filter(|c| c.counts && wanted(c.verdict) && c.overlay.is_none())
        .collect();
    worth.sort_by_key(|case| std::cmp::Reverse(case.verdict));
    worth
        .iter()
        .map(|case| dossier::dossier(document, case, style))
        .collect()
}

/// The last lines of a report: cases left out, the failure of the run, the record, and the closing line.
fn ending(document: &RunDocument, style: Style) -> String {
    notes(document, style) + &summary(document, style)
}

/// Drift, cases left out, the failure of the run, and the place of the record.
fn notes(document: &RunDocument, style: Style) -> String {
    let mut text = String::new();
    for (label, sentences) in [
        ("drift", drift::sentences(document)),
        ("trend", trend::sentences(document)),
    ] {
        for sentence in sentences {
            let line = wrap(&sanitize(&sentence), style.width, &" ".repeat(7));
            text += &format!("{}  {}", style.paint(Paint::Info, label), line.trim_start());
        }
    }
    for left in &document.left_out {
        let line = format!("left out: {} on {}: {}", left.scenario, left.image, left.why);
        text += &format!("{}\n", style.paint(Paint::Dim, &sanitize(&line)));
    }
    if let Some(why) = cut_short(document) {
        text += &format!("{}\n", style.paint(Paint::Bad, why));
    }
    if let Some(failure) = &document.failure {
        text += &format!("{} {}\n", style.paint(Paint::Bad, "the run failed:"), sanitize(failure));
    }
    if let Some(record) = &document.record {
        text += &format!(
            "{}\n",
            style.paint(Paint::Dim, &format!("record: {}", sanitize(record)))
        );
    }
    text
}

#[cfg(test)]
mod tests;
