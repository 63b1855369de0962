//! Races on record: the verdict of a case from its attempts, and the rate of a race over all repeats of a case. Pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CaseEntry, Rate};
use comeback_scenario::model::Seen;
use comeback_verdict::Verdict;
use comeback_verdict::attempts::{Settled, judged_by_rate, settle};

/// A race on record that an attempt, or another attempt of its case, may have met. The attempt's `note` describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RaceEntry {
    /// True if this attempt met it.
    pub met: bool,
    /// How often it was seen before.
    pub on_record: Times,
    /// How many of the case's conclusive attempts met a race; null except for the attempt that counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Times>,
}

/// How often something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Times {
    /// Times it was seen.
    pub met: usize,
    /// Times it could have been seen.
    pub of: usize,
}

impl From<Seen> for Times {
    fn from(seen: Seen) -> Self {
        Self {
            met: seen.met as usize,
            of: seen.of as usize,
        }
    }
}

/// How often a race was met over all repeats of a case, compared with the rate on record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RaceRate {
    /// A description of the race.
    pub note: String,
    /// How many of the conclusive attempts met it.
    pub times: Times,
    /// That as a share.
    pub rate: Rate,
    /// How often it was seen before.
    pub on_record: Times,
    /// That as a share.
    pub rate_on_record: Rate,
    /// The comparison of both rates.
    pub compared: Compared,
}

/// A rate compared with the one on record, by their 95 % intervals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compared {
    /// The intervals overlap.
    AsOnRecord,
    /// The race is met more often now: the interval lies above that on record.
    MoreOften,
    /// The race is met less often now: the interval lies below that on record.
    LessOften,
}

impl Compared {
    fn of(now: &Rate, on_record: &Rate) -> Self {
        if now.low > on_record.high {
            Self::MoreOften
        } else if now.high < on_record.low {
            Self::LessOften
        } else {
            Self::AsOnRecord
        }
    }

    /// The comparison in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::AsOnRecord => "as on record",
            Self::MoreOften => "more often than on record",
            Self::LessOften => "less often than on record",
        }
    }
}

/// The rate of every race that was met in these attempts, which are those of one case and its repeats.
pub(super) fn rates(group: &[&CaseEntry]) -> Vec<RaceRate> {
    let mut races: BTreeMap<&str, (usize, Times)> = BTreeMap::new();
    for entry in group {
        if let (Some(race), Some(note)) = (&entry.race, &entry.note)
            && race.met
        {
            races.entry(note).or_insert((0, race.on_record)).0 += 1;
        }
    }
    let of = group
        .iter()
        .filter(|entry| entry.classification.is_conclusive())
        .count();
    let rate = |(note, (met, on_record)): (&str, (usize, Times))| {
        let rate = Rate::of(met, of)?;
        let rate_on_record = Rate::of(on_record.met, on_record.of)?;
        Some(RaceRate {
            note: note.to_owned(),
            times: Times { met, of },
            rate,
            on_record,
            rate_on_record,
            compared: Compared::of(&rate, &rate_on_record),
        })
    };
    races.into_iter().filter_map(rate).collect()
}

/// Marks the attempt that counts of each case, gives it the verdict of the case, and returns these verdicts.
pub(super) fn settle_cases(entries: &mut [CaseEntry]) -> Vec<Verdict> {
    let mut cases: BTreeMap<(&str, &str, u32), Vec<usize>> = BTreeMap::new();
    let mut groups: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for (i, entry) in entries.iter().enumerate() {
        let (scenario, image) = (entry.scenario.as_str(), entry.image.as_str());
        cases.entry((scenario, image, entry.repeat)).or_default().push(i);
        groups.entry((scenario, image)).or_default().push(i);
    }
    let cases: Vec<Vec<usize>> = cases.into_values().collect();
    let groups: Vec<Vec<usize>> = groups.into_values().collect();
    for case in &cases {
        settle_case(entries, case);
    }
    for group in &groups {
        settle_group(entries, group);
    }
    let counting = entries.iter().filter(|entry| entry.counts);
    counting.map(|entry| entry.verdict).collect()
}

