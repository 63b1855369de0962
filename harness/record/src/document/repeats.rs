//! What a case that was run many times shows: how its times are distributed, and how often it may fail. Pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CaseEntry;
use super::races::{RaceRate, rates};

/// Standard deviations within which 95 % of a normal distribution lie: its 97.5th percentile.
const Z: f64 = 1.959_964;
/// The confidence of the interval, as told.
const CONFIDENCE: f64 = 0.95;

/// All repeats of a scenario on an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepeatsEntry {
    /// The scenario's id.
    pub scenario: String,
    /// Name of the image.
    pub image: String,
    /// How many there are.
    pub cases: usize,
    /// How many are not as expected.
    pub failed: usize,
    /// From how many nothing can be concluded; they count neither way.
    pub unclear: usize,
    /// Attempts that were made for them.
    pub attempts: usize,
    /// Share that is not as expected; null if nothing could be concluded.
    pub failure_rate: Option<Rate>,
    /// Seconds of a case.
    pub seconds: Spread,
    /// Seconds of a case without its settling window.
    pub busy_seconds: Spread,
    /// Milliseconds between a fact becoming true and the harness knowing it, over all waits.
    pub latency_ms: Spread,
    /// How often races on record were met; empty if none was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub races: Vec<RaceRate>,
}

/// A share of all cases, of which some were seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// What was seen, from 0 to 1.
    pub seen: f64,
    /// The least it may be.
    pub low: f64,
    /// The most it may be.
    pub high: f64,
    /// How sure that is, from 0 to 1.
    pub confidence: f64,
}

/// How numbers are distributed; null of none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// How many there are.
    pub n: usize,
    /// The smallest.
    pub min: Option<f64>,
    /// The median.
    pub median: Option<f64>,
    /// The 95th percentile: the smallest that is not less than 95 of 100.
    pub p95: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

impl Spread {
    /// Of these numbers, to three decimals.
    pub fn of(all: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = all.into_iter().filter(|n| n.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        let middle = n / 2;
        let median = match n {
            0 => None,
            _ if n % 2 == 1 => Some(sorted[middle]),
            _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
        };
        let at = |i: usize| sorted.get(i).copied().map(round);
        Self {
            n,
            min: at(0),
            median: median.map(round),
            p95: if n == 0 { None } else { at((n * 95).div_ceil(100) - 1) },
            max: sorted.last().copied().map(round),
        }
    }
}

impl Rate {
    /// The share of `some` among `all`, with the interval of Wilson (1927), which holds for few and for none:
    ///
    /// ```text
    /// (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n)
    /// ```
    pub fn of(some: usize, all: usize) -> Option<Self> {
        if all == 0 {
            return None;
        }
        #[allow(clippy::cast_precision_loss)]
        let (some, n) = (some.min(all) as f64, all as f64);
        let seen = some / n;
        let z2 = Z * Z;
        let middle = seen + z2 / (2.0 * n);
        let half = Z * (seen * (1.0 - seen) / n + z2 / (4.0 * n * n)).sqrt();
        let at = |value: f64| ((value / (1.0 + z2 / n)).clamp(0.0, 1.0) * 1e6).round() / 1e6;
        Some(Self {
            seen: (seen * 1e6).round() / 1e6,
            low: at(middle - half),
            high: at(middle + half),
            confidence: CONFIDENCE,
        })
    }

