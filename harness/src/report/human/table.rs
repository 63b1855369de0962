//! The table of cases.

use comfy_table::presets;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};

use super::words;
use crate::evidence::document::{CaseEntry, RunDocument};
use crate::report::{Style, sanitize};
use crate::verdict::Verdict;

/// Repeats in a row that are shown each.
const FOLDED: usize = 4;

/// One line a case: sign, scenario, image (where there are several), verdict, finding, duration.
pub fn cases(document: &RunDocument, style: Style) -> String {
    let counting: Vec<&CaseEntry> = document.cases.iter().filter(|case| case.counts).collect();
    if counting.is_empty() {
        return String::new();
    }
    let several_images = document.images.len() > 1;
    let mut table = Table::new();
    table.force_no_tty();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(style.width).unwrap_or(u16::MAX));
    let lines = folded(&counting);
    for (case, times) in &lines {
        let attempts = attempts(document, case);
        let again = if attempts > 1 {
            format!(", {attempts} attempts")
        } else {
            String::new()
        };
        // Painted after layout: the table must measure what is seen, not the escapes.
        let name = match times {
            1 => words::case_name(case),
            _ => format!("{} ×{times}", case.scenario),
        };
        let mut cells = vec![words::mark(case.verdict).to_owned(), sanitize(&name)];
        if several_images {
            cells.push(sanitize(words::image_name(&case.image)));
        }
        cells.push(case.verdict.name().to_owned());
        cells.push(format!("{}{again}", words::finding(case)));
        cells.push(words::seconds(case.seconds));
        table.add_row(cells.into_iter().map(Cell::new));
    }
    if let Some(last) = table.column_mut(if several_images { 5 } else { 4 }) {
        last.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = String::new();
    let mut verdicts = lines.iter().map(|(case, _)| case.verdict);
    let mut paint = crate::report::Paint::Plain;
    for line in table.lines() {
        // A line that begins with a sign begins a case; one that does not goes on with it.
        if !line.starts_with("   ") {
            paint = verdicts.next().map_or(paint, words::paint);
        }
        text += &format!(
            "{}\n",
            style.paint(paint, line.trim_end().strip_prefix(' ').unwrap_or(&line))
        );
    }
    text + "\n"
}

/// The lines of the table: a case each, but repeats in a row that held at once are one line, with how many they are.
fn folded<'c>(cases: &[&'c CaseEntry]) -> Vec<(&'c CaseEntry, usize)> {
    let same = |a: &&CaseEntry, b: &&CaseEntry| {
        let held = a.verdict == Verdict::Held && b.verdict == Verdict::Held;
        held && a.attempt == 1 && b.attempt == 1 && (&a.scenario, &a.image) == (&b.scenario, &b.image)
    };
    let groups = cases.chunk_by(same);
    let fold = |group: &[&'c CaseEntry]| match group {
        [first, ..] if group.len() > FOLDED => vec![(*first, group.len())],
        few => few.iter().map(|case| (*case, 1)).collect(),
    };
    groups.flat_map(fold).collect()
}

/// How many attempts of the same case there are.
pub fn attempts(document: &RunDocument, case: &CaseEntry) -> usize {
    let same = |other: &&CaseEntry| {
        other.scenario == case.scenario && other.image == case.image && other.repeat == case.repeat
    };
    document.cases.iter().filter(same).count()
}
