//! `compare` as the gate of a pull request: checkouts that lost one half of the fix or their reconciler, and one that lost
//! nothing, against their branch.

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

const RECONCILER: Edit = (
    "docker/cont-init.d/02-reconcile-profiles",
    "-m hermes_cli.container_boot",
    "-c pass",
);

/// A `setup.py` that refuses wheels and sdists, and allows an editable install.
const REFUSES: &str = r#"
from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.sdist import sdist

class Wheel(bdist_wheel):
    def run(self):
        raise RuntimeError("no wheels are built from this tree")

class Sdist(sdist):
    def run(self):
        raise RuntimeError("no sdists are built from this tree")

setup(cmdclass={"bdist_wheel": Wheel, "sdist": Sdist})
"#;

/// Prints who owns the files of the tree, and what the user `hermes` may write of them.
const OWNERS: &str = r#"
import os
owners, writable = set(), 0
for folder, folders, names in os.walk("/opt/hermes"):
    for path in [folder] + [os.path.join(folder, name) for name in names]:
        if not os.path.islink(path):
            entry = os.stat(path)
            owners.add(entry.st_uid)
            writable += bool(entry.st_mode & 0o022)
print(sorted(owners), writable, os.path.exists("/opt/hermes/gateway/run.py"))
"#;

/// A fix of #42675 in few words, as upstream's commit did it before `desired_state`: the signal half, in two places, and the
/// marker half, which reads the pid as s6 before 2.13 prints it.
const FIX: [Edit; 3] = [
    (
        "gateway/run.py",
        "self._update_runtime_status(\"stopped\", self._exit_reason)",
        "self._update_runtime_status(\"running\" if getattr(self, \"signalled\", False) and not self._restart_requested else \
         \"stopped\", self._exit_reason)",
    ),
    (
        "gateway/run.py",
        "            _signal_initiated_shutdown = True\n",
        "            _signal_initiated_shutdown = runner.signalled = True\n",
    ),
    (
        "hermes_cli/service_manager.py",
        "        self._run_svc(\"-d\", \"stop\", name)\n",
        "        import subprocess\n        from gateway.status import write_planned_stop_marker\n        \
         said = subprocess.run([\"/command/s6-svstat\", str(self.scandir / name)], capture_output=True, text=True).stdout\n        \
         if \"(pid \" in said and \")\" in said and said.split(\"(pid \")[1].split(\")\")[0].isdigit():\n            \
         write_planned_stop_marker(int(said.split(\"(pid \")[1].split(\")\")[0]))\n        \
         self._run_svc(\"-d\", \"stop\", name)\n",
    ),
];

/// A repository with a tree that refuses wheels and brings cont-init scripts of its own (a copy of ours), on a branch `main`.
fn repository(release: &str, folder: &Path) -> PathBuf {
    let project = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let done = Command::new("python3")
        .arg(project.join("ci/sdist"))
        .arg(release)
        .arg(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let root = PathBuf::from(String::from_utf8(done.stdout).unwrap().trim());
    std::fs::write(root.join("setup.py"), REFUSES).unwrap();
    let scripts = root.join("docker/cont-init.d");
    std::fs::create_dir_all(&scripts).unwrap();
    for entry in std::fs::read_dir(project.join("images/gateway/rootfs/etc/cont-init.d")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), scripts.join(entry.file_name())).unwrap();
    }
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "--all", "--force"],
        &[
            "-c",
            "user.name=n",
            "-c",
            "user.email=n@example.org",
            "commit",
            "--quiet",
            "--message=1",
        ],
    ] {
        let done = Command::new("git")
            .arg("-C")
            .arg(&root)
            .args(arguments)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    root
}

/// A copy of a checkout beside it.
fn copy(root: &Path, name: &str) -> PathBuf {
    let copy = root.with_file_name(name);
    let done = Command::new("cp").arg("-r").args([root, &copy]).status();
    assert!(done.unwrap().success());
    copy
}

fn edit(root: &Path, (file, from, to): Edit) {
    let path = root.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(from).count(), 1, "{from} in {file}");
    std::fs::write(&path, text.replace(from, to)).unwrap();
}

