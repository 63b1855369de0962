//! The hashes by which `merge` recognises shards of the same plan.

use sha2::{Digest as _, Sha256};

use super::Explicit;
use comeback_plan::{Partition, Plan};
use comeback_record::document::PartitionEntry;
use comeback_record::ledger::Text;
use comeback_scenario::model::Scenario;

/// The shard of a whole plan, with hashes of what all its shards share: cases, expectations and scenarios.
pub(super) fn entry(partition: Partition, plan: &Plan, scenarios: &[Scenario], expect: &Explicit) -> PartitionEntry {
    let mut of_plan = Sha256::new();
    let line = |hash: &mut Sha256, words: &[&str]| {
        for word in words {
            // With its length, so that two different plans never hash the same text.
            hash.update(word.len().to_be_bytes());
            hash.update(word.as_bytes());
        }
    };
    for case in &plan.cases {
        let scenario = scenarios.iter().find(|s| s.id == case.scenario);
        let expected = scenario.and_then(|s| expect(s, &case.image));
        let expected = expected.map_or("", |column| column.name());
        let repeat = case.repeat.to_string();
        line(&mut of_plan, &[&case.scenario, &case.image, &repeat, expected]);
    }
    for left in &plan.left_out {
        line(&mut of_plan, &["left out", &left.scenario, &left.image, &left.why]);
    }
    let mut table = Sha256::new();
    for scenario in scenarios {
        let text = Text::of(scenario, None);
        line(&mut table, &[&text.id, &text.text]);
    }
    PartitionEntry {
        by: partition.by,
        shard: partition.shard,
        of: partition.of,
        cases: plan.cases.len(),
        plan: hex(of_plan),
        table: hex(table),
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
