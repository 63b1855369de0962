//! Figures: what was measured beside the rows, over all repeats of a case. No verdict depends on them. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CaseEntry, Spread};

/// How long a step took, over all repeats of a scenario on an image, beside the bound that the scenario names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FigureEntry {
    /// The scenario's id.
    pub scenario: String,
    /// Name of the image.
    pub image: String,
    /// The step, from 1.
    pub step: usize,
    /// Its operation.
    pub op: String,
    /// The bound, in seconds.
    pub at_most_seconds: f64,
    /// How long the step took, in seconds, of the attempts in which it came to its end.
    pub seconds: Spread,
    /// In how many of them it took longer than the bound.
    pub over: usize,
    /// In how many attempts it began and did not come to its end.
    pub unended: usize,
}

/// The figures of all cases, in the order of the plan. All attempts count: none is repeated because of a figure.
pub(super) fn figures(entries: &[CaseEntry]) -> Vec<FigureEntry> {
    let mut all: Vec<(FigureEntry, Vec<f64>)> = Vec::new();
    for entry in entries {
        for (number, step) in (1..).zip(&entry.steps) {
            let Some(at_most_seconds) = step.at_most_seconds else {
                continue;
            };
            let same = |(of, _): &(FigureEntry, Vec<f64>)| {
                of.step == number && of.scenario == entry.scenario && of.image == entry.image
            };
            let at = all.iter().position(same).unwrap_or_else(|| {
                let of = FigureEntry {
                    scenario: entry.scenario.clone(),
                    image: entry.image.clone(),
                    step: number,
                    op: step.op.clone(),
                    at_most_seconds,
                    seconds: Spread::default(),
                    over: 0,
                    unended: 0,
                };
                all.push((of, Vec::new()));
                all.len() - 1
            });
            let (of, took) = &mut all[at];
            if step.ended.is_none() {
                of.unended += usize::from(step.began.is_some());
                continue;
            }
            of.over += usize::from(step.seconds > at_most_seconds);
            took.push(step.seconds);
        }
    }
    let spread = |(of, took): (FigureEntry, Vec<f64>)| FigureEntry {
        seconds: Spread::of(took),
        ..of
    };
    all.into_iter().map(spread).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::samples::reproduced;

    #[test]
    fn a_figure_counts_what_took_longer_and_what_never_ended() {
        let mut case = reproduced().cases.remove(0);
        case.steps[0].at_most_seconds = Some(2.0);
        let took = |seconds: f64, ended: bool| {
            let mut case = case.clone();
            case.steps[0].seconds = seconds;
            if !ended {
                case.steps[0].ended = None;
            }
            case
        };
        let entries = [took(1.0, true), took(2.0, true), took(9.0, true), took(0.0, false)];
        let found = figures(&entries);
        assert_eq!(found.len(), 1);
        let of = &found[0];
        assert_eq!((of.step, of.over, of.unended, of.seconds.n), (1, 1, 1, 3));
        assert_eq!((of.seconds.median, of.seconds.max), (Some(2.0), Some(9.0)));
        assert!(
            figures(&reproduced().cases).is_empty(),
            "a step without a bound is no figure"
        );
    }
}
