//! A run that is one shard of a plan, and a run that was merged from all of them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::RunDocument;
use comeback_plan::{By, Partition};
use comeback_verdict::{Exit, RunVerdict};

/// The shard that a run executed, and the plan it belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartitionEntry {
    /// How the plan was partitioned.
    pub by: By,
    /// Number of the shard, from 1.
    pub shard: u32,
    /// Number of shards.
    pub of: u32,
    /// Number of cases of the whole plan.
    pub cases: usize,
    /// sha256 of the whole plan with its expectations: the same for all shards.
    pub plan: String,
    /// sha256 of the scenarios of the whole plan.
    pub table: String,
}

impl PartitionEntry {
    /// The partition, as `--partition` takes it.
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
    /// Number of the shard, from 1.
    pub shard: u32,
    /// Its run's id.
    pub run: String,
    /// Address of its engine; null if none answered.
    pub host: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Number of cases in the shard.
    pub cases: usize,
}

/// Makes a shard that has nothing to judge succeed. Only `comeback merge` can tell whether the whole plan has anything
/// to judge.
pub fn excuse_nothing(document: &mut RunDocument) {
    let some = document.partition.as_ref().is_some_and(|partition| partition.cases > 0);
    if some && document.exit_code == Exit::Nothing.code() {
        document.verdict = RunVerdict::Held;
        document.exit_code = Exit::Held.code();
    }
}

impl RunDocument {
    /// One line that says which shard of a plan this is, or which shards it was merged from. `None` for an ordinary
    /// run.
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
