//! Statistics of a case that was run many times: the distribution of its times and its failure rate. Pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CaseEntry;
use super::races::{RaceRate, rates};

/// Standard deviations within which 95 % of a normal distribution lie: its 97.5th percentile.
const Z: f64 = 1.959_964;
/// The confidence that the document gives for the interval.
const CONFIDENCE: f64 = 0.95;

/// All repeats of a scenario on an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RepeatsEntry {
    /// The scenario's id.
    pub scenario: String,
    /// Name of the image.
    pub image: String,
    /// Number of repeats.
    pub cases: usize,
    /// Number of repeats that were not as expected.
    pub failed: usize,
    /// Number of inconclusive repeats, which the failure rate leaves out.
    pub unclear: usize,
    /// Number of attempts in all.
    pub attempts: usize,
    /// Share of the conclusive repeats that was not as expected; null if all were inconclusive.
    pub failure_rate: Option<Rate>,
    /// Duration of a case, in seconds.
    pub seconds: Spread,
    /// Duration of a case without its settling window, in seconds.
    pub busy_seconds: Spread,
    /// Milliseconds from a fact becoming true to the harness learning it, over all waits.
    pub latency_ms: Spread,
    /// How often races on record were met; empty if none were.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub races: Vec<RaceRate>,
}

/// A share, as it was seen, with its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// The share that was seen, from 0 to 1.
    pub seen: f64,
    /// Lower end of the confidence interval, from 0 to 1.
    pub low: f64,
    /// Upper end of the confidence interval, from 0 to 1.
    pub high: f64,
    /// Confidence of the interval, from 0 to 1.
    pub confidence: f64,
}

/// The distribution of some numbers; its values are null if there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// How many numbers there are.
    pub n: usize,
    /// The smallest.
    pub min: Option<f64>,
    /// The median.
    pub median: Option<f64>,
    /// The 95th percentile: the smallest number that is at least as large as 95 % of all.
    pub p95: Option<f64>,
    /// The largest.
    pub max: Option<f64>,
}

impl Spread {
    /// The distribution of these numbers, rounded to three decimals.
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
    /// The share of `some` among `all`, with the confidence interval of Wilson (1927), which is valid even if `some` is
    /// small or 0. `None` if `all` is 0.
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

    /// The confidence interval in words: `2.6 to 7.1 %`.
    pub fn interval(&self) -> String {
        format!("{} to {} %", percent(self.low), percent(self.high))
    }
}

/// A share in percent. A small share is never rounded to 0.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.01 {
        return "less than 0.01".to_owned();
    }
    let decimals = if percent < 1.0 { 2 } else { 1 };
    let text = format!("{percent:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The statistics of each scenario and image with several repeats, in the order of the plan.
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

/// Rounds to three decimals: seconds to milliseconds, milliseconds to microseconds.
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

    /// Compares with published values of the interval.
    #[rstest]
    #[case(0, 500, 0.0, 0.0076)]
    #[case(0, 10, 0.0, 0.2775)]
    #[case(1, 10, 0.0179, 0.4042)]
    #[case(5, 10, 0.2366, 0.7634)]
    #[case(10, 10, 0.7225, 1.0)]
    #[case(15, 148, 0.0624, 0.1605)]
    fn the_interval_of_a_rate_has_the_published_values(
        #[case] some: usize,
        #[case] all: usize,
        #[case] low: f64,
        #[case] high: f64,
    ) {
        let rate = Rate::of(some, all).unwrap();
        assert!(
            (rate.low - low).abs() < 1e-4 && (rate.high - high).abs() < 1e-4,
            "{rate:?}"
        );
    }

    #[test]
    fn a_spread_gives_extremes_median_and_95th_percentile() {
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
        fn the_seen_rate_lies_within_its_interval(all in 1..2000_usize, some in 0..2000_usize) {
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
    fn inconclusive_repeats_do_not_count_for_the_failure_rate() {
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
