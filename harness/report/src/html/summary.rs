//! The top of the page: the verdict, the counts and the overviews.

use super::view::{Attention, Cell, Count, Matrix, Section};
use crate::human::{grid, mark, overview, selftest as of_overlays, words};
use crate::items::{Grade, Item, RUN, cut_short, items, worst_first};
use comeback_record::compare::worst;
use comeback_record::document::{CaseEntry, ImageEntry, RunDocument};
use comeback_record::matrix::cell;
use comeback_text::terminal::{Paint, Style, sanitize};
use comeback_verdict::{RunVerdict, Verdict};

/// The sign of a run's verdict, and its tone.
pub fn run_mark(verdict: RunVerdict) -> (&'static str, &'static str) {
    match verdict {
        RunVerdict::Held => ("✓", "good"),
        RunVerdict::Regression => ("✗", "bad"),
        RunVerdict::Inconclusive => ("?", "doubt"),
        RunVerdict::Error => ("!", "doubt"),
    }
}

/// The sign of a grade, and its tone.
fn grade_mark(grade: Grade) -> (&'static str, &'static str) {
    match grade {
        Grade::Fine => ("✓", "good"),
        Grade::Skipped => ("-", "dim"),
        Grade::Fault => ("!", "doubt"),
        Grade::Doubt => ("?", "doubt"),
        Grade::Red => ("✗", "bad"),
    }
}

/// A paint as a class of the style sheet.
pub fn tone(paint: Paint) -> &'static str {
    match paint {
        Paint::Good => "good",
        Paint::Bad => "bad",
        Paint::Doubt => "doubt",
        Paint::Info => "info",
        Paint::Plain | Paint::Bold => "plain",
        Paint::Dim => "dim",
    }
}

/// The verdict in a sentence.
pub fn sentence(document: &RunDocument) -> String {
    if document.command == "reproduce" && !document.cases.is_empty() {
        let unbroken = Style {
            width: usize::MAX,
            ..Style::PLAIN
        };
        let closing = overview::closing(document, unbroken);
        let text = closing.trim().split("   ").next().unwrap_or_default().to_owned();
        return text.replace("; see above.", ".");
    }
    let sentence = match document.verdict {
        RunVerdict::Held => "Nothing is worse than expected.",
        RunVerdict::Regression => "Something is worse than expected, or a mismatch with --expect.",
        RunVerdict::Inconclusive => "At least one case is inconclusive.",
        RunVerdict::Error => "The run did not come to a verdict.",
    };
    match cut_short(document) {
        Some(why) => format!("{sentence} {why}"),
        None => sentence.to_owned(),
    }
}

/// The number of cases with each verdict.
pub fn counts(document: &RunDocument) -> Vec<Count> {
    let n = |verdict: Verdict| {
        let cases = document.cases.iter().filter(|c| c.counts && c.overlay.is_none());
        cases.filter(|c| c.verdict == verdict).count()
    };
    if document.comparisons.is_some() {
        return changes(document);
    }
    let mut counts: Vec<Count> = Verdict::ALL
        .into_iter()
        .rev()
        .filter(|verdict| n(*verdict) > 0)
        .map(|verdict| Count {
            mark: mark(verdict),
            tone: tone(words::paint(verdict)),
            text: format!("{} {verdict}", n(verdict)),
        })
        .collect();
    if let Some(selftest) = &document.selftest {
        let (mark, tone) = if of_overlays::good(selftest) {
            ("✓", "good")
        } else {
            ("✗", "bad")
        };
        counts.push(Count {
            mark,
            tone,
            text: of_overlays::tally(selftest),
        });
    }
    counts
}

/// The number of scenarios with each change.
fn changes(document: &RunDocument) -> Vec<Count> {
    let mut counts: Vec<(&'static str, Grade, usize)> = Vec::new();
    for item in items(document).iter().filter(|item| item.grade != Grade::Skipped) {
        match counts.iter_mut().find(|(verdict, ..)| *verdict == item.verdict) {
            Some((.., n)) => *n += 1,
            None => counts.push((item.verdict, item.grade, 1)),
        }
    }
    counts.sort_by_key(|(_, grade, _)| std::cmp::Reverse(*grade));
    let count = |(verdict, grade, n): (&'static str, Grade, usize)| {
        let (mark, tone) = grade_mark(grade);
        let text = format!("{n} {verdict}");
        Count { mark, tone, text }
    };
    counts.into_iter().map(count).collect()
}

/// The items that need attention, worst first.
pub fn attention(document: &RunDocument, all: &[(usize, &CaseEntry)]) -> Vec<Attention> {
    worst_first(document).iter().map(|item| line_of(item, all)).collect()
}

/// The results of the run that are not those of single cases: fault overlays or comparisons, if the run `has` them.
pub fn whole(document: &RunDocument, has: bool, all: &[(usize, &CaseEntry)]) -> Vec<Attention> {
    if !has {
        return Vec::new();
    }
    let beside = |item: &Item<'_>| {
        let of_image = document.images.iter().any(|image| image.name == item.group);
        !of_image && item.group != RUN
    };
    let mut lines: Vec<Item<'_>> = items(document).into_iter().filter(beside).collect();
    lines.sort_by_key(|item| std::cmp::Reverse(item.grade));
    lines.iter().map(|item| line_of(item, all)).collect()
}

