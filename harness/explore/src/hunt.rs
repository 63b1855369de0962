//! The hunt: tries sequences, several at a time, shrinks what fails and repeats what is left.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::alike::explains;
use super::coverage::Coverage;
use super::generate::{Known, Source};
use super::sequence::Sequence;
use super::trial::{Kind, Point, Trial, TrialOutcome};

/// How often a minimal sequence is repeated.
pub const REPEATS: usize = 5;

/// Runs sequences: on a real engine, or on something scripted.
pub trait TrialRunner: Send + Sync + 'static {
    /// Runs one sequence, and judges it. What is under way goes on while nobody waits for it, and ends when the future is
    /// dropped.
    fn run(self: Arc<Self>, request: TrialRequest) -> impl Future<Output = Trial> + Send;

    /// How many it can run at a time.
    fn width(&self) -> usize;

    /// How long the hunt has been going on.
    fn elapsed(&self) -> Duration;
}

/// A sequence to be run, and what for.
#[derive(Debug, Clone)]
pub struct TrialRequest {
    /// The sequence.
    pub sequence: Sequence,
    /// What for.
    pub purpose: Purpose,
}

/// What a sequence is run for.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// To see what comes of it: the Nth, from 0.
    Try(usize),
    /// To see whether a smaller one fails too: of the Nth, as the Mth try.
    Shrink(usize, usize),
    /// To see how often a minimal one fails: of this finding, from 1; repeat, from 1.
    Repeat(Box<Finding>, usize),
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Hunt {
    /// Where sequences come from.
    pub source: Source,
    /// How many are tried.
    pub runs: usize,
    /// After how long nothing new is begun, except that what has been shrunk to its end is repeated.
    pub budget: Duration,
}

/// A sequence that fails, shrunk and repeated.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// From 1.
    pub number: usize,
    /// Which sequence it was found with, from 0.
    pub index: usize,
    /// How many operations that had when it failed.
    pub length: usize,
    /// The smallest sequence that fails in this way.
    pub sequence: Sequence,
    /// False if there was no time to shrink it to the end.
    pub minimal: bool,
    /// What is wrong first.
    pub violation: Point,
    /// What came of the smallest sequence.
    pub trial: Trial,
    /// Candidates that were run to shrink it.
    pub tries: usize,
    /// How often it was repeated.
    pub repeats: usize,
    /// How often it failed then in the same way.
    pub reproduced: usize,
    /// Further sequences that failed for the same reason.
    pub again: usize,
    /// When it was found, in seconds since the hunt began.
    pub found_after: f64,
    /// When it was shrunk and repeated.
    pub done_after: f64,
}

/// What a hunt has come to so far.
#[derive(Debug, Clone, Default)]
pub struct Hunted {
    /// Sequences tried.
    pub tried: usize,
    /// Why some of them tell nothing, each with how many.
    pub inconclusive: BTreeMap<String, usize>,
    /// What was found.
    pub findings: Vec<Finding>,
    /// What was met.
    pub coverage: Coverage,
    /// Everything that was run, shrinking and repeats included.
    pub runs: usize,
    /// Steps of all that.
    pub steps: usize,
    /// What engine and gateway took of it by themselves, in seconds, one after the other.
    pub floor: f64,
}

impl Hunted {
    /// Sequences that tell nothing.
    pub fn told_nothing(&self) -> usize {
        self.inconclusive.values().sum()
    }
}

/// What is told while it goes on.
#[derive(Debug, Clone)]
pub enum HuntEvent {
    /// Something was found; it is being shrunk.
    Found(usize, Kind, usize),
    /// A smaller sequence fails too: so many operations.
    Smaller(usize, Vec<&'static str>),
    /// It is shrunk and repeated.
    Done(Box<Finding>),
}

/// How two failures are held to be the same.
fn same(a: &Point, b: &Point) -> bool {
    a.kind == b.kind && (a.kind != Kind::Invariant || a.what == b.what)
}

/// Hunts until the runs or the budget are used up. What it has come to is in `hunted` all the time.
pub async fn hunt<L: TrialRunner>(
    trials: &Arc<L>,
    hunt: &Hunt,
    hunted: &Arc<Mutex<Hunted>>,
    tell: &(dyn Fn(HuntEvent) + Send + Sync),
) {
    let hunter = Hunter {
        trials,
        hunt,
        hunted,
        tell,
    };
    hunter.all().await;
}

struct Hunter<'a, L: TrialRunner> {
    trials: &'a Arc<L>,
    hunt: &'a Hunt,
    hunted: &'a Arc<Mutex<Hunted>>,
    tell: &'a (dyn Fn(HuntEvent) + Send + Sync),
}

