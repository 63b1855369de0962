//! The report of `reproduce`: the observed values of each image, beside both columns of the table.

use super::words;
use comeback_record::document::{CaseEntry, ImageEntry, RowEntry, RunDocument};
use comeback_scenario::model::DEFAULT_PROFILE;
use comeback_text::terminal::{Paint, Style, sanitize};
use comeback_text::terminal::{fold, pad, width, wrap};
use comeback_verdict::Verdict;

/// A row of the table.
pub struct Line {
    /// The fact and its moment.
    pub label: String,
    /// The values of the regressed column.
    pub regressed: String,
    /// The values of the fixed column.
    pub fixed: String,
    /// The observed values of each image, in the order of the images: sign, paint and values.
    pub seen: Vec<(&'static str, Paint, String)>,
}

/// The base with the last s6 with which both halves of the fix work, and a line that says so.
const OLD_BASE: &str = "bookworm";
const ON_OLD_BASE: &str = "  On bookworm: later bases, and the official image, have an s6 whose output the fix cannot read (docs/likeness.md).";

/// The rows of each scenario that are worth showing, for all images.
pub fn table(document: &RunDocument, style: Style) -> String {
    let groups: Vec<(&CaseEntry, Vec<Line>)> = scenarios(document)
        .into_iter()
        .map(|case| (case, lines(document, case)))
        .collect();
    if groups.is_empty() {
        return String::new();
    }
    let images: Vec<String> = document
        .images
        .iter()
        .map(|i| sanitize(words::image_name(&i.name)))
        .collect();
    let all = || groups.iter().flat_map(|(_, lines)| lines);
    let widest = |heading: usize, of: &dyn Fn(&Line) -> usize| all().map(of).max().unwrap_or(0).max(heading);
    let label = widest(0, &|line| width(&line.label));
    let regressed = widest(9, &|line| width(&line.regressed));
    let fixed = widest(5, &|line| width(&line.fixed));
    let seen: Vec<usize> = (0..images.len())
        .map(|i| {
            widest(width(&images[i]), &|line| {
                line.seen.get(i).map_or(0, |(_, _, text)| width(text) + 2)
            })
        })
        .collect();
    let total = 4 + label + 2 + regressed + 2 + fixed + seen.iter().map(|w| w + 2).sum::<usize>();
    let wide = total <= style.width;

    let mut text = String::new();
    if wide {
        let mut heading = format!(
            "    {}  {}  {}",
            pad("", label),
            pad("regressed", regressed),
            pad("fixed", fixed)
        );
        for (image, columns) in images.iter().zip(&seen) {
            heading += &format!("  {}", pad(image, *columns));
        }
        text += &format!("{}\n", style.paint(Paint::Dim, heading.trim_end()));
    }
    for (case, lines) in &groups {
        let id = style.paint(Paint::Dim, &format!("({})", sanitize(&case.scenario)));
        text += &format!("  {} {id}\n", style.paint(Paint::Bold, &sanitize(&case.title)));
        for line in lines {
            if wide {
                let says = format!("{}  {}", pad(&line.regressed, regressed), pad(&line.fixed, fixed));
                let mut row = format!("    {}  {}", pad(&line.label, label), style.paint(Paint::Dim, &says));
                for ((sign, paint, value), columns) in line.seen.iter().zip(&seen) {
                    let cell = format!("{sign} {value}");
                    row += &format!(
                        "  {}{}",
                        style.paint(*paint, &cell),
                        pad("", columns.saturating_sub(width(&cell)))
                    );
                }
                text += &format!("{}\n", row.trim_end());
            } else {
                let says = format!("regressed: {}, fixed: {}", line.regressed, line.fixed);
                text += &format!("    {}\n      {}\n", line.label, style.paint(Paint::Dim, &says));
                for ((sign, paint, value), image) in line.seen.iter().zip(&images) {
                    text += &format!("      {image}  {}\n", style.paint(*paint, &format!("{sign} {value}")));
                }
            }
        }
    }
    let legend = "✓ as in fixed   ✗ as in regressed   ≠ in neither   ? not seen";
    let legend = fold(&format!("  {legend}"), style.width);
    text += &format!("\n{}\n", style.paint(Paint::Dim, &legend));
    text += &wrap(&invariants(document), style.width, "  ");
    text + "\n"
}

/// How many of the implicit invariants hold on each image.
fn invariants(document: &RunDocument) -> String {
    let on = |image: &ImageEntry| {
        let cases = document
            .cases
            .iter()
            .filter(|case| case.counts && case.image == image.name);
        let (mut held, mut all) = (0, 0);
        for row in cases.flat_map(|case| &case.rows).filter(|row| row.implicit) {
            all += 1;
            held += usize::from(row.is_fixed());
        }
        (all > 0).then(|| format!("{held} of {all} hold on {}", sanitize(words::image_name(&image.name))))
    };
    let each: Vec<String> = document.images.iter().filter_map(on).collect();
    if each.is_empty() {
        String::new()
    } else {
        format!("invariants of every boot: {}", each.join(", "))
    }
}

/// One case of each scenario, in order.
pub fn scenarios(document: &RunDocument) -> Vec<&CaseEntry> {
    let mut first: Vec<&CaseEntry> = Vec::new();
    for case in document.cases.iter().filter(|case| case.counts) {
        if !first.iter().any(|c| c.scenario == case.scenario) {
            first.push(case);
        }
    }
    first
}

/// The rows of a scenario that are worth showing: discriminating rows, all written rows of an invariant scenario, and rows in
/// which an image showed a value of neither column.
pub fn lines(document: &RunDocument, scenario: &CaseEntry) -> Vec<Line> {
    let cases: Vec<&CaseEntry> = document
        .cases
        .iter()
        .filter(|case| case.counts && case.scenario == scenario.scenario)
        .collect();
    let mut keys: Vec<&RowEntry> = Vec::new();
    for row in cases.iter().flat_map(|case| &case.rows) {
        let strange = row.observed.is_some() && !row.is_fixed() && !row.is_regressed();
        let worth = strange || row.discriminates() || (scenario.invariant && !row.implicit);
        if worth && !keys.iter().any(|known| same(known, row)) {
            keys.push(row);
        }
    }
    let line = |key: &RowEntry| Line {
        label: sanitize(&words::label(key)),
        regressed: sanitize(&words::values(&key.regressed)),
        fixed: sanitize(&words::values(&key.fixed)),
        seen: document
            .images
            .iter()
            .map(|image| seen(&cases, &image.name, key))
            .collect(),
    };
    keys.into_iter().map(line).collect()
}

fn same(a: &RowEntry, b: &RowEntry) -> bool {
    a.key() == b.key() && a.line == b.line
}

/// The observed values of an image in a row, over all repeats: the worst sign, and each value with its count.
fn seen(cases: &[&CaseEntry], image: &str, key: &RowEntry) -> (&'static str, Paint, String) {
    let rows = || {
        cases
            .iter()
            .filter(|case| case.image == image)
            .flat_map(|case| &case.rows)
            .filter(|row| same(row, key))
    };
    let mut values: Vec<(String, usize)> = Vec::new();
    for row in rows() {
        let value = row
            .observed
            .as_ref()
            .map_or_else(|| "not seen".to_owned(), |v| sanitize(&words::value(v)));
        match values.iter_mut().find(|(known, _)| *known == value) {
            Some((_, n)) => *n += 1,
            None => values.push((value, 1)),
        }
    }
    let worst = ["≠", "?", "✗", "✓"]
        .iter()
        .find_map(|sign| rows().map(words::row_mark).find(|(found, _)| found == sign))
        .unwrap_or(("?", Paint::Doubt));
    let text = match values.as_slice() {
        [] => "not run".to_owned(),
        [(value, _)] => value.clone(),
        several => several
            .iter()
            .map(|(v, n)| format!("{v} ×{n}"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    (worst.0, worst.1, text)
}

/// The reconciler's line at the boot after a docker restart, for each image.
pub fn reconciler(document: &RunDocument, style: Style) -> String {
    let mut text = String::new();
    let name = |image: &str| sanitize(words::image_name(image));
    let columns = document
        .images
        .iter()
        .map(|image| width(&name(&image.name)))
        .max()
        .unwrap_or(0);
    for image in &document.images {
        let case = document
            .cases
            .iter()
            .find(|c| c.counts && c.image == image.name && c.scenario == "docker-restart");
        let line = case.and_then(|case| {
            case.reconciler
                .iter()
                .rev()
                .find(|line| line.boot > 1 && line.profile == DEFAULT_PROFILE)
        });
        if let Some(line) = line {
            let words = line
                .line
                .find("profile=")
                .map_or(line.line.as_str(), |start| &line.line[start..]);
            let line = format!("    {}  {}", pad(&name(&image.name), columns), sanitize(words));
            text += &(fold(&line, style.width) + "\n");
        }
    }
    if text.is_empty() {
        return text;
    }
    let heading = style.paint(Paint::Bold, "the reconciler's own words after docker restart");
    format!("  {heading}\n{text}\n")
}

/// The sentence that says whether the issue was reproduced.
pub fn closing(document: &RunDocument, style: Style) -> String {
    let counting: Vec<&CaseEntry> = document.cases.iter().filter(|case| case.counts).collect();
    let took = format!(
        "{} in {}",
        words::count(counting.len(), "case"),
        words::seconds(document.seconds)
    );
    let with = |column: &str| {
        let of = |image: &&ImageEntry| {
            let mut telling = counting
                .iter()
                .filter(|case| case.image == image.name && !case.invariant)
                .peekable();
            telling.peek().is_some() && telling.all(|case| case.expected == column)
        };
        document
            .images
            .iter()
            .filter(of)
            .map(|image| sanitize(words::image_name(&image.name)))
            .collect::<Vec<_>>()
    };
    let as_expected = !counting.is_empty() && counting.iter().all(|case| case.verdict == Verdict::Held);
    let (bad, good) = (with("regressed"), with("fixed"));
    let sentence = if as_expected && !bad.is_empty() && !good.is_empty() {
        let does = if good.len() == 1 { "does not" } else { "do not" };
        let has = if bad.len() == 1 { "has" } else { "have" };
        let text = format!(
            "reproduced: {} {has} the bug, {} {does}.",
            bad.join(", "),
            good.join(", ")
        );
        style.paint(Paint::Good, &text)
    } else if as_expected {
        style.paint(Paint::Good, "as expected in every case that was run.")
    } else if counting.iter().any(|case| case.verdict.is_red()) {
        let red = counting.iter().filter(|case| case.verdict.is_red());
        let name = |case: &&CaseEntry| format!("{} on {}", words::case_name(case), words::image_name(&case.image));
        let mut names: Vec<String> = red.map(|case| sanitize(&name(case))).collect();
        if names.len() > 3 {
            let more = names.split_off(2).len();
            names.push(format!("{more} more"));
        }
        style.paint(
            Paint::Bad,
            &format!("not as expected: {}; see above.", names.join(", ")),
        )
    } else {
        style.paint(Paint::Doubt, "not shown: at least one case is inconclusive.")
    };
    let line = format!("  {sentence}   {}", style.paint(Paint::Dim, &took));
    let old = document
        .images
        .iter()
        .all(|image| image.base.as_deref() == Some(OLD_BASE));
    let why = if old {
        wrap(ON_OLD_BASE, style.width, "  ")
    } else {
        String::new()
    };
    fold(&line, style.width) + "\n" + &why + "\n"
}
