//! Tests of the observer script under `python3`, on a folder of the test. The observer is stopped while files are
//! written, so that the result does not depend on its speed.

#![allow(clippy::unwrap_used)]

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::OBSERVER;
use super::script_tests::Script;
use super::wire::{Message, Told};
use comeback_history::facts::{Fact, FileContent};

fn observer() -> Script {
    let mut observer = Script::start(OBSERVER, |folder, facts| {
        fs::create_dir(folder.join("logs")).unwrap();
        facts["data"] = json!(folder);
    });
    assert!(observer.sync().is_empty());
    observer
}

impl Script {
    fn append(&self, name: &str, text: &str) {
        let file = OpenOptions::new().create(true).append(true).open(self.path(name));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn rename_in(&self, name: &str, text: &str) {
        fs::write(self.path("beside"), text).unwrap();
        fs::rename(self.path("beside"), self.path(name)).unwrap();
    }
}

const STATE: &str = "gateway_state.json";
const LOG: &str = "logs/container-boot.log";

/// The messages in words: state words, and the kind of all others.
fn words(messages: &[Message]) -> Vec<String> {
    let word = |message: &Message| match message.fact() {
        Some(Fact::State {
            content: FileContent::Json { value },
            ..
        }) => value["gateway_state"].as_str().unwrap().to_owned(),
        Some(Fact::State { content, .. }) => format!("{content:?}"),
        Some(Fact::BootLine { action, .. }) => action,
        _ => message.k.clone(),
    };
    messages.iter().map(word).collect()
}

fn state(word: &str) -> String {
    json!({"gateway_state": word}).to_string()
}

fn line(action: &str) -> String {
    format!("2026-11-25T00:00:00+0000 profile=default prior_state=None action={action}\n")
}

#[test]
fn a_content_overwritten_in_place_before_it_was_read_is_reported_as_missed() {
    let mut observer = observer();
    let in_place = |o: &Script, word| fs::write(o.path(STATE), state(word)).unwrap();
    let first = observer.meanwhile(|o| in_place(o, "one"));
    assert_eq!(words(&first), ["one"]);
    let messages = observer.meanwhile(|o| {
        in_place(o, "two");
        in_place(o, "three");
    });
    assert_eq!(words(&messages), ["missed", "three"]);
    assert!(messages[0].at() > first[0].at());
    assert!(matches!(messages[0].fact(), Some(Fact::Missed { path }) if path == "default/gateway_state.json"));
    // Written by renaming, as the gateway does.
    let messages = observer.meanwhile(|o| {
        o.rename_in(STATE, &state("four"));
        o.rename_in(STATE, &state("five"));
    });
    assert_eq!(words(&messages), ["five", "missed"]);
    // The same time says that it came before what was told, and not after it.
    assert_eq!(messages[0].at(), messages[1].at());
    // Opened for writing and closed without a write: nothing is missed.
    let messages = observer.meanwhile(|o| {
        in_place(o, "six");
        drop(OpenOptions::new().append(true).open(o.path(STATE)).unwrap());
    });
    assert_eq!(words(&messages), ["six"]);
}

#[test]
fn a_file_that_is_being_overwritten_is_missed_and_not_reported_by_halves() {
    let mut observer = observer();
    observer.meanwhile(|o| fs::write(o.path(STATE), state("one")).unwrap());
    observer.signal("-STOP");
    fs::write(observer.path(STATE), state("two")).unwrap();
    let mut half = File::create(observer.path(STATE)).unwrap();
    half.write_all(b"{").unwrap();
    observer.signal("-CONT");
    // The scan after `sync` finds half a file, and reports that.
    let messages = words(&observer.sync());
    assert_eq!(messages[0], "missed");
    drop(half);
}

#[test]
fn an_observer_goes_on_where_another_one_has_ended() {
    let mut observer = observer();
    let mut told = Told::default();
    let first = observer.meanwhile(|o| {
        o.append(LOG, &line("one"));
        o.rename_in(STATE, &state("same"));
    });
    assert!(first.iter().all(|message| told.is_new(message)));
    let hello = json!({"c": "hello", "from": told.tails});
    observer.restart("new", &hello, |o| o.append(LOG, &line("two")));
    let after: Vec<_> = observer.sync().into_iter().filter(|m| told.is_new(m)).collect();
    // Neither the line nor the state comes twice. It says where it begins to read.
    assert_eq!(words(&after), ["tail", "two"]);
    // A log that is shorter than it was is another one: lines may be missing.
    let hello = json!({"c": "hello", "from": {"default/container-boot.log": 1000}});
    observer.restart("new", &hello, |_| ());
    let after: Vec<_> = observer.sync().into_iter().filter(|m| told.is_new(m)).collect();
    assert_eq!(words(&after), ["cut", "tail"]);
}

#[test]
fn a_log_truncated_in_place_is_reported() {
    let mut observer = observer();
    assert_eq!(
        words(&observer.meanwhile(|o| o.append(LOG, &line("started")))),
        ["started"]
    );
    let messages = observer.meanwhile(|o| fs::write(o.path(LOG), "").unwrap());
    assert_eq!(words(&messages), ["cut"]);
    assert!(matches!(messages[0].fact(), Some(Fact::Lost { .. })));
    assert_eq!(
        words(&observer.meanwhile(|o| o.append(LOG, &line("registered")))),
        ["registered"]
    );
    // Also if it has grown to its former size since.
    let messages = observer.meanwhile(|o| fs::write(o.path(LOG), line("other").repeat(3)).unwrap());
    assert_eq!(words(&messages), ["cut", "other", "other", "other"]);
    // A rotated log is read to its end, and the new one from its beginning.
    let messages = observer.meanwhile(|o| {
        o.append(LOG, &line("last"));
        fs::rename(o.path(LOG), o.path("logs/container-boot.log.1")).unwrap();
        o.append(LOG, &line("first"));
    });
    assert_eq!(words(&messages), ["last", "first"]);
}

/// A file's own time may be anything. Reported times never go back, and the removal of a file has a time as well.
#[test]
fn reported_times_are_monotonic() {
    let mut observer = observer();
    let mut times = Vec::new();
    for word in ["one", "two", ""] {
        let messages = observer.meanwhile(|o| match word {
            "" => fs::remove_file(o.path(STATE)).unwrap(),
            word => {
                fs::write(o.path("beside"), state(word)).unwrap();
                let long_ago = SystemTime::now() - Duration::from_secs(3600);
                File::open(o.path("beside")).unwrap().set_modified(long_ago).unwrap();
                fs::rename(o.path("beside"), o.path(STATE)).unwrap();
            }
        });
        assert_eq!(messages.len(), 1);
        times.push(messages[0].at().unwrap());
    }
    assert!(times.is_sorted(), "{times:?}");
    assert!(
        jiff::Timestamp::now().duration_since(times[0]).as_secs() < 600,
        "{times:?}"
    );
}
