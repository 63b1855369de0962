//! The hunt: tries sequences, several at a time, shrinks those that fail and repeats the smallest.

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

/// Runs sequences, on a real engine or on a scripted gateway.
pub trait TrialRunner: Send + Sync + 'static {
    /// Runs one sequence and judges it. The trial must make progress even while the future is not polled, and must end
    /// when the future is dropped.
    fn run(self: Arc<Self>, request: TrialRequest) -> impl Future<Output = Trial> + Send;

    /// How many sequences it can run at a time.
    fn width(&self) -> usize;

    /// Time since the hunt began.
    fn elapsed(&self) -> Duration;
}

/// A sequence to run, and its purpose.
#[derive(Debug, Clone)]
pub struct TrialRequest {
    /// The sequence.
    pub sequence: Sequence,
    /// Its purpose.
    pub purpose: Purpose,
}

/// The purpose of a trial.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// To find a failure: the number of the sequence, from 0.
    Try(usize),
    /// To see whether a smaller sequence fails too: the number of the original sequence and of the try, both from 0.
    Shrink(usize, usize),
    /// To see how often a minimal sequence fails: the finding, and the number of the repeat, from 1.
    Repeat(Box<Finding>, usize),
}

/// The options of a hunt.
#[derive(Debug, Clone)]
pub struct Hunt {
    /// The source of sequences.
    pub source: Source,
    /// How many sequences are tried.
    pub runs: usize,
    /// After this time no trial begins, except the repeats of a finding that is fully shrunk.
    pub budget: Duration,
}

/// A failing sequence, shrunk and repeated.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Its number, from 1.
    pub number: usize,
    /// The number of the sequence it was found with, from 0.
    pub index: usize,
    /// The number of operations of that sequence up to the failure.
    pub length: usize,
    /// The smallest sequence known to fail in this way.
    pub sequence: Sequence,
    /// False if the time ran out before it was fully shrunk.
    pub minimal: bool,
    /// The first violation.
    pub violation: Point,
    /// The result of the smallest sequence.
    pub trial: Trial,
    /// Number of candidates that were run to shrink it.
    pub tries: usize,
    /// How often it was repeated.
    pub repeats: usize,
    /// How many of the repeats failed in the same way.
    pub reproduced: usize,
    /// Number of further sequences that failed for the same reason.
    pub again: usize,
    /// When it was found, in seconds since the hunt began.
    pub found_after: f64,
    /// When it had been shrunk and repeated, in seconds since the hunt began.
    pub done_after: f64,
}

/// The results of a hunt so far.
#[derive(Debug, Clone, Default)]
pub struct Hunted {
    /// Number of sequences tried.
    pub tried: usize,
    /// The reasons why sequences were inconclusive, with the number of sequences for each.
    pub inconclusive: BTreeMap<String, usize>,
    /// The findings.
    pub findings: Vec<Finding>,
    /// The coverage.
    pub coverage: Coverage,
    /// Number of all runs, including shrinking and repeats.
    pub runs: usize,
    /// Number of steps in all runs.
    pub steps: usize,
    /// The floor (the time that engine and gateway take without the harness), in seconds, summed over all runs.
    pub floor: f64,
}

impl Hunted {
    /// Number of inconclusive sequences.
    pub fn told_nothing(&self) -> usize {
        self.inconclusive.values().sum()
    }
}

