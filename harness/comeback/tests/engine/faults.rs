//! Faults between the harness and the real engine. None of them may turn into a pass or a regression.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use super::outsider::{CommandOutput, child, stub};
use super::proxy::{Fault, Proxy, Rule};
use super::{engine, resources_of};

/// What is expected of the two images: one without the fix, one with it.
const EXPECTED: [&str; 2] = ["regressed", "fixed"];
/// The events are requested again after a break, so none is missing.
const EVENTS: &str = "events that break off";
/// Runs at a time. Each of them runs two cases.
const AT_ONCE: usize = 3;

/// A fault and whether it must not change the verdict.
struct Tried {
    name: &'static str,
    rule: Rule,
    /// True if the verdict has to be the same as without the fault.
    harmless: bool,
}

fn tried(name: &'static str, pattern: &str, nth: usize, fault: Fault, harmless: bool) -> Tried {
    Tried {
        name,
        rule: Rule::new(pattern, nth, fault),
        harmless,
    }
}

fn all() -> Vec<Tried> {
    let late = Fault::Late(Duration::from_secs(3));
    let (creation, inspection) = ("^POST .*/containers/create", "^GET .*/containers/[^/]+/json");
    let start = "^POST .*/containers/[^/]+/start";
    let after = Fault::FailedAfter;
    vec![
        tried(
            "a restart that is refused",
            "^POST .*/restart",
            0,
            Fault::Refused,
            false,
        ),
        tried("a restart whose answer is lost", "^POST .*/restart", 1, after, false),
        tried("a creation whose answer is lost", creation, 1, after, false),
        tried("a container that does not start", start, 0, Fault::Refused, false),
        tried(
            "an answer cut in the middle",
            "^POST .*/volumes/create",
            0,
            Fault::Cut(60),
            false,
        ),
        tried(
            "an observer that is cut off",
            "^POST .*/attach",
            0,
            Fault::Cut(900),
            false,
        ),
        tried(
            "an observer that never answers",
            "^POST .*/attach",
            0,
            Fault::Hangs,
            false,
        ),
        tried(EVENTS, "^GET .*/events", 0, Fault::Cut(6000), true),
        tried(
            "a removal that is refused",
            "^DELETE .*/containers/",
            0,
            Fault::Refused,
            true,
        ),
        // Which client sends it depends on timing: comeback retries an inspect, testcontainers does not.
        tried("an inspect that is refused", inspection, 1, Fault::Refused, false),
        tried("a restart that is late", "^POST .*/restart", 0, late, true),
    ]
}

/// The result of a run with a fault, and how many requests for events it made.
async fn outcome(fault: &Tried, images: &[String; 2]) -> (CommandOutput, usize) {
    let proxy = Proxy::start(vec![fault.rule.clone()], |_| {});
    let mut command = tokio::process::Command::from(child());
    command
        .args(["check", &images[0], &images[1], "--filter", "docker-restart"])
        .args(["--format", "json", "--jobs", "2", "--host", &proxy.host])
        .kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(240), command.output()).await;
    let seen = CommandOutput::of(
        output
            .unwrap_or_else(|_| panic!("{}: the run does not end", fault.name))
            .unwrap(),
    );
    let requests = proxy.requests();
    (seen, requests.iter().filter(|r| r.starts_with("GET /events")).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_real_engine_is_no_verdict() {
    let _alone = super::MACHINE.lock().await;
    let engine = engine().await;
    let images = ["0.16.0", "0.17.0"].map(stub);
    let images = &images;
    let results: Vec<(Tried, (CommandOutput, usize))> = stream::iter(all())
        .map(|fault| async move {
            let seen = outcome(&fault, images).await;
            (fault, seen)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut conclusive = 0;
    for (fault, (seen, events)) in &results {
        let document = seen.json();
        let name = fault.name;
        let run = document["run"].as_str().unwrap();
        assert_eq!(resources_of(&engine, run).await, Vec::<String>::new(), "{name}{seen}");
        let cases = document["cases"].as_array().unwrap();
        assert!(cases.len() >= 2, "{name}{seen}");
        let mut words = Vec::new();
        for case in cases {
            let side = images.iter().position(|image| case["image"] == **image).unwrap();
            let found = case["classification"].as_str().unwrap();
            let may = [EXPECTED[side], "inconclusive", "error"];
            assert!(may.contains(&found), "{name}: {found}{seen}");
            conclusive += usize::from(found == EXPECTED[side]);
            words.push(found.to_owned());
        }
        println!("{name}: exit {}, {}", seen.code, words.join(" "));
        assert!([0, 2, 3].contains(&seen.code), "{name}{seen}");
        assert_eq!(*events, if name == EVENTS { 2 } else { 1 }, "{name}");
        if fault.harmless {
            // On a busy machine an attempt may miss a state, fault or not, but the attempt that counts may not.
            let counting = cases.iter().filter(|case| case["counts"] == true);
            let mut found: Vec<&str> = counting.map(|case| case["classification"].as_str().unwrap()).collect();
            found.sort_unstable_by_key(|found| EXPECTED.iter().position(|expected| expected == found));
            assert_eq!(
                (seen.code, found.as_slice()),
                (0, &EXPECTED[..]),
                "{name} is harmless{seen}"
            );
        }
    }
    assert!(conclusive >= results.len(), "only {conclusive} attempts are conclusive");
}
