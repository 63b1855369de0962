//! Merging shards: complete sets, and everything that is not one. The shards are cut out of records of real runs.

#![allow(clippy::unwrap_used)]

mod outsider;

use std::fs;
use std::path::{Path, PathBuf};

use outsider::{CommandOutput, comeback, run};
use rstest::rstest;
use serde_json::{Value, json};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../record/tests/fixtures/records")
        .join(name)
}

/// The records of the shards of a run.
struct Shards {
    folder: tempfile::TempDir,
    n: usize,
}

impl Shards {
    /// Cuts a whole record into `n` shards. `unit` returns the unit of a case, given its position.
    fn of(name: &str, n: usize, unit: impl Fn(usize) -> usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entries = lines(&fixture(name).join("ledger.jsonl"));
        let cases: Vec<&Value> = entries.iter().filter(|e| e["entry"] == "case").collect();
        for k in 1..=n {
            let root = folder.path().join(k.to_string());
            fs::create_dir_all(root.join("cases")).unwrap();
            let position = |of: &Value| {
                let same = |c: &&Value| ["scenario", "image", "repeat"].iter().all(|key| c[*key] == of[*key]);
                cases.iter().position(same).unwrap()
            };
            let mine = |of: &Value| unit(position(of)) % n == k - 1;
            let mut ledger = Vec::new();
            for entry in &entries {
                let mut entry = entry.clone();
                match entry["entry"].as_str().unwrap() {
                    "began" => {
                        entry["run"] = json!(format!("run-{k}"));
                        let arguments = entry["arguments"].as_array_mut().unwrap();
                        arguments.extend(["--partition".into(), format!("slice:{k}/{n}").into()]);
                    }
                    "case" if !mine(&entry) => continue,
                    "case" => entry["position"] = json!(position(&entry)),
                    "attempt" if !mine(&entry["case"]) => continue,
                    "attempt" => {
                        let attempt = entry["folder"].as_str().unwrap();
                        let (from, to) = (
                            fixture(name).join("cases").join(attempt),
                            root.join("cases").join(attempt),
                        );
                        fs::create_dir(&to).unwrap();
                        for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
                            fs::copy(file.path(), to.join(file.file_name())).unwrap();
                        }
                    }
                    "scenario" if !cases.iter().any(|c| c["scenario"] == entry["id"] && mine(c)) => continue,
                    _ => {}
                }
                let late = ["scenario", "case", "ended"].iter().any(|kind| entry["entry"] == *kind);
                if late && !ledger.iter().any(|e: &Value| e["entry"] == "partition") {
                    ledger.push(partition(k, n, cases.len()));
                }
                ledger.push(entry);
            }
            fs::copy(fixture(name).join("events.jsonl"), root.join("events.jsonl")).unwrap();
            write(&root.join("ledger.jsonl"), &ledger);
        }
        Self { folder, n }
    }

    fn path(&self, k: usize) -> PathBuf {
        self.folder.path().join(k.to_string())
    }

    fn all(&self) -> Vec<PathBuf> {
        (1..=self.n).map(|k| self.path(k)).collect()
    }

    /// Changes lines of one kind in a shard's ledger.
    fn edit(&self, k: usize, kind: &str, with: impl Fn(&mut Value)) {
        let path = self.path(k).join("ledger.jsonl");
        let mut entries = lines(&path);
        let mut changed = 0;
        for entry in entries.iter_mut().filter(|e| e["entry"] == kind) {
            with(entry);
            changed += 1;
        }
        assert!(changed > 0, "there is no {kind}");
        write(&path, &entries);
    }

    /// Removes lines of one kind from a shard's ledger.
    fn without(&self, k: usize, kind: &str) {
        let path = self.path(k).join("ledger.jsonl");
        let entries: Vec<Value> = lines(&path).into_iter().filter(|e| e["entry"] != kind).collect();
        write(&path, &entries);
    }
}

