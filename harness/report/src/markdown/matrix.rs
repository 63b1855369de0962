//! A matrix as a document to commit: a table for each base, then the deviations of each release from the rule.
//!
//! It has no times, hosts and durations, so that the same behaviour always gives the same bytes.

use std::collections::BTreeSet;

use super::{cell, code, drifted, prose};
use crate::human::again::quoted;
use crate::human::grid::sign;
use crate::human::words;
use crate::items::cut_short;
use comeback_record::document::{CaseEntry, ImageEntry, RowEntry, RunDocument};
use comeback_record::matrix::{Cell, Grid};
use comeback_verdict::RunVerdict;

/// The meanings of the signs, in the order of the legend.
const LEGEND: [(Cell, &str); 5] = [
    (Cell::Fixed, "follows the rule"),
    (Cell::Regressed, "as releases without the fix"),
    (Cell::Neither, "neither"),
    (Cell::Unknown, "not known"),
    (Cell::NotRun, "not run, or does not apply"),
];

/// The document.
pub fn render(document: &RunDocument) -> String {
    let grid = Grid::of(document);
    let columns = columns(document, &grid);
    let bases = in_order(columns.iter().map(|column| column.base.clone()));
    let mut text = String::from("# What each release does\n\n");
    text += &introduction(document, &grid, &columns);
    for base in &bases {
        text += &table(&grid, &columns, base);
    }
    text += &deviations(&grid, &columns);
    text += &unknown(&grid, &columns);
    text + &drifted(document)
}

/// An image of the matrix, and where it is in the grid.
struct Column<'d> {
    at: usize,
    image: &'d ImageEntry,
    /// Its name without the base: `0.17.0`.
    name: String,
    base: String,
}

fn columns<'d>(document: &'d RunDocument, grid: &Grid<'d>) -> Vec<Column<'d>> {
    let column = |(at, name): (usize, &&str)| {
        let image = document.images.iter().find(|image| image.name == **name)?;
        let base = image.base.clone();
        let suffix = format!("@{}", base.as_deref().unwrap_or_default());
        let short = words::image_name(&image.name);
        Some(Column {
            at,
            image,
            name: short.strip_suffix(&suffix).unwrap_or(short).to_owned(),
            base: base.unwrap_or_else(|| "bases of their own".to_owned()),
        })
    };
    grid.images.iter().enumerate().filter_map(column).collect()
}

/// Without duplicates, in the order of the first occurrence.
fn in_order(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    all.filter(|one| seen.insert(one.clone())).collect()
}

fn introduction(document: &RunDocument, grid: &Grid<'_>, columns: &[Column<'_>]) -> String {
    let mut text = format!(
        "Every cell was observed on a real container: {} on {}. The rule: **the container's lifecycle never changes the \
         operator's intent**; only an explicit stop keeps a gateway down.\n\n",
        words::count(grid.rows.len(), "scenario"),
        words::count(columns.len(), "image"),
    );
    let red = grid.rows.iter().flat_map(|row| &row.cases).flatten();
    let red = red.filter(|case| case.verdict.is_red()).count();
    text += &match document.verdict {
        RunVerdict::Held => "Nothing is worse than what is on record of these releases.\n\n".to_owned(),
        RunVerdict::Regression => format!(
            "**{} {} worse than what is on record of these releases**, marked below.\n\n",
            words::count(red, "case"),
            if red == 1 { "is" } else { "are" },
        ),
        RunVerdict::Inconclusive => "**Some cases are inconclusive**, see the end.\n\n".to_owned(),
        RunVerdict::Error => "**The run did not come to its end, so cells are missing.**\n\n".to_owned(),
    };
    if let Some(why) = cut_short(document) {
        text += &format!("**{why}**\n\n");
    }
    if let Some(failure) = &document.failure {
        text += &format!("The run failed: {}\n\n", prose(failure));
    }
    text += "| sign | behaviour |\n|:-:|---|\n";
    for (cell, meaning) in LEGEND {
        text += &format!("| {} | {meaning} |\n", sign(cell).0);
    }
    text + "\n"
}

/// The scenarios by the images of one base.
fn table(grid: &Grid<'_>, all: &[Column<'_>], base: &str) -> String {
    let columns: Vec<&Column<'_>> = all.iter().filter(|column| column.base == base).collect();
    let supervisors = in_order(columns.iter().filter_map(|column| column.image.supervisor.clone()));
    let with = if supervisors.is_empty() {
        String::new()
    } else {
        format!("with s6 {}", supervisors.join(", "))
    };
    let names: Vec<String> = columns.iter().map(|column| prose(&column.name)).collect();
    let mut text = format!(
        "## On {}\n\n| scenario | {} |\n|---|{}\n",
        prose(format!("{base} {with}").trim()),
        names.join(" | "),
        ":-:|".repeat(names.len())
    );
    let mut rows: Vec<_> = grid.rows.iter().collect();
    rows.sort_by_key(|row| row.scenario);
    for row in &rows {
        let cells = columns.iter().map(|column| row.cells[column.at]);
        if cells.clone().all(|cell| cell == Cell::NotRun) {
            continue;
        }
        let signs: Vec<&str> = cells.map(|cell| sign(cell).0).collect();
        text += &format!("| {} | {} |\n", cell(row.scenario), signs.join(" | "));
    }
    let sums = columns.iter().map(|column| {
        let n = |wanted: &dyn Fn(Cell) -> bool| rows.iter().filter(|row| wanted(row.cells[column.at])).count();
        format!("{}/{}", n(&|cell| cell == Cell::Fixed), n(&|cell| cell != Cell::NotRun))
    });
    text + &format!(
        "| **follows the rule** | {} |\n\n",
        sums.collect::<Vec<_>>().join(" | ")
    )
}

