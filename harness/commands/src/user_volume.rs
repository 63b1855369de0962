//! Tests a restart and an upgrade on copies of an operator's own volume.

mod copy;

use std::fmt::Write as _;
use std::path::Path;

use copy::Copied;

use crate::{Failure, FailureKind};
use comeback_gateway::files::{DATA, SOUL, STATE, is_profile_name, is_state, profile_file, state_of};
use comeback_gateway::state::is_meant_up;
use comeback_image::ImageExpr;
use comeback_scenario::Catalogue;
use comeback_scenario::model::{DEFAULT_PROFILE, ImageRef, Scenario, Seed, SeedContent, Upgrade};

/// The scenarios for a volume.
pub struct OwnVolume {
    /// The scenarios, with the copy as their seeds.
    pub scenarios: Vec<Scenario>,
    /// Notes about the copy, for the user.
    pub notes: Vec<String>,
}

/// A profile of the volume, and whether its operator wants its gateway up.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Profile {
    name: String,
    up: bool,
}

/// Reads a volume and makes two scenarios: a restart on each image, and a recreation of the container from `old` to `old` and
/// to the image that it is compared with.
///
/// # Errors
///
/// If it is not a gateway's volume, or cannot be read.
pub fn scenarios(root: &Path, old: &ImageExpr) -> Result<OwnVolume, Failure> {
    let Copied { seeds, left_out } = copy::read(root)?;
    let (profiles, odd) = profiles(&seeds);
    if !seeds.iter().any(|seed| is_state(&seed.path)) && profiles.len() == 1 {
        return Err(bad(
            root,
            format!("it has no {STATE} and no profile: not a gateway's volume ($HERMES_HOME, {DATA})"),
        ));
    }
    let texts = [("own-volume-restart", false), ("own-volume-recreate", true)]
        .map(|(id, upgrade)| (format!("{id}.toml"), text(&profiles, upgrade)));
    let files = texts.iter().map(|(path, text)| (path.as_str(), text.as_str()));
    let catalogue = Catalogue::from_texts(files).map_err(|errors| {
        let why = format!("its scenarios are wrong: {errors}");
        Failure::new(FailureKind::Internal { why })
    })?;
    let mut scenarios: Vec<Scenario> = catalogue.iter().cloned().collect();
    for scenario in &mut scenarios {
        scenario.seeds.clone_from(&seeds);
        if scenario.id == "own-volume-recreate" {
            scenario.upgrade = Some(Upgrade {
                from: ImageRef::Other(old.to_string()),
                to: ImageRef::Subject,
            });
        }
    }
    // The restart first, because it is the simpler one.
    scenarios.sort_by_key(|scenario| scenario.upgrade.is_some());
    let mut notes = vec![intents(&profiles)];
    if !left_out.is_empty() {
        notes.push(format!("not copied: {}", left_out.join(", ")));
    }
    if !odd.is_empty() {
        let names = odd.join(", ");
        notes.push(format!(
            "copied, but the gateway does not accept the name as a profile: {names}"
        ));
    }
    Ok(OwnVolume { scenarios, notes })
}

fn bad(path: &Path, why: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Io {
        path: path.display().to_string(),
        why: why.into(),
    })
    .doing("read the volume for --seed-from")
}

