//! Scenarios and their vocabulary in words: `comeback scenarios`, `explain`, `operations`, `probes`.

mod step;
mod story;
mod vocabulary;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pep440_rs::{Operator, Version, VersionSpecifier};

use super::diagnostic::{escape, wrap};
use super::model::{DEFAULT_PROFILE, Deviation, ImageRef, Scenario};
use story::story;
#[cfg(test)]
pub(crate) use vocabulary::SMALLEST;
pub use vocabulary::{keys, operations, probes};

/// What happens in a scenario, why it matters, and what each column says.
pub fn explain(scenario: &Scenario) -> String {
    let mut out = format!("{}: {}\n", scenario.id, escape(&scenario.title));
    let mut facts = Vec::new();
    if !scenario.issues.is_empty() {
        facts.push(scenario.issues.join(", "));
    }
    if !scenario.tags.is_empty() {
        facts.push(format!("tags {}", scenario.tags.join(", ")));
    }
    match (&scenario.fixed_in, scenario.invariant) {
        (_, true) => facts.push("holds in every release".to_owned()),
        (Some(version), _) => facts.push(format!("fixed in {version}")),
        (None, _) => facts.push("fixed in no release".to_owned()),
    }
    if let (ImageRef::Other(image), false) = (scenario.first_image(), scenario.invariant) {
        let of = match scenario.deciding_image() {
            ImageRef::Subject => "of the image under test",
            ImageRef::Other(_) => image,
        };
        facts.push(format!("the release {of} decides which column is expected"));
    }
    if let Some(releases) = &scenario.releases {
        facts.push(format!("applies to {releases}"));
    }
    let _ = writeln!(out, "{}\n", facts.join(" · "));
    let _ = writeln!(out, "{}\n", wrap(&escape(&story(scenario))));
    if !scenario.why.is_empty() {
        let why = scenario.why.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "{}\n", wrap(&escape(&why)));
    }
    out.push_str(&columns(scenario));
    for figure in &scenario.figures {
        let (step, probe, bound) = (figure.step, figure.probe, figure.at_most.as_secs_f64());
        let _ = writeln!(out, "\nfigure: after:{step} {probe}, at most {bound} s");
    }
    for known in &scenario.known {
        let or_fixed = if known.or_fixed { " or as fixed" } else { "" };
        deviation(&mut out, "known of", &known.deviation, or_fixed);
    }
    for race in &scenario.races {
        deviation(
            &mut out,
            &format!("a race, seen {}, of", race.seen),
            &race.deviation,
            "",
        );
    }
    out
}

/// A deviation on record: whose it is, what is going on, and what is seen.
fn deviation(out: &mut String, what: &str, deviation: &Deviation, or_fixed: &str) {
    let mut of = deviation.releases.to_string();
    if !deviation.bases.is_empty() {
        let _ = write!(of, " on {}", deviation.bases.join(", "));
    }
    if let Some(range) = &deviation.supervisor {
        let _ = write!(of, " with s6 {range}");
    }
    let note = format!("{what} {of}: {}", deviation.note.trim());
    let _ = writeln!(out, "\n{}", wrap(&escape(&note)));
    for row in &deviation.rows {
        let shown = format!("{}{or_fixed}", row.observed);
        let (profile, shown) = (escape(&row.profile), escape(&shown));
        let _ = writeln!(out, "  {} {} {profile}: {shown}", row.at, row.probe);
    }
}

/// On which releases the rows do not show what the rule asks for: those before the fix, and those with a deviation on record
/// that is always met. Empty where no release is known to break it.
fn red_on(scenario: &Scenario) -> String {
    // The first releases that the scenario applies to may have the fix already.
    let begins = |version: &Version| {
        let lower = |from: &VersionSpecifier| {
            matches!(from.operator(), Operator::GreaterThan | Operator::GreaterThanEqual) && from.version() >= version
        };
        scenario.releases.iter().flat_map(|range| range.iter()).any(lower)
    };
    let regressed = match &scenario.fixed_in {
        _ if scenario.invariant => None,
        Some(version) if begins(version) => None,
        Some(version) => Some(format!("<{version}")),
        None => Some(scenario.releases.as_ref().map_or("all".to_owned(), ToString::to_string)),
    };
    let known = scenario.known.iter().map(|known| known.deviation.releases.to_string());
    let mut all: Vec<String> = Vec::new();
    for releases in regressed.into_iter().chain(known) {
        let releases = releases.replace(' ', "");
        // A part of a range that is there says nothing new.
        let part = |have: &String| *have == releases || releases.starts_with(&format!("{have},"));
        if !all.iter().any(part) {
            all.push(releases);
        }
    }
    all.join(" or ")
}

