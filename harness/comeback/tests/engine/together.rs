//! Several runs at once on one engine, beside containers and volumes of others.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use comeback_engine::{ContainerSpec, Engine, Mount, VolumePlace};

use super::outsider::{CommandOutput, child, stub};
use super::proxy::Proxy;
use super::{engine, resources_of};

const RUNS: usize = 8;

/// A container and a volume that comeback did not create, without its labels.
struct Foreign {
    containers: Vec<String>,
    volume: String,
}

impl Foreign {
    async fn make(engine: &Arc<dyn Engine>, image: &str) -> Self {
        let me = std::process::id();
        let volume = format!("somebodys-volume-{me}");
        engine
            .create_volume(&volume, &BTreeMap::new(), &VolumePlace::Engine)
            .await
            .unwrap();
        let mut containers = Vec::new();
        for (name, runs) in [("running", true), ("created", false)] {
            let spec = ContainerSpec {
                image: image.to_owned(),
                // A name as similar as possible to one of comeback's.
                name: format!("comeback-somebodys-{name}-{me}-subject-1"),
                entrypoint: vec!["sleep".into()],
                cmd: vec!["infinity".into()],
                mounts: vec![Mount {
                    volume: volume.clone(),
                    path: "/opt/data".into(),
                    read_only: false,
                }],
                ..ContainerSpec::default()
            };
            let id = engine.create_container(&spec).await.unwrap();
            if runs {
                engine.start(&id).await.unwrap();
            }
            containers.push(id);
        }
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(7);
        tar.append_data(&mut header, "gateway_state.json", &b"theirs\n"[..])
            .unwrap();
        let tar = tar.into_inner().unwrap();
        engine.upload(&containers[0], "/opt/data", tar).await.unwrap();
        Self { containers, volume }
    }

    /// Everything the engine reports of them, the files of the volume, and their image.
    async fn digest(&self, engine: &Arc<dyn Engine>, image: &str) -> Vec<String> {
        let mut words: Vec<&str> = vec!["inspect", "--size=false", image, &self.volume];
        words.extend(self.containers.iter().map(String::as_str));
        let inspected = Command::new("docker").args(words).output().unwrap();
        assert!(
            inspected.status.success(),
            "{}",
            String::from_utf8_lossy(&inspected.stderr)
        );
        let files = engine
            .download(&self.containers[0], "/opt/data", 1 << 20)
            .await
            .unwrap()
            .unwrap();
        let inspected = String::from_utf8_lossy(&inspected.stdout).into_owned();
        let mut lines: Vec<String> = inspected.lines().map(str::to_owned).collect();
        lines.push(String::from_utf8_lossy(&files).into_owned());
        lines
    }

    async fn remove(&self, engine: &Arc<dyn Engine>) {
        for id in &self.containers {
            engine.remove_container(id).await.unwrap();
        }
        engine.remove_volume(&self.volume).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_runs_at_once_do_not_disturb_each_other_or_others() {
    let _alone = super::MACHINE.lock().await;
    let engine = engine().await;
    let image = stub("0.17.0").replacen("docker:", "", 1);
    let strangers = Foreign::make(&engine, &image).await;
    let before = strangers.digest(&engine, &image).await;
    // An image that all runs need and that does not exist yet.
    let folder = tempfile::tempdir().unwrap();
    let text = format!("FROM {image}\nENV NEW={}\n", std::process::id());
    std::fs::write(folder.path().join("Dockerfile"), text).unwrap();
    let new = format!("dockerfile:{}", folder.path().display());
    let proxy = Proxy::start(Vec::new(), |_| {});

    let runs = (0..RUNS).map(|_| {
        let mut command = tokio::process::Command::from(child());
        command
            .args(["check", &new, "--filter", "docker-restart", "--format", "json"])
            .args(["--jobs", "1", "--host", &proxy.host])
            .kill_on_drop(true);
        async move { tokio::time::timeout(Duration::from_secs(240), command.output()).await }
    });
    let ended = futures_util::future::join_all(runs).await;
    let after = strangers.digest(&engine, &image).await;
    strangers.remove(&engine).await;
    let ended: Vec<CommandOutput> = ended
        .into_iter()
        .map(|o| CommandOutput::of(o.expect("it ends").unwrap()))
        .collect();
    let documents: Vec<_> = ended.iter().map(CommandOutput::json).collect();
    let built: BTreeSet<_> = documents
        .iter()
        .filter_map(|d| d["images"][0]["reference"].as_str())
        .collect();
    for reference in &built {
        engine.remove_image(reference).await.unwrap();
    }

    for (seen, document) in ended.iter().zip(&documents) {
        assert_eq!(
            (seen.code, &document["cases"][0]["classification"]),
            (0, &"fixed".into()),
            "{seen}"
        );
        let run = document["run"].as_str().unwrap();
        assert_eq!(resources_of(&engine, run).await, Vec::<String>::new());
    }
    let names: BTreeSet<_> = documents.iter().map(|d| d["run"].as_str()).collect();
    assert_eq!((names.len(), built.len()), (RUNS, 1), "{names:?} {built:?}");
    let builds = proxy
        .requests()
        .iter()
        .filter(|r| r.starts_with("POST ") && r.contains("/build?"))
        .count();
    assert_eq!(builds, 1, "an image that eight runs need is built once");
    assert_eq!(before, after, "what is somebody else's is as it was");
}