/// A line such as `by its record, meant to be up: default; down: old`.
fn intents(profiles: &[Profile]) -> String {
    let list = |up: bool| {
        let names = profiles.iter().filter(|p| p.up == up).map(|p| p.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    match (list(true), list(false)) {
        (up, down) if down.is_empty() => format!("by its record, meant to be up: {up}"),
        (up, down) if up.is_empty() => format!("by its record, meant to be down: {down}"),
        (up, down) => format!("by its record, meant to be up: {up}; down: {down}"),
    }
}

/// The profiles on a volume, the default one first, and the directories that look like profiles but have invalid names.
fn profiles(seeds: &[Seed]) -> (Vec<Profile>, Vec<String>) {
    let up = |path: String| {
        let state = seeds.iter().find(|seed| seed.path == path);
        state.is_some_and(|seed| match &seed.content {
            SeedContent::Bytes(bytes) => meant_up(bytes),
            _ => false,
        })
    };
    let mut found = vec![Profile {
        name: DEFAULT_PROFILE.to_owned(),
        up: up(state_of(DEFAULT_PROFILE)),
    }];
    let mut odd = Vec::new();
    for seed in seeds {
        // `profiles/default` is skipped by the reconciler.
        let Some(name) = profile_file(&seed.path, SOUL).filter(|name| *name != DEFAULT_PROFILE) else {
            continue;
        };
        if is_profile_name(name) {
            found.push(Profile {
                name: name.to_owned(),
                up: up(state_of(name)),
            });
        } else {
            odd.push(name.to_owned());
        }
    }
    (found, odd)
}

/// True if the operator wants the gateway up, by the text of its state file.
fn meant_up(text: &[u8]) -> bool {
    serde_json::from_slice(text).is_ok_and(|state| is_meant_up(&state))
}

/// A scenario file about these profiles: a restart of the container, or its re-creation.
fn text(profiles: &[Profile], recreate: bool) -> String {
    let any_up = profiles.iter().any(|profile| profile.up);
    let (title, step) = if recreate {
        ("your volume, the container recreated", "recreate = { how = \"stop\" }")
    } else {
        ("your volume, docker restart", "engine-restart = { grace = \"10s\" }")
    };
    let mut text = format!(
        "schema = 1\ntitle = \"{title}\"\nwhy = \"\"\"\nA copy of your volume. What was up by its record has to be up \
         again, and what was stopped has to stay down.\"\"\"\ntags = [\"own-volume\"]\n"
    );
    let start = |up: bool| if up { "reconcile" } else { "none" };
    if !any_up {
        text += "invariant = true\n";
    }
    let _ = write!(text, "\n[start]\nby = \"{}\"\n", start(profiles[0].up));
    if any_up {
        text += "wait = \"running\"\n";
    }
    for profile in &profiles[1..] {
        let (name, start) = (&profile.name, start(profile.up));
        let _ = write!(text, "\n[[profile]]\nname = \"{name}\"\nstart = \"{start}\"\n");
    }
    let _ = write!(text, "\n[[step]]\n{step}\n");
    for profile in profiles {
        let mut row = |at: &str, probe: &str, fixed: &str, regressed: &str| {
            let name = &profile.name;
            let _ = write!(
                text,
                "\n[[expect]]\nat = \"{at}\"\nprobe = \"{probe}\"\nprofile = \"{name}\"\nfixed = \"{fixed}\"\nregressed = \
                 \"{regressed}\"\n"
            );
        };
        if profile.up {
            row("boot:1", "boot.action", "started", "started");
            row("down:1", "state.gateway_state", "running", "stopped");
            row("boot:2", "boot.action", "started", "registered");
            row("end", "service", "up", "down");
        } else {
            row("boot:1", "boot.action", "registered", "registered");
            row("boot:2", "boot.action", "registered", "registered");
            row("end", "service", "down", "down");
        }
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rstest::rstest;

    use super::*;
    use comeback_verdict::Exit;

    fn volume(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    fn read(root: &Path) -> Result<OwnVolume, Failure> {
        scenarios(root, &"release:0.16.0".parse().unwrap())
    }

    #[rstest]
    #[case(r#"{"gateway_state":"running"}"#, true)]
    #[case(r#"{"gateway_state":"draining"}"#, true)]
    #[case(r#"{"gateway_state":"stopped"}"#, false)]
    #[case(r#"{"gateway_state":"startup_failed"}"#, false)]
    #[case(r#"{"gateway_state":"stopped","desired_state":"running"}"#, true)]
    #[case(r#"{"gateway_state":"running","desired_state":"stopped"}"#, false)]
    #[case("[]", false)]
    #[case("{", false)]
    fn the_intent_follows_from_the_state_file(#[case] state: &str, #[case] up: bool) {
        assert_eq!(meant_up(state.as_bytes()), up);
    }

    #[test]
    fn each_profile_has_rows_of_its_own() {
        let root = volume(&[
            ("gateway_state.json", r#"{"gateway_state":"stopped"}"#),
            ("profiles/work/SOUL.md", "x"),
            ("profiles/work/gateway_state.json", r#"{"gateway_state":"running"}"#),
            ("profiles/Work copy/SOUL.md", "x"),
            ("profiles/no-soul/gateway_state.json", r#"{"gateway_state":"running"}"#),
            ("profiles/default/SOUL.md", "skipped"),
            (".env", "API_KEY=secret"),
        ]);
        let own = read(root.path()).unwrap();
        let ids: Vec<&str> = own.scenarios.iter().map(|s| s.id.as_str()).collect();
        assert_eq!(ids, ["own-volume-restart", "own-volume-recreate"]);
        insta::assert_snapshot!(own.notes.join("\n"), @r"
        by its record, meant to be up: work; down: default
        not copied: .env
        copied, but the gateway does not accept the name as a profile: Work copy
        ");
        let restart = &own.scenarios[0];
        let of = |name: &str| restart.expects.iter().filter(|e| e.profile == name).count();
        assert_eq!((of("default"), of("work"), of("no-soul")), (3, 4, 0));
        assert!(
            restart
                .seeds
                .iter()
                .any(|seed| seed.path == "profiles/Work copy/SOUL.md")
        );
        assert!(restart.seeds.iter().all(|seed| seed.path != ".env"));
        assert!(own.scenarios[1].upgrade.is_some() && restart.upgrade.is_none());
    }

    #[test]
    fn a_volume_on_which_everything_is_down_has_to_stay_down() {
        let root = volume(&[("gateway_state.json", r#"{"gateway_state":"stopped"}"#)]);
        assert!(read(root.path()).unwrap().scenarios.iter().all(|s| s.invariant));
    }

    #[test]
    fn other_folders_are_rejected() {
        let nothing = volume(&[("README.md", "x")]);
        for (path, says) in [
            (nothing.path().to_owned(), "not a gateway's volume"),
            (nothing.path().join("no-such"), "No such file"),
            (nothing.path().join("README.md"), "not a directory"),
        ] {
            let failure = read(&path).err().unwrap();
            assert_eq!(failure.exit(), Exit::Usage);
            assert!(failure.what().contains(says), "{}", failure.what());
        }
    }
}