/// What a Python script prints in a container of an image.
async fn printed(engine: &Arc<dyn Engine>, image: &str, script: &str) -> String {
    let name = format!("comeback-test-printed-{}", std::process::id());
    let spec = ContainerSpec {
        image: image.to_owned(),
        name: name.clone(),
        labels: [(RUN_LABEL.to_owned(), name)].into(),
        entrypoint: vec!["python3".to_owned()],
        cmd: ["-Ic", script].map(str::to_owned).into(),
        ..ContainerSpec::default()
    };
    let id = engine.create_container(&spec).await.unwrap();
    engine.start(&id).await.unwrap();
    let lines: Vec<_> = engine.logs(&id, 0, true).await.unwrap().collect().await;
    engine.remove_container(&id).await.unwrap();
    let lines: Vec<String> = lines.into_iter().map(|line| line.unwrap().text).collect();
    lines.join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn compare_names_what_a_checkout_lost_against_its_branch() {
    let _alone = super::MACHINE.lock().await;
    let engine = engine().await;
    let folder = tempfile::tempdir().unwrap();
    let root = repository("0.19.0", folder.path());
    // Both halves of the fix work with the s6 of that base.
    let branch = format!("source:{}#main@bookworm", root.display());
    let compared = |root: &Path, report: &str| {
        let report = folder.path().join(report);
        let seen = run(comeback()
            .args(["compare", &branch, &format!("source:{}@bookworm", root.display())])
            .args(["--filter", FILTER, "--format", "json", "--jobs", "1"])
            .arg("--output")
            .arg(format!("human={}", report.display())));
        (seen, std::fs::read_to_string(report).unwrap_or_default())
    };
    let references =
        |document: &Value| [0, 1].map(|side| document["images"][side]["reference"].as_str().unwrap().to_owned());

    let (seen, told) = compared(&root, "whole.txt");
    assert_eq!(seen.code, 0, "{seen}");
    let document = seen.json();
    let all = document["comparisons"].as_array().unwrap();
    let changes: Vec<_> = all.iter().map(|c| &c["change"]).collect();
    assert_eq!(changes, ["held", "held"], "{seen}");
    assert!(told.contains(&format!("2 scenarios hold on {branch}")), "{told}");
    let [old, new] = references(&document);
    assert_eq!(old, new, "the branch and its checkout are one tree, so one image");
    assert_eq!(printed(&engine, &new, OWNERS).await, "[0] 0 True");

    let losses = [
        ("signal", &["docker-restart"][..], SIGNAL),
        ("marker", &["operator-stop-marker"], MARKER),
        ("reconciler", &["docker-restart", "operator-stop-marker"], RECONCILER),
    ];
    // Beside each other, because each mostly waits.
    let all_seen = std::thread::scope(|scope| {
        let (root, compared) = (&root, &compared);
        let begun = losses.map(|(lost, _, change)| {
            scope.spawn(move || {
                let checkout = copy(root, lost);
                edit(&checkout, change);
                compared(&checkout, &format!("{lost}.txt"))
            })
        });
        begun.map(|run| run.join().unwrap())
    });
    for ((lost, scenarios, _), (seen, told)) in losses.into_iter().zip(all_seen) {
        assert_eq!(seen.code, 1, "{lost}\n{seen}");
        let document = seen.json();
        engine.remove_image(&references(&document)[1]).await.unwrap();
        assert_eq!(document["verdict"], "regression", "{lost}\n{seen}");
        let all = document["comparisons"].as_array().unwrap();
        let introduced: Vec<_> = all.iter().filter(|c| c["change"] == "introduced").collect();
        let found: Vec<_> = introduced.iter().map(|c| c["scenario"].as_str().unwrap()).collect();
        assert_eq!(found, scenarios, "{lost}\n{seen}");
        if lost != "reconciler" {
            assert_eq!(introduced[0]["guards"], json!([lost]), "{seen}");
            assert!(told.contains(&format!("the {lost} half of the fix")), "{told}");
        }
    }
    engine.remove_image(&old).await.unwrap();
}

/// What the gate would have said of the fix itself, on the Debian of the official image: the restarts are repaired, and the
/// explicit stop is lost, because the fix cannot read the pid that a later s6 prints.
#[tokio::test(flavor = "multi_thread")]
async fn compare_names_what_the_fix_broke_with_a_later_s6() {
    let _alone = super::MACHINE.lock().await;
    let engine = engine().await;
    let folder = tempfile::tempdir().unwrap();
    let root = repository("0.16.0", folder.path());
    for change in FIX {
        edit(&root, change);
    }
    let (branch, checkout) = (
        format!("source:{}#main", root.display()),
        format!("source:{}", root.display()),
    );
    let seen = run(comeback()
        .args(["compare", &branch, &checkout, "--format", "json"])
        .args(["--filter", "docker-restart or unmarked-sigterm or operator-stop"]));
    let document = seen.json();
    for side in [0, 1] {
        assert_eq!(document["images"][side]["base"], "trixie", "{seen}");
        let reference = document["images"][side]["reference"].as_str().unwrap();
        engine.remove_image(reference).await.unwrap();
    }
    let all = document["comparisons"].as_array().unwrap();
    let of = |change: &str| -> Vec<&str> {
        let those = all.iter().filter(|c| c["change"] == change);
        those.map(|c| c["scenario"].as_str().unwrap()).collect()
    };
    assert_eq!(of("repaired"), ["docker-restart", "unmarked-sigterm"], "{seen}");
    assert_eq!(of("introduced"), ["operator-stop"], "{seen}");
    assert_eq!(seen.code, 1, "{seen}");
}
