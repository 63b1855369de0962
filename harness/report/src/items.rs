//! The results of a run as a list of items. All formats that report items use this list, so that they agree with each other
//! and with the exit code.

use std::borrow::Cow;

use super::human::comparison::tail;
use super::human::words;
use comeback_record::compare::{Change, Comparison};
use comeback_record::document::explore::{Explored, FoundEntry};
use comeback_record::document::selftest::{Catch, OverlayEntry, OverlayOutcome};
use comeback_record::document::{CaseEntry, RowEntry, RunDocument};
use comeback_verdict::{Classification, Exit, RunVerdict, Verdict};

/// The severity of an item, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As expected, or known.
    Fine,
    /// Not run, or not possible here.
    Skipped,
    /// Engine, images or harness failed.
    Fault,
    /// Nothing can be concluded.
    Doubt,
    /// A result that fails the run.
    Red,
}

/// One result of a run.
#[derive(Debug, Clone)]
pub struct Item<'d> {
    /// Its group: an image, or a kind of judgement.
    pub group: String,
    /// Its name: a scenario, a fault overlay.
    pub name: String,
    /// Its severity.
    pub grade: Grade,
    /// The verdict in a word.
    pub verdict: &'static str,
    /// The finding in one line.
    pub headline: String,
    /// The case, if the item is about one.
    pub case: Option<&'d CaseEntry>,
    /// Scenario file and line, if there is one.
    pub place: Option<(String, usize)>,
    /// True if the case is compared with another image, and not with the expectation of its release.
    compared: bool,
}

/// The group of the item about the run as a whole.
pub const RUN: &str = "run";

impl<'d> Item<'d> {
    /// The subject of the item: `docker-restart on release:0.16.0`.
    pub fn subject(&self) -> String {
        if self.group == RUN {
            format!("the {} as a whole", self.name)
        } else {
            format!("{} on {}", self.name, self.group)
        }
    }

    /// The case as it is judged here.
    pub fn judged(&self) -> Option<Cow<'d, CaseEntry>> {
        let case = self.case?;
        if !self.compared || self.grade != Grade::Red {
            return Some(Cow::Borrowed(case));
        }
        Some(Cow::Owned(CaseEntry {
            verdict: Verdict::Regression,
            expected: Classification::Fixed.name().to_owned(),
            ..case.clone()
        }))
    }
}

/// All items of a run, in its order.
///
/// There is an item of grade [`Grade::Fault`] or worse exactly if the exit code is not 0.
pub fn items(document: &RunDocument) -> Vec<Item<'_>> {
    let counting = || document.cases.iter().filter(|case| case.counts);
    let mut items: Vec<Item<'_>> = match &document.comparisons {
        // In a comparison, cases are not judged by themselves.
        Some(found) => found
            .iter()
            .map(|comparison| of_comparison(document, comparison))
            .collect(),
        None => counting().filter(|case| case.overlay.is_none()).map(of_case).collect(),
    };
    if let Some(selftest) = &document.selftest {
        items.extend(selftest.overlays.iter().map(|overlay| of_overlay(document, overlay)));
    }
    if let Some(explored) = &document.explore {
        items.extend(explored.findings.iter().map(of_found));
        if explored.conclusive == 0 {
            items.push(of_nothing(explored));
        }
    }
    items.extend(document.left_out.iter().map(|left| Item {
        compared: false,
        group: left.image.clone(),
        name: left.scenario.clone(),
        grade: Grade::Skipped,
        verdict: "left out",
        headline: left.why.clone(),
        case: None,
        place: None,
    }));
    let bad = items.iter().any(|item| item.grade >= Grade::Fault);
    if document.failure.is_some() || (document.exit_code != 0 && !bad) {
        items.push(of_run(document));
    }
    items
}

/// The items that need attention, worst first.
pub fn worst_first(document: &RunDocument) -> Vec<Item<'_>> {
    let mut worth: Vec<Item<'_>> = items(document)
        .into_iter()
        .filter(|item| item.grade >= Grade::Fault)
        .collect();
    worth.sort_by_key(|item| std::cmp::Reverse((item.grade, item.case.map(|case| case.verdict))));
    worth
}

