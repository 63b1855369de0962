mod together;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::model::{
    ImageRef, Moment, MountKind, Need, Operation, Probe, ProfileSel, RestartPolicy, Signal, StartBy, StartWait, User,
    Value, ValueSet,
};

/// A valid file. The cases below replace a line of it or add some.
const GOOD: &str = r#"schema = 1
title = "docker restart"
tags = ["core"]

[start]
by = "operator"

[[step]]
engine-restart = { grace = "10s" }

[[expect]]
at = "boot:2"
probe = "boot.action"
fixed = "started"
regressed = "registered"
"#;

fn errors(text: &str) -> Vec<Diagnostic> {
    parse_file("scenarios/my-case.toml", text).err().unwrap_or_default()
}

fn good(text: &str) -> Scenario {
    parse_file("scenarios/my-case.toml", text).unwrap_or_else(|e| panic!("{}", shown(&e)))
}

fn shown(errors: &[Diagnostic]) -> String {
    errors.iter().map(|e| format!("{e}\n")).collect()
}

/// The errors of each case below the change that causes them: `FROM => TO`, or lines added at the end.
fn cases(changes: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (from, to) in changes {
        let text = if from.is_empty() {
            format!("{GOOD}{to}\n")
        } else {
            assert!(GOOD.contains(from), "{from}");
            GOOD.replacen(from, to, 1)
        };
        let found = errors(&text);
        assert!(!found.is_empty(), "no error after {from:?} => {to:?}");
        out.push_str(&shown(&found));
        out.push('\n');
    }
    out
}

#[test]
fn the_valid_file_parses() {
    let scenario = good(GOOD);
    assert_eq!(scenario.id, "my-case");
    assert_eq!(
        (scenario.settle, scenario.watch),
        (Duration::from_secs(2), Duration::from_secs(5))
    );
    let longer = good(&GOOD.replacen("tags", "settle = \"7s\"\ntags", 1));
    assert_eq!(
        (longer.settle, longer.watch),
        (Duration::from_secs(7), Duration::from_secs(7))
    );
    // This one may end by itself, at any time.
    let restarted = good(&GOOD.replacen("[start]", "[start]\npolicy = \"always\"", 1));
    assert_eq!(restarted.settle, Duration::from_secs(5));
    assert_eq!(scenario.source.expect_lines, [11]);
    assert_eq!(scenario.start.wait, StartWait::Running);
    assert_eq!(scenario.expects[0].at, Moment::Boot(2));
}

