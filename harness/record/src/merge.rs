//! Merges the records of all shards of a plan into one run. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{ImageEntry, PartitionEntry, ShardEntry};
use super::event::{RunEvent, TimedEvent};
use super::ledger::{Entry, Failed, Planned};
use super::read::{Kept, KeptAttempt};
use comeback_plan::CaseKey;

/// A merged run: the content of its record.
#[derive(Debug)]
pub struct Whole<'k> {
    /// The first line of its ledger.
    pub began: Entry,
    /// The lines after it, up to the attempts.
    pub entries: Vec<Entry>,
    /// The attempts, in the order of the plan.
    pub attempts: Vec<&'k KeptAttempt>,
    /// The events of all shards, by time.
    pub events: Vec<TimedEvent>,
    /// The last line of its ledger.
    pub ended: Entry,
}

/// A shard, with the lines of its ledger sorted by kind.
struct Shard<'k> {
    kept: &'k Kept,
    name: String,
    partition: Option<&'k PartitionEntry>,
    images: Vec<&'k ImageEntry>,
    cases: Vec<&'k Planned>,
    ended: Option<(f64, Option<&'k Failed>, Option<u8>)>,
}

/// Merges the shards of one plan into a run with the id `run`.
///
/// # Errors
///
/// Everything that prevents the merge, a line each: a shard that is missing, is there twice, was cut short, or ran
/// other images, another table, another plan or another command.
pub fn merge<'k>(records: &'k [Kept], run: &str) -> Result<Whole<'k>, Vec<String>> {
    let mut shards: Vec<Shard<'k>> = records.iter().map(sort).collect();
    let no_shards: Vec<String> = shards
        .iter()
        .filter(|shard| shard.partition.is_none())
        .map(|shard| {
            let why = if shard.ended.is_some() {
                "was run without --partition, so it is not a shard"
            } else {
                "was cut short before its plan was made"
            };
            format!("{}: {why}", shard.name)
        })
        .collect();
    if !no_shards.is_empty() || shards.is_empty() {
        return Err(no_shards);
    }
    shards.sort_by_key(|shard| shard.partition.map(|p| p.shard));
    let mut wrong = Vec::new();
    same(&shards, &mut wrong);
    if wrong.is_empty() {
        complete(&shards, &mut wrong);
    }
    for shard in &shards {
        if let Some(why) = cut_short(shard) {
            wrong.push(format!("{}: {why}", shard.name));
        }
    }
    if wrong.is_empty() {
        put_together(&shards, run).map_err(|why| vec![why])
    } else {
        Err(wrong)
    }
}

fn sort(kept: &Kept) -> Shard<'_> {
    let mut shard = Shard {
        kept,
        name: kept.root.display().to_string(),
        partition: None,
        images: Vec::new(),
        cases: Vec::new(),
        ended: None,
    };
    for entry in &kept.entries {
        match entry {
            Entry::Partition(partition) => shard.partition = Some(partition),
            Entry::Image { image } => shard.images.push(image),
            Entry::Case(planned) => shard.cases.push(planned),
            Entry::Ended {
                seconds,
                failure,
                interrupted,
            } => shard.ended = Some((*seconds, failure.as_ref(), *interrupted)),
            _ => {}
        }
    }
    if let Some(partition) = shard.partition {
        shard.name = format!("{} ({})", shard.name, partition.partition());
    }
    shard
}