    /// `2.6 to 7.1 %`: where the share lies.
    pub fn interval(&self) -> String {
        format!("{} to {} %", percent(self.low), percent(self.high))
    }
}

/// A share in percent, never rounded to nothing.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.01 {
        return "less than 0.01".to_owned();
    }
    let decimals = if percent < 1.0 { 2 } else { 1 };
    let text = format!("{percent:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Of each scenario and image of which there are several repeats, in the order of the plan.
pub(super) fn repeats(entries: &[CaseEntry]) -> Option<Vec<RepeatsEntry>> {
    let mut order: Vec<(&str, &str)> = Vec::new();
    let mut groups: BTreeMap<(&str, &str), Vec<&CaseEntry>> = BTreeMap::new();
    for entry in entries {
        let key = (entry.scenario.as_str(), entry.image.as_str());
        groups.entry(key).or_insert_with(|| {
            order.push(key);
            Vec::new()
        });
        if let Some(group) = groups.get_mut(&key) {
            group.push(entry);
        }
    }
    let several = |key: &(&str, &str)| groups[key].iter().any(|entry| entry.repeat > 1);
    let all: Vec<RepeatsEntry> = order
        .into_iter()
        .filter(several)
        .map(|key| of(key, &groups[&key]))
        .collect();
    (!all.is_empty()).then_some(all)
}

fn of((scenario, image): (&str, &str), group: &[&CaseEntry]) -> RepeatsEntry {
    let counting: Vec<&&CaseEntry> = group.iter().filter(|entry| entry.counts).collect();
    let failed = counting.iter().filter(|entry| entry.verdict.is_red()).count();
    let unclear = counting.iter().filter(|entry| !entry.verdict.is_conclusive()).count();
    RepeatsEntry {
        scenario: scenario.to_owned(),
        image: image.to_owned(),
        cases: counting.len(),
        failed,
        unclear,
        attempts: group.len(),
        failure_rate: Rate::of(failed, counting.len() - unclear),
        seconds: Spread::of(counting.iter().map(|entry| entry.seconds)),
        busy_seconds: Spread::of(
            counting
                .iter()
                .map(|entry| (entry.seconds - entry.settle_seconds).max(0.0)),
        ),
        latency_ms: Spread::of(group.iter().flat_map(|entry| entry.waits_ms.iter().copied())),
        races: rates(group),
    }
}

/// Three decimals: milliseconds of seconds, microseconds of milliseconds.
pub(super) fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;
    use crate::document::samples::reproduced;
    use comeback_verdict::Verdict;

    /// Against published values of the interval.
    #[rstest]
    #[case(0, 500, 0.0, 0.0076)]
    #[case(0, 10, 0.0, 0.2775)]
    #[case(1, 10, 0.0179, 0.4042)]
    #[case(5, 10, 0.2366, 0.7634)]
    #[case(10, 10, 0.7225, 1.0)]
    #[case(15, 148, 0.0624, 0.1605)]
    fn an_interval(#[case] some: usize, #[case] all: usize, #[case] low: f64, #[case] high: f64) {
        let rate = Rate::of(some, all).unwrap();
        assert!(
            (rate.low - low).abs() < 1e-4 && (rate.high - high).abs() < 1e-4,
            "{rate:?}"
        );
    }

    #[test]
    fn a_spread() {
        let spread = Spread::of((1..=20).rev().map(f64::from));
        assert_eq!(
            (spread.n, spread.min, spread.median, spread.p95, spread.max),
            (20, Some(1.0), Some(10.5), Some(19.0), Some(20.0))
        );
        assert_eq!(Spread::of([]), Spread::default());
        assert_eq!(Spread::of([7.0]).p95, Some(7.0));
    }

    proptest! {
        #[test]
        fn what_was_seen_is_within(all in 1..2000_usize, some in 0..2000_usize) {
            let rate = Rate::of(some.min(all), all).unwrap();
            prop_assert!(0.0 <= rate.low && rate.low <= rate.seen + 1e-6);
            prop_assert!(rate.seen <= rate.high + 1e-6 && rate.high <= 1.0);
        }

        #[test]
        fn percentiles_are_in_order(all in proptest::collection::vec(0.0..1e6_f64, 1..200)) {
            let spread = Spread::of(all);
            prop_assert!(spread.min <= spread.median && spread.median <= spread.max && spread.p95 <= spread.max);
            prop_assert!(spread.n < 2 || spread.min <= spread.p95);
        }
    }

    #[test]
    fn what_is_unclear_counts_neither_way() {
        let case = reproduced().cases.remove(1);
        let repeat = |repeat: u32, attempt: u32, verdict: Verdict, counts: bool| CaseEntry {
            repeat,
            attempt,
            verdict,
            counts,
            ..case.clone()
        };
        let entries = [
            repeat(1, 1, Verdict::Held, true),
            repeat(2, 1, Verdict::Inconclusive, false),
            repeat(2, 2, Verdict::Inconclusive, true),
            repeat(3, 1, Verdict::Regression, true),
            repeat(4, 1, Verdict::Held, true),
        ];
        let found = repeats(&entries).unwrap().remove(0);
        assert_eq!((found.cases, found.failed, found.unclear, found.attempts), (4, 1, 1, 5));
        assert_eq!(found.failure_rate, Rate::of(1, 3));
        assert_eq!(repeats(&entries[..1]), None);
    }
}
