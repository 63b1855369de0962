//! Which results catch a fault, and which do not.
#![allow(clippy::unwrap_used)]

use rstest::rstest;

use crate::human;
use comeback_history::facts::CaseEnd;
use comeback_record::document::samples::{Attempt, header, image, restart, run, stop};
use comeback_record::document::selftest::{OverlayOutcome, Selftest, judge};
use comeback_record::document::{RunDocument, RunHeader};
use comeback_scenario::fixtures::known;
use comeback_scenario::model::{Moment, Probe};
use comeback_scenario::overlay::{Overlay, overlays};
use comeback_text::terminal::Style;
use comeback_verdict::expected::{Column, Expectation};
use comeback_verdict::{Exit, RunVerdict};

const IMAGE: &str = "release:0.17.0";
const FIXED: &str = "running running started up";
/// As on 0.17.0 without the signal half: the desired state hides it from the boot.
const BROKEN: &str = "stopped running started up";

fn named(name: &str) -> Overlay {
    overlays().into_iter().find(|o| o.name == name).unwrap()
}

fn flag() -> Overlay {
    Overlay {
        caught_by: vec!["docker-restart".into()],
        ..named("signal-flag-never-set")
    }
}

fn fixed() -> Expectation {
    Expectation::Column(Column::Fixed)
}

fn control(seen: &str) -> Attempt {
    restart(IMAGE, seen, fixed())
}

fn under(overlay: &Overlay, attempt: Attempt) -> Attempt {
    Attempt {
        scenario: overlay.on(&attempt.scenario).unwrap(),
        ..attempt
    }
}

/// The document of these attempts. Attempts under an overlay have its message in their output.
fn judged(
    header: &RunHeader,
    overlays: &[Overlay],
    attempts: &[Attempt],
    says: impl Fn(&Overlay) -> String,
) -> RunDocument {
    let mut document = run(header, vec![image(IMAGE, Some("0.17.0"))], attempts);
    for case in &mut document.cases {
        if let Some((_, overlay)) = comeback_record::document::selftest::split(&case.scenario, overlays) {
            case.logs.entry(1).or_default().push(says(overlay));
        }
    }
    judge(&mut document, overlays, "a".repeat(64), header.faults());
    document
}

fn plain() -> RunHeader {
    header("selftest", &["selftest"])
}

fn on(overlay: &Overlay) -> String {
    format!("{}: gateway.run", overlay.says_on())
}

fn found(document: &RunDocument) -> &Selftest {
    document.selftest.as_ref().unwrap()
}

fn one(attempts: &[Attempt]) -> (OverlayOutcome, u8) {
    let document = judged(&plain(), &[flag()], attempts, on);
    (found(&document).overlays[0].outcome, document.exit_code)
}

#[test]
fn a_scenario_that_no_longer_holds_catches_the_fault() {
    let document = judged(
        &plain(),
        &[flag()],
        &[control(FIXED), under(&flag(), control(BROKEN))],
        on,
    );
    let overlay = &found(&document).overlays[0];
    assert_eq!(overlay.outcome, OverlayOutcome::Caught);
    assert_eq!(overlay.caught_by[0].scenario, "docker-restart");
    assert_eq!(overlay.caught_by[0].row.at, "down:1");
    assert!(found(&document).control_held && overlay.not_caught_by.is_empty());
    assert_eq!((document.verdict, document.exit_code), (RunVerdict::Held, 0));
    let ids: Vec<_> = document
        .cases
        .iter()
        .map(|c| (c.scenario.as_str(), c.overlay.as_deref()))
        .collect();
    let wanted = [
        ("docker-restart", None),
        ("docker-restart", Some("signal-flag-never-set")),
    ];
    assert_eq!(ids, wanted);
}

#[test]
fn a_fault_escapes_if_the_scenario_still_holds() {
    let caught = one(&[control(FIXED), under(&flag(), control(FIXED))]);
    assert_eq!(caught, (OverlayOutcome::Escaped, Exit::Regression.code()));
}

#[test]
fn a_fault_escapes_if_its_scenario_is_not_run() {
    let (outcome, exit) = one(&[control(FIXED)]);
    assert_eq!((outcome, exit), (OverlayOutcome::Escaped, Exit::Regression.code()));
}

