//! Injects every fault into every call to the engine, and every fault of a stream at each of its items.

use std::collections::BTreeMap;

use rstest::rstest;

use super::play::{Played, play, play_on};
use comeback_fake::faulty::{ANY, Asked, Bad, Fault, Kind, Lie};
use comeback_fake::{Fake, Personality};
use comeback_scenario::fixtures;
use comeback_scenario::model::{Operation, Probe, RecreateHow, Recreation, Signal, Step};
use comeback_verdict::Classification;

const CALLS: [Kind; 8] = [
    Kind::Refused,
    Kind::FailedAfter,
    Kind::HangsBefore,
    Kind::HangsAfter,
    Kind::BreaksBefore,
    Kind::BreaksAfter,
    Kind::Slow,
    Kind::DiskFull,
];
const LIES: [Lie; 5] = [
    Lie::NotThere,
    Lie::Exited,
    Lie::NeverStarted,
    Lie::StartedEarlier,
    Lie::StartedLater,
];
const STREAMS: [Bad; 8] = [
    Bad::Ends,
    Bad::Breaks,
    Bad::Twice,
    Bad::Swapped,
    Bad::Half,
    Bad::Stalls,
    Bad::Late(4000),
    Bad::Skipped,
];

/// All faults for these calls and streams.
fn faults(asked: &Asked) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (overall, op) in asked.calls.iter().enumerate() {
        let nth = counts.entry(op).or_default();
        let fault = |always, kind| Fault {
            op,
            nth: *nth,
            always,
            kind,
        };
        faults.extend(CALLS.map(|kind| fault(false, kind)));
        if *nth == 0 {
            faults.extend([Kind::Refused, Kind::FailedAfter, Kind::Slow].map(|kind| fault(true, kind)));
        }
        if *op == "inspect" {
            faults.extend(LIES.map(|lie| fault(false, Kind::Lies(lie))));
        }
        faults.extend([true, false].map(|containers_survive| Fault {
            op: ANY,
            nth: overall,
            always: false,
            kind: Kind::Restarts { containers_survive },
        }));
        *nth += 1;
    }
    for (op, nth, items) in &asked.streams {
        for item in 0..*items {
            faults.extend(STREAMS.map(|how| Fault {
                op,
                nth: *nth,
                always: false,
                kind: Kind::Stream { item, how },
            }));
        }
    }
    faults
}

/// What is wrong with a run under this fault; `None` if it is as it has to be.
fn objection(fault: &Fault, without: Classification, played: &Played) -> Option<String> {
    if played.attempts.is_empty() {
        return Some("no attempt was judged".into());
    }
    for (classification, why) in &played.attempts {
        if classification.is_conclusive() && *classification != without {
            return Some(format!("classified {classification}: {why}"));
        }
        if is_harmless(fault) && *classification != without {
            return Some(format!("harmless, and yet {classification}: {why}"));
        }
    }
    if !played.left.is_empty() && played.leak.is_none() {
        return Some(format!("left and not reported: {:?}", played.left));
    }
    if !played.left.is_empty() && !hinders_removal(fault) {
        return Some(format!("left: {:?}", played.left));
    }
    if let Some(leak) = &played.leak
        && !hinders_removal(fault)
    {
        return Some(format!("only swept at the end: {leak}"));
    }
    None
}

/// True for faults that must not change the result: a late message within its deadline, a duplicate, a stream that can be
/// resumed, and calls that are retried.
fn is_harmless(fault: &Fault) -> bool {
    match fault.kind {
        Kind::Slow => true,
        Kind::Stream { how: Bad::Late(_), .. } => true,
        Kind::Stream { how: Bad::Twice, .. } => fault.op == "events" || fault.op == "logs",
        // Before the first event there is no position to resume from.
        Kind::Stream {
            item,
            how: Bad::Ends | Bad::Breaks,
        } => fault.op == "events" && item > 0,
        // These calls are retried. Removing a container is not, because it may be a step of the scenario.
        Kind::Refused | Kind::BreaksBefore => {
            !fault.always
                && matches!(
                    fault.op,
                    "inspect" | "inspect image" | "remove volume" | "list containers" | "list volumes"
                )
        }
        _ => false,
    }
}

/// True if the fault can keep the run from removing or listing what it created.
fn hinders_removal(fault: &Fault) -> bool {
    let removes = ["remove", "remove volume", "list containers", "list volumes", ANY];
    removes.contains(&fault.op)
}

/// If this variable is set, every combination is tried, which takes about a minute and a half of one processor.
const ALL: &str = "COMEBACK_ALL_FAULTS";