/// A message about the progress of a hunt.
#[derive(Debug, Clone)]
pub enum HuntEvent {
    /// A sequence failed and is being shrunk: its number, the kind of failure, and its number of operations.
    Found(usize, Kind, usize),
    /// A smaller sequence fails too: the number of the original sequence, and the operations of the smaller one.
    Smaller(usize, Vec<&'static str>),
    /// The finding is shrunk and repeated.
    Done(Box<Finding>),
}

/// True if two failures are of the same kind, and of the same invariant if they are violations of one.
fn same(a: &Point, b: &Point) -> bool {
    a.kind == b.kind && (a.kind != Kind::Invariant || a.what == b.what)
}

/// Hunts until the runs or the budget are used up. `hunted` has the results so far at any time.
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

/// What ended during a hunt.
enum Ended {
    /// A sequence that was run for the first time; nothing if it panicked.
    Attempt(Option<(usize, Sequence, Trial)>),
    /// An investigation.
    Investigation,
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
        let (mut next, mut trying, mut investigating) = (0, 0, false);
        // Failed sequences by number, so that the first is investigated first. They are investigated one by one, because
        // one finding may explain the others.
        let mut failed: BTreeMap<usize, (Sequence, Trial)> = BTreeMap::new();
        loop {
            if !investigating && let Some((index, (sequence, trial))) = failed.pop_first() {
                investigating = true;
                let investigation = self.investigate(index, sequence, trial);
                running.push(
                    async {
                        investigation.await;
                        Ended::Investigation
                    }
                    .boxed(),
                );
            }
            // Beside an investigation, new sequences only fill the gaps: the longest of several candidates ends alone.
            let width = self.trials.width();
            let width = if investigating { (width / 2).max(1) } else { width };
            while trying < width && next < self.hunt.runs && self.in_time() {
                running.push(self.attempt(next).boxed());
                next += 1;
                trying += 1;
            }
            match running.next().await {
                None => break,
                Some(Ended::Investigation) => investigating = false,
                Some(Ended::Attempt(done)) => {
                    trying -= 1;
                    if let Some((index, sequence, trial)) = done
                        && self.has_failed(&sequence, &trial)
                    {
                        failed.insert(index, (sequence, trial));
                    }
                }
            }
        }
    }

    /// Runs a sequence for the first time.
    async fn attempt(&self, index: usize) -> Ended {
        let trials = self.trials.clone();
        let sequence = self.hunt.source.sequence(index);
        let trial = whole(async move {
            let request = TrialRequest {
                sequence: sequence.clone(),
                purpose: Purpose::Try(index),
            };
            (index, sequence, trials.run(request).await)
        });
        Ended::Attempt(trial.await)
    }

    /// Counts a sequence that was run for the first time. Returns true if it failed.
    fn has_failed(&self, sequence: &Sequence, trial: &Trial) -> bool {
        self.count(sequence, trial);
        let mut hunted = self.hunted();
        hunted.tried += 1;
        if let TrialOutcome::Inconclusive(why) = &trial.outcome {
            *hunted.inconclusive.entry(why.clone()).or_default() += 1;
        }
        trial.violation().is_some()
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

    /// Shrinks a failing sequence and repeats the smallest, unless a finding explains it already.
    async fn investigate(&self, index: usize, sequence: Sequence, trial: Trial) {
        let Some(violation) = trial.violation().cloned() else {
            return;
        };
        let seen = moves_of(&sequence, violation.begun);
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
        let (mut announced, mut again) = (None, false);
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
                // A candidate that contains a finding fails too.
                if self.explained(&candidate, &violation).is_some() {
                    known.insert(candidate, true);
                } else {
                    wanted.push(candidate);
                }
            }
            // Before anything is shrunk, the sequence has to fail again: a failure that does not recur cannot be
            // shrunk.
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
            if let Some(smallest) = smallest.filter(|s| announced.as_ref() != Some(s)) {
                announced = Some(smallest.clone());
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

    /// Runs candidates at the same time. An inconclusive one is retried once.
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

/// A trial that panics is ignored, and does not end the others.
async fn whole<T>(trial: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(trial).catch_unwind().await.ok()
}

/// The number of moves that had begun when `begun` steps had.
fn moves_of(sequence: &Sequence, begun: usize) -> usize {
    let steps = sequence.steps();
    match begun.checked_sub(1).and_then(|last| steps.get(last)) {
        Some((number, _)) => number + 1,
        // A violation before the first step comes from the content of the volume.
        None => sequence.seeded().len(),
    }
}
