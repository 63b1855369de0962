//! What the gateway's code needs of an image, checked in a container of each base and in images that comeback did not
//! build.

use std::collections::BTreeMap;
use std::sync::Arc;

use comeback_engine::{ContainerSpec, Engine, Mount, RUN_LABEL, VolumePlace};
use comeback_image::{Image, ObtainOptions};
use futures_util::StreamExt as _;
use rstest::rstest;
use serde_json::{Value, json};

use super::outsider::{comeback, run};
use super::{container, engine};

/// A state file that belongs to root before the first boot, as if an operator had restored a backup.
const STATE: &str = r#"{"gateway_state": "running"}"#;

async fn obtain(engine: &Arc<dyn Engine>, expression: &str) -> Image {
    let expression = expression.parse().unwrap();
    let options = ObtainOptions::default();
    comeback_image::obtain(engine.as_ref(), &expression, &options, &|_| ())
        .await
        .unwrap()
}

/// An archive of files that belong to root.
fn archive(files: &[(&str, u32, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, mode, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(*mode);
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, path, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

/// Boots an image on a volume that belongs to root. Returns the output of its command and the whole log.
async fn boot(engine: &Arc<dyn Engine>, image: &Image, name: &str) -> (Value, Vec<String>) {
    let labels = BTreeMap::from([(RUN_LABEL.to_owned(), name.to_owned())]);
    engine.create_volume(name, &labels, &VolumePlace::Engine).await.unwrap();
    let spec = ContainerSpec {
        image: image.digest.clone(),
        name: name.to_owned(),
        labels,
        env: BTreeMap::from([("SEEN".to_owned(), "by with-contenv, 'as it is'".to_owned())]),
        cmd: ["/opt/hermes/.venv/bin/python", "-Ic", include_str!("contract.py")]
            .map(str::to_owned)
            .into(),
        mounts: vec![Mount {
            volume: name.to_owned(),
            path: "/opt/data".to_owned(),
            read_only: false,
        }],
        capabilities: super::confinement::BOOT.map(str::to_owned).into(),
        ..ContainerSpec::default()
    };
    let told = async {
        let id = engine.create_container(&spec).await?;
        let state = archive(&[("gateway_state.json", 0o600, STATE)]);
        engine.upload(&id, "/opt/data", state).await?;
        engine.start(&id).await?;
        // The container ends when its command does, and the log ends with the container.
        let lines = engine.logs(&id, 0, true).await?;
        let lines: Vec<_> = lines.collect().await;
        lines.into_iter().collect::<Result<Vec<_>, _>>()
    };
    let told = told.await;
    engine.remove_container(name).await.unwrap();
    engine.remove_volume(name).await.unwrap();
    let log: Vec<String> = told.unwrap().into_iter().map(|line| line.text).collect();
    let found = log.iter().find_map(|line| line.strip_prefix("CONTRACT "));
    let found = found.unwrap_or_else(|| panic!("its command did not complete:\n{}", log.join("\n")));
    (serde_json::from_str(found).unwrap(), log)
}

#[rstest]
#[case::bookworm("bookworm", "2.11", "3.11")]
#[case::trixie("trixie", "2.13", "3.13")]
#[case::forky_s6("forky-s6", "2.15", "3.13")]
#[tokio::test(flavor = "multi_thread")]
async fn each_base_meets_the_gateways_contract(#[case] base: &str, #[case] s6: &str, #[case] python: &str) {
    let engine = engine().await;
    let image = obtain(&engine, &format!("release:0.17.0@{base}")).await;
    let name = format!("comeback-test-contract-{base}-{}", std::process::id());
    let (found, log) = boot(&engine, &image, &name).await;

    let linked = found["s6"].as_str().unwrap();
    assert!(linked.contains(&format!("libs6.so.{s6} => ")), "not s6 {s6}: {linked}");
    let measured = image.supervisor.unwrap();
    assert!(measured.starts_with(&format!("{s6}.")), "not s6 {s6}: {measured}");
    let wanted = json!({
        "hermes": [10000, "/opt/data"],
        "uid": 10000,
        "pid1": "s6-svscan",
        "scandir": true,
        "basedir": true,
        "venv": "/opt/hermes/.venv",
        "python": python,
        "s6": linked,
        "contenv": "by with-contenv, 'as it is'",
        "control": true,
        // The reconciler's own files belong to hermes, so it ran as hermes. That it could read root's state file and
        // write to root's volume shows that both were given to hermes before.
        "owners": {
            "/opt/data": 10000,
            "/opt/data/gateway_state.json": 10000,
            "/opt/data/logs/container-boot.log": 10000,
            "/run/service/gateway-default": 10000,
            "/run/service": 10000,
        },
        "boots": found["boots"],
        // The slot is supervised, although PID 1 learnt of it only by the rescan.
        "wanted": "true",
    });
    assert_eq!(found, wanted, "{}", log.join("\n"));
    let boots = found["boots"].as_array().unwrap();
    assert_eq!(boots.len(), 1, "the reconciler runs once: {boots:?}");
    let line = boots[0].as_str().unwrap();
    assert!(
        line.contains("profile=default prior_state=running action=started"),
        "{line}"
    );
    let said = log
        .iter()
        .filter(|line| line.contains("reconcile: profile=default"))
        .count();
    assert_eq!(said, 1, "{}", log.join("\n"));
}

/// An image with the same files but without comeback's labels: its versions are read from its files.
#[tokio::test(flavor = "multi_thread")]
async fn an_image_built_by_somebody_else_works() {
    let engine = engine().await;
    let ours = obtain(&engine, "release:0.17.0").await;
    let reference = format!("comeback-test-foreign:{}", std::process::id());
    let label = (RUN_LABEL, reference.as_str());
    let id = container(&engine, &ours.reference, &reference.replace(':', "-"), label).await;
    let files = engine.download(&id, "/", 1 << 30).await;
    engine.remove_container(&id).await.unwrap();
    let changes = [
        // Only so that a cleanup finds it if this test is killed.
        "LABEL comeback.image=test",
        "ENV PATH=/opt/hermes/.venv/bin:/command:/usr/local/bin:/usr/bin:/bin HERMES_HOME=/opt/data \
         HERMES_DISABLE_LAZY_INSTALLS=1",
        "ENTRYPOINT [\"/init\", \"/opt/hermes/docker/main-wrapper.sh\"]",
        "CMD [\"gateway\", \"run\"]",
    ]
    .map(str::to_owned);
    let files = Box::new(std::io::Cursor::new(files.unwrap().unwrap()));
    engine.import_image(&reference, &changes, files).await.unwrap();
    let image = format!("docker:{reference}");
    let seen = run(comeback()
        .args(["check", &image, "--filter", "docker-restart", "--format", "json"])
        .args(["--jobs", "1"]));
    assert!(engine.remove_image(&reference).await.unwrap());
    assert_eq!(seen.code, 0, "{seen}");
    let document = seen.json();
    let found = &document["images"][0];
    assert_eq!(
        (&found["name"], &found["base"]),
        (&json!(image), &Value::Null),
        "{seen}"
    );
    assert_eq!(found["release"], "0.17.0", "{seen}");
    assert_eq!(found["supervisor"].as_str(), ours.supervisor.as_deref(), "{seen}");
    assert_eq!(document["cases"][0]["verdict"], "held", "{seen}");
}

/// The files that make an image a gateway image.
const PARTS: [(&str, &str); 11] = [
    (
        "etc/passwd",
        "root:x:0:0::/root:/bin/sh\nhermes:x:10000:10000::/opt/data:/bin/bash\n",
    ),
    ("command/s6-svc", ""),
    ("command/s6-svstat", ""),
    ("command/s6-svscanctl", ""),
    ("command/s6-svwait", ""),
    ("command/s6-setuidgid", ""),
    ("command/with-contenv", ""),
    ("opt/hermes/.venv/pyvenv.cfg", "version = 3.11.2\n"),
    ("opt/hermes/.venv/bin/hermes", ""),
    (
        "opt/hermes/.venv/lib/python3.11/site-packages/hermes_cli/__init__.py",
        "__version__ = \"0.17.0\"\n",
    ),
    (
        "opt/hermes/.venv/lib/python3.11/site-packages/hermes_cli/container_boot.py",
        "",
    ),
];

#[rstest]
#[case::a_tool("command/s6-svstat", "the supervisor's tools (/command/s6-svstat)")]
#[case::the_environment("command/with-contenv", "the supervisor's tools (/command/with-contenv)")]
#[case::the_user("etc/passwd", "the user `hermes` with home /opt/data")]
#[case::the_gateway("opt/hermes/.venv/bin/hermes", "hermes-agent in the venv /opt/hermes/.venv")]
#[case::the_reconciler(
    "opt/hermes/.venv/lib/python3.11/site-packages/hermes_cli/container_boot.py",
    "the boot reconciler (hermes_cli/container_boot.py; this is 0.17.0, and it came with 0.15.0)"
)]
#[tokio::test(flavor = "multi_thread")]
async fn the_missing_part_of_an_image_is_named(#[case] missing: &str, #[case] said: &str) {
    let engine = engine().await;
    let name = missing.rsplit('/').next().unwrap();
    let reference = format!("comeback-test-lacking-{name}:{}", std::process::id());
    let parts = PARTS.iter().filter(|(path, _)| *path != missing);
    let files: Vec<_> = parts.map(|(path, content)| (*path, 0o755, *content)).collect();
    let changes = ["LABEL comeback.image=test", "ENTRYPOINT [\"/init\"]"].map(str::to_owned);
    let tar = Box::new(std::io::Cursor::new(archive(&files)));
    engine.import_image(&reference, &changes, tar).await.unwrap();
    let seen = run(comeback().args(["check", &format!("docker:{reference}"), "--filter", "docker-restart"]));
    assert!(engine.remove_image(&reference).await.unwrap());
    assert_eq!(seen.code, 3, "{seen}");
    // Exactly that, and no other part.
    let wanted = format!(
        "docker:{reference} is not a gateway image: it lacks {said}
"
    );
    assert!(
        seen.err.contains(&wanted),
        "{wanted} is not in
{seen}"
    );
}