#[rstest]
fn a_fault_of_the_engine_is_not_a_verdict(
    #[values(
        "docker-restart",
        "docker-restart-seeded",
        "operator-stop-marker",
        "engine-stop-start",
        "engine-kill-start",
        "recreate",
        "unmarked-sigterm"
    )]
    scenario: &str,
    #[values(Personality::Fixed, Personality::Regressed)] personality: Personality,
) {
    let clean = play(scenario, personality, None).unwrap_or_else(|why| panic!("{why}"));
    let without = if personality == Personality::Fixed || scenario == "engine-kill-start" {
        Classification::Fixed
    } else {
        Classification::Regressed
    };
    assert_eq!(clean.attempts.len(), 1, "{:?}", clean.attempts);
    assert_eq!(clean.attempts[0].0, without, "{:?}", clean.attempts);
    assert_eq!((clean.left.len(), &clean.leak), (0, &None));

    let mut faults = faults(&clean.asked);
    if scenario != "docker-restart" && std::env::var_os(ALL).is_none() {
        // Calls that all scenarios share are tested with that scenario; of those, a sample is enough here.
        let common = play("docker-restart", personality, None).unwrap_or_else(|why| panic!("{why}"));
        let mut positions = 0..;
        faults.retain(|fault| {
            !common.asked.calls.contains(&fault.op) && fault.op != ANY
                || positions.next().is_some_and(|n: usize| n.is_multiple_of(7))
        });
    }
    let mut objections = Vec::new();
    let mut first: BTreeMap<&str, usize> = BTreeMap::new();
    for fault in &faults {
        let why = match play(scenario, personality, Some(*fault)) {
            Ok(played) => {
                let name = played.attempts.first().map_or("none", |(found, _)| found.name());
                *first.entry(name).or_default() += 1;
                objection(fault, without, &played)
            }
            Err(why) => Some(why),
        };
        objections.extend(why.map(|why| format!("{fault}: {why}")));
    }
    println!(
        "{scenario} on {personality:?}: {} combinations, {first:?}",
        faults.len()
    );
    assert!(
        objections.is_empty(),
        "{scenario} on {personality:?}: {} of {} combinations\n{}",
        objections.len(),
        faults.len(),
        objections.join("\n")
    );
}

/// The image's variables are needed to redact the secrets in them.
#[test]
fn an_image_whose_variables_are_unknown_is_not_run() {
    let fault = Fault {
        op: "inspect image",
        nth: 0,
        always: true,
        kind: Kind::Refused,
    };
    let played = play("docker-restart", Personality::Fixed, Some(fault)).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(played.attempts.len(), 1, "{:?}", played.attempts);
    assert_eq!(played.attempts[0].0, Classification::Error, "{:?}", played.attempts);
    assert!(!played.asked.calls.contains(&"run"), "{:?}", played.asked.calls);
}

/// Delays of messages in milliseconds, all shorter than the deadline of any answer.
const DELAYS: [u64; 6] = [100, 400, 1000, 1700, 2500, 4000];

/// One message of the observer or an agent is late, and so are all that follow it. The next gateway first writes its state
/// 1.7 s after its boot, so an agent's message can come before, between and after the gateway's writes.
#[rstest]
#[case::fixed("docker-restart", Personality::FixedSlow, Classification::Fixed)]
#[case::masked("docker-restart", Personality::MaskedSlow, Classification::Neither)]
#[case::killed("engine-kill-start", Personality::MaskedSlow, Classification::Fixed)]
#[case::stopped("operator-stop-marker", Personality::FixedSlow, Classification::Fixed)]
fn a_late_message_is_not_a_verdict(
    #[case] scenario: &str,
    #[case] personality: Personality,
    #[case] without: Classification,
) {
    let clean = play(scenario, personality, None).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(clean.attempts[0].0, without, "{:?}", clean.attempts);
    let mut wrong = Vec::new();
    let (mut tried, mut inconclusive) = (0, 0);
    let spoken = clean.asked.streams.iter().filter(|(op, ..)| op.starts_with("attach"));
    for (op, nth, items) in spoken {
        for (item, ms) in (0..*items).flat_map(|item| DELAYS.map(|ms| (item, ms))) {
            let how = Bad::Late(ms);
            let fault = Fault {
                op,
                nth: *nth,
                always: false,
                kind: Kind::Stream { item, how },
            };
            tried += 1;
            match play(scenario, personality, Some(fault)) {
                Err(why) => wrong.push(format!("{fault}: {why}")),
                Ok(played) => {
                    for (found, why) in &played.attempts {
                        inconclusive += usize::from(!found.is_conclusive());
                        if found.is_conclusive() && *found != without {
                            wrong.push(format!("{fault}: {found}: {why}"));
                        }
                    }
                }
            }
        }
    }
    println!("{scenario} on {personality:?}: {tried} delays, {inconclusive} attempts inconclusive");
    assert!(tried > 100, "{tried}");
    assert!(wrong.is_empty(), "{} of {tried}\n{}", wrong.len(), wrong.join("\n"));
}

/// The case ends early, while a step that nobody waits for is about to recreate the container.
#[rstest]
#[case::before_it_creates("remove")]
#[case::while_it_creates("run")]
fn a_step_in_flight_does_not_outlive_its_case(#[case] goes_on: &'static str) {
    let mut scenario = fixtures::docker_restart();
    scenario.steps = vec![
        Step {
            wait: false,
            ..fixtures::step(Operation::Recreate(Box::new(Recreation::plain(RecreateHow::Force))))
        },
        fixtures::step(Operation::WaitUntil {
            probe: Probe::Container,
            value: fixtures::set(&["exited"]),
        }),
        fixtures::step(Operation::EngineKill { signal: Signal::Kill }),
    ];
    scenario.expects.clear();
    let fault = match goes_on {
        // The next step fails at once, because the container is gone.
        "remove" => Fault {
            op: "remove",
            nth: 0,
            always: false,
            kind: Kind::Slow,
        },
        // The second container takes until long after the case has ended.
        _ => Fault {
            op: "run",
            nth: 2,
            always: false,
            kind: Kind::HangsAfter,
        },
    };
    let played = play_on(Fake::new(Personality::Fixed), scenario, Some(fault), 1).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(played.left, Vec::<String>::new(), "{:?}", played.attempts);
    assert_eq!(played.leak, None);
    assert_eq!(
        played.attempts[0].0,
        Classification::Inconclusive,
        "{:?}",
        played.attempts
    );
}
