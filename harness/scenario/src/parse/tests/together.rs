//! What holds between the parts of a file.

use super::*;
use crate::model::ColumnOf;

#[test]
fn daemon_and_folder() {
    let changes = [
        (
            "engine-restart = { grace = \"10s\" }",
            "daemon-restart = { wait = false }",
        ),
        (
            "engine-restart = { grace = \"10s\" }",
            "daemon-restart = { container = \"side\" }",
        ),
        (
            "by = \"operator\"\n\n[[step]]\nengine-restart = { grace = \"10s\" }",
            "volume_size = \"8M\"\n[[step]]\ndaemon-restart = {}",
        ),
        ("by = \"operator\"", "mount = \"folder\""),
        ("by = \"operator\"", "mount = \"bind\"\nvolume_size = \"8M\""),
    ];
    insta::assert_snapshot!(cases(&changes));
    let scenario = good(
        &GOOD
            .replace("by = \"operator\"", "mount = \"bind\"\npolicy = \"always\"")
            .replace("engine-restart = { grace = \"10s\" }", "daemon-restart = {}"),
    );
    assert_eq!(scenario.start.setup.mount, MountKind::Bind);
    assert_eq!(scenario.needs, [Need::HostFolder, Need::DaemonRestart]);
    assert!(scenario.wants_the_engine() && scenario.wants_the_machine());
}

#[test]
fn compose_sets_the_container_up() {
    let composed = |keys: &str| {
        let text = GOOD.replacen("by = \"operator\"", &format!("by = \"operator\"\n{keys}"), 1);
        text.replacen("engine-restart = { grace = \"10s\" }", "compose-recreate = {}", 1)
    };
    let plain = good(&composed(""));
    assert_eq!(plain.steps[0].op, Operation::ComposeRecreate);
    assert_eq!(plain.needs, [Need::Compose]);
    // Compose refuses a volume that is not as its file says.
    for keys in [
        "mount = \"bind\"",
        "volume_size = \"8M\"",
        "env = { A = \"b\" }",
        "cmd = [\"sleep\"]",
        "policy = \"always\"",
        "user = \"1234\"",
        "volume_read_only = true",
    ] {
        let refused = shown(&errors(&composed(keys)));
        assert!(refused.contains("as images/compose.yaml says"), "{keys}: {refused}");
    }
}

#[test]
fn containers() {
    let declared = "[[container]]\nname = \"side\"\n";
    let with = |text: &str| format!("{declared}{text}");
    let row = |keys: &str| with(&format!("[[expect]]\n{keys}\nfixed = \"up\"\nregressed = \"down\"\n"));
    let texts = [
        "[[container]]\nname = \"observer\"\n".to_owned(),
        "[[container]]\nname = \"Two words\"\n".to_owned(),
        "[[container]]\nimage = \"subject\"\n".to_owned(),
        format!("{declared}{declared}"),
        with("[[step]]\nengine-start = { container = \"sidee\" }\n"),
        with("[[step]]\nengine-stop = { container = \"side\" }\n"),
        with("[[step]]\nfill = { container = \"side\" }\n"),
        with("[[step]]\nsettle = { container = \"side\" }\n"),
        row("at = \"end\"\nprobe = \"service\"\ncontainer = \"other\""),
        row("at = \"boot:1\"\nprobe = \"service\"\ncontainer = \"side\""),
        row("at = \"end\"\nprobe = \"state.gateway_state\"\ncontainer = \"side\""),
    ];
    let changes: Vec<(&str, &str)> = texts.iter().map(|text| ("", text.as_str())).collect();
    insta::assert_snapshot!(cases(&changes));
    let scenario = good(&format!(
        "{GOOD}{declared}image = \"release:0.16.0\"\n[[step]]\nengine-start = {{ container = \"side\" }}\n\
         [[expect]]\nat = \"end\"\nprobe = \"container\"\ncontainer = \"side\"\nfixed = \"running\"\nregressed = \
         \"running\"\n"
    ));
    assert_eq!(scenario.steps[1].container.as_deref(), Some("side"));
    assert_eq!(scenario.expects[1].container.as_deref(), Some("side"));
    assert_eq!(scenario.other_images(), ["release:0.16.0"]);
}

#[test]
fn upgrades() {
    let shown = cases(&[
        ("", "[upgrade]\nfrom = \"release:0.16.0\""),
        ("", "[upgrade]\nfrom = \"release:0.16.0\"\nto = \"release:0.17.0\""),
        ("", "[upgrade]\nfrom = \"subject\"\nto = \"subject\""),
        ("", "[upgrade]\nfrom = \"0.16.0\"\nto = \"subject\""),
        ("", "[upgrade]\nfrom = \"realease:0.16.0\"\nto = \"subject\""),
        ("", "[upgrade]\nfrom = \"release:\"\nto = \"subject\""),
        ("", "[upgrade]\nfrom = \"release:0.16.0\"\nto = \"subject\""),
    ]);
    insta::assert_snapshot!(shown);
}