/// Checks what all shards must have in common: the partition, command and version, table, images and plan.
fn same(shards: &[Shard<'_>], wrong: &mut Vec<String>) {
    let first = &shards[0];
    for shard in &shards[1..] {
        let (Some(a), Some(b)) = (first.partition, shard.partition) else {
            continue;
        };
        let mut differs = |what: &str| wrong.push(format!("{} and {}: {what}", first.name, shard.name));
        if (a.by, a.of) != (b.by, b.of) {
            differs("the plan was not partitioned in the same way");
            continue;
        }
        let (of_a, of_b) = (head(first.kept), head(shard.kept));
        if of_a != of_b {
            differs("the command or the version of comeback differs");
        } else if a.table != b.table {
            differs("the tables differ: not the same scenarios");
        } else if let Some(why) = other_images(first, shard) {
            differs(&why);
        } else if a.plan != b.plan || a.cases != b.cases {
            differs("the plans differ: not the same cases, or not the same expectations");
        }
    }
}

/// The part of the first entries that must be the same for all shards.
fn head(kept: &Kept) -> Option<(String, String, u8, String)> {
    let purpose = kept.entries.iter().find_map(|entry| match entry {
        Entry::Compare(terms) => Some(format!("compare {terms:?}")),
        Entry::Selftest { table, overlays } => Some(format!("selftest {table} {overlays:?}")),
        _ => None,
    });
    match kept.entries.first() {
        Some(Entry::Began {
            version,
            command,
            exit_style,
            ..
        }) => Some((
            version.clone(),
            command.clone(),
            *exit_style as u8,
            purpose.unwrap_or_default(),
        )),
        _ => None,
    }
}

fn other_images(a: &Shard<'_>, b: &Shard<'_>) -> Option<String> {
    let names = |shard: &Shard<'_>| -> Vec<String> { shard.images.iter().map(|i| i.name.clone()).collect() };
    if names(a) != names(b) {
        return Some("the images differ".to_owned());
    }
    let mut pairs = a.images.iter().zip(&b.images);
    let (one, other) = pairs.find(|(one, other)| one.digest != other.digest)?;
    Some(format!(
        "`{}` names different images: {} and {}; build it once, and load or pull it on each engine",
        one.name, one.digest, other.digest
    ))
}

/// Checks that each shard is there exactly once.
fn complete(shards: &[Shard<'_>], wrong: &mut Vec<String>) {
    let mut there: BTreeMap<u32, &Shard<'_>> = BTreeMap::new();
    let mut of = 0;
    for shard in shards {
        let Some(partition) = shard.partition else { continue };
        of = partition.of;
        if let Some(other) = there.insert(partition.shard, shard) {
            wrong.push(format!("{} and {} are the same shard", other.name, shard.name));
        }
    }
    let missing: Vec<String> = (1..=of)
        .filter(|k| !there.contains_key(k))
        .map(|k| k.to_string())
        .collect();
    match missing.as_slice() {
        [] => {}
        [one] => wrong.push(format!("shard {one} of {of} is missing")),
        several => wrong.push(format!("shards {} of {of} are missing", several.join(", "))),
    }
}

/// Why a shard is not complete; `None` if it is.
fn cut_short(shard: &Shard<'_>) -> Option<String> {
    let Some((_, failure, interrupted)) = shard.ended else {
        return Some("cut short: its record ends before the run did".to_owned());
    };
    if interrupted.is_some() {
        return Some("cut short: it was interrupted".to_owned());
    }
    let attempts = &shard.kept.attempts;
    let done = |case: &&&Planned| {
        let of_case =
            |key: &CaseKey| (&key.scenario, &key.image, key.repeat) == (&case.scenario, &case.image, case.repeat);
        attempts
            .iter()
            .any(|attempt| of_case(&attempt.key) && attempt.ending.is_some())
    };
    let done = shard.cases.iter().filter(done).count();
    let all = shard.cases.len();
    match failure {
        Some(failure) if failure.code.is_some() || done < all => Some(format!("cut short: {}", failure.why)),
        None if done < all => Some(format!(
            "cut short: {done} of its {all} cases were run; was it run with --fail-fast?"
        )),
        _ => None,
    }
}

fn put_together<'k>(shards: &[Shard<'k>], run: &str) -> Result<Whole<'k>, String> {
    let cases = in_order(shards)?;
    let mut entries = vec![Entry::Merged {
        shards: shards.iter().filter_map(summary).collect(),
    }];
    let first = shards[0].kept;
    let whole = |entry: &&Entry| {
        matches!(
            entry,
            Entry::Engine { .. } | Entry::Image { .. } | Entry::Compare(_) | Entry::Selftest { .. }
        )
    };
    entries.extend(first.entries.iter().filter(whole).cloned());
    let mut texts = BTreeSet::new();
    for entry in shards.iter().flat_map(|shard| &shard.kept.entries) {
        if let Entry::Scenario(text) = entry
            && texts.insert(&text.id)
        {
            entries.push(entry.clone());
        }
    }
    let planned = |planned: &&Planned| {
        Entry::Case(Planned {
            position: None,
            ..(*planned).clone()
        })
    };
    entries.extend(cases.iter().map(planned));
    let left_out = |entry: &&Entry| matches!(entry, Entry::LeftOut(_));
    entries.extend(first.entries.iter().filter(left_out).cloned());

    let position = |key: &CaseKey| {
        cases
            .iter()
            .position(|c| (&c.scenario, &c.image, c.repeat) == (&key.scenario, &key.image, key.repeat))
    };
    let mut attempts: Vec<&KeptAttempt> = shards.iter().flat_map(|shard| &shard.kept.attempts).collect();
    attempts.sort_by_key(|attempt| (position(&attempt.key), attempt.key.attempt));
    let ended = shards.iter().filter_map(|shard| shard.ended);
    let seconds = ended.clone().map(|(seconds, ..)| seconds).fold(0.0, f64::max);
    let faults = shards
        .iter()
        .filter_map(|shard| Some((shard.partition?.shard, shard.ended?.1?)));
    let faults: Vec<(u32, &Failed)> = faults.collect();
    let failure = faults.first().map(|(_, failed)| Failed {
        why: faults
            .iter()
            .map(|(shard, failed)| format!("shard {shard}: {}", failed.why))
            .collect::<Vec<_>>()
            .join("; "),
        exit: failed.exit,
        code: None,
    });
    Ok(Whole {
        began: began(shards, run)?,
        entries,
        attempts,
        events: events(shards, run, cases.len()),
        ended: Entry::Ended {
            seconds,
            failure,
            interrupted: None,
        },
    })
}

