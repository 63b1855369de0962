//! An image that misbehaves in many ways (`images/hostile`). Each way has an outcome that says what happened, uses a
//! bounded amount of the harness's memory and disk, and none of its output takes effect.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::engine;
use super::outsider::{BINARY, CommandOutput, FORMATS, comeback, inert, run, stub};

/// For each way to misbehave: the verdict and a part of its reason.
const WAYS: [(&str, &str, &str); 18] = [
    // The unmodified gateway.
    ("none", "held", ""),
    ("log-flood", "held", ""),
    ("state-flood", "inconclusive", "the observer sent more than 8 MiB"),
    ("state-huge", "regression", "boot.prior_state is absent"),
    ("state-sparse", "regression", "boot.prior_state is absent"),
    ("state-fifo", "regression", "boot.prior_state is absent"),
    ("state-endless", "regression", "boot.prior_state is absent"),
    ("state-link", "regression", "boot.prior_state is stopped"),
    ("state-shadow", "regression", "boot.prior_state is absent"),
    ("plant", "regression", "it must be running"),
    ("fork-bomb", "regression", "boot.prior_state is absent"),
    // Whether the supervisor's tool or its caller fails first depends on timing.
    ("starve", "inconclusive", "could"),
    ("crowd", "inconclusive", "profiles, and no more than 64 are watched"),
    ("deaf", "regression", "invariant.supervisor is init"),
    ("quit", "regression", "boot.prior_state is absent"),
    ("clock-ahead", "held", ""),
    ("clock-back", "held", ""),
    ("babbles", "error", "the observer sent an unreadable line"),
];
/// Limit for the harness's memory, in KiB. Measured: 77 MiB, and 40 MiB without a hostile image.
const MEMORY: u64 = 200 << 10;
/// Limit for the whole record, in bytes. Two attempts of `state-flood` take 16 MiB of it.
const RECORD: u64 = 30 << 20;

/// Prints the peak memory of the command on stderr, in KiB, as the last line.
const MEASURED: &str = "
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
";

/// The hostile image, for `dockerfile:`, and its scenarios.
struct Hostile {
    folder: tempfile::TempDir,
}

impl Hostile {
    /// The hostile image on another one.
    fn new(base: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../images");
        let copied = Command::new("cp")
            .arg("-r")
            .args([images.join("hostile"), folder.path().join("image")])
            .status()
            .unwrap();
        assert!(copied.success());
        let image = folder.path().join("image");
        fs::copy(
            images.join("gateway/rootfs/init"),
            image.join("rootfs/opt/hostile/init"),
        )
        .unwrap();
        let text = fs::read_to_string(image.join("Dockerfile")).unwrap();
        let text = text.replace("ARG BASE\n", "").replace("${BASE}", base);
        fs::write(image.join("Dockerfile"), text).unwrap();
        let scenarios = folder.path().join("scenarios");
        fs::create_dir(&scenarios).unwrap();
        for (way, ..) in WAYS {
            let text = include_str!("hostile/case.toml").replace("MODE", way);
            fs::write(scenarios.join(format!("{way}.toml")), text).unwrap();
        }
        fs::write(scenarios.join("lies.toml"), include_str!("hostile/lies.toml")).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn check(&self, filter: &str, flags: &[&str]) -> CommandOutput {
        let done = Command::new("python3")
            .args(["-c", MEASURED, BINARY, "check"])
            .arg(format!("dockerfile:{}", self.path("image").display()))
            .arg("--scenarios")
            .arg(self.path("scenarios"))
            .args(["--filter", filter, "--color", "never"])
            .args(flags)
            .env("COMEBACK_CONFIG", "")
            .output()
            .unwrap();
        CommandOutput::of(done)
    }
}

fn case<'a>(document: &'a Value, scenario: &str) -> &'a Value {
    let all = document["cases"].as_array().unwrap();
    let case = all.iter().find(|c| c["scenario"] == scenario && c["counts"] == true);
    case.unwrap_or_else(|| panic!("no case of {scenario}"))
}

/// All files below a folder: path and size.
fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            all.extend(files(&entry.path()));
        } else {
            all.push((entry.path(), entry.metadata().unwrap().len()));
        }
    }
    all
}