/// The scenarios grouped by their first tag: the releases on which they are red, titles, and the reports they show.
pub fn list<'a>(scenarios: impl IntoIterator<Item = &'a Scenario>) -> String {
    let mut groups: BTreeMap<&str, Vec<Vec<String>>> = BTreeMap::new();
    for scenario in scenarios {
        let group = scenario.tags.first().map_or("other", String::as_str);
        let line = vec![
            format!("  {}", scenario.id),
            red_on(scenario),
            escape(&scenario.title),
            scenario.issues.join(" "),
        ];
        groups.entry(group).or_default().push(line);
    }
    let heads = ["scenario", "red on", "what happens", "reports"];
    let mut all: Vec<Vec<String>> = vec![heads.map(str::to_owned).into()];
    // What a first look is for comes first, the rest by name.
    let (core, rest): (Vec<_>, Vec<_>) = groups.into_iter().partition(|(tag, _)| *tag == "core");
    for (tag, lines) in core.into_iter().chain(rest) {
        all.push(Vec::new());
        all.push(vec![tag.to_owned()]);
        all.extend(lines);
    }
    align(&all)
}

/// Both columns as a table.
fn columns(scenario: &Scenario) -> String {
    let profiles = scenario.expects.iter().any(|e| e.profile != DEFAULT_PROFILE);
    let mut lines = Vec::new();
    let mut push = |at: String, probe: String, profile: String, fixed: String, regressed: String, guards: String| {
        let mut line = vec![format!("  {at}"), probe];
        if profiles {
            line.push(profile);
        }
        line.extend([fixed, regressed, guards]);
        lines.push(line);
    };
    let s = str::to_owned;
    push(
        s("at"),
        s("probe"),
        s("profile"),
        s("fixed"),
        s("regressed"),
        String::new(),
    );
    for row in &scenario.expects {
        let regressed = if row.fixed.same(&row.regressed) {
            "the same".to_owned()
        } else {
            escape(&row.regressed.to_string())
        };
        let guards = row.guards.map_or_else(String::new, |g| {
            format!("guards the {}", format!("{g:?}").to_lowercase())
        });
        push(
            row.at.to_string(),
            match (&row.path, &row.container) {
                (Some(path), _) => format!("{} {}", row.probe, escape(path)),
                (None, Some(container)) => format!("{} in {container}", row.probe),
                (None, None) => row.probe.to_string(),
            },
            escape(&row.profile),
            escape(&row.fixed.to_string()),
            regressed,
            guards,
        );
    }
    align(&lines)
}

/// Columns as wide as their widest cell; no blanks at the ends of lines.
fn align(lines: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    // A line of one cell is a heading and widens nothing.
    for line in lines.iter().filter(|l| l.len() > 1) {
        widths.resize(widths.len().max(line.len()), 0);
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for line in lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(widths.iter().chain(std::iter::repeat(&0))) {
            let _ = write!(text, "{cell:width$}  ");
        }
        let _ = writeln!(out, "{}", text.trim_end());
    }
    out
}

/// `a, b and c`.
fn join(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    fn all() -> Catalogue {
        Catalogue::load(None).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn the_core_in_words() {
        for id in [
            "docker-restart",
            "unmarked-sigterm",
            "operator-stop",
            "docker-restart-seeded",
        ] {
            let text = all().get(id).map(explain).unwrap_or_default();
            insta::assert_snapshot!(format!("explain-{id}"), text);
        }
    }

    #[test]
    fn the_list() {
        let all = all();
        insta::assert_snapshot!(list(all.iter().filter(|s| s.tags.iter().any(|t| t == "core"))));
        assert!(all.iter().all(|s| list([s]).contains(&s.id)));
    }
}
