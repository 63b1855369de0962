//! What is looked at once a history is read to its end: the boots, and the invariants.

use super::Reader;
use crate::model::Intent;
use crate::trial::{Kind, Point};
use comeback_history::facts::{Fact, Observation};
use comeback_history::probe::{self, Reading};
use comeback_scenario::model::{Moment, Probe, ProfileSel, Value};
use comeback_scenario::vocabulary::{IntentEffect, Invariant};

impl Reader<'_> {
    /// At each boot that was followed to its rest, the reconciler says of each profile what is wanted, once.
    pub(super) fn boots(&mut self) {
        for (boot, mark, begun) in std::mem::take(&mut self.boots) {
            let Some(incarnation) = self.now.incarnations.get(boot - 1) else {
                continue;
            };
            let before = boot.checked_sub(2).and_then(|i| self.now.incarnations[i].died);
            let from = before.map_or(incarnation.seq, |(seq, _)| seq.min(incarnation.seq));
            for profile in self.intents.profiles().map(str::to_owned).collect::<Vec<_>>() {
                self.boot(boot, from, mark, begun, &profile);
            }
        }
    }

    fn boot(&mut self, boot: usize, from: u64, mark: u64, begun: usize, profile: &str) {
        let lines = self.now.lines_of_boot(boot);
        let lines: Vec<_> = lines.into_iter().filter(|l| l.profile == profile).collect();
        let count = Value::Int(i64::try_from(lines.len()).unwrap_or(i64::MAX));
        let last = lines.last().map(|l| (l.seq, l.prior_state.clone(), l.action.clone()));
        let to = last.as_ref().map_or(mark, |l| l.0.max(from));
        let possible = self.intents.possible(profile, from, to);
        let at = Moment::Boot(boot);
        let mut add = |kind, probe, wanted, found| {
            self.points.push(Point {
                kind,
                at,
                seq: to,
                begun,
                profile: profile.to_owned(),
                what: Probe::name(probe).to_owned(),
                probe: Some(probe),
                wanted,
                found,
            });
        };
        if !possible.contains(&None) {
            add(Kind::BootLine, Probe::BootLines, Value::Int(1), count);
        } else if possible.len() == 1 {
            add(Kind::NotGone, Probe::BootLines, Value::Int(0), count);
        }
        let Some((_, prior, action)) = last else { return };
        if let Some(intent) = self.intents.wanted(profile, from, to) {
            let (kind, wanted) = match intent {
                Intent::Up => (Kind::LostUp, "started"),
                Intent::Down => (Kind::LostDown, "registered"),
            };
            add(kind, Probe::BootAction, Value::str(wanted), Value::str(action.clone()));
        }
        let several = self.intents.profiles().count() > 1;
        let name = if several { format!("{profile}: ") } else { String::new() };
        let prior = prior.unwrap_or_else(|| "None".to_owned());
        if let Some(shown) = begun.checked_sub(1).and_then(|i| self.shown.get_mut(i)) {
            shown
                .reconciler
                .push(format!("{name}prior_state={prior} action={action}"));
        }
    }

    /// The invariants of the catalogue, of profiles that were there all the time.
    pub(super) fn invariants(&mut self) {
        let deleted = |name: &str| {
            let mut steps = self.scenario.steps.iter();
            steps.any(|s| s.op.info().intent == IntentEffect::Deletes && s.profile == ProfileSel::One(name.to_owned()))
        };
        let mut stable = self.scenario.clone();
        stable.profiles.retain(|p| !deleted(&p.name));
        for row in probe::invariants(&stable, self.evidence) {
            // The number of lines is a matter of what is known to be there, see `boot`.
            if row.kind == Invariant::OneBootLine {
                continue;
            }
            // What nobody waited for goes on in the window: a restart returns before its gateway has begun to go.
            if [Invariant::Settled, Invariant::NobodyBeside].contains(&row.kind)
                && self.scenario.steps.last().is_some_and(|step| !step.wait)
            {
                continue;
            }
            let Reading::Seen { value, seq } = row.reading else {
                continue;
            };
            let mark = self.mark(row.at);
            let disturbed = matches!(row.at, Moment::Boot(_)) && mark.is_some_and(|m| self.flying_at(m) > 1);
            if disturbed {
                continue;
            }
            let seq = mark.or(seq).unwrap_or(u64::MAX);
            let begun = self.intents.spans.values().filter(|s| s.began < seq).count();
            self.points.push(Point {
                kind: Kind::Invariant,
                at: row.at,
                seq,
                begun,
                profile: row.profile,
                what: row.kind.info().name.to_owned(),
                probe: None,
                wanted: row.wanted,
                found: value,
            });
        }
    }

    fn mark(&self, at: Moment) -> Option<u64> {
        let name = at.to_string();
        let is = |o: &&Observation| matches!(&o.fact, Fact::Mark { moment } if moment.0 == name);
        self.evidence.history.iter().find(is).map(|o| o.seq)
    }

    fn flying_at(&self, seq: u64) -> usize {
        let spans = self.intents.spans.values();
        spans
            .filter(|s| s.began < seq && s.ended.is_none_or(|e| e > seq))
            .count()
    }
}