/// Combines the attempts of one case.
fn settle_case(entries: &mut [CaseEntry], case: &[usize]) {
    let verdicts: Vec<Verdict> = case.iter().map(|i| entries[*i].verdict).collect();
    let Some(settled) = settle(&verdicts) else { return };
    let met = case
        .iter()
        .rev()
        .find(|i| entries[**i].race.is_some_and(|race| race.met))
        .copied();
    let (note, race) = met.map_or((None, None), |i| (entries[i].note.clone(), entries[i].race));
    let entry = &mut entries[case[settled.counts]];
    entry.counts = true;
    if settled.met == 0 {
        return;
    }
    entry.verdict = settled.verdict;
    let attempts = Times {
        met: settled.met,
        of: settled.of,
    };
    entry.race = race.map(|race| RaceEntry {
        met: entry.race.is_some_and(|race| race.met),
        attempts: Some(attempts),
        ..race
    });
    entry.note = note;
    entry.reason = reason(entry, settled);
}

/// The reason for the verdict of a case whose attempts met a race.
fn reason(entry: &CaseEntry, settled: Settled) -> Option<String> {
    let race = entry.race?;
    let met = format!(
        "met in {} of {} attempts, on record as {} in {}",
        settled.met, settled.of, race.on_record.met, race.on_record.of
    );
    let why = entry.reason.as_deref();
    Some(match settled.verdict {
        Verdict::Racy => met,
        Verdict::Inconclusive => match why.filter(|_| !race.met) {
            Some(why) => format!("a race on record was {met}; then {why}"),
            None => format!("a race on record was {met}, and the case was not retried"),
        },
        _ => match why {
            Some(why) => format!("{met}: {why}"),
            None => met,
        },
    })
}

/// Judges a case with many repeats by the rate of its races. Among many repeats, some will meet a race in all their
/// attempts by chance, so that alone is no regression. If the rate is higher than the one on record, the last repeat
/// that met the race is a regression.
fn settle_group(entries: &mut [CaseEntry], group: &[usize]) {
    let cases = group.iter().filter(|i| entries[**i].counts).count();
    if !judged_by_rate(cases) {
        return;
    }
    let of_group: Vec<&CaseEntry> = group.iter().map(|i| &entries[*i]).collect();
    let rates = rates(&of_group);
    let in_all = |entry: &CaseEntry| entry.counts && entry.race.is_some_and(|race| race.met) && entry.verdict.is_red();
    for i in group {
        if in_all(&entries[*i]) {
            entries[*i].verdict = Verdict::Racy;
        }
    }
    for rate in rates.iter().filter(|rate| rate.compared == Compared::MoreOften) {
        let its = |i: &&usize| {
            let entry = &entries[**i];
            entry.counts && entry.race.is_some() && entry.note.as_ref() == Some(&rate.note)
        };
        if let Some(last) = group.iter().rev().find(its).copied() {
            entries[last].verdict = Verdict::Regression;
            entries[last].reason = Some(rate.told());
        }
    }
}

