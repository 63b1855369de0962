//! The trend over runs. A file has a line for each run; from the lines of the runs before and that of a run follows what the
//! run's reports say about the trend.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::document::{CaseEntry, RunDocument, Spread};
use comeback_verdict::{RunVerdict, Verdict};

/// The version of the file's format.
const SCHEMA: u32 = 1;
/// Runs that a trend looks back on, the present one included.
const MOST_RUNS: usize = 100;
/// Cases that are named.
const MOST_CASES: usize = 10;

/// A run in the file, on one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    schema: u32,
    /// The run's id.
    pub run: String,
    started: Timestamp,
    command: String,
    images: Vec<String>,
    verdict: RunVerdict,
    exit_code: u8,
    seconds: f64,
    cases: usize,
    /// `scenario @ image` of the cases that were red, of those without a conclusion, and of those that met a race on record.
    red: Vec<String>,
    unclear: Vec<String>,
    races: Vec<String>,
}

/// How the latest runs of the same command on the same images ended, this one included.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// Number of runs.
    pub runs: usize,
    /// When the first of them began.
    pub since: Timestamp,
    /// Runs that were red.
    pub red: usize,
    /// Runs without a conclusion: inconclusive, failed or interrupted.
    pub unclear: usize,
    /// Cases of all runs.
    pub cases: usize,
    /// Cases that met a race on record.
    pub races: usize,
    /// Duration of a run that came to a conclusion, in seconds.
    pub seconds: Spread,
    /// The cases that were not as expected or met a race, worst first, ten at most.
    pub worst: Vec<TrendCase>,
}

/// A case over several runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrendCase {
    /// `scenario @ image`.
    pub case: String,
    /// Runs in which it was red.
    pub red: usize,
    /// Runs in which it came to no conclusion.
    pub unclear: usize,
    /// Runs in which it met a race on record.
    pub races: usize,
}

impl Line {
    /// The line of a run.
    pub fn of(document: &RunDocument) -> Self {
        let counting = || {
            document
                .cases
                .iter()
                .filter(|case| case.counts && case.overlay.is_none())
        };
        let names = |wanted: &dyn Fn(&CaseEntry) -> bool| -> Vec<String> {
            let mut names: Vec<String> = counting().filter(|case| wanted(case)).map(name).collect();
            names.dedup();
            names
        };
        Self {
            schema: SCHEMA,
            run: document.run.clone(),
            started: document.started,
            command: document.command.clone(),
            images: document.images.iter().map(|image| image.name.clone()).collect(),
            verdict: document.verdict,
            exit_code: document.exit_code,
            seconds: document.seconds,
            cases: counting().count(),
            red: names(&|case| case.verdict.is_red()),
            unclear: names(&|case| matches!(case.verdict, Verdict::Inconclusive | Verdict::Error)),
            races: names(&|case| case.race.as_ref().is_some_and(|race| race.met)),
        }
    }

    /// The lines of a file.
    ///
    /// # Errors
    ///
    /// The number of the first line that is no line of such a file, and why.
    pub fn parse(text: &str) -> Result<Vec<Self>, (usize, String)> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        lines
            .map(|(n, text)| {
                let line: Self = serde_json::from_str(text).map_err(|why| (n + 1, why.to_string()))?;
                if line.schema == SCHEMA {
                    Ok(line)
                } else {
                    Err((
                        n + 1,
                        format!("its schema is {}, and {SCHEMA} is understood here", line.schema),
                    ))
                }
            })
            .collect()
    }

    /// The line as text, with its end.
    ///
    /// # Errors
    ///
    /// If it cannot be written as JSON, which no line is.
    pub fn text(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    fn is_unclear(&self) -> bool {
        matches!(self.verdict, RunVerdict::Inconclusive | RunVerdict::Error)
    }
}

/// The trend of a run and the runs before it.
pub fn trend(before: &[Line], this: &Line) -> Trend {
    let same = |line: &&Line| (&line.command, &line.images) == (&this.command, &this.images);
    let mut runs: Vec<&Line> = before.iter().filter(same).chain([this]).collect();
    runs.drain(..runs.len().saturating_sub(MOST_RUNS));
    let mut cases: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for run in &runs {
        for (i, names) in [&run.red, &run.unclear, &run.races].into_iter().enumerate() {
            for name in names {
                cases.entry(name).or_default()[i] += 1;
            }
        }
    }
    let mut worst: Vec<TrendCase> = cases
        .into_iter()
        .map(|(case, [red, unclear, races])| TrendCase {
            case: case.to_owned(),
            red,
            unclear,
            races,
        })
        .collect();
    worst.sort_by_key(|case| std::cmp::Reverse((case.red, case.unclear, case.races)));
    worst.truncate(MOST_CASES);
    Trend {
        runs: runs.len(),
        since: runs.iter().map(|run| run.started).min().unwrap_or(this.started),
        red: runs.iter().filter(|run| run.verdict == RunVerdict::Regression).count(),
        unclear: runs.iter().filter(|run| run.is_unclear()).count(),
        cases: runs.iter().map(|run| run.cases).sum(),
        races: runs.iter().map(|run| run.races.len()).sum(),
        seconds: Spread::of(runs.iter().filter(|run| !run.is_unclear()).map(|run| run.seconds)),
        worst,
    }
}

fn name(case: &CaseEntry) -> String {
    format!("{} @ {}", case.scenario, case.image)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::samples;

    fn file(documents: &[RunDocument]) -> Vec<Line> {
        let text: String = documents.iter().map(|d| Line::of(d).text().unwrap()).collect();
        Line::parse(&text).unwrap()
    }

    #[test]
    fn runs_of_the_same_command_on_the_same_images_count() {
        let red = samples::red_gate();
        let mut green = red.clone();
        green.verdict = RunVerdict::Held;
        green.cases.iter_mut().for_each(|case| case.verdict = Verdict::Held);
        let mut other = red.clone();
        other.command = "explore".into();
        let found = trend(&file(&[green.clone(), other, green]), &Line::of(&red));
        assert_eq!((found.runs, found.red, found.unclear), (3, 1, 0));
        assert_eq!(found.worst.len(), 1, "{found:?}");
        assert_eq!((found.worst[0].red, found.worst[0].races), (1, 0));
        assert_eq!(found.seconds.median, Some(red.seconds));
    }

    #[test]
    fn only_the_latest_runs_count() {
        let red = samples::red_gate();
        let mut green = red.clone();
        green.verdict = RunVerdict::Held;
        let before = file(&vec![red; MOST_RUNS + 5]);
        let found = trend(&before, &Line::of(&green));
        assert_eq!((found.runs, found.red), (MOST_RUNS, MOST_RUNS - 1));
    }

    #[test]
    fn a_run_without_a_conclusion_is_none_of_both() {
        let failed = samples::no_engine();
        let found = trend(&file(std::slice::from_ref(&failed)), &Line::of(&failed));
        assert_eq!((found.runs, found.red, found.unclear, found.seconds.n), (2, 0, 2, 0));
    }

    #[test]
    fn a_line_of_another_file_is_told() {
        let good = Line::of(&samples::red_gate()).text().unwrap();
        assert_eq!(Line::parse(&format!("{good}\n{{}}\n")).unwrap_err().0, 3);
        let later = good.replacen("\"schema\":1", "\"schema\":2", 1);
        let (line, why) = Line::parse(&later).unwrap_err();
        assert_eq!((line, why.as_str()), (1, "its schema is 2, and 1 is understood here"));
    }
}