impl<L: TrialRunner> Hunter<'_, L> {
    async fn all(&self) {
        let mut running = FuturesUnordered::new();
        let mut next = 0;
        // What failed, the first of them first.
        let mut failed: BTreeMap<usize, (Sequence, Trial)> = BTreeMap::new();
        loop {
            while let Some((index, (sequence, trial))) = failed.pop_first() {
                self.investigate(index, &sequence, trial).await;
            }
            while running.len() < self.trials.width() && next < self.hunt.runs && self.in_time() {
                let (trials, index) = (self.trials.clone(), next);
                let sequence = self.hunt.source.sequence(index);
                next += 1;
                running.push(whole(async move {
                    let request = TrialRequest {
                        sequence: sequence.clone(),
                        purpose: Purpose::Try(index),
                    };
                    (index, sequence, trials.run(request).await)
                }));
            }
            let Some(done) = running.next().await else { break };
            let Some((index, sequence, trial)) = done else { continue };
            self.count(&sequence, &trial);
            let mut hunted = self.hunted();
            hunted.tried += 1;
            match &trial.outcome {
                TrialOutcome::Held => {}
                TrialOutcome::Inconclusive(why) => *hunted.inconclusive.entry(why.clone()).or_default() += 1,
                TrialOutcome::Violated(_) => {
                    failed.insert(index, (sequence, trial));
                }
            }
        }
    }

    fn hunted(&self) -> MutexGuard<'_, Hunted> {
        self.hunted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_time(&self) -> bool {
        self.trials.elapsed() < self.hunt.budget
    }

    fn count(&self, sequence: &Sequence, trial: &Trial) {
        let mut hunted = self.hunted();
        hunted.runs += 1;
        hunted.steps += trial.steps;
        hunted.floor += trial.floor;
        hunted.coverage.add(sequence, trial);
    }

    /// Shrinks what failed and repeats what is left, unless it is a case of something found already.
    async fn investigate(&self, index: usize, sequence: &Sequence, trial: Trial) {
        let Some(violation) = trial.violation().cloned() else {
            return;
        };
        let seen = moves_of(sequence, violation.begun);
        let cut = Sequence {
            setting: sequence.setting.clone(),
            moves: sequence.moves[..seen].to_vec(),
        };
        if self.is_known(&cut, &violation) {
            return;
        }
        let found_after = self.trials.elapsed().as_secs_f64();
        (self.tell)(HuntEvent::Found(index, violation.kind, cut.operations().len()));
        let length = cut.operations().len();
        let mut failing = HashMap::from([(cut.clone(), trial)]);
        let mut known = Known::new();
        let (mut told, mut again) = (None, false);
        let mut tries = 0;
        let fails = |trial: &Trial| trial.violation().is_some_and(|v| same(v, &violation));
        let minimal = loop {
            let shrunk = self.hunt.source.shrink(index, seen, &known, self.trials.width());
            if shrunk.next.is_empty() {
                break true;
            }
            if !self.in_time() {
                break false;
            }
            let mut wanted = Vec::new();
            for candidate in shrunk.next {
                // Whatever holds what is known to fail fails, too.
                if self.explained(&candidate, &violation).is_some() {
                    known.insert(candidate, true);
                } else {
                    wanted.push(candidate);
                }
            }
            // What failed has to fail again, and first of all: shrinking something that does not tells nothing.
            let first = tries == 0;
            if first {
                wanted.insert(0, cut.clone());
            }
            for (candidate, trial) in self.candidates(index, tries, wanted).await {
                tries += 1;
                if candidate == cut {
                    again = fails(&trial);
                }
                known.insert(candidate.clone(), fails(&trial));
                if fails(&trial) {
                    failing.insert(candidate, trial);
                }
            }
            if first && !again && failing.len() == 1 {
                break false;
            }
            let smallest = self.hunt.source.shrink(index, seen, &known, 1).smallest;
            if let Some(smallest) = smallest.filter(|s| told.as_ref() != Some(s)) {
                told = Some(smallest.clone());
                (self.tell)(HuntEvent::Smaller(index, smallest.operations()));
            }
        };
        let smallest = self.hunt.source.shrink(index, seen, &known, 1).smallest.unwrap_or(cut);
        if self.is_known(&smallest, &violation) {
            return;
        }
        let Some((sequence, trial)) = failing.remove_entry(&smallest) else {
            return;
        };
        let finding = Finding {
            number: self.hunted().findings.len() + 1,
            index,
            length,
            minimal,
            violation: trial.violation().cloned().unwrap_or(violation),
            sequence,
            trial,
            tries,
            repeats: 0,
            reproduced: 0,
            again: 0,
            found_after,
            done_after: found_after,
        };
        self.hunted().findings.push(finding.clone());
        if minimal || self.in_time() {
            self.repeat(finding).await;
        } else {
            (self.tell)(HuntEvent::Done(Box::new(finding)));
        }
    }

    /// Counts a failure that one of the findings explains.
    fn is_known(&self, sequence: &Sequence, violation: &Point) -> bool {
        let Some(known) = self.explained(sequence, violation) else {
            return false;
        };
        self.hunted().findings[known].again += 1;
        true
    }

    fn explained(&self, sequence: &Sequence, violation: &Point) -> Option<usize> {
        let hunted = self.hunted();
        let explaining = |f: &Finding| same(&f.violation, violation) && explains(&f.sequence, sequence);
        hunted.findings.iter().position(explaining)
    }

    /// Runs candidates side by side. One that tells nothing gets another try.
    async fn candidates(&self, index: usize, tries: usize, wanted: Vec<Sequence>) -> Vec<(Sequence, Trial)> {
        let mut running = FuturesUnordered::new();
        for (n, sequence) in wanted.into_iter().enumerate() {
            let trials = self.trials.clone();
            let budget = self.hunt.budget;
            running.push(whole(async move {
                let request = TrialRequest {
                    sequence: sequence.clone(),
                    purpose: Purpose::Shrink(index, tries + n),
                };
                let mut trial = trials.clone().run(request.clone()).await;
                if trials.elapsed() < budget && matches!(trial.outcome, TrialOutcome::Inconclusive(_)) {
                    trial = trials.run(request).await;
                }
                (n, sequence, trial)
            }));
        }
        let mut done = BTreeMap::new();
        while let Some(result) = running.next().await {
            if let Some((n, sequence, trial)) = result {
                self.count(&sequence, &trial);
                done.insert(n, (sequence, trial));
            }
        }
        done.into_values().collect()
    }

    async fn repeat(&self, finding: Finding) {
        let mut running = FuturesUnordered::new();
        for n in 1..=REPEATS {
            let (trials, finding) = (self.trials.clone(), Box::new(finding.clone()));
            running.push(whole(async move {
                let request = TrialRequest {
                    sequence: finding.sequence.clone(),
                    purpose: Purpose::Repeat(finding, n),
                };
                trials.run(request).await
            }));
        }
        while let Some(done) = running.next().await {
            let Some(trial) = done else { continue };
            self.count(&finding.sequence, &trial);
            let reproduced = trial.violation().is_some_and(|v| same(v, &finding.violation));
            let mut hunted = self.hunted();
            let there = &mut hunted.findings[finding.number - 1];
            there.repeats += 1;
            there.reproduced += usize::from(reproduced);
            there.done_after = self.trials.elapsed().as_secs_f64();
        }
        let done = self.hunted().findings[finding.number - 1].clone();
        (self.tell)(HuntEvent::Done(Box::new(done)));
    }
}

/// A trial that panics is no trial, and ends no other.
async fn whole<T>(trial: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(trial).catch_unwind().await.ok()
}

/// How many moves had begun when that many steps had.
fn moves_of(sequence: &Sequence, begun: usize) -> usize {
    let steps = sequence.steps();
    match begun.checked_sub(1).and_then(|last| steps.get(last)) {
        Some((number, _)) => number + 1,
        // What was wrong from the start is wrong because of what was on the volume.
        None => sequence.seeded().len(),
    }
}
