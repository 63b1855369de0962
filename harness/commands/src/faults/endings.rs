//! Containers that end by themselves, with and without a restart policy: the end is an observation, not an error.

#![allow(clippy::unwrap_used)]

use rstest::rstest;

use super::play::play_on;
use comeback_fake::{Fake, Personality};
use comeback_scenario::Catalogue;
use comeback_verdict::Classification;

/// The classification and its reason for a container with this `[start]` and these rows.
fn found(start: &str, rows: &[(&str, &str, &str)]) -> (Classification, String) {
    let mut text = format!(
        "schema = 1\ntitle = \"It ends.\"\nwhy = \"It is to be seen.\"\nissues = [\"#42675\"]\ninvariant = true\n[start]\nby = \"none\"\n{start}\n"
    );
    for (at, probe, value) in rows {
        text += &format!("[[expect]]\nat = \"{at}\"\nprobe = \"{probe}\"\nfixed = {value}\nregressed = {value}\n");
    }
    let table = Catalogue::from_texts([("ends.toml", text.as_str())]).unwrap_or_else(|errors| panic!("{errors}"));
    let played = play_on(
        Fake::new(Personality::Fixed),
        table.get("ends").unwrap().clone(),
        None,
        1,
    )
    .unwrap();
    assert_eq!((played.leak, played.left), (None, Vec::new()));
    played.attempts.into_iter().next_back().unwrap()
}

const FIXED: Classification = Classification::Fixed;

#[rstest]
// The reconciler writes its line between 100 ms and 300 ms.
#[case::after_its_line("300", "always")]
#[case::before_its_line("100", "always")]
#[case::on_failure("300", "on-failure")]
#[case::unless_stopped("20", "unless-stopped")]
// In the settling window, when everything has been at rest.
#[case::after_it_rested("4000", "always")]
fn a_container_that_ends_again_and_again_loops(#[case] after: &str, #[case] policy: &str) {
    let start = format!("policy = \"{policy}\"\ncmd = [\"end\", \"{after}\", \"7\"]");
    let rows = [
        ("end", "container", "\"looping\""),
        ("end", "container.exit", "7"),
        ("end", "container.boots", "[3, 4]"),
        ("end", "service", "{ absent = true }"),
    ];
    assert_eq!(found(&start, &rows), (FIXED, String::new()));
}

#[rstest]
#[case::no_policy("no", "7")]
#[case::no_failure("on-failure", "0")]
fn a_container_that_ends_for_good_has_ended(#[case] policy: &str, #[case] code: &str) {
    let start = format!("policy = \"{policy}\"\ncmd = [\"end\", \"100\", \"{code}\"]");
    let rows = [
        ("start", "container", "\"exited\""),
        ("end", "container", "\"exited\""),
        ("end", "container.exit", code),
        ("end", "container.boots", "1"),
    ];
    assert_eq!(found(&start, &rows), (FIXED, String::new()));
}

#[rstest]
#[case::looping("always", "start invariant.container is looping; it must be running")]
#[case::exited("no", "start invariant.container is exited; it must be running")]
fn without_a_row_about_the_container_it_has_to_stay_up(#[case] policy: &str, #[case] why: &str) {
    let start = format!("policy = \"{policy}\"\ncmd = [\"end\", \"100\", \"7\"]");
    let (classification, reason) = found(&start, &[("end", "state.parses", "{ absent = true }")]);
    assert_eq!((classification, reason.as_str()), (Classification::Neither, why));
}