#[test]
fn syntax() {
    let shown = cases(&[
        ("schema = 1", "schema = "),
        ("title = \"docker restart\"", "title = \"docker restart"),
        ("[start]", "[start"),
        ("tags = [\"core\"]", "title = \"again\""),
        ("by = \"operator\"", "by = operator\nwait = running"),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn top_level() {
    let shown = cases(&[
        ("schema = 1\n", ""),
        ("schema = 1", "schema = 2"),
        ("schema = 1", "schema = \"1\""),
        ("title = \"docker restart\"\n", ""),
        ("docker restart", ""),
        ("\"docker restart\"", "\"\"\"two\nlines\"\"\""),
        ("tags = [\"core\"]", "tag = [\"core\"]"),
        ("tags = [\"core\"]", "tags = \"core\""),
        ("tags = [\"core\"]", "tags = [\"Core\", 1]"),
        ("tags = [\"core\"]", "issues = [\"42675\"]"),
        ("tags = [\"core\"]", "issues = [42675]"),
        ("tags = [\"core\"]", "fixed_in = \"seventeen\""),
        ("tags = [\"core\"]", "fixed_in = 0.17"),
        ("tags = [\"core\"]", "releases = \"0.17.0\""),
        ("tags = [\"core\"]", "releases = \"\""),
        ("tags = [\"core\"]", "needs = [\"kompose\"]"),
        ("tags = [\"core\"]", "settle = \"5\""),
        ("tags = [\"core\"]", "settle = 5"),
        ("tags = [\"core\"]", "settle = \"2m\""),
        ("tags = [\"core\"]", "invariant = \"yes\""),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn file_names() {
    for path in ["scenarios/My Case.toml", "a/-x.toml", ".toml", "\u{1b}[2J.toml"] {
        let errors = parse_file(path, GOOD).unwrap_err();
        assert_eq!(errors.len(), 1, "{path}");
    }
    insta::assert_snapshot!(shown(&parse_file("scenarios/My\u{1b}Case.toml", GOOD).unwrap_err()));
    assert_eq!(parse_file("docker-restart.toml", GOOD).unwrap().id, "docker-restart");
}

#[test]
fn start_and_profiles() {
    let shown = cases(&[
        ("by = \"operator\"", "by = \"oprator\""),
        ("by = \"operator\"", "by = \"cmd\""),
        ("by = \"operator\"", "by = \"none\"\nwait = \"running\""),
        ("by = \"operator\"", "user = \"the operator\""),
        ("by = \"operator\"", "tmpfs = [\"/run:quick\"]"),
        ("by = \"operator\"", "wait = \"forever\""),
        ("by = \"operator\"", "policy = \"unless_stopped\""),
        ("by = \"operator\"", "env = { A = 1 }"),
        ("by = \"operator\"", "env = { \"A=B\" = \"1\" }"),
        ("by = \"operator\"", "overlay = \"No Marker\""),
        ("by = \"operator\"", "cmd = \"gateway run\""),
        ("[start]\nby = \"operator\"", "start = \"operator\""),
        ("", "[[profile]]\nstart = \"none\""),
        ("", "[[profile]]\nname = \"a/b\""),
        ("", "[[profile]]\nname = \"all\""),
        ("", "[[profile]]\nname = \"work\"\n[[profile]]\nname = \"work\""),
        ("", "[[profile]]\nname = \"default\"\nstart = \"none\""),
        ("", "[[profile]]\nname = \"work\"\nstart = \"cmd\""),
        ("", "[[profile]]\nname = \"work\"\nsoul = 1"),
        ("", "[profile]\nname = \"work\""),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn seeds() {
    let shown = cases(&[
        ("", "[[seed]]\ntext = \"\""),
        ("", "[[seed]]\npath = \"gateway.pid\""),
        ("", "[[seed]]\npath = \"/opt/data/gateway.pid\"\ntext = \"1\""),
        ("", "[[seed]]\npath = \"../etc/passwd\"\ntext = \"1\""),
        ("", "[[seed]]\npath = \"a//b\"\ntext = \"1\""),
        ("", "[[seed]]\npath = \"a\"\ntext = \"1\"\nsize = 3"),
        ("", "[[seed]]\npath = \"a\"\nkind = \"dir\"\ntext = \"1\""),
        ("", "[[seed]]\npath = \"a\"\nkind = \"directory\""),
        ("", "[[seed]]\npath = \"a\"\njson = '{\"pid\": }'"),
        ("", "[[seed]]\npath = \"a\"\njson = { x = nan }"),
        ("", "[[seed]]\npath = \"a\"\nbase64 = \"!!\""),
        ("", "[[seed]]\npath = \"a\"\nsize = -1"),
        ("", "[[seed]]\npath = \"a\"\nsize = 999999999999"),
        ("", "[[seed]]\npath = \"a\"\nsize = 99999999999999999999"),
        ("", "[[seed]]\npath = \"a\"\ntext = \"\"\nowner = \"nobody\""),
        ("", "[[seed]]\npath = \"a\"\ntext = \"\"\nmode = 644"),
        ("", "[[seed]]\npath = \"a\"\ntext = \"\"\nmode = \"rw\""),
        ("", "[[seed]]\npath = \"a\"\ntext = \"\"\nmode = true"),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn steps() {
    let of = |to: &'static str| ("engine-restart = { grace = \"10s\" }", to);
    let shown = cases(&[
        of("docker-restart = { grace = \"10s\" }"),
        of("enginerestart = {}"),
        of("teleport = {}"),
        of("engine-restart = { grace = \"1500ms\" }"),
        of("engine-restart = { grace = \"11m\" }"),
        of("engine-restart = { grace = 10 }"),
        of("engine-restart = { gracce = \"10s\" }"),
        of("engine-restart = true"),
        of("engine-restart = {}\ngrace = \"10s\""),
        of("engine-restart = {}\nengine-start = {}"),
        of(""),
        of("engine-start = { grace = \"1s\" }\n[[step]]\nsignal-gateway = {}"),
        of("signal-gateway = { signal = \"TREM\" }\n[[step]]\nengine-start = {}"),
        of("signal-init = { signal = \"SIGKILL\" }\n[[step]]\nengine-start = {}"),
        of("engine-restart = { as = \"admin\" }"),
        of("engine-restart = { wait = \"no\" }"),
        of("recreate = { how = \"violently\" }"),
        of("operator-stop = { profile = \"wrok\" }\n[[step]]\nengine-start = {}\n[[profile]]\nname = \"work\""),
        of("profile-create = {}\n[[step]]\nengine-start = {}"),
        of("profile-create = { profile = \"all\" }\n[[step]]\nengine-start = {}"),
        of("wait-until = { probe = \"servise\", value = \"up\" }\n[[step]]\nengine-start = {}"),
        of("wait-until = { probe = \"service\", value = \"started\" }\n[[step]]\nengine-start = {}"),
        of("hold-at = { state = \"dying\" }\n[[step]]\nengine-start = {}"),
        of("hold-at = { state = \"draining\" }\n[[step]]\nengine-start = {}"),
        of("release = {}\n[[step]]\nengine-start = {}"),
        of("stamp = { path = \"a\" }\n[[step]]\nengine-start = {}"),
        ("[[step]]", "[step]"),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn moments() {
    let of = |to: &'static str| ("\"boot:2\"", to);
    let shown = cases(&[
        of("\"boot\""),
        of("\"boot:0\""),
        of("\"boot:two\""),
        of("\"boot:+2\""),
        of("\"boot:3\""),
        of("\"after:2\""),
        of("\"end:1\""),
        of("\"bot:2\""),
        of("\"later\""),
        of("2"),
        of("\"down:1\""),
        ("engine-restart = { grace = \"10s\" }", "operator-stop = {}"),
        ("[[step]]\nengine-restart = { grace = \"10s\" }\n", ""),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn rows() {
    let shown = cases(&[
        ("at = \"boot:2\"\nprobe = \"boot.action\"\nfixed = \"started\"\n", ""),
        ("boot.action", "action"),
        ("boot.action", "boot.reaction"),
        ("boot.action", "uptime"),
        ("boot.action", "step.exit"),
        ("\"started\"", "\"running\""),
        ("\"started\"", "\"startd\""),
        ("\"started\"", "true"),
        ("\"started\"", "[]"),
        ("\"started\"", "{ absent = false }"),
        ("\"started\"", "[\"started\", 1]"),
        ("\"started\"", "[\"started\", \"registered\"]"),
        ("\"registered\"", "\"started\""),
        ("regressed = ", "guards = \"singal\"\nregressed = "),
        ("regressed = ", "profile = \"work\"\nregressed = "),
        ("regressed = ", "profile = \"all\"\nregressed = "),
        ("regressed = ", "note = \"x\"\nregressed = "),
        (
            "",
            "[[expect]]\nat = \"boot:2\"\nprobe = \"boot.action\"\nfixed = \"started\"\nregressed = \"skipped\"",
        ),
        ("tags = [\"core\"]", "invariant = true"),
        ("[[expect]]", "[expect]"),
        ("[[expect]]", "[[known]]"),
    ]);
    insta::assert_snapshot!(shown);
}

#[test]
fn values_by_probe() {
    let row = |probe: &str, value: &str| {
        let text = format!(
            "schema = 1\ntitle = \"t\"\ninvariant = true\n[[step]]\noperator-stop = {{}}\n[[expect]]\n\
             at = \"after:1\"\nprobe = \"{probe}\"\nfixed = {value}\nregressed = {value}\n"
        );
        parse_file("t.toml", &text)
    };
    let mut bad = String::new();
    for (probe, value) in [
        ("state.gateway_state", "\"runing\""),
        ("state.desired_state", "\"draining\""),
        ("state.parses", "\"yes\""),
        ("marker", "\"gone\""),
        ("boot.lines", "\"1\""),
        ("boot.lines", "-1"),
        ("boot.lines", "{ absent = true }"),
        ("slot.down_file", "1"),
        ("service", "true"),
        ("service.new_process", "{ absent = true, really = true }"),
        ("service.exit", "256"),
        ("service.exit", "\"SIGTREM\""),
        ("service.exit", "1.5"),
        ("shutdown", "\"crash\""),
        ("container", "\"stopped\""),
        ("step.exit", "\"0\""),
        ("step.says", "\"\""),
    ] {
        let errors = row(probe, value).unwrap_err();
        // The second column makes the same mistake.
        bad.push_str(&shown(&errors[..1]));
        bad.push('\n');
    }
    insta::assert_snapshot!(bad);

    let set = |probe, value| {
        row(probe, value).unwrap_or_else(|e| panic!("{}", shown(&e))).expects[0]
            .fixed
            .clone()
    };
    let one = |value| ValueSet(vec![value]);
    for value in ["true", "\"present\""] {
        assert_eq!(set("marker", value), one(Value::str("present")));
    }
    for value in ["false", "\"absent\"", "{ absent = true }", "[false, \"absent\"]"] {
        assert_eq!(set("slot.down_file", value), one(Value::str("absent")));
    }
    for value in ["\"TERM\"", "\"sigterm\"", "\"SIGTERM\""] {
        assert_eq!(set("service.exit", value), one(Value::str("SIGTERM")));
    }
    assert_eq!(set("service.exit", "\"SEGV\""), one(Value::str("SIGSEGV")));
    assert_eq!(set("service.exit", "75"), one(Value::Int(75)));
    assert_eq!(set("state.gateway_state", "{ absent = true }"), one(Value::absent()));
    for value in ["\"none\"", "\"None\"", "{ absent = true }"] {
        assert_eq!(
            set("boot.prior_state", value),
            ValueSet(vec![Value::absent(), Value::str("None")])
        );
    }
}

#[test]
fn known_deviations() {
    let known = |rows: &str| format!("[[known]]\nreleases = [\"0.19.0\"]\nnote = \"n\"\nrows = {rows}");
    let added = [
        "[[known]]\nreleases = [\"0.19.0\"]".to_owned(),
        "[[known]]\nreleases = []\nnote = \"n\"\nrows = []".to_owned(),
        "[[known]]\nreleases = [\">=0.19\"]\nnote = \"n\"\nsupervisor = \"2.11\"\nrows = []".to_owned(),
        known("[{ at = \"boot:2\", probe = \"boot.action\", observed = \"started\" }]"),
        known("[{ at = \"boot:1\", probe = \"boot.action\", observed = \"skipped\" }]"),
        known("[{ at = \"boot:2\", probe = \"boot.action\", observed = \"ignored\" }]"),
        known("[{ at = \"boot:2\", probe = \"boot.action\", profile = \"x\", observed = \"skipped\" }]"),
        known("[{ at = \"boot:2\", probe = \"boot.action\" }]"),
    ];
    let changes: Vec<(&str, &str)> = added.iter().map(|a| ("", a.as_str())).collect();
    let shown_all = cases(&changes);
    insta::assert_snapshot!(shown_all);

    let text = format!(
        "{GOOD}{}\nor_fixed = true\nbases = [\"trixie\"]\nsupervisor = \">=2.13\"",
        known("[{ at = \"boot:2\", probe = \"boot.action\", observed = \"skipped\" }]")
    );
    let scenario = good(&text);
    assert!(scenario.known[0].or_fixed);
    assert_eq!(
        scenario.known[0].deviation.rows[0].observed,
        ValueSet(vec![Value::str("skipped")])
    );
}

#[test]
fn races_on_record() {
    const ROWS: &str = "[{ at = \"boot:2\", probe = \"boot.action\", observed = \"skipped\" }]";
    let race = |keys: &str| format!("[[race]]\nnote = \"n\"\nrows = {ROWS}\n{keys}");
    let added = [
        race("releases = [\"0.19.0\"]"),
        race("releases = [\"0.19.0\"]\nseen = \"0/9\""),
        race("releases = [\"0.19.0\"]\nseen = \"3/3\""),
        race("releases = [\"0.19.0\"]\nseen = \"often\""),
        race("releases = \"0.19.0\"\nseen = \"1/9\""),
        race("releases = 19\nseen = \"1/9\""),
        race("releases = \">=0.17\"\nseen = \"1/9\"\nor_fixed = true"),
    ];
    let changes: Vec<(&str, &str)> = added.iter().map(|a| ("", a.as_str())).collect();
    let shown_all = cases(&changes);
    insta::assert_snapshot!(shown_all);

    let scenario = good(&format!("{GOOD}{}", race("releases = \">=0.17\"\nseen = \"4/141\"")));
    let race = &scenario.races[0];
    assert_eq!((race.seen.met, race.seen.of), (4, 141));
    let holds_for = |release: &str| race.deviation.releases.contains(&release.parse().unwrap());
    assert!(holds_for("0.22.2.post1") && !holds_for("0.16.0"));
}

#[test]
fn figures() {
    let figure = |keys: &str| format!("[[figure]]\n{keys}");
    let added = [
        figure("at = \"after:2\"\nprobe = \"step.took\"\nat_most = \"30s\""),
        figure("at = \"end\"\nprobe = \"step.took\"\nat_most = \"30s\""),
        figure("at = \"after:1\"\nprobe = \"step.exit\"\nat_most = \"30s\""),
        figure("at = \"after:1\"\nprobe = \"step.took\"\nat_most = \"0s\""),
        figure("at = \"after:1\"\nprobe = \"step.took\""),
        figure("at = \"after:1\"\nprobe = \"step.took\"\nat_most = \"30s\"\nfixed = 3"),
        "[[expect]]\nat = \"after:1\"\nprobe = \"step.took\"\nfixed = 3\nregressed = 4".to_owned(),
        "[[step]]\nwait-until = { probe = \"step.took\", value = 1 }".to_owned(),
        "[[step]]\nsettle = { wait = false }\n[[figure]]\nat = \"after:2\"\nprobe = \"step.took\"\nat_most = \"1m\""
            .to_owned(),
        format!(
            "{0}\n{0}",
            figure("at = \"after:1\"\nprobe = \"step.took\"\nat_most = \"30s\"")
        ),
    ];
    let changes: Vec<(&str, &str)> = added.iter().map(|a| ("", a.as_str())).collect();
    insta::assert_snapshot!(cases(&changes));

    let scenario = good(&format!(
        "{GOOD}{}",
        figure("at = \"after:1\"\nprobe = \"step.took\"\nat_most = \"500ms\"")
    ));
    let figure = scenario.figures[0];
    assert_eq!(
        (figure.step, figure.probe, figure.at_most),
        (1, Probe::StepTook, Duration::from_millis(500))
    );
}

#[test]
fn all_errors_are_reported_in_the_order_of_the_file() {
    let text = "schema = 1\ncolour = \"red\"\n[start]\nby = \"me\"\n[[step]]\nreboot = {}\n[[expect]]\nat = \"down\"\n";
    let found = errors(text);
    insta::assert_snapshot!(shown(&found));
    let lines: Vec<usize> = found.iter().map(|e| e.line).collect();
    assert!(lines.is_sorted(), "{lines:?}");
}

#[test]
fn a_scenario_without_rows_is_an_error() {
    insta::assert_snapshot!(shown(&errors("schema = 1\ntitle = \"t\"\n")));
    assert_eq!(errors("").len(), 2);
}

#[test]
fn escape_sequences_in_a_file_do_not_reach_the_terminal() {
    let text = GOOD
        .replace("engine-restart = { grace = \"10s\" }", "\"\\u001b[31mred\\u202e\" = {}")
        .replace("\"core\"", "\"\\u0007\", \"\u{85}\u{202e}x\"");
    let out = shown(&errors(&text));
    assert!(
        !out.chars().any(|c| c != '\n' && c.is_control() || c == '\u{202e}'),
        "{out:?}"
    );
    insta::assert_snapshot!(out);
}

#[test]
fn all_of_the_format() {
    let scenario = good(
        r##"
schema = 1
title = "everything"
why = """
  because
"""
issues = ["#1"]
tags = ["a-b"]
fixed_in = "0.17.0rc1"
releases = ">=0.15,<1"
needs = ["memory-limit"]
settle = "500ms"

[start]
by = "none"
wait = "none"
cmd = ["gateway", "run"]
env = { A = "1" }
policy = "unless-stopped"
overlay = "stop-writes-no-marker"

[[profile]]
name = "work"
start = { by = "operator" }

[[profile]]
name = "Bad Name"
soul = false
start = "reconcile"

[[seed]]
path = "profiles/seeded/gateway_state.json"
json = { pid = 1, at = "{now-90s}", gateway_state = "paused", list = [1, 2.5, true, { a = "\"" }] }

[[seed]]
path = "m"
json = '{"pid": 1}'
owner = "root"
mode = "0600"

[[seed]]
path = "d"
kind = "dir"
owner = 5
mode = 0o700

[upgrade]
from = "subject"
to = "release:0.16.0@trixie"

[[step]]
recreate = {}

[[step]]
operator-stop = { profile = "all", as = "root", all = true, wait = false }

[[step]]
profile-create = { profile = "new" }

[[step]]
engine-kill = {}

[[step]]
stamp = { path = "x", base64 = "AAEC" }

[[step]]
wait-until = { probe = "service", value = ["up", "down"], profile = "new" }

[[expect]]
at = "boot:9"
probe = "boot.prior_state"
profile = "seeded"
fixed = ["paused", "running"]
regressed = { absent = true }
guards = "reconciler"

[[expect]]
at = "after:2"
probe = "step.says"
fixed = "a"
regressed = "a"

[[expect]]
at = "after:2"
probe = "step.says"
fixed = "b"
regressed = "b"
"##,
    );
    assert_eq!(scenario.why, "because");
    assert_eq!(scenario.needs, [Need::MemoryLimit]);
    assert_eq!(scenario.start.policy, RestartPolicy::UnlessStopped);
    let starts: Vec<_> = scenario
        .profiles
        .iter()
        .map(|p| (p.name.as_str(), p.start, p.soul))
        .collect();
    assert_eq!(
        starts,
        [
            ("default", StartBy::None, true),
            ("work", StartBy::Operator, true),
            ("Bad Name", StartBy::Reconcile, false)
        ]
    );
    insta::assert_debug_snapshot!(scenario.seeds);
    assert_eq!(scenario.upgrade.as_ref().map(|u| &u.from), Some(&ImageRef::Subject));
    let stop = &scenario.steps[1];
    assert_eq!(
        (&stop.profile, stop.user, stop.wait),
        (&ProfileSel::All, User::Root, false)
    );
    assert_eq!(stop.op, Operation::OperatorStop { all: true });
    assert_eq!(scenario.steps[3].op, Operation::EngineKill { signal: Signal::Kill });
    assert_eq!(scenario.expects[0].probe, Probe::BootPriorState);
}

#[test]
fn a_profile_starts_as_the_file_says() {
    let start = |head: &str| {
        let profile = "[[profile]]\nname = \"work\"\n";
        let text = GOOD.replace("by = \"operator\"", head);
        let scenario = good(&format!("{text}{profile}"));
        (scenario.profiles[1].start, scenario.start.wait)
    };
    assert_eq!(start(""), (StartBy::Operator, StartWait::Running));
    assert_eq!(start("by = \"reconcile\""), (StartBy::Reconcile, StartWait::Running));
    assert_eq!(
        start("by = \"cmd\"\ncmd = [\"gateway\", \"run\"]"),
        (StartBy::None, StartWait::Running)
    );
    assert_eq!(start("by = \"none\""), (StartBy::None, StartWait::None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        for error in errors(&text) {
            prop_assert!(!error.to_string().chars().any(|c| c.is_control() && c != '\n'));
        }
    }

    #[test]
    fn a_scenario_with_any_change_is_parsed_or_refused(
        at in 0..GOOD.len(), length in 0..40_usize, with in "[a-z0-9:\"=\\[\\]{}\n.é\u{85}-]{0,12}"
    ) {
        let end = (at + length).min(GOOD.len());
        let text = format!("{}{with}{}", &GOOD[..at], &GOOD[end..]);
        for error in errors(&text) {
            prop_assert!(error.line >= 1 && error.to_string().starts_with("error: "));
        }
    }
}