/// The attempts of a case that do not count.
pub fn earlier<'d>(document: &'d RunDocument, case: &'d CaseEntry) -> impl Iterator<Item = &'d CaseEntry> {
    let same = move |other: &&CaseEntry| {
        !other.counts && (&other.scenario, &other.image, other.repeat) == (&case.scenario, &case.image, case.repeat)
    };
    document.cases.iter().filter(same)
}

/// The note on a run that was interrupted.
pub fn cut_short(document: &RunDocument) -> Option<&'static str> {
    let signals = [Exit::Interrupted, Exit::Terminated];
    let by_signal = signals.iter().any(|exit| exit.code() == document.exit_code);
    by_signal.then_some("It was interrupted, so some cases are missing.")
}

/// The grade of a verdict.
pub fn grade(verdict: Verdict) -> Grade {
    match verdict {
        Verdict::Held | Verdict::KnownBad | Verdict::NewlyFixed | Verdict::Racy => Grade::Fine,
        Verdict::Unsupported => Grade::Skipped,
        Verdict::Error => Grade::Fault,
        Verdict::Inconclusive => Grade::Doubt,
        Verdict::Mismatch | Verdict::Regression => Grade::Red,
    }
}

fn of_case(case: &CaseEntry) -> Item<'_> {
    let reason = case
        .reason
        .as_deref()
        .filter(|_| !case.verdict.is_conclusive() || case.verdict.is_red());
    let reason = reason.map(|why| format!(": {why}")).unwrap_or_default();
    Item {
        compared: false,
        group: case.image.clone(),
        name: words::case_name(case),
        grade: grade(case.verdict),
        verdict: case.verdict.name(),
        headline: format!("{}{reason}", words::finding(case)),
        case: Some(case),
        place: Some((case.source.clone(), line(case))),
    }
}

/// The line of the scenario file to point at: that of the first row that is not as in the fixed column, or else of the first
/// row.
fn line(case: &CaseEntry) -> usize {
    let written = || case.rows.iter().filter(|row| row.line.is_some());
    let off = written().find(|row| !row.is_fixed());
    off.or_else(|| written().next())
        .and_then(|row: &RowEntry| row.line)
        .unwrap_or(1)
}

fn of_overlay<'d>(document: &'d RunDocument, overlay: &OverlayEntry) -> Item<'d> {
    let rows = |catches: &[Catch]| catches.iter().map(caught).collect::<Vec<_>>().join(", ");
    let (grade, verdict, headline) = match overlay.outcome {
        OverlayOutcome::Caught => (Grade::Fine, "caught", format!("caught by {}", rows(&overlay.caught_by))),
        OverlayOutcome::Masked => {
            let headline = format!(
                "the image shows this fault without the overlay: {}",
                rows(&overlay.masked_by)
            );
            (Grade::Skipped, "masked", headline)
        }
        OverlayOutcome::Escaped => (Grade::Red, "escaped", format!("escaped: {}", overlay.breaks)),
        OverlayOutcome::Unclear => {
            let all_failed = overlay.unclear.iter().all(|u| u.verdict == Verdict::Error);
            let why: Vec<String> = overlay
                .unclear
                .iter()
                .map(|u| format!("{}: {}", u.scenario, u.why))
                .collect();
            let grade = if all_failed { Grade::Fault } else { Grade::Doubt };
            (grade, "unclear", why.join("; "))
        }
    };
    let run = document
        .cases
        .iter()
        .find(|case| case.counts && case.overlay.as_deref() == Some(&overlay.name));
    Item {
        compared: false,
        group: "fault overlays".to_owned(),
        name: overlay.name.clone(),
        grade,
        verdict,
        headline,
        case: None,
        place: run.map(|case| (case.source.clone(), 1)),
    }
}

fn of_found(found: &FoundEntry) -> Item<'_> {
    let steps: Vec<&str> = found.sequence.iter().map(|step| step.op.as_str()).collect();
    Item {
        compared: false,
        group: "explored".to_owned(),
        name: format!("found {}", found.number),
        grade: Grade::Red,
        verdict: "found",
        headline: format!(
            "{}: {}; {} of {} repeats",
            found.violation,
            steps.join(", "),
            found.reproduced,
            found.repeats
        ),
        case: None,
        place: None,
    }
}