/// [`GOOD`] with other steps, each in a line, and more at its end.
fn with_steps(start: &str, steps: &[&str], more: &str) -> String {
    let steps: String = steps.iter().map(|step| format!("[[step]]\n{step}\n")).collect();
    let text = GOOD.replacen("by = \"operator\"", &format!("by = \"operator\"\n{start}"), 1);
    text.replacen("[[step]]\nengine-restart = { grace = \"10s\" }\n", &steps, 1) + more
}

#[test]
fn whose_release_decides_the_column() {
    let old = "image = \"release:0.16.0\"";
    let to_subject = "recreate = { image = \"subject\" }";
    let column_of = |start: &str, steps: &[&str]| good(&with_steps(start, steps, "")).column_of;
    // The only gateway that is ended is the old one's.
    assert_eq!(column_of(old, &[to_subject]), ColumnOf::First);
    assert_eq!(column_of(old, &[to_subject, "operator-start = {}"]), ColumnOf::First);
    for ends in [
        "engine-restart = {}",
        "engine-stop = {}",
        "ctrl-c = {}",
        "recreate = {}",
    ] {
        assert_eq!(column_of(old, &[to_subject, ends]), ColumnOf::Subject, "{ends}");
    }
    assert_eq!(
        column_of("", &["recreate = { image = \"release:0.16.0\" }"]),
        ColumnOf::Subject
    );
    // What is done in another container ends no gateway of the one under test.
    let aside = [
        to_subject,
        "engine-start = { container = \"side\" }",
        "engine-stop = { container = \"side\" }",
    ];
    let side = "\n[[container]]\nname = \"side\"\n";
    assert_eq!(good(&with_steps(old, &aside, side)).column_of, ColumnOf::First);

    let said = |of: &str, start: &str, steps: &[&str], more: &str| {
        with_steps(start, steps, more).replacen("tags", &format!("column_of = \"{of}\"\ntags"), 1)
    };
    let restart = [to_subject, "engine-restart = {}"];
    // Here the row is about the boot before the one under test is ended.
    assert_eq!(good(&said("first", old, &restart, "")).column_of, ColumnOf::First);
    let row = |at: &str| {
        format!(
            "[[expect]]\nat = \"{at}\"\nprobe = \"state.gateway_state\"\nfixed = \"running\"\nregressed = \"stopped\"\n"
        )
    };
    let first = |at: &str| errors(&said("first", old, &restart, &row(at)));
    for before in ["down:1", "after:1"] {
        assert!(first(before).is_empty(), "{before}");
    }
    for reached in ["down:2", "boot:3", "after:2", "end"] {
        let refused = shown(&first(reached));
        assert!(
            refused.contains("decided by the image under test as well"),
            "{reached}: {refused}"
        );
    }
    let refused = [
        errors(&said("first", old, &restart, &row("end"))),
        errors(&said("subject", old, &[to_subject], "")),
        errors(&said("first", "", &["engine-restart = {}"], "")),
        errors(&said("old", old, &restart, "")),
    ];
    insta::assert_snapshot!(refused.iter().map(|e| shown(e) + "\n").collect::<String>());
}

