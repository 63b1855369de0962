//! The report of `compare --likeness`: the rows that differ, and what happened on both images, side by side.

use super::words;
use comeback_record::document::RunDocument;
use comeback_record::excerpt::of_profile;
use comeback_record::likeness::{Cell, Course, Likeness, Moment};
use comeback_scenario::model::Value;
use comeback_text::terminal::{Paint, Style, pad, sanitize, shorten, width, wrap};

/// The column between two images.
const GAP: &str = " │ ";

/// The rows that differ, with both values.
pub fn cells(found: &Likeness, style: Style) -> String {
    let name = |cell: &Cell| sanitize(&format!("{}{} {}", of_profile(&cell.profile), cell.at, cell.probe));
    let scenarios = found
        .cells
        .iter()
        .map(|c| width(&sanitize(&c.scenario)))
        .max()
        .unwrap_or(0);
    let names = found.cells.iter().map(|c| width(&name(c))).max().unwrap_or(0);
    let mut text = String::new();
    for cell in &found.cells {
        let line = format!(
            "≠ {}  {}  {} → {}",
            pad(&sanitize(&cell.scenario), scenarios),
            pad(&name(cell), names),
            value(cell.first.as_ref()),
            value(cell.second.as_ref())
        );
        text += &style.paint(Paint::Bad, wrap(&line, style.width, "    ").trim_end());
        text.push('\n');
    }
    for scenario in &found.inconclusive {
        text += &style.paint(
            Paint::Doubt,
            &format!("? {}  inconclusive on one of them", sanitize(scenario)),
        );
        text.push('\n');
    }
    let line = format!(
        "{} of {} have the same value in every row on both images",
        found.alike,
        words::count(found.scenarios, "scenario")
    );
    text + &wrap(&line, style.width, "") + "\n"
}

/// A value in words.
pub fn value(value: Option<&Value>) -> String {
    value.map_or_else(|| "no such row".to_owned(), |value| sanitize(&words::value(value)))
}

/// What happened in a step, on the left for the first image.
pub fn course(document: &RunDocument, course: &Course, style: Style) -> String {
    let [first, second, ..] = document.images.as_slice() else {
        return String::new();
    };
    let side = style.width.saturating_sub(width(GAP)) / 2;
    let head = format!(
        "{} in {}, milliseconds since the step began",
        course.step, course.scenario
    );
    let mut text = format!(
        "{}\n",
        style.paint(Paint::Bold, wrap(&sanitize(&head), style.width, "").trim_end())
    );
    let line = |left: &str, right: &str| format!("{}{GAP}{right}", pad(left, side)).trim_end().to_owned() + "\n";
    text += &line(
        &shorten(&sanitize(&first.name), side),
        &shorten(&sanitize(&second.name), side),
    );
    for (left, right) in course.beside() {
        let (left, right) = (lines(left, side), lines(right, side));
        for at in 0..left.len().max(right.len()) {
            let of = |side: &[String]| side.get(at).cloned().unwrap_or_default();
            text += &line(&of(&left), &of(&right));
        }
    }
    text + "\n"
}

/// A moment in as many lines as it takes.
fn lines(moment: Option<&Moment>, side: usize) -> Vec<String> {
    let Some(moment) = moment else {
        return Vec::new();
    };
    let text = format!("{:>6}  {}", moment.ms, sanitize(&moment.text));
    wrap(&text, side, "        ").lines().map(str::to_owned).collect()
}

/// `3 rows differ, 40 scenarios alike · exit 1`.
pub fn closing(document: &RunDocument, found: &Likeness, style: Style) -> String {
    let mut parts = Vec::new();
    if !found.cells.is_empty() {
        let verb = if found.cells.len() == 1 { "differs" } else { "differ" };
        parts.push(style.paint(
            Paint::Bad,
            &format!("{} {verb}", words::count(found.cells.len(), "row")),
        ));
    }
    if !found.inconclusive.is_empty() {
        parts.push(style.paint(Paint::Doubt, &format!("{} inconclusive", found.inconclusive.len())));
    }
    parts.push(style.paint(Paint::Good, &format!("{} alike", words::count(found.alike, "scenario"))));
    format!(
        "{} · {} · {}\n",
        parts.join(", "),
        words::seconds(document.seconds),
        words::exit(document, style)
    )
}