fn partition(shard: usize, of: usize, cases: usize) -> Value {
    json!({"entry": "partition", "by": "slice", "shard": shard, "of": of, "cases": cases, "plan": "p", "table": "t"})
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn write(path: &Path, lines: &[Value]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    fs::write(path, text).unwrap();
}

fn merge(shards: &[PathBuf], flags: &[&str]) -> CommandOutput {
    run(comeback().arg("merge").args(shards).args(flags))
}

/// A document without what depends on time, place and the number of shards.
fn essence(mut document: Value) -> Value {
    let object = document.as_object_mut().unwrap();
    for key in ["run", "seconds", "record", "arguments", "shards", "started"] {
        object.remove(key);
    }
    for case in document["cases"].as_array_mut().unwrap() {
        case["evidence"].take();
    }
    document
}

/// Every report of the merged run equals that of an unpartitioned run, and its record gives the same verdict.
#[rstest]
#[case::one("reproduce", 1)]
#[case::even("reproduce", 2)]
#[case::uneven("reproduce", 3)]
#[case::more_shards_than_cases("reproduce", 7)]
#[case::red("red", 2)]
#[case::overlays("selftest", 2)]
fn a_merged_run_equals_an_unpartitioned_run(#[case] name: &str, #[case] n: usize) {
    let shards = Shards::of(name, n, |position| position);
    let whole = run(comeback().arg("judge").arg(fixture(name)).args(["--format", "json"]));
    let record = shards.folder.path().join("whole");
    let mut all = shards.all();
    all.reverse();
    let merged = merge(&all, &["--format", "json", "--record", record.to_str().unwrap()]);
    assert_eq!(merged.code, whole.code, "{merged}");
    assert_eq!(merged.err, "", "{merged}");
    let document = merged.json();
    assert_eq!(essence(document.clone()), essence(whole.json()));
    assert_eq!(document["shards"].as_array().unwrap().len(), n);
    assert!(!document["arguments"].to_string().contains("partition"), "{document}");
    let again = run(comeback().arg("judge").arg(&record).args(["--format", "json"]));
    assert_eq!((again.code, again.json()), (merged.code, document.clone()));
    let kept: Value = serde_json::from_slice(&fs::read(record.join("run.json")).unwrap()).unwrap();
    assert_eq!(kept, document);
}

#[test]
fn a_merged_comparison_equals_an_unpartitioned_one() {
    let shards = Shards::of("compare", 2, |_| 0);
    let whole = run(comeback()
        .arg("judge")
        .arg(fixture("compare"))
        .args(["--format", "json"]));
    let record = shards.folder.path().join("whole");
    let merged = merge(
        &shards.all(),
        &["--format", "json", "--record", record.to_str().unwrap()],
    );
    assert_eq!(merged.code, whole.code, "{merged}");
    assert_eq!(essence(merged.json()), essence(whole.json()));
}

/// One shard alone: its cases are judged, cases of other shards are not missing, and an empty shard is no error.
#[rstest]
#[case::some("reproduce", 2, 1, 0, 2)]
#[case::none("reproduce", 7, 7, 0, 0)]
#[case::the_red_one("red", 2, 1, 1, 1)]
#[case::the_other_one("red", 2, 2, 0, 1)]
fn a_shard_is_judged_by_its_own_cases(
    #[case] name: &str,
    #[case] n: usize,
    #[case] k: usize,
    #[case] code: i32,
    #[case] cases: usize,
) {
    let shards = Shards::of(name, n, |position| position);
    let seen = run(comeback().arg("judge").arg(shards.path(k)).args(["--format", "json"]));
    assert_eq!(seen.code, code, "{seen}");
    let document = seen.json();
    assert_eq!(document["cases"].as_array().unwrap().len(), cases);
    let partition = &document["partition"];
    assert_eq!((&partition["shard"], &partition["of"]), (&json!(k), &json!(n)));
    let said = run(comeback().arg("judge").arg(shards.path(k)));
    assert!(said.out.contains(&format!("shard {k} of {n}")), "{said}");
}

#[test]
fn a_shard_that_is_missing_is_named() {
    let shards = Shards::of("reproduce", 4, |position| position);
    refused(&[shards.path(1), shards.path(3)], "shards 2, 4 of 4 are missing");
    refused(
        &[shards.path(2), shards.path(3), shards.path(4)],
        "shard 1 of 4 is missing",
    );
}

#[test]
fn a_shard_given_twice_is_refused() {
    let shards = Shards::of("reproduce", 2, |position| position);
    refused(&[shards.path(1), shards.path(2), shards.path(1)], "are the same shard");
    refused(&[shards.path(1), shards.path(1)], "shard 2 of 2 is missing");
}

#[test]
fn an_unpartitioned_run_is_refused() {
    let shards = Shards::of("reproduce", 2, |position| position);
    refused(
        &[shards.path(1), shards.path(2), fixture("reproduce")],
        "was run without --partition",
    );
}

#[rstest]
#[case::killed("ended", "its record ends before the run did")]
#[case::killed_before_the_plan_stood("both", "cut short before its plan was made")]
#[case::a_case_was_not_run("attempt", "cut short: 0 of its 2 cases were run")]
fn an_interrupted_shard_is_refused(#[case] what: &str, #[case] says: &str) {
    let shards = Shards::of("reproduce", 2, |position| position);
    if what == "both" {
        shards.without(2, "ended");
        shards.without(2, "partition");
    } else {
        shards.without(2, what);
    }
    refused(&shards.all(), says);
}

#[rstest]
#[case::interrupted(json!({"interrupted": 130}), "cut short: it was interrupted")]
#[case::no_image(
    json!({"failure": {"why": "release:0.17.0 cannot be had", "exit": 3, "code": 3}}),
    "cut short: release:0.17.0 cannot be had"
)]
fn a_failed_shard_is_refused(#[case] ended: Value, #[case] says: &str) {
    let shards = Shards::of("reproduce", 2, |position| position);
    shards.edit(2, "ended", |entry| {
        for (key, value) in ended.as_object().unwrap() {
            entry[key] = value.clone();
        }
    });
    refused(&shards.all(), says);
}

