//! Each fault overlay on the real gateway, against the scenarios that have to catch it. This shows that both halves
//! of the fix and the reconciler are protected. `comeback selftest --all` runs the whole table against every overlay,
//! at night.

use comeback_record::document::RunDocument;
use comeback_record::document::selftest::{self, OverlayEntry, OverlayOutcome};
use comeback_scenario::Catalogue;
use comeback_scenario::overlay::{Overlay, overlays};
use comeback_tests::{TestOutcome, dossier, run};
use comeback_verdict::run::Faults;
use rstest::rstest;

const FIXED: &str = "release:0.17.0@bookworm";

fn overlay(name: &str) -> Overlay {
    let found = overlays().into_iter().find(|o| o.name == name);
    found.unwrap_or_else(|| panic!("no overlay {name}"))
}

/// The results of these scenarios, each without and with the overlay.
fn selftest(overlay: &Overlay, image: &str, scenarios: &[String]) -> (OverlayEntry, RunDocument) {
    let catalogue = Catalogue::load(None).unwrap_or_else(|errors| panic!("{errors}"));
    let mut whole: Option<RunDocument> = None;
    for id in scenarios {
        let control = catalogue.get(id).unwrap_or_else(|| panic!("no scenario {id}"));
        let faulty = overlay.on(control).expect("a scenario without a fault of its own");
        for scenario in [control.clone(), faulty] {
            let TestOutcome::Judged(document, _) = run(scenario, image, None) else {
                panic!("{id} does not apply to {image}");
            };
            match &mut whole {
                Some(whole) => whole.cases.extend(document.cases),
                None => whole = Some(*document),
            }
        }
    }
    let mut document = whole.expect("at least one scenario");
    document.command = "selftest".to_owned();
    selftest::judge(
        &mut document,
        std::slice::from_ref(overlay),
        catalogue.hash(),
        Faults::default(),
    );
    let found = document.selftest.as_ref().expect("it was judged");
    (found.overlays[0].clone(), document)
}

#[rstest]
#[case::signal_flag_never_set("signal-flag-never-set")]
#[case::stop_writes_no_marker("stop-writes-no-marker")]
#[case::marker_write_fails("marker-write-fails")]
#[case::marker_names_wrong_pid("marker-names-wrong-pid")]
#[case::reconciler_starts_everything("reconciler-starts-everything")]
#[case::reconciler_never_starts("reconciler-never-starts")]
#[case::state_not_written_at_shutdown("state-not-written-at-shutdown")]
#[case::sigterm_ignored("sigterm-ignored")]
fn every_overlay_is_caught_by_all_its_scenarios(#[case] name: &str) {
    let overlay = overlay(name);
    let (found, document) = selftest(&overlay, FIXED, &overlay.caught_by);
    let shown = dossier(&document);
    assert!(found.not_caught_by.is_empty(), "{shown}");
    for catch in &found.caught_by {
        let by_its_guard = overlay.guards.is_none() || catch.row.guards == overlay.guards;
        assert!(by_its_guard, "{}: not by what it guards\n{shown}", catch.scenario);
    }
    assert_eq!(document.exit_code, 0, "{shown}");
}

/// The cases above are all overlays.
#[test]
fn every_overlay_has_a_test() {
    assert_eq!(overlays().len(), 8);
}

/// If a selftest could not fail, it would prove nothing.
#[test]
fn an_overlay_without_a_suitable_scenario_escapes() {
    let (found, document) = selftest(&overlay("stop-writes-no-marker"), FIXED, &["docker-restart".into()]);
    assert_eq!(found.outcome, OverlayOutcome::Escaped, "{}", dossier(&document));
    assert_eq!(found.missed_by, ["docker-restart"]);
    assert_eq!(document.exit_code, 1);
}

/// A release without the fix has no flag to break. A fault that is not in force never counts as caught.
#[test]
fn an_overlay_with_nothing_to_break_is_an_error() {
    let overlay = overlay("signal-flag-never-set");
    let (found, document) = selftest(&overlay, "release:0.16.0", &["docker-restart".into()]);
    assert_eq!(found.outcome, OverlayOutcome::Unclear, "{}", dossier(&document));
    let faulty = document.cases.iter().find(|case| case.overlay.is_some());
    let why = faulty.and_then(|case| case.reason.clone()).unwrap_or_default();
    assert!(
        why.contains("it found nothing to break in the gateway: start_gateway sets no"),
        "{why}"
    );
    assert_eq!(document.exit_code, 3);
}
