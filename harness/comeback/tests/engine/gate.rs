//! `compare` as the gate of a pull request: checkouts that lost one half of the fix, and one that lost nothing.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use comeback_engine::{ContainerSpec, Engine, RUN_LABEL};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::engine;
use super::outsider::{comeback, run};

/// The two scenarios that together protect both halves.
const FILTER: &str = "tag(core) and (docker-restart or operator-stop-marker)";
/// A file, a text in it, and its replacement.
type Edit = (&'static str, &'static str, &'static str);
const SIGNAL: Edit = (
    "gateway/run.py",
    "if getattr(self, \"_signal_initiated_shutdown\", False) and not self._restart_requested:",
    "if False:",
);
const MARKER: Edit = (
    "hermes_cli/service_manager.py",
    "write_planned_stop_marker(pid)",
    "pass",
);

/// Lists the names and contents of installed files, and whether they have bytecode, to compare two images.
const INSTALLED: &str = r#"
import hashlib, os
for folder, folders, names in os.walk("/opt/hermes/.venv"):
    folders.sort()
    lines = []
    for name in sorted(names):
        path = os.path.join(folder, name)
        # Where a wheel came from, and with it the list that has a hash of that.
        if name in ("RECORD", "direct_url.json", "uv_cache.json") and "hermes_agent" in folder:
            continue
        with open(path, "rb") as file:
            lines.append(name + " " + (hashlib.sha256(file.read()).hexdigest() if not name.endswith(".pyc") else ""))
    print(folder, len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest())
"#;

fn sdist(folder: &Path) -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ci/sdist");
    let done = Command::new("python3")
        .args([script, "0.17.0"])
        .arg(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    PathBuf::from(String::from_utf8(done.stdout).unwrap().trim())
}

/// Applies an edit, and returns the original content.
fn edit(root: &Path, (file, from, to): Edit) -> String {
    let path = root.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from} in {file}");
    std::fs::write(&path, text.replace(from, to)).unwrap();
    text
}

async fn installed(engine: &Arc<dyn Engine>, image: &str, side: &str) -> Vec<String> {
    let name = format!("comeback-test-installed-{side}-{}", std::process::id());
    let spec = ContainerSpec {
        image: image.to_owned(),
        name: name.clone(),
        labels: [(RUN_LABEL.to_owned(), name)].into(),
        entrypoint: Some("python3".to_owned()),
        cmd: ["-Ic", INSTALLED].map(str::to_owned).into(),
        ..ContainerSpec::default()
    };
    let id = engine.create_container(&spec).await.unwrap();
    engine.start(&id).await.unwrap();
    let lines: Vec<_> = engine.logs(&id, 0, true).await.unwrap().collect().await;
    engine.remove_container(&id).await.unwrap();
    lines.into_iter().map(|line| line.unwrap().text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_names_the_half_of_the_fix_that_a_checkout_lost() {
    let _alone = super::MACHINE.lock().await;
    let engine = engine().await;
    let folder = tempfile::tempdir().unwrap();
    let root = sdist(folder.path());
    let compared = |report: &str| {
        let report = folder.path().join(report);
        let seen = run(comeback()
            .args(["compare", "release:0.17.0", &format!("source:{}", root.display())])
            .args(["--filter", FILTER, "--format", "json"])
            .arg("--output")
            .arg(format!("human={}", report.display())));
        (seen, std::fs::read_to_string(report).unwrap_or_default())
    };
    let references =
        |document: &Value| [0, 1].map(|side| document["images"][side]["reference"].as_str().unwrap().to_owned());

    let (seen, told) = compared("whole.txt");
    assert_eq!(seen.code, 0, "{seen}");
    let document = seen.json();
    let changes: Vec<_> = document["comparisons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["change"])
        .collect();
    assert_eq!(changes, ["held", "held"], "{seen}");
    assert!(told.contains("2 scenarios hold on release:0.17.0"), "{told}");
    let [old, new] = references(&document);
    let (release, source) = tokio::join!(installed(&engine, &old, "release"), installed(&engine, &new, "source"));
    engine.remove_image(&new).await.unwrap();
    assert!(release.len() > 500, "{release:?}");
    assert_eq!(release, source, "a checkout is installed as its release is");

    for (half, scenario, change) in [
        ("signal", "docker-restart", SIGNAL),
        ("marker", "operator-stop-marker", MARKER),
    ] {
        let before = edit(&root, change);
        let (seen, told) = compared(half);
        std::fs::write(root.join(change.0), before).unwrap();
        assert_eq!(seen.code, 1, "{half}\n{seen}");
        let document = seen.json();
        engine.remove_image(&references(&document)[1]).await.unwrap();
        assert_eq!(document["verdict"], "regression", "{half}\n{seen}");
        let all = document["comparisons"].as_array().unwrap();
        let lost: Vec<_> = all.iter().filter(|c| c["change"] != "held").collect();
        assert_eq!(lost.len(), 1, "only that half\n{seen}");
        assert_eq!(
            (&lost[0]["scenario"], &lost[0]["change"]),
            (&json!(scenario), &json!("introduced")),
            "{seen}"
        );
        assert_eq!(lost[0]["guards"], json!([half]), "{seen}");
        assert!(told.contains(&format!("the {half} half of the fix")), "{told}");
    }
}
