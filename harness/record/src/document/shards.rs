//! A run that is one shard of a plan, and a run that was merged from all of them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RunDocument;
use comeback_plan::{By, Partition};
use comeback_verdict::{Exit, RunVerdict};

/// Which shard of which plan a run was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartitionEntry {
    /// How the plan was cut.
    pub by: By,
    /// Which shard, from 1.
    pub shard: u32,
    /// Of how many.
    pub of: u32,
    /// Cases of the whole plan.
    pub cases: usize,
    /// sha256 of the whole plan, with what is expected: the same for all its shards.
    pub plan: String,
    /// sha256 of the scenarios of the whole plan.
    pub table: String,
}

impl PartitionEntry {
    /// Which shard it is.
    pub fn partition(&self) -> Partition {
        Partition {
            by: self.by,
            shard: self.shard,
            of: self.of,
        }
    }
}

/// A shard that a run was merged from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShardEntry {
    /// Which, from 1.
    pub shard: u32,
    /// Its run's id.
    pub run: String,
    /// Address of its engine; null if none answered.
    pub host: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Cases it was to run.
    pub cases: usize,
}

/// A shard that has nothing to judge has not failed for that: whether the plan as a whole comes to something is for whoever
/// has all of it.
pub fn excuse_nothing(document: &mut RunDocument) {
    let some = document.partition.as_ref().is_some_and(|partition| partition.cases > 0);
    if some && document.exit_code == Exit::Nothing.code() {
        document.verdict = RunVerdict::Held;
        document.exit_code = Exit::Held.code();
    }
}

impl RunDocument {
    /// One line: which part of a plan this is, or what it was merged from.
    pub fn part(&self) -> Option<String> {
        let cases = |n: usize| format!("{n} case{}", if n == 1 { "" } else { "s" });
        if let Some(partition) = &self.partition {
            let mut mine = self.cases.iter().filter(|case| case.counts).count();
            if self.selftest.is_some() || self.comparisons.is_some() {
                mine = self.cases.len();
            }
            return Some(format!(
                "shard {} of {} ({}): {mine} of {}; `comeback merge` judges the whole",
                partition.shard,
                partition.of,
                partition.partition(),
                cases(partition.cases)
            ));
        }
        let shards = self.shards.as_ref()?;
        let each: Vec<String> = shards.iter().map(|shard| shard.cases.to_string()).collect();
        Some(format!("{} merged, of {} cases", shards.len(), each.join(", ")))
    }
}