impl RaceRate {
    /// `met in 60 of 200 attempts (24 to 37 %), on record as 1 in 186 (0.1 to 3 %): more often than on record`.
    pub fn told(&self) -> String {
        format!(
            "met in {} of {} attempts ({}), on record as {} in {} ({}): {}",
            self.times.met,
            self.times.of,
            self.rate.interval(),
            self.on_record.met,
            self.on_record.of,
            self.rate_on_record.interval(),
            self.compared.words()
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::samples::reproduced;
    use comeback_verdict::Classification;

    const NOTE: &str = "two writers, no lock";

    fn attempt(repeat: u32, attempt: u32, verdict: Verdict) -> CaseEntry {
        let met = verdict == Verdict::Racy;
        let race = RaceEntry {
            met,
            on_record: Times { met: 1, of: 186 },
            attempts: None,
        };
        let classification = match verdict {
            Verdict::Inconclusive => Classification::Inconclusive,
            Verdict::Held => Classification::Fixed,
            _ => Classification::Neither,
        };
        CaseEntry {
            repeat,
            attempt,
            verdict,
            classification,
            race: met.then_some(race),
            note: met.then(|| NOTE.to_owned()),
            reason: (verdict != Verdict::Held).then(|| "end service is up; it must be down".to_owned()),
            counts: false,
            ..reproduced().cases.remove(1)
        }
    }

    fn case(verdicts: &[Verdict]) -> Vec<CaseEntry> {
        verdicts.iter().zip(1..).map(|(v, n)| attempt(1, n, *v)).collect()
    }

    #[test]
    fn the_reason_of_a_racy_case_gives_both_rates() {
        let mut entries = case(&[Verdict::Racy, Verdict::Held]);
        assert_eq!(settle_cases(&mut entries), [Verdict::Racy]);
        let counting = &entries[1];
        assert!(counting.counts && !entries[0].counts);
        assert_eq!(counting.classification, Classification::Fixed);
        let race = counting.race.unwrap();
        assert_eq!((race.met, race.attempts), (false, Some(Times { met: 1, of: 2 })));
        assert_eq!(counting.note.as_deref(), Some(NOTE));
        let reason = "met in 1 of 2 attempts, on record as 1 in 186";
        assert_eq!(counting.reason.as_deref(), Some(reason));
    }

    #[test]
    fn a_race_met_in_all_attempts_is_a_regression_with_the_rates_in_its_reason() {
        let mut entries = case(&[Verdict::Racy, Verdict::Racy, Verdict::Racy]);
        assert_eq!(settle_cases(&mut entries), [Verdict::Regression]);
        let reason = "met in 3 of 3 attempts, on record as 1 in 186: end service is up; it must be down";
        assert_eq!(entries[2].reason.as_deref(), Some(reason));
    }

    #[test]
    fn a_race_met_only_in_an_attempt_without_a_conclusive_retry_is_inconclusive() {
        let mut entries = case(&[Verdict::Racy]);
        assert_eq!(settle_cases(&mut entries), [Verdict::Inconclusive]);
        let mut entries = case(&[Verdict::Racy, Verdict::Inconclusive, Verdict::Inconclusive]);
        assert_eq!(settle_cases(&mut entries), [Verdict::Inconclusive]);
        let reason = "a race on record was met in 1 of 1 attempts, on record as 1 in 186; then end service is up; it must \
                    be down";
        assert_eq!(entries[2].reason.as_deref(), Some(reason));
    }

    /// `all` repeats, of which `once` meet the race in their first attempt only and `in_all` in all three.
    fn repeats(all: u32, once: u32, in_all: u32) -> Vec<CaseEntry> {
        let of = |repeat: u32| -> &[Verdict] {
            if repeat <= in_all {
                &[Verdict::Racy, Verdict::Racy, Verdict::Racy]
            } else if repeat <= in_all + once {
                &[Verdict::Racy, Verdict::Held]
            } else {
                &[Verdict::Held]
            }
        };
        let attempts = |repeat| of(repeat).iter().zip(1..).map(move |(v, n)| attempt(repeat, n, *v));
        (1..=all).flat_map(attempts).collect()
    }

    #[test]
    fn many_repeats_are_judged_by_the_rate() {
        let red = |mut entries: Vec<CaseEntry>| {
            let verdicts = settle_cases(&mut entries);
            verdicts.iter().filter(|v| v.is_red()).count()
        };
        assert_eq!(red(repeats(200, 2, 0)), 0, "as on record");
        assert_eq!(
            red(repeats(200, 2, 1)),
            0,
            "one of many repeats meets it in all its attempts"
        );
        assert_eq!(red(repeats(200, 40, 0)), 1, "more often than on record");
        assert_eq!(red(repeats(5, 1, 1)), 1, "too few repeats for a rate");
        let mut entries = repeats(200, 40, 0);
        settle_cases(&mut entries);
        let reason = entries
            .iter()
            .find(|e| e.verdict.is_red())
            .unwrap()
            .reason
            .clone()
            .unwrap();
        assert!(reason.starts_with("met in 40 of 240 attempts"), "{reason}");
        assert!(reason.ends_with("more often than on record"), "{reason}");
    }

    #[test]
    fn a_rate_is_compared_with_the_one_on_record() {
        let entries = repeats(200, 0, 0);
        assert_eq!(rates(&entries.iter().collect::<Vec<_>>()), []);
        let entries = repeats(200, 3, 0);
        let found = rates(&entries.iter().collect::<Vec<_>>()).remove(0);
        assert_eq!(
            (found.times, found.compared),
            (Times { met: 3, of: 203 }, Compared::AsOnRecord)
        );
        assert_eq!(
            Compared::of(&Rate::of(0, 9000).unwrap(), &Rate::of(20, 40).unwrap()),
            Compared::LessOften
        );
    }
}
