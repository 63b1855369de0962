//! Fault overlays on the scripted engine: a case in which the fault did not take effect is an error.

use rstest::rstest;

use super::play::{Played, SCENARIOS, play_on};
use comeback_fake::faulty::{Fault, Kind};
use comeback_fake::{Fake, Hook, Personality};
use comeback_scenario::overlay::overlays;
use comeback_verdict::Classification;

/// Runs a scenario under an overlay, on an image that treats the overlay like this.
fn play(scenario: &str, overlay: &str, hook: Hook, fault: Option<Fault>) -> Played {
    let scenario = SCENARIOS.get(scenario).unwrap();
    let overlay = overlays().into_iter().find(|o| o.name == overlay).unwrap();
    let scenario = overlay.on(scenario).unwrap();
    play_on(Fake::new(Personality::Fixed).with_hook(hook), scenario, fault, 1).unwrap()
}

fn the_one(played: &Played) -> (Classification, &str) {
    assert_eq!((played.leak.as_deref(), played.left.as_slice()), (None, &[][..]));
    let [(classification, why)] = played.attempts.as_slice() else {
        panic!("an error is not tried again: {:?}", played.attempts)
    };
    (*classification, why)
}

#[rstest]
#[case::gateway("sigterm-ignored")]
#[case::reconciler("reconciler-never-starts")]
#[case::command("stop-writes-no-marker")]
fn a_case_whose_overlay_takes_effect_is_judged_by_its_rows(#[case] overlay: &str) {
    // The scripted gateway only pretends to load the overlay, so it behaves as without one.
    let played = play("docker-restart", overlay, Hook::Takes, None);
    assert_eq!(the_one(&played), (Classification::Fixed, ""));
}

#[rstest]
#[case("sigterm-ignored", "a gateway (pid ")]
#[case("reconciler-never-starts", "the boot reconciler ran at 1 of 1 boots without it")]
#[case(
    "stop-writes-no-marker",
    "no operator's command ran in which it could have been in force"
)]
fn an_overlay_that_is_never_loaded_is_an_error(#[case] overlay: &str, #[case] says: &str) {
    let played = play("docker-restart", overlay, Hook::Ignored, None);
    let (classification, why) = the_one(&played);
    assert_eq!(classification, Classification::Error, "{why}");
    let begins = format!("fault overlay {overlay} did not take effect: ");
    assert!(why.starts_with(&begins) && why.contains(says), "{why}");
}

#[rstest]
#[case(Hook::Fails, "it found nothing to break in the gateway: the scripted module")]
#[case(Hook::NoPython, "cannot be put into this image: the virtual environment")]
#[case(
    Hook::NoPlace,
    "cannot be put into /opt/hermes/.venv/lib/python3.11/site-packages of this image"
)]
fn an_overlay_that_cannot_take_effect_is_an_error(#[case] hook: Hook, #[case] says: &str) {
    let played = play("docker-restart", "sigterm-ignored", hook, None);
    let (classification, why) = the_one(&played);
    assert_eq!(classification, Classification::Error, "{why}");
    assert!(why.contains(says), "{why}");
}

/// If the overlay's message cannot be read, nothing is concluded from its absence, and the case is retried.
#[test]
fn an_unreadable_message_of_an_overlay_is_inconclusive() {
    // Two files are read before the start, to find the place, and three after it: the same two, and the message.
    let fault = Fault {
        op: "download",
        nth: 4,
        always: true,
        kind: Kind::Refused,
    };
    let played = play("docker-restart", "sigterm-ignored", Hook::Takes, Some(fault));
    let [(first, why), (second, _)] = played.attempts.as_slice() else {
        panic!("{:?}", played.attempts)
    };
    // In the second attempt the overlay cannot even be installed.
    assert_eq!((*first, *second), (Classification::Inconclusive, Classification::Error));
    assert!(
        why.contains("the reports of the fault overlay could not be read from the container"),
        "{why}"
    );
}
