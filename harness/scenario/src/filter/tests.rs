use std::str::FromStr as _;

use pep440_rs::Version;
use proptest::prelude::*;

use super::*;
use crate::parse_file;

fn scenario(id: &str, head: &str) -> Scenario {
    let text = format!(
        "schema = 1\ntitle = \"t\"\ninvariant = true\n{head}\n[[expect]]\nat = \"end\"\nprobe = \"service\"\n\
         fixed = \"up\"\nregressed = \"up\"\n"
    );
    parse_file(&format!("{id}.toml"), &text).unwrap_or_else(|e| panic!("{e:?}"))
}

fn selects(filter: &str, release: Option<&str>) -> bool {
    let scenario = scenario(
        "docker-restart",
        "tags = [\"core\", \"restart\"]\nissues = [\"#42675\"]\nreleases = \">=0.16,<0.18\"",
    );
    let release = release.map(|r| Version::from_str(r).unwrap());
    Filter::parse(filter)
        .unwrap_or_else(|e| panic!("{e}"))
        .matches(&scenario, release.as_ref())
}

#[test]
fn a_filter_selects_by_id_tag_issue_and_release() {
    for filter in [
        "",
        "  ",
        "docker-restart",
        "docker-*",
        "*restart",
        "d*-r*t",
        "*",
        "id(docker-restart)",
        "tag(core)",
        "tag( restart )",
        "tag(re*)",
        "issue(#42675)",
        "issue(42675)",
        "not operator-stop",
        "tag(core) and not issue(#54658)",
        "nothing or tag(core)",
        "(nothing or tag(core)) and docker-restart",
        "release(0.16.0)",
        "release(0.17.3)",
        "release(>=0.17)",
        "release(<0.17)",
    ] {
        assert!(selects(filter, None), "{filter}");
    }
    for filter in [
        "docker",
        "docker-restart*x",
        "*x*",
        "not docker-restart",
        "not (tag(core))",
        "tag(core) and nothing",
        "issue(#4267)",
        "release(0.18.0)",
        "release(>=0.18)",
        "release(<0.16)",
    ] {
        assert!(!selects(filter, None), "{filter}");
    }
}

#[test]
fn not_binds_before_and_before_or() {
    // a or (b and c), not (a or b) and c.
    assert!(selects("docker-restart or tag(core) and nothing", None));
    assert!(!selects("(docker-restart or tag(core)) and nothing", None));
    // (not a) and b.
    assert!(selects("not nothing and tag(core)", None));
    assert!(selects("not not tag(core)", None));
}

#[test]
fn with_an_image_the_release_predicate_is_about_the_image() {
    assert!(selects("release(0.19.0)", Some("0.19.0")));
    assert!(selects("release(>=0.17)", Some("0.19.0")));
    assert!(!selects("release(0.17.0)", Some("0.16.0")));
    assert!(selects("not release(0.17.0)", Some("0.16.0")));
    assert!(selects("release(0.22.2)", Some("0.22.2.post1")));
    assert!(selects("release(0.22.2.post1)", Some("0.22.2.post1")));
    assert!(!selects("release(!=0.22.2)", Some("0.22.2.post1")));
    assert!(!selects("release(<0.21)", Some("0.21.0rc1")));
}

#[test]
fn each_mistake_is_shown_at_its_place() {
    let mut seen = String::new();
    for (filter, kind) in [
        ("tags(core)", FilterErrorKind::UnknownPredicate),
        ("frobnicate(", FilterErrorKind::UnknownPredicate),
        ("(tag(core) and x", FilterErrorKind::Unbalanced),
        ("tag(core", FilterErrorKind::Unbalanced),
        ("tag(core))", FilterErrorKind::Unbalanced),
        ("tag()", FilterErrorKind::Argument),
        ("issue(#x)", FilterErrorKind::Argument),
        ("release(new)", FilterErrorKind::Argument),
        ("release(>=)", FilterErrorKind::Argument),
        ("tag(core) restart", FilterErrorKind::Syntax),
        ("tag(core) and", FilterErrorKind::Syntax),
        ("and tag(core)", FilterErrorKind::Syntax),
        ("()", FilterErrorKind::Syntax),
        ("docker/restart", FilterErrorKind::Syntax),
        ("tag(\u{1b}[31m)", FilterErrorKind::Syntax),
    ] {
        let error = Filter::parse(filter).expect_err(filter);
        assert_eq!(error.kind, kind, "{filter}");
        seen.push_str(&format!("{error}\n\n"));
    }
    insta::assert_snapshot!(seen);
}

#[test]
fn unknown_ids_and_tags_are_reported() {
    let all = Catalogue::load(None).unwrap_or_else(|e| panic!("{e}"));
    let filter = Filter::parse(
        "docker-restrt or not id(zzz) or docker-restart or docker-* or tag(coer) or tag(core) or tag(zz*)",
    )
    .unwrap();
    let unknown: Vec<String> = filter.unknown(&all).iter().map(Unknown::to_string).collect();
    assert_eq!(
        unknown,
        [
            "no scenario is called `docker-restrt`; did you mean `docker-restart`?",
            "no scenario is called `zzz`",
            "no scenario has the tag `coer`; did you mean `core`?"
        ]
    );
}

fn expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        "[a-z*][a-z0-9*-]{0,8}".prop_map(|s| Expr::Id(Pattern(s))),
        "[a-z][a-z0-9-]{0,8}".prop_map(|s| Expr::Tag(Pattern(s))),
        "[0-9]{1,6}".prop_map(Expr::Issue),
        prop_oneof![Just("0.17.0"), Just(">=0.17,<0.19"), Just("==0.16.*")]
            .prop_map(|r| Expr::Release(Release::parse(r).unwrap())),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|e| Expr::Not(Box::new(e))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expr::And),
            prop::collection::vec(inner, 2..4).prop_map(Expr::Or),
        ]
    })
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(!error.to_string().chars().any(|c| c.is_control() && c != '\n'));
        }
    }

    #[test]
    fn text_like_a_filter_is_parsed_or_refused(text in "([()*#a-z -]|tag\\(|not |and |or ){0,80}") {
        let _ = Filter::parse(&text);
    }

    #[test]
    fn a_displayed_filter_parses_to_the_same(expr in expr()) {
        let filter = Filter { expr: Some(expr) };
        let shown = filter.to_string();
        prop_assert_eq!(Filter::parse(&shown).unwrap_or_else(|e| panic!("{e}")), filter);
    }
}

#[test]
fn deep_nesting_is_an_error() {
    for text in ["(".repeat(100_000), "not ".repeat(100_000)] {
        assert!(Filter::parse(&text).is_err());
    }
}
