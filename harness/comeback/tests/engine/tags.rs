//! A run judges the image that its name stood for at the beginning, by its id, even if the name moves meanwhile.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use super::outsider::{child, stub};

fn docker(args: &[&str]) -> String {
    let output = Command::new("docker").args(args).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(
        output.status.success(),
        "docker {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    said
}

/// A tag on an image. Dropping it removes the tag.
struct Tag(String);

impl Tag {
    fn on(image: &str) -> Self {
        let name = format!("comeback-test-tag:{}", std::process::id());
        docker(&["tag", image, &name]);
        Self(name)
    }

    fn moves_to(&self, image: &str) {
        docker(&["tag", image, &self.0]);
    }

    fn id(&self) -> String {
        docker(&["inspect", "--format", "{{.Id}}", &self.0])
    }
}

impl Drop for Tag {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rmi", "--no-prune", &self.0]).output();
    }
}

/// The tag moves to a release with other behaviour before the second repeat begins, and `recreate` creates new
/// containers all the time. All containers have the first image, and the verdict is that of the first image.
#[tokio::test]
async fn a_run_ignores_that_its_tag_moves() {
    let _machine = super::MACHINE.lock().await;
    let [regressed, fixed] = ["0.16.0", "0.17.0"].map(|release| stub(release).replacen("docker:", "", 1));
    let tag = Tag::on(&regressed);
    let first = tag.id();
    let mut run = child()
        .args([
            "check",
            &format!("docker:{}", tag.0),
            "--filter",
            "recreate",
            "--repeat",
            "2",
        ])
        .args([
            "--jobs",
            "1",
            "--expect",
            "regressed",
            "--format",
            "json",
            "-v",
            "--offline",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(run.stderr.take().unwrap()).lines().map_while(Result::ok);
    let id = lines
        .find_map(|line| Some(line.strip_prefix("run ")?.split_once(": ")?.0.to_owned()))
        .unwrap();
    let mut images = std::collections::BTreeSet::new();
    let mut seen = 0;
    let mut moved = false;
    // All containers of the run, each time the run prints a line.
    for _ in lines {
        let filter = format!("label=comeback.run={id}");
        for container in docker(&["ps", "-aq", "--filter", &filter]).lines() {
            let asked = Command::new("docker")
                .args(["inspect", "--format", "{{.Image}} {{.Config.Image}}", container])
                .output()
                .unwrap();
            // The container may have been removed meanwhile.
            if asked.status.success() {
                images.insert(String::from_utf8(asked.stdout).unwrap().trim().to_owned());
                seen += 1;
            }
        }
        if seen > 0 && !std::mem::replace(&mut moved, true) {
            tag.moves_to(&fixed);
            assert_ne!(tag.id(), first);
        }
    }
    let mut said = String::new();
    run.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    let exit = run.wait().unwrap();
    assert!(moved);
    let document: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(document["images"][0]["digest"], *first, "{said}");
    assert_eq!(images.into_iter().collect::<Vec<_>>(), [format!("{first} {first}")]);
    assert_eq!(document["cases"].as_array().unwrap().len(), 2, "{said}");
    assert_eq!(exit.code(), Some(0), "{said}");
}

/// If the image has been removed when a container is to be created, that is an error, and nothing is pulled.
#[tokio::test(flavor = "multi_thread")]
async fn a_removed_image_is_an_error_and_not_pulled() {
    use comeback_engine::{ContainerSpec, EngineErrorKind};
    let engine = super::engine().await;
    let image = format!("sha256:{}", "0123456789abcdef".repeat(4));
    for runs in [true, false] {
        let spec = ContainerSpec {
            image: image.clone(),
            name: format!("comeback-test-gone-{}", std::process::id()),
            cmd: vec!["true".into()],
            ..ContainerSpec::default()
        };
        let made = match runs {
            true => engine.run_container(&spec).await,
            false => engine.create_container(&spec).await,
        };
        let error = made.unwrap_err();
        assert!(matches!(error.kind, EngineErrorKind::NoImage { .. }), "{error}");
    }
}