/// The cases of all shards, in the order of the whole plan.
fn in_order<'k>(shards: &[Shard<'k>]) -> Result<Vec<&'k Planned>, String> {
    let mut cases: BTreeMap<usize, &Planned> = BTreeMap::new();
    for shard in shards {
        for case in &shard.cases {
            let name = format!("{} on {}", case.scenario, case.image);
            let Some(position) = case.position else {
                return Err(format!("{}: the position of {name} in the plan is missing", shard.name));
            };
            if cases.insert(position, case).is_some() {
                return Err(format!(
                    "{}: {name} has the same position in the plan as another case",
                    shard.name
                ));
            }
        }
    }
    let all = shards[0].partition.map_or(0, |partition| partition.cases);
    if cases.len() != all || cases.keys().next_back().is_some_and(|last| *last >= all) {
        return Err(format!(
            "the shards contain {} of the {all} cases of their plan",
            cases.len()
        ));
    }
    Ok(cases.into_values().collect())
}

fn summary(shard: &Shard<'_>) -> Option<ShardEntry> {
    let Some(Entry::Began { run, started, .. }) = shard.kept.entries.first() else {
        return None;
    };
    let host = shard.kept.entries.iter().find_map(|entry| match entry {
        Entry::Engine { engine } => Some(engine.host.clone()),
        _ => None,
    });
    Some(ShardEntry {
        shard: shard.partition?.shard,
        run: run.clone(),
        host,
        started: *started,
        seconds: shard.ended?.0,
        cases: shard.cases.len(),
    })
}

/// The first line of the merged ledger: the start of the earliest shard, and its arguments without `--partition`.
fn began(shards: &[Shard<'_>], id: &str) -> Result<Entry, String> {
    let started = shards.iter().filter_map(|shard| Some(summary(shard)?.started)).min();
    match (shards[0].kept.entries.first(), started) {
        (
            Some(Entry::Began {
                schema,
                version,
                command,
                arguments,
                exit_style,
                seed,
                ..
            }),
            Some(started),
        ) => Ok(Entry::Began {
            schema: *schema,
            version: version.clone(),
            run: id.to_owned(),
            command: command.clone(),
            arguments: without_shard(arguments),
            started,
            exit_style: *exit_style,
            // Shards with different seeds have no seed in common.
            seed: seed.filter(|_| shards.iter().all(|shard| seed_of(shard) == *seed)),
        }),
        _ => Err(format!(
            "{}: its ledger does not begin with the start of a run",
            shards[0].name
        )),
    }
}

fn seed_of(shard: &Shard<'_>) -> Option<u64> {
    match shard.kept.entries.first() {
        Some(Entry::Began { seed, .. }) => *seed,
        _ => None,
    }
}

fn without_shard(arguments: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--partition" {
            arguments.next();
        } else if !argument.starts_with("--partition=") {
            kept.push(argument.clone());
        }
    }
    kept
}

/// The events of all shards, by time, with a single `run-started`.
fn events(shards: &[Shard<'_>], id: &str, all: usize) -> Vec<TimedEvent> {
    let mut events: Vec<TimedEvent> = shards.iter().flat_map(|shard| shard.kept.events.clone()).collect();
    events.sort_by_key(|timed| timed.at);
    let mut begun = false;
    events.retain_mut(|timed| match &mut timed.event {
        RunEvent::RunStarted { run, cases, .. } => {
            (*run, *cases) = (id.to_owned(), all);
            !std::mem::replace(&mut begun, true)
        }
        _ => true,
    });
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_shard_removes_the_partition_option_only() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let given = words("check release:0.17.0 --partition slice:1/2 --jobs 1");
        assert_eq!(without_shard(&given), words("check release:0.17.0 --jobs 1"));
        let given = words("check --partition=hash:auto release:0.17.0");
        assert_eq!(without_shard(&given), words("check release:0.17.0"));
    }
}