fn of_nothing(explored: &Explored) -> Item<'_> {
    let why = explored.inconclusive.iter().max_by_key(|nothing| nothing.count);
    Item {
        compared: false,
        group: "explored".to_owned(),
        name: "all sequences".to_owned(),
        grade: Grade::Doubt,
        verdict: "inconclusive",
        headline: why.map_or_else(|| "no sequence was run".to_owned(), |nothing| nothing.why.clone()),
        case: None,
        place: None,
    }
}

fn of_comparison<'d>(document: &'d RunDocument, comparison: &Comparison) -> Item<'d> {
    let lost = |c: &Comparison| c.change == Change::Introduced || (c.change == Change::Changed && c.lost);
    // Pre-existing failures fail a run only with --count-pre-existing.
    let asked = document.count_pre_existing == Some(true);
    let grade = match comparison.change {
        _ if lost(comparison) => Grade::Red,
        Change::PreExisting | Change::Changed if asked => Grade::Red,
        Change::Inconclusive => Grade::Doubt,
        Change::Unsupported => Grade::Skipped,
        _ => Grade::Fine,
    };
    let names: Vec<&str> = document
        .images
        .iter()
        .take(2)
        .map(|image| image.name.as_str())
        .collect();
    let of = |image: Option<&&str>, found: Classification| {
        let same = |c: &&CaseEntry| c.counts && c.scenario == comparison.scenario && c.classification == found;
        document
            .cases
            .iter()
            .filter(same)
            .find(|c| image.is_some_and(|image| c.image == **image))
    };
    let (old, new) = (of(names.first(), comparison.old), of(names.last(), comparison.new));
    let doubtful = |case: &&CaseEntry| !case.classification.is_conclusive();
    // An inconclusive comparison points at the case that is inconclusive.
    let case = new.filter(doubtful).or(old.filter(doubtful)).or(new);
    let why = case
        .and_then(|case| case.reason.as_ref())
        .filter(|_| grade >= Grade::Fault);
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    Item {
        compared: true,
        group: names.join(" → "),
        name: comparison.scenario.clone(),
        grade,
        verdict: comparison.change.name(),
        headline: format!("{}{why}", tail(comparison)),
        case,
        place: case.map(|case| (case.source.clone(), line(case))),
    }
}

/// `docker-restart (down:1 state.gateway_state is stopped; fixed is running)`.
fn caught(catch: &Catch) -> String {
    let row = &catch.row;
    let seen = row
        .observed
        .as_ref()
        .map_or_else(|| "not seen".to_owned(), words::value);
    format!(
        "{} ({} {} is {seen}; fixed is {})",
        catch.scenario,
        row.at,
        row.what(),
        words::values(&row.fixed)
    )
}

fn of_run(document: &RunDocument) -> Item<'_> {
    let meaning = || {
        let exit = Exit::ALL.into_iter().find(|exit| exit.code() == document.exit_code);
        exit.map_or("the run failed", Exit::meaning).to_owned()
    };
    Item {
        compared: false,
        group: RUN.to_owned(),
        name: document.command.clone(),
        grade: Grade::Fault,
        verdict: RunVerdict::Error.name(),
        headline: document.failure.clone().unwrap_or_else(meaning),
        case: None,
        place: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use comeback_record::document::samples;

    #[test]
    fn items_and_exit_code_agree() {
        for document in samples::all() {
            let worst = items(&document)
                .iter()
                .map(|item| item.grade)
                .max()
                .unwrap_or(Grade::Fine);
            let wanted = match document.exit_code {
                0 => worst <= Grade::Skipped,
                1 => worst == Grade::Red,
                2 => worst == Grade::Doubt,
                _ => worst == Grade::Fault,
            };
            assert!(wanted, "{} exit {}: {worst:?}", document.command, document.exit_code);
        }
    }

    #[test]
    fn an_introduced_regression_is_red_even_if_its_case_is_known_bad() {
        let document = samples::compared(false);
        let all = items(&document);
        let red: Vec<_> = all.iter().filter(|item| item.grade == Grade::Red).collect();
        assert_eq!(red.len(), 1);
        assert_eq!((red[0].name.as_str(), red[0].verdict), ("docker-restart", "introduced"));
    }
}