/// One test for both parts, because the image takes some seconds to build.
#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_image_has_outcomes_and_bounds() {
    let _alone = super::MACHINE.lock().await;
    let engine = engine().await;
    // A fault overlay needs the real gateway.
    let real = run(comeback().args(["images", "build", "release:0.17.0"]));
    assert_eq!(real.code, 0, "{real}");
    for reference in [
        every_way_has_an_outcome_and_bounds(&Hostile::new(&stub("0.17.0").replacen("docker:", "", 1))),
        a_lying_python_does_not_deceive_the_observer_outside(&Hostile::new(real.out.trim())),
    ] {
        engine.remove_image(&reference).await.unwrap();
    }
}

/// Returns the reference of the image.
fn every_way_has_an_outcome_and_bounds(hostile: &Hostile) -> String {
    let record = hostile.path("record");
    let outputs = FORMATS.map(|format| format!("--output={format}={}", hostile.path(format).display()));
    let mut flags: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let into = format!("--record={}", record.display());
    // Many of these cases only wait.
    flags.extend(["--jobs", "6", "--timeout", "120s", "--format", "json", &into]);
    let seen = hostile.check("tag(hostile)", &flags);
    let document = seen.json();
    let found: Vec<(&str, String, bool)> = WAYS
        .iter()
        .map(|(way, _, said)| {
            let case = case(&document, way);
            let reason = case["reason"].as_str().unwrap_or_default();
            (
                *way,
                case["verdict"].as_str().unwrap().to_owned(),
                reason.contains(said),
            )
        })
        .collect();
    let wanted: Vec<(&str, String, bool)> = WAYS.iter().map(|(way, v, _)| (*way, (*v).to_owned(), true)).collect();
    assert_eq!(found, wanted, "{seen}");
    assert_eq!(seen.code, 1, "{seen}");

    let memory: u64 = seen.err.lines().last().unwrap().parse().unwrap();
    assert!(memory < MEMORY, "{memory} KiB");
    let kept = files(&record);
    let size: u64 = kept.iter().map(|(_, size)| size).sum();
    assert!(size < RECORD, "{size} bytes");
    // The gateway read its state through the link and reports it. Nothing else followed the link.
    for (path, _) in &kept {
        let text = String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned();
        assert!(!text.contains("through-the-link"), "{}", path.display());
        let name = path.strip_prefix(&record).unwrap().to_str().unwrap();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@".contains(c);
        assert!(name.chars().all(plain), "{name}");
    }
    let text = |format: &str| fs::read_to_string(hostile.path(format)).unwrap();
    for format in FORMATS {
        inert(&text(format), format);
    }
    inert(&seen.err, "stderr");
    let junit = quick_junit::Report::deserialize_from_str(&text("junit")).unwrap();
    assert_eq!(junit.tests, WAYS.len());
    // Judged again from the record, the verdict is the same.
    let again = run(comeback().arg("judge").arg(&record).args(["--format", "json"]));
    assert_eq!(again.code, 1, "{again}");
    for (way, verdict, _) in WAYS {
        assert_eq!(case(&again.json(), way)["verdict"], verdict, "{way}");
    }
    document["images"][0]["reference"].as_str().unwrap().to_owned()
}

/// A broken gateway in an image whose Python makes the observer report the fixed column. Run from that image, the
/// observer is deceived; run from the base, it reads the real volume. The document says which image it was.
fn a_lying_python_does_not_deceive_the_observer_outside(hostile: &Hostile) -> String {
    let believed = hostile.check("lies", &["--format", "json"]);
    let seen = hostile.check("lies", &["--format", "json", "--observer", "base"]);
    let (lie, truth) = (believed.json(), seen.json());
    let reference = truth["images"][0]["reference"].as_str().unwrap();
    let told = |document: &Value| case(document, "lies")["observer"]["from"].clone();
    assert_eq!((told(&lie), told(&truth)), ("image".into(), "base".into()));
    assert_eq!(case(&lie, "lies")["observer"]["reference"], reference);
    assert_eq!((believed.code, seen.code), (0, 1), "{believed}\n{seen}");
    let rows = case(&truth, "lies")["rows"].as_array().unwrap();
    let state = rows.iter().find(|row| row["at"] == "down:1").unwrap();
    assert_eq!(state["observed"], "stopped");
    reference.to_owned()
}
