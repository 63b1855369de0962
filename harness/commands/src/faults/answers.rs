//! An engine that answers that it is done and has done nothing: no step may take its word for it.

use rstest::rstest;

use super::play::play_on;
use comeback_fake::faulty::{Fault, Kind};
use comeback_fake::{Fake, Personality};
use comeback_scenario::Catalogue;
use comeback_verdict::Classification;

/// Another container, without a supervisor.
const SIDECAR: &str = "[[container]]\nname = \"side\"\nentrypoint = [\"sleep\"]\ncmd = [\"infinity\"]";
const STARTS: &str = "engine-start = { container = \"side\" }";
const STOPS: &str = "engine-stop = { container = \"side\" }";
const RESTARTS: &str = "engine-restart = { container = \"side\" }";

/// The classification of a case with these steps, with a fault at one call.
fn found(start: &str, steps: &[&str], call: Option<(&'static str, usize, Kind)>) -> (Classification, String) {
    let mut text = format!("schema = 1\ntitle = \"t\"\ninvariant = true\n[start]\n{start}\n");
    for step in steps {
        text += &format!("[[step]]\n{step}\n");
    }
    text += "[[expect]]\nat = \"end\"\nprobe = \"state.parses\"\nfixed = true\nregressed = true\n";
    let table = Catalogue::from_texts([("idle.toml", text.as_str())]).unwrap_or_else(|errors| panic!("{errors}"));
    let scenario = table.iter().next().cloned().unwrap_or_else(|| panic!("no scenario"));
    let fault = call.map(|(op, nth, kind)| Fault {
        op,
        nth,
        // The clean-up removes what is left.
        always: op != "remove",
        kind,
    });
    let played = play_on(Fake::new(Personality::Fixed), scenario, fault, 1).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!((played.leak, played.left), (None, Vec::new()));
    played
        .attempts
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("no attempt"))
}

#[rstest]
#[case::pause("", &["engine-pause = {}"], ("pause", 0))]
#[case::unpause("", &["engine-pause = {}", "engine-unpause = {}"], ("unpause", 0))]
// The first exec is the operator's start.
#[case::fill("volume_size = \"8M\"", &["fill = {}"], ("exec", 1))]
#[case::free("volume_size = \"8M\"", &["fill = {}", "free = {}"], ("exec", 2))]
#[case::stop("", &["engine-stop = {}"], ("stop", 0))]
#[case::restart("", &["engine-restart = {}"], ("restart", 0))]
#[case::kill("", &["engine-kill = {}"], ("kill", 0))]
#[case::status("", &["operator-status = {}"], ("exec", 1))]
#[case::start("", &["operator-start = {}"], ("exec", 1))]
#[case::run("", &["operator-run = { no_supervise = true }"], ("exec", 1))]
#[case::profile_in_use("[[profile]]\nname = \"work\"\nstart = \"none\"", &["profile-use = { profile = \"work\" }"], ("exec", 1))]
#[case::stop_by_the_operator("", &["operator-stop = {}"], ("exec", 1))]
#[case::stamp("", &["stamp = { path = \"a\", text = \"b\" }"], ("upload", 0))]
#[case::recreate_by_force("", &["recreate = { how = \"force\" }"], ("remove", 0))]
#[case::stop_of_another(SIDECAR, &[STARTS, STOPS], ("stop", 0))]
#[case::restart_of_another(SIDECAR, &[STARTS, RESTARTS], ("restart", 0))]
#[case::start_of_another(SIDECAR, &[STARTS, STOPS, STARTS], ("start", 0))]
fn an_answer_is_no_proof(#[case] start: &str, #[case] steps: &[&str], #[case] call: (&'static str, usize)) {
    let (op, nth) = call;
    let (classification, why) = found(start, steps, Some((op, nth, Kind::AnswersOnly)));
    assert_eq!(classification, Classification::Inconclusive, "{why}");
}

#[test]
fn seeds_that_are_not_there_are_an_error() {
    let seed = "[[seed]]\npath = \"a\"\ntext = \"b\"";
    let (classification, why) = found(seed, &["engine-restart = {}"], Some(("upload", 0, Kind::AnswersOnly)));
    assert_eq!(classification, Classification::Error, "{why}");
    assert!(why.contains("but a is not"), "{why}");
}

#[rstest]
#[case::pause("", &["engine-pause = {}"])]
#[case::stamp("", &["stamp = { path = \"a/b\", text = \"c\" }"])]
#[case::unpause("", &["engine-pause = {}", "engine-unpause = {}", "engine-restart = {}"])]
#[case::another_container(SIDECAR, &[STARTS, RESTARTS, STOPS, STARTS, "engine-restart = {}"])]
fn what_is_done_is_proven(#[case] start: &str, #[case] steps: &[&str]) {
    let (classification, why) = found(start, steps, None);
    assert_eq!(classification, Classification::Fixed, "{why}");
}

/// A step that could not be done is no test of anything, unless a row is about it.
#[rstest]
#[case::a_signal_to_nobody("", &["operator-stop = {}", "signal-gateway = { signal = \"SIGTERM\" }"])]
#[case::a_file_that_names_nobody("by = \"none\"", &["stamp = { path = \"a\", text = \"{pid}\" }", "operator-start = {}"])]
fn what_was_not_done_is_not_tested(#[case] start: &str, #[case] steps: &[&str]) {
    let (classification, why) = found(start, steps, None);
    assert_eq!(classification, Classification::Inconclusive, "{why}");
    assert!(why.contains(" was not done: "), "{why}");
}

/// No gateway ends twice here, so nothing is to be read at `down:2`: neither what differs nor what does not is a verdict.
#[rstest]
#[case::differs("present")]
#[case::does_not_differ("absent")]
fn a_moment_that_never_came_is_no_verdict(#[case] marker: &str) {
    let rows =
        format!("[[expect]]\nat = \"down:2\"\nprobe = \"marker\"\nfixed = \"{marker}\"\nregressed = \"{marker}\"\n");
    let text = format!("schema = 1\ntitle = \"t\"\ninvariant = true\n[[step]]\nengine-restart = {{}}\n{rows}");
    let table = Catalogue::from_texts([("never.toml", text.as_str())]).unwrap_or_else(|errors| panic!("{errors}"));
    let scenario = table.iter().next().cloned().unwrap_or_else(|| panic!("no scenario"));
    let played = play_on(Fake::new(Personality::Fixed), scenario, None, 1).unwrap_or_else(|why| panic!("{why}"));
    let (classification, why) = &played.attempts[0];
    assert_eq!(*classification, Classification::Inconclusive, "{why}");
    assert!(why.contains("1 gateways of default ended"), "{why}");
}

/// The engine has no event of a command that could not be started. That its container ended at that moment explains it.
#[rstest]
#[case::the_container_ends("operator-start = { wait = false }", Classification::Fixed)]
#[case::the_container_goes_on("operator-start = {}", Classification::Inconclusive)]
fn a_command_that_could_not_be_started(#[case] step: &str, #[case] wanted: Classification) {
    // The first exec is the operator's start.
    let (classification, why) = found("", &[step, "engine-restart = {}"], Some(("exec", 1, Kind::NotStarted)));
    assert_eq!(classification, wanted, "{why}");
}