/// What went wrong beside the cases of a complete shard went wrong in the whole run.
#[test]
fn a_leak_of_one_shard_fails_the_whole_run() {
    let shards = Shards::of("reproduce", 2, |position| position);
    shards.edit(2, "ended", |entry| {
        entry["failure"] = json!({"why": "1 container was left behind", "exit": 3, "code": null});
    });
    let record = shards.folder.path().join("whole");
    let seen = merge(
        &shards.all(),
        &["--format", "json", "--record", record.to_str().unwrap()],
    );
    assert_eq!(seen.code, 3, "{seen}");
    assert_eq!(seen.json()["failure"], "shard 2: 1 container was left behind");
}

#[rstest]
#[case::another_image("image", "/image/digest", json!("sha256:other"), "names different images")]
#[case::another_release("image", "/image/name", json!("release:0.18.2"), "the images differ")]
#[case::another_table("partition", "/table", json!("other"), "the tables differ")]
#[case::another_plan("partition", "/plan", json!("other"), "the plans differ")]
#[case::another_count("partition", "/of", json!(3), "was not partitioned in the same way")]
#[case::another_way("partition", "/by", json!("hash"), "was not partitioned in the same way")]
#[case::another_command("began", "/command", json!("check"), "the command or the version of comeback differs")]
#[case::another_version("began", "/version", json!("9.9.9"), "the command or the version of comeback differs")]
#[case::another_place("case", "/position", json!(0), "has the same position in the plan")]
#[case::no_place("case", "/position", Value::Null, "in the plan is missing")]
fn shards_of_different_runs_are_refused(
    #[case] kind: &str,
    #[case] pointer: &str,
    #[case] value: Value,
    #[case] says: &str,
) {
    let shards = Shards::of("reproduce", 2, |position| position);
    shards.edit(2, kind, |entry| *entry.pointer_mut(pointer).unwrap() = value.clone());
    refused(&shards.all(), says);
}

#[test]
fn all_errors_of_shards_are_reported_at_once() {
    let shards = Shards::of("reproduce", 4, |position| position);
    shards.without(3, "ended");
    let seen = merge(&[shards.path(1), shards.path(3), shards.path(1)], &[]);
    let root = shards.folder.path().display().to_string();
    insta::assert_snapshot!(seen.err.replace(&root, "DIR"), @r"
    error: these records are not the shards of one run
      DIR/1 (slice:1/4) and DIR/1 (slice:1/4) are the same shard
      shards 2, 4 of 4 are missing
      DIR/3 (slice:3/4): cut short: its record ends before the run did
      → give the record of every shard once; all have to be complete runs of the same command on the same images
    ");
    assert_eq!(seen.code, 64);
}

/// The merged record never overwrites anything, and is only written if the merge succeeds.
#[test]
fn a_merged_record_is_written_only_on_success() {
    let shards = Shards::of("reproduce", 2, |position| position);
    let record = shards.folder.path().join("whole");
    let flags = ["--record", record.to_str().unwrap()];
    assert_eq!(merge(&[shards.path(1)], &flags).code, 64);
    assert!(!record.exists());
    assert_eq!(merge(&shards.all(), &flags).code, 0);
    assert_eq!(merge(&shards.all(), &flags).code, 64);
}

#[test]
fn the_trend_is_that_of_the_runs_in_the_history() {
    let shards = Shards::of("red", 1, |position| position);
    let file = shards.folder.path().join("history.jsonl");
    let merge = |record: &str| {
        let record = shards.folder.path().join(record);
        let flags = [
            "--history",
            file.to_str().unwrap(),
            "--record",
            record.to_str().unwrap(),
        ];
        (merge(&shards.all(), &flags), record.exists())
    };
    let (first, _) = merge("first");
    assert!(first.out.contains("trend  the first run of this command"), "{first}");
    let (second, _) = merge("second");
    assert!(second.out.contains("of the latest 2 runs"), "{second}");
    assert!(second.out.contains("2 were red"), "{second}");
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 2);
    // Somebody's own file is refused, and stays as it is.
    fs::write(&file, "hello\n").unwrap();
    let (third, recorded) = merge("third");
    assert_eq!((third.code, recorded), (64, false), "{third}");
    assert!(
        third
            .err
            .contains("history.jsonl:1: this is no line that --history wrote"),
        "{third}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "hello\n");
}

/// Exit code 64, an error that contains `says`, and nothing on stdout.
fn refused(shards: &[PathBuf], says: &str) {
    let seen = merge(shards, &["--format", "json"]);
    assert_eq!(seen.code, 64, "{seen}");
    assert_eq!(seen.out, "", "{seen}");
    assert!(
        seen.err
            .starts_with("error: these records are not the shards of one run"),
        "{seen}"
    );
    assert!(seen.err.contains(says), "{seen}");
}