#[test]
fn steps_that_cannot_be_done_where_they_stand() {
    let sized = "volume_size = \"8M\"";
    let texts = [
        with_steps(
            "",
            &["engine-stop = {}", "operator-start = {}", "engine-start = {}"],
            "",
        ),
        with_steps("", &["engine-kill = {}", "engine-kill = {}", "engine-start = {}"], ""),
        with_steps(
            "",
            &[
                "signal-init = { signal = \"SIGTERM\" }",
                "ctrl-c = {}",
                "engine-start = {}",
            ],
            "",
        ),
        with_steps(sized, &["free = {}", "engine-restart = {}"], ""),
        with_steps(
            "",
            &[
                "engine-restart = {}",
                "hold-at = { state = \"draining\", wait = false }",
            ],
            "",
        ),
        with_steps(
            "",
            &[
                "engine-restart = {}",
                "wait-until = { probe = \"step.exit\", value = 0 }",
            ],
            "",
        ),
        with_steps("", &["engine-restart = {}"], "[[container]]\nname = \"side\"\n"),
        with_steps(
            "",
            &["engine-pause = {}", "operator-stop = {}", "engine-pause = {}"],
            "",
        ),
        with_steps(
            "",
            &["engine-start = { container = \"side\" }", "engine-restart = {}"],
            "[[container]]\nname = \"side\"\n[[expect]]\nat = \"start\"\nprobe = \"container\"\ncontainer = \"side\"\n\
             fixed = \"exited\"\nregressed = \"exited\"\n",
        ),
        with_steps(
            sized,
            &["engine-restart = {}"],
            "[[seed]]\npath = \"big\"\nsize = 9000000\n",
        ),
        with_steps(
            "cap_drop = [\"KILL\"]\ncap_add = [\"kill\"]",
            &["engine-restart = {}"],
            "",
        ),
    ];
    insta::assert_snapshot!(texts.iter().map(|text| shown(&errors(text)) + "\n").collect::<String>());
    // Here nobody knows whether the container has ended.
    for steps in [
        &[
            "engine-stop = { wait = false }",
            "operator-start = {}",
            "engine-restart = {}",
        ][..],
        &[
            "engine-kill = { signal = \"SIGHUP\" }",
            "operator-start = {}",
            "engine-restart = {}",
        ],
        &["engine-stop = {}", "engine-start = {}", "operator-start = {}"],
        &["engine-stop = {}", "recreate = {}", "operator-start = {}"],
    ] {
        good(&with_steps("", steps, ""));
    }
    let restarted = with_steps(
        "policy = \"always\"",
        &["signal-init = { signal = \"SIGTERM\" }", "ctrl-c = {}"],
        "",
    );
    good(&restarted);
}

#[test]
fn seeds_that_get_in_each_others_way() {
    let seed = |path: &str, what: &str| format!("[[seed]]\npath = \"{path}\"\n{what}\n");
    let pairs = [
        [seed("x", "text = \"1\""), seed("x", "text = \"2\"")],
        [seed("x", "text = \"1\""), seed("x/y", "text = \"2\"")],
        [
            seed("x/y", "text = \"1\""),
            seed("x", "kind = \"symlink\"\ntarget = \"/tmp\""),
        ],
        [seed("x", "kind = \"dir\""), seed("y", "text = \"{pid}\"")],
    ];
    let shown_all = pairs
        .iter()
        .map(|pair| shown(&errors(&format!("{GOOD}{}{}", pair[0], pair[1]))) + "\n");
    insta::assert_snapshot!(shown_all.collect::<String>());
    good(&format!(
        "{GOOD}{}{}",
        seed("x", "kind = \"dir\""),
        seed("x/y", "text = \"{now}\"")
    ));
}

#[test]
fn what_is_done_to_a_container_that_runs_already() {
    let refused = [
        with_steps("", &["engine-start = {}", "engine-restart = {}"], ""),
        with_steps("", &["engine-restart = {}", "engine-start = {}"], ""),
        with_steps(
            "",
            &[
                "engine-restart = {}",
                "wait-until = { probe = \"file\", value = \"file of root\" }",
            ],
            "",
        ),
    ];
    insta::assert_snapshot!(
        refused
            .iter()
            .map(|text| shown(&errors(text)) + "\n")
            .collect::<String>()
    );
    // These may have ended by then.
    for (start, before) in [
        ("cmd = [\"true\"]", "settle = {}"),
        ("policy = \"on-failure\"", "settle = {}"),
        ("", "engine-stop = { wait = false }"),
        ("", "recreate = { cmd = [\"true\"] }"),
    ] {
        good(&with_steps(start, &[before, "engine-start = {}"], ""));
    }
}

#[test]
fn rows_about_commands_and_placeholders() {
    let row =
        |at: &str, probe: &str| format!("[[expect]]\nat = \"{at}\"\nprobe = \"{probe}\"\nfixed = 0\nregressed = 1\n");
    let texts = [
        with_steps("", &["engine-restart = {}"], &row("after:1", "step.exit")),
        format!("{GOOD}[[seed]]\npath = \"gateway.pid\"\ntext = \"{{gateway_pid}}\"\n"),
        format!("{GOOD}[[seed]]\npath = \"a.json\"\njson = {{ at = \"{{nwo}}\" }}\n"),
        GOOD.replacen("tags", "releases = \">=0.20,<0.19\"\ntags", 1),
        GOOD.replacen("tags", "invariant = true\nfixed_in = \"0.17.0\"\ntags", 1),
        with_steps("overlay = \"sigterm-ignord\"", &["engine-restart = {}"], ""),
    ];
    insta::assert_snapshot!(texts.iter().map(|text| shown(&errors(text)) + "\n").collect::<String>());
    // A step in flight is over when the moment comes.
    for step in ["operator-stop = {}", "operator-stop = { wait = false }"] {
        good(&with_steps(
            "",
            &["engine-restart = {}", step],
            &row("after:2", "step.exit"),
        ));
    }
}