#[rstest]
#[case::inconclusive(CaseEnd::Inconclusive("a stream was dropped".into()), Exit::Inconclusive)]
#[case::error(CaseEnd::Error("no space".into()), Exit::Environment)]
fn inconclusive_cases_and_errors_catch_nothing(#[case] end: CaseEnd, #[case] exit: Exit) {
    let dark = Attempt {
        end,
        ..under(&flag(), control("? ? ? ?"))
    };
    assert_eq!(one(&[control(FIXED), dark]), (OverlayOutcome::Unclear, exit.code()));
}

#[test]
fn a_scenario_that_fails_without_the_fault_catches_nothing() {
    let (outcome, exit) = one(&[control(BROKEN), under(&flag(), control(BROKEN))]);
    assert_eq!((outcome, exit), (OverlayOutcome::Unclear, Exit::Regression.code()));
    let (outcome, exit) = one(&[under(&flag(), control(BROKEN))]);
    assert_eq!((outcome, exit), (OverlayOutcome::Unclear, Exit::Inconclusive.code()));
}

/// An overlay that finds nothing to break ends the process, and the gateway is down then as well.
#[rstest]
#[case::it_found_nothing_to_break(|o: &Overlay| format!("{}start_gateway sets no flag", o.says_failed()))]
#[case::it_is_not_in_the_image(|_: &Overlay| "ready".to_owned())]
#[case::another_one_spoke(|_: &Overlay| named("sigterm-ignored").says_on())]
fn a_fault_that_did_not_take_effect_is_not_caught(#[case] says: fn(&Overlay) -> String) {
    let attempts = [
        control(FIXED),
        under(&flag(), control("stopped stopped registered down")),
    ];
    let document = judged(&plain(), &[flag()], &attempts, says);
    assert_eq!(found(&document).overlays[0].outcome, OverlayOutcome::Unclear);
    assert_eq!(document.exit_code, Exit::Inconclusive.code());
}

#[test]
fn a_fault_caught_only_sometimes_is_not_caught() {
    let again = Attempt {
        repeat: 2,
        ..under(&flag(), control(FIXED))
    };
    let (outcome, _) = one(&[control(FIXED), under(&flag(), control(BROKEN)), again]);
    assert_eq!(outcome, OverlayOutcome::Escaped);
}

/// As a release without the fix, on which the scenario is as expected without the overlay.
fn regressed() -> Attempt {
    restart(
        IMAGE,
        "stopped stopped registered down",
        Expectation::Column(Column::Regressed),
    )
}

/// One overlay is masked, and one is caught.
fn masked() -> RunDocument {
    let marker = Overlay {
        caught_by: vec!["operator-stop".into()],
        ..named("stop-writes-no-marker")
    };
    let stopped = |seen| stop(IMAGE, seen, fixed());
    let attempts = [
        regressed(),
        under(&flag(), regressed()),
        stopped("stopped registered down"),
        under(&marker, stopped("running registered down")),
    ];
    judged(&plain(), &[flag(), marker], &attempts, on)
}

#[test]
fn a_fault_that_the_image_has_already_is_masked() {
    let document = masked();
    let overlay = &found(&document).overlays[0];
    assert_eq!(overlay.outcome, OverlayOutcome::Masked);
    assert_eq!(overlay.masked_by[0].scenario, "docker-restart");
    assert_eq!(overlay.masked_by[0].row.at, "down:1");
    assert_eq!((document.verdict, document.exit_code), (RunVerdict::Held, 0));
}

#[test]
fn a_selftest_that_catches_nothing_shows_nothing() {
    let (outcome, exit) = one(&[regressed(), under(&flag(), regressed())]);
    assert_eq!((outcome, exit), (OverlayOutcome::Masked, Exit::Inconclusive.code()));
}

