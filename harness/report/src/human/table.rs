//! The table of cases.

use comfy_table::presets;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table};

use super::words;
use comeback_record::document::{CaseEntry, RunDocument};
use comeback_text::terminal::width;
use comeback_text::terminal::{Style, sanitize};
use comeback_verdict::Verdict;

/// Repeats in a row that get a line each. More are folded.
const FOLDED: usize = 4;

/// Space around a cell.
const GAP: usize = 2;
/// The longest word of a finding.
const WORD: usize = "inconclusive".len();

/// One line for each case: sign, scenario, image (if there are several), verdict, finding, duration.
pub fn cases(document: &RunDocument, style: Style) -> String {
    let counting: Vec<&CaseEntry> = document.cases.iter().filter(|case| case.counts).collect();
    if counting.is_empty() {
        return String::new();
    }
    let several_images = document.images.len() > 1;
    let lines = folded(&counting);
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| cells(document, *line, several_images))
        .collect();
    let finding = if several_images { 4 } else { 3 };
    let widest = |i: usize| rows.iter().map(|cells| width(&cells[i])).max().unwrap_or(0);
    // Only the finding is wrapped. If it does not fit at all it is left out, because the dossier has it.
    let others: Vec<usize> = (0..finding + 2).filter(|i| *i != finding).collect();
    let taken: usize = others.iter().map(|i| widest(*i) + GAP).sum();
    let with_finding = taken + GAP + WORD <= style.width;
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(style.width).unwrap_or(u16::MAX));
    for mut cells in rows {
        if !with_finding {
            cells.remove(finding);
        }
        // Painted after the layout, because the table would count the escapes as width.
        table.add_row(cells.into_iter().map(Cell::new));
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        if !with_finding || i != finding {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    if let Some(last) = table.column_mut(if with_finding { finding + 1 } else { finding }) {
        last.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = String::new();
    let mut verdicts = lines.iter().map(|(case, _)| case.verdict);
    let mut paint = comeback_text::terminal::Paint::Plain;
    for line in table.lines() {
        // A line that begins with a sign begins a case. Other lines continue it.
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

fn cells(document: &RunDocument, (case, times): (&CaseEntry, usize), several_images: bool) -> Vec<String> {
    let attempts = attempts(document, case);
    // The finding of a race has the number of attempts already.
    let again = if attempts > 1 && case.race.is_none() {
        format!(", {attempts} attempts")
    } else {
        String::new()
    };
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
    cells
}

/// The lines of the table: one for each case, but many repeats in a row that held at the first attempt share a line, with
/// their number.
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

/// The number of attempts of the same case.
pub fn attempts(document: &RunDocument, case: &CaseEntry) -> usize {
    let same = |other: &&CaseEntry| {
        other.scenario == case.scenario && other.image == case.image && other.repeat == case.repeat
    };
    document.cases.iter().filter(same).count()
}