fn line_of(item: &Item<'_>, all: &[(usize, &CaseEntry)]) -> Attention {
    let case = item
        .case
        .and_then(|case| all.iter().find(|(_, c)| std::ptr::eq(*c, case)));
    let (mark, tone) = grade_mark(item.grade);
    Attention {
        mark,
        tone,
        anchor: case.map(|(i, _)| format!("c{i}")).unwrap_or_default(),
        name: sanitize(&item.name),
        group: sanitize(&item.group),
        verdict: item.verdict,
        headline: sanitize(&item.headline),
    }
}

/// Scenarios against images, with the worst of all repeats. A `matrix` has one overview for each base, with signs only.
pub fn overviews(control: &RunDocument, all: &[(usize, &CaseEntry)], sections: &[Section]) -> Vec<Matrix> {
    let images: Vec<&ImageEntry> = control
        .images
        .iter()
        .filter(|image| control.cases.iter().any(|c| c.image == image.name))
        .collect();
    if control.command != "matrix" {
        let caption = "Verdict, and in brackets the classification".to_owned();
        let overview = |images: &[&ImageEntry]| matrix(caption.clone(), false, images, all, sections);
        return if images.is_empty() {
            vec![]
        } else {
            vec![overview(&images)]
        };
    }
    let mut bases: Vec<Option<&str>> = Vec::new();
    for image in &images {
        if !bases.contains(&image.base.as_deref()) {
            bases.push(image.base.as_deref());
        }
    }
    let of_base = |base: Option<&str>| {
        let of: Vec<&ImageEntry> = images.iter().copied().filter(|i| i.base.as_deref() == base).collect();
        let caption = sanitize(&format!("Classification on {}", base.unwrap_or("bases of their own")));
        let mut one = matrix(caption, true, &of, all, sections);
        // The caption names the base.
        let suffix = format!("@{}", base.unwrap_or_default());
        for name in &mut one.images {
            *name = name.strip_suffix(&suffix).unwrap_or(name).to_owned();
        }
        one.rows.retain(|(.., cells)| cells.iter().any(Option::is_some));
        one
    };
    bases.into_iter().map(of_base).collect()
}

fn matrix(
    caption: String,
    signs: bool,
    images: &[&ImageEntry],
    all: &[(usize, &CaseEntry)],
    sections: &[Section],
) -> Matrix {
    let cell_of = |scenario: &str, image: &str| {
        let same = |c: &CaseEntry| c.scenario == scenario && c.image == image && c.overlay.is_none();
        let of = || all.iter().filter(move |(_, c)| same(c));
        let found = if signs {
            let worst = worst(of().map(|(_, case)| *case))?;
            of().find(|(_, case)| std::ptr::eq(*case, worst))
        } else {
            of().max_by_key(|(_, case)| case.verdict)
        };
        found.map(|(i, case)| Cell {
            mark: mark(case.verdict),
            tone: tone(words::paint(case.verdict)),
            word: case.classification.name().to_owned(),
            text: case.verdict.name().to_owned(),
            anchor: format!("c{i}"),
            sign: sign(cell(case)),
        })
    };
    let rows = sections.iter().map(|section| {
        let cells = images
            .iter()
            .map(|image| cell_of(&section.scenario, &image.name))
            .collect();
        (section.anchor.clone(), section.name.clone(), cells)
    });
    Matrix {
        caption,
        images: images.iter().map(|i| sanitize(words::image_name(&i.name))).collect(),
        rows: rows.collect(),
        signs,
    }
}

/// A sign and its tone.
fn sign(cell: comeback_record::matrix::Cell) -> (&'static str, &'static str) {
    let (sign, paint) = grid::sign(cell);
    (sign, tone(paint))
}