/// The row that guards the signal half is as in the fixed column, so the overlay would have been seen.
#[test]
fn a_fault_is_not_masked_by_another_one() {
    let on_record = || Expectation::Known(vec![known(Moment::End, Probe::Service, &["down"])]);
    let elsewhere = || Attempt {
        expectation: on_record(),
        ..control("running running started down")
    };
    let (outcome, exit) = one(&[elsewhere(), under(&flag(), elsewhere())]);
    assert_eq!((outcome, exit), (OverlayOutcome::Escaped, Exit::Regression.code()));
}

/// `docker-restart` has to catch it and holds in both, so that another scenario cannot is no excuse.
#[test]
fn a_fault_is_not_masked_if_a_scenario_that_has_to_catch_it_misses_it() {
    let both = Overlay {
        caught_by: vec!["docker-restart".into(), "operator-stop".into()],
        ..named("signal-flag-never-set")
    };
    let bad = || stop(IMAGE, "stopped registered down", Expectation::Column(Column::Fixed));
    let attempts = [control(FIXED), under(&both, control(FIXED)), bad(), under(&both, bad())];
    let document = judged(&plain(), &[both], &attempts, on);
    assert_eq!(found(&document).overlays[0].outcome, OverlayOutcome::Escaped);
}

#[test]
fn leaks_and_interrupts_decide_the_exit_code() {
    let attempts = [control(FIXED), under(&flag(), control(BROKEN))];
    let leak = RunHeader {
        failure: Some(("2 containers were left".into(), Exit::Environment)),
        ..plain()
    };
    assert_eq!(
        judged(&leak, &[flag()], &attempts, on).exit_code,
        Exit::Environment.code()
    );
    let cut = RunHeader {
        interrupted: Some(Exit::Interrupted),
        ..plain()
    };
    assert_eq!(
        judged(&cut, &[flag()], &attempts, on).exit_code,
        Exit::Interrupted.code()
    );
}

/// One of everything: caught by one and by two, caught and missed, escaped, unclear, not run.
fn motley() -> RunDocument {
    let marker = named("stop-writes-no-marker");
    let everything = named("reconciler-starts-everything");
    let never = named("reconciler-never-starts");
    let stopped = || stop(IMAGE, "stopped registered down", fixed());
    let attempts = [
        control(FIXED),
        stopped(),
        under(&flag(), control(BROKEN)),
        under(&flag(), stopped()),
        under(&marker, stopped()),
        under(&everything, stop(IMAGE, "stopped started up", fixed())),
        Attempt {
            end: CaseEnd::Inconclusive("engine-restart: the engine answered 500 after 2.1 s".into()),
            ..under(&never, control("? ? ? ?"))
        },
    ];
    judged(&plain(), &[flag(), marker, everything, never], &attempts, on)
}

#[rstest]
fn rendered(#[values(80, 120)] width: usize) {
    let style = Style { color: false, width };
    let text = human::render(&motley(), style);
    insta::assert_snapshot!(format!("motley_{width}"), text);
    insta::assert_snapshot!(format!("masked_{width}"), human::render(&masked(), style));
    let all = [control(FIXED), under(&flag(), control(BROKEN))];
    let text = human::render(&judged(&plain(), &[flag()], &all, on), style);
    insta::assert_snapshot!(format!("all_caught_{width}"), text);
    let broken = [control(BROKEN), under(&flag(), control(BROKEN))];
    let text = human::render(&judged(&plain(), &[flag()], &broken, on), style);
    insta::assert_snapshot!(format!("control_failed_{width}"), text);
}

#[test]
fn the_document_names_row_and_scenarios_of_each_overlay() {
    let mut value = serde_json::to_value(found(&motley())).unwrap();
    let overlay = value["overlays"][0].take();
    let row = &overlay["caught_by"][0]["row"];
    assert_eq!(
        (row["at"].as_str(), row["observed"].as_str()),
        (Some("down:1"), Some("stopped"))
    );
    assert_eq!(overlay["missed_by"], serde_json::json!(["operator-stop"]));
    let keys: Vec<&String> = overlay.as_object().unwrap().keys().collect();
    let wanted = [
        "name",
        "title",
        "breaks",
        "guards",
        "outcome",
        "caught_by",
        "missed_by",
        "masked_by",
        "unclear",
        "not_caught_by",
    ];
    assert_eq!(keys, wanted);
}