/// A deviation of an image from the rule in one scenario.
struct Deviation<'d> {
    case: &'d CaseEntry,
    /// Fact, wanted values and found value.
    rows: Vec<(String, String, String)>,
    /// The bases that show it.
    bases: Vec<&'d str>,
    /// The bases on which it was run.
    run_on: Vec<&'d str>,
}

impl Deviation<'_> {
    /// The deviation without its bases, for comparing.
    fn what(&self) -> (&str, &[(String, String, String)]) {
        (&self.case.scenario, &self.rows)
    }
}

/// The deviations of each release from the fixed column. A release with the same deviations as the one before is one line.
fn deviations(grid: &Grid<'_>, columns: &[Column<'_>]) -> String {
    let mut text = String::from("## Deviations from the rule\n\n");
    let mut before: Option<(String, String)> = None;
    for name in in_order(columns.iter().map(|column| column.name.clone())) {
        let of: Vec<&Column<'_>> = columns.iter().filter(|column| column.name == name).collect();
        let found = of_release(grid, &of);
        text += &format!("### {}\n\n", prose(&name));
        let Some(first) = found.first() else {
            text += "None.\n\n";
            continue;
        };
        let body = body(&found);
        text += &format!(
            "In {} of {}. To see one: {}\n\n",
            in_order(found.iter().map(|one| one.case.scenario.clone())).len(),
            words::count(
                grid.rows
                    .iter()
                    .filter(|row| of.iter().any(|c| row.cells[c.at] != Cell::NotRun))
                    .count(),
                "scenario"
            ),
            code(&format!(
                "comeback check {} --expect fixed --filter {}",
                quoted(&first.case.image),
                quoted(&first.case.scenario)
            )),
        );
        match &before {
            Some((other, same)) if *same == body => text += &format!("The same as {}.\n\n", prose(other)),
            _ => {
                text += &body;
                before = Some((name, body));
            }
        }
    }
    text
}

fn of_release<'d>(grid: &Grid<'d>, columns: &[&'d Column<'d>]) -> Vec<Deviation<'d>> {
    let mut all: Vec<Deviation<'d>> = Vec::new();
    let mut rows: Vec<_> = grid.rows.iter().collect();
    rows.sort_by_key(|row| row.scenario);
    for row in rows {
        let ran = columns.iter().filter(|column| row.cells[column.at] != Cell::NotRun);
        let run_on: Vec<&str> = ran.map(|column| column.base.as_str()).collect();
        for column in columns {
            let Some(case) = row.cases[column.at] else { continue };
            if !matches!(row.cells[column.at], Cell::Regressed | Cell::Neither) {
                continue;
            }
            let one = Deviation {
                case,
                rows: case.rows.iter().filter(|row| !row.is_fixed()).map(facts).collect(),
                bases: vec![&column.base],
                run_on: run_on.clone(),
            };
            match all.iter_mut().find(|other| other.what() == one.what()) {
                Some(other) => other.bases.extend(one.bases),
                None => all.push(one),
            }
        }
    }
    all
}

fn facts(row: &RowEntry) -> (String, String, String) {
    let seen = row
        .observed
        .as_ref()
        .map_or_else(|| "not seen".to_owned(), words::value);
    (words::label(row), words::values(&row.fixed), seen)
}

fn body(found: &[Deviation<'_>]) -> String {
    let mut text = String::from("| scenario | fact | the rule | found |\n|---|---|---|---|\n");
    for one in found {
        let place = if one.bases == one.run_on {
            String::new()
        } else {
            format!(", on {}", one.bases.join(" and "))
        };
        let red = if one.case.verdict.is_red() {
            ", **not on record**"
        } else {
            ""
        };
        for (i, (fact, wanted, seen)) in one.rows.iter().enumerate() {
            let head = if i == 0 {
                format!("{}{}{red}", cell(&one.case.scenario), prose(&place))
            } else {
                String::new()
            };
            text += &format!("| {head} | {} | {} | {} |\n", prose(fact), cell(wanted), cell(seen));
        }
    }
    text.push('\n');
    let known = found.iter().filter(|one| !one.case.verdict.is_red());
    let noted = known.filter_map(|one| Some((&one.case.scenario, one.case.note.as_ref()?)));
    let notes = in_order(noted.map(|(scenario, note)| format!("- {}: {}\n", code(scenario), prose(note))));
    if notes.is_empty() {
        text
    } else {
        format!("{text}On record:\n\n{}\n", notes.concat())
    }
}

/// The inconclusive cells. The reasons depend on the run, and are in its other reports.
fn unknown(grid: &Grid<'_>, columns: &[Column<'_>]) -> String {
    let mut rows: Vec<_> = grid.rows.iter().collect();
    rows.sort_by_key(|row| row.scenario);
    let mut text = String::new();
    for row in rows {
        for column in columns {
            if let (Cell::Unknown, Some(case)) = (row.cells[column.at], row.cases[column.at]) {
                text += &format!(
                    "- {} on {}: {}\n",
                    code(row.scenario),
                    code(&case.image),
                    words::finding(case)
                );
            }
        }
    }
    if text.is_empty() {
        text
    } else {
        format!("## Inconclusive\n\n{text}")
    }
}
