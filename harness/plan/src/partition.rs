//! Which part of a plan runs on one of several machines. Pure.
//!
//! Cases that a run judges together stay in one shard: a *unit* is one case or, where images are compared, all cases
//! of a scenario.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Case, Plan};

/// The largest number of shards a plan can be cut into.
const MOST: u32 = 10_000;

/// One shard of a plan: `slice:2/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Partition {
    /// How it is cut.
    pub by: By,
    /// Which shard, from 1.
    pub shard: u32,
    /// Of how many.
    pub of: u32,
}

/// How a plan is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// Units are dealt out in turn, so the sizes of shards differ by at most one unit.
    Slice,
    /// By a hash of the unit's name, so a unit stays in its shard when others are added.
    Hash,
}

impl By {
    /// All kinds with their names in `--partition`.
    pub const ALL: [(&'static str, Self); 2] = [("slice", Self::Slice), ("hash", Self::Hash)];
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Slice => "slice",
            Self::Hash => "hash",
        })
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{}", self.by, self.shard, self.of)
    }
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no partition; write slice:K/N or hash:K/N, with K from 1 to N");
        let (by, of) = text.split_once(':').ok_or_else(wrong)?;
        let by = By::ALL.into_iter().find(|(name, _)| *name == by).ok_or_else(wrong)?.1;
        let (shard, of) = of.split_once('/').ok_or_else(wrong)?;
        let number = |text: &str| {
            let plain = text.chars().all(|c| c.is_ascii_digit());
            text.parse::<u32>().ok().filter(|n| plain && *n > 0).ok_or_else(wrong)
        };
        let (shard, of) = (number(shard)?, number(of)?);
        if shard > of {
            return Err(format!("there is no shard {shard} of {of}: K counts from 1 to N"));
        }
        if of > MOST {
            return Err(format!("{of} shards are too many: {MOST} at most"));
        }
        Ok(Self { by, shard, of })
    }
}

impl Partition {
    /// The shard of a unit, from 1. `position` is the unit's position in the plan, from 0.
    fn shard_of(&self, position: usize, unit: &str) -> u64 {
        let of = u64::from(self.of);
        let number = match self.by {
            By::Slice => position as u64,
            By::Hash => {
                let hash = Sha256::digest(unit.as_bytes());
                let mut first = [0; 8];
                first.copy_from_slice(&hash[..8]);
                u64::from_be_bytes(first)
            }
        };
        number % of + 1
    }
}

impl Plan {
    /// Leaves only the cases of one shard. `unit` returns the unit of a case; cases with the same unit stay together.
    pub fn keep_only(&mut self, partition: Partition, unit: impl Fn(&Case) -> String) {
        let mut positions: BTreeMap<String, usize> = BTreeMap::new();
        self.cases.retain(|case| {
            let unit = unit(case);
            let next = positions.len();
            let position = *positions.entry(unit.clone()).or_insert(next);
            partition.shard_of(position, &unit) == u64::from(partition.shard)
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn plan(scenarios: usize, images: usize, repeats: u32) -> Plan {
        let mut plan = Plan::default();
        for scenario in 0..scenarios {
            for image in 0..images {
                for repeat in 1..=repeats {
                    plan.cases.push(Case {
                        index: plan.cases.len(),
                        scenario: format!("scenario-{scenario}"),
                        image: format!("release:0.{image}"),
                        repeat,
                    });
                }
            }
        }
        plan
    }

    fn case(case: &Case) -> String {
        format!("{}\t{}\t{}", case.scenario, case.image, case.repeat)
    }

    fn shard(of: &Plan, by: By, shard: u32, n: u32, unit: impl Fn(&Case) -> String) -> Vec<Case> {
        let mut part = of.clone();
        part.keep_only(Partition { by, shard, of: n }, unit);
        part.cases
    }

    proptest! {
        #[test]
        fn every_case_is_in_exactly_one_shard(
            scenarios in 0..12_usize, images in 1..4_usize, repeats in 1..5_u32, n in 1..30_u32, by_hash: bool,
        ) {
            let whole = plan(scenarios, images, repeats);
            let by = if by_hash { By::Hash } else { By::Slice };
            let shards: Vec<Vec<Case>> = (1..=n).map(|k| shard(&whole, by, k, n, case)).collect();
            let mut all: Vec<Case> = shards.concat();
            all.sort_by_key(|c| c.index);
            prop_assert_eq!(&all, &whole.cases);
            if by == By::Slice {
                let sizes = shards.iter().map(Vec::len);
                prop_assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
            }
        }

        #[test]
        fn cases_of_a_unit_share_a_shard(scenarios in 1..12_usize, n in 1..9_u32, by_hash: bool) {
            let whole = plan(scenarios, 2, 3);
            let by = if by_hash { By::Hash } else { By::Slice };
            let mut seen = BTreeSet::new();
            for k in 1..=n {
                let part = shard(&whole, by, k, n, |c| c.scenario.clone());
                let of: BTreeSet<String> = part.iter().map(|c| c.scenario.clone()).collect();
                prop_assert_eq!(part.len(), of.len() * 6);
                prop_assert!(of.into_iter().all(|scenario| seen.insert(scenario)));
            }
        }

        #[test]
        fn hash_partition_is_stable_when_scenarios_are_added(few in 1..8_usize, more in 0..8_usize, n in 1..9_u32) {
            for k in 1..=n {
                let before = shard(&plan(few, 2, 2), By::Hash, k, n, case);
                // At the front, so that every position shifts.
                let mut longer = plan(few + more, 2, 2);
                longer.cases.reverse();
                let after = shard(&longer, By::Hash, k, n, case);
                prop_assert!(before.iter().all(|c| after.iter().any(|d| case(c) == case(d))));
            }
        }
    }

    /// Pinned: if the hash changed between two versions, a case could end up in no shard.
    #[test]
    fn hash_partition_is_pinned() {
        let whole = plan(6, 1, 1);
        let shards: Vec<Vec<usize>> = (1..=3)
            .map(|k| shard(&whole, By::Hash, k, 3, case).iter().map(|c| c.index).collect())
            .collect();
        insta::assert_debug_snapshot!(shards);
    }

    #[rstest]
    #[case("slice:1/1", true)]
    #[case("hash:3/7", true)]
    #[case("slice:0/3", false)]
    #[case("slice:4/3", false)]
    #[case("slice:1/0", false)]
    #[case("count:1/2", false)]
    #[case("slice:1", false)]
    #[case("slice:+1/2", false)]
    #[case("slice: 1/2", false)]
    #[case("hash:1/10001", false)]
    #[case("1/2", false)]
    #[case("", false)]
    fn partition_syntax(#[case] text: &str, #[case] is: bool) {
        let parsed = text.parse::<Partition>();
        assert_eq!(parsed.is_ok(), is, "{parsed:?}");
        if let Ok(partition) = parsed {
            assert_eq!(partition.to_string(), text);
        }
    }
}
