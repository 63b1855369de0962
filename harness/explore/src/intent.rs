//! What an operator wanted when, read off the history.
//!
//! Intent is a register that operators write: a command writes somewhere between its beginning and its end, and one that
//! failed, or that the container ended under, may not have written at all. What the register can hold at a time is then
//! decided as for any concurrent register: every write counts that no other has surely overwritten. Where more than one
//! value is possible, nothing is wanted.

use std::collections::{BTreeMap, BTreeSet};

use super::model::Intent;
use comeback_history::facts::{Fact, Observation};
use comeback_scenario::model::{ProfileSel, Scenario, StartBy, Step};
use comeback_scenario::vocabulary::IntentEffect;

/// Something an operator did to what is wanted of a profile's gateway. `None` means that the profile is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Write {
    value: Option<Intent>,
    began: u64,
    /// Where it had surely been done; `None` if that is not known.
    done: Option<u64>,
    /// Where it was over, done or not.
    over: Option<u64>,
}

/// When a step began and ended, by position in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Where it began.
    pub began: u64,
    /// Where it ended; `None` if it did not.
    pub ended: Option<u64>,
    /// What the command returned.
    pub exit: Option<i64>,
}

/// The intents of a case.
#[derive(Debug, Clone, Default)]
pub struct Intents {
    writes: BTreeMap<String, Vec<Write>>,
    /// By step, from 1.
    pub spans: BTreeMap<usize, Span>,
}

impl Intents {
    /// Reads them off a history.
    pub fn read(scenario: &Scenario, history: &[Observation]) -> Self {
        let mut intents = Self {
            spans: spans(history),
            ..Self::default()
        };
        for profile in &scenario.profiles {
            let up = profile.start != StartBy::None;
            intents.write(
                &profile.name,
                Some(if up { Intent::Up } else { Intent::Down }),
                0,
                Some(0),
                Some(0),
            );
        }
        for (number, step) in (1..).zip(&scenario.steps) {
            let Some(span) = intents.spans.get(&number).cloned() else {
                continue;
            };
            let done = span.ended.filter(|_| span.exit == Some(0));
            let all = step.op.is_for_all();
            for (profile, value) in intents.written_by(step) {
                // What may not be there may not have been reached.
                let doubtful = all && intents.possible(&profile, span.began, span.began - 1).contains(&None);
                let done = done.filter(|_| !doubtful);
                intents.write(&profile, value, span.began, done, span.ended);
            }
        }
        intents
    }

    /// What a step writes, where it writes.
    fn written_by(&self, step: &Step) -> Vec<(String, Option<Intent>)> {
        let all = step.op.is_for_all();
        let value = match step.op.info().intent {
            IntentEffect::Up => Some(Intent::Up),
            IntentEffect::Down | IntentEffect::Creates => Some(Intent::Down),
            IntentEffect::Deletes => None,
            IntentEffect::Keeps => return Vec::new(),
        };
        let everybody = || self.writes.keys().cloned().collect();
        let profiles: Vec<String> = match &step.profile {
            _ if all => everybody(),
            ProfileSel::All => everybody(),
            ProfileSel::One(name) => vec![name.clone()],
        };
        let there = |name: &String| {
            // `--all` does not reach what is not there.
            !all || self.writes[name].last().is_some_and(|w| w.value.is_some())
        };
        profiles.into_iter().filter(there).map(|name| (name, value)).collect()
    }

    fn write(&mut self, profile: &str, value: Option<Intent>, began: u64, done: Option<u64>, over: Option<u64>) {
        let write = Write {
            value,
            began,
            done,
            over,
        };
        let writes = self.writes.entry(profile.to_owned()).or_default();
        if writes.is_empty() && began > 0 {
            // Before it was created it was not there.
            writes.push(Write {
                value: None,
                began: 0,
                done: Some(0),
                over: Some(0),
            });
        }
        writes.push(write);
    }

    /// Every profile that ever was.
    pub fn profiles(&self) -> impl Iterator<Item = &str> {
        self.writes.keys().map(String::as_str)
    }

    /// What may be wanted by whoever looks between two positions of the history.
    pub fn possible(&self, profile: &str, from: u64, to: u64) -> BTreeSet<Option<Intent>> {
        let writes = self.writes.get(profile).map_or(&[][..], Vec::as_slice);
        let overwritten = |write: &Write| {
            writes.iter().any(|other| {
                let later = write.over.is_some_and(|over| over < other.began);
                later && other.done.is_some_and(|done| done < from)
            })
        };
        let counts = writes.iter().filter(|w| w.began <= to && !overwritten(w));
        let mut possible: BTreeSet<_> = counts.map(|w| w.value).collect();
        if writes.is_empty() {
            possible.insert(None);
        }
        possible
    }

    /// What is surely wanted of a profile that is surely there.
    pub fn wanted(&self, profile: &str, from: u64, to: u64) -> Option<Intent> {
        let possible = self.possible(profile, from, to);
        match possible.iter().collect::<Vec<_>>()[..] {
            [Some(intent)] => Some(*intent),
            _ => None,
        }
    }

    /// True if a profile is surely not there.
    pub fn is_gone(&self, profile: &str, from: u64, to: u64) -> bool {
        let possible = self.possible(profile, from, to);
        possible.len() == 1 && possible.contains(&None)
    }

    /// True if no step is under way at that position.
    pub fn quiet_at(&self, seq: u64) -> bool {
        let flying = |span: &Span| span.began < seq && span.ended.is_none_or(|ended| ended > seq);
        !self.spans.values().any(flying)
    }

    /// True if no other step overlaps with that one.
    pub fn alone(&self, step: usize) -> bool {
        let Some(this) = self.spans.get(&step) else {
            return false;
        };
        let end = this.ended.unwrap_or(u64::MAX);
        let meets = |(n, s): (&usize, &Span)| *n != step && s.began < end && s.ended.is_none_or(|e| e > this.began);
        !self.spans.iter().any(meets)
    }
}

fn spans(history: &[Observation]) -> BTreeMap<usize, Span> {
    let mut spans = BTreeMap::new();
    for o in history {
        match &o.fact {
            Fact::StepBegan { step, .. } => {
                let span = Span {
                    began: o.seq,
                    ended: None,
                    exit: None,
                };
                spans.insert(*step, span);
            }
            Fact::StepEnded { step, exit, .. } => {
                if let Some(span) = spans.get_mut(step) {
                    span.ended = Some(o.seq);
                    span.exit = *exit;
                }
            }
            _ => {}
        }
    }
    spans
}
