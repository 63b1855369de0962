//! The sources of images: which images are there, what can be fetched or built, and whether that is enough for a run.

use comeback_report::doctor::Finding;

/// The state of each source.
pub struct Ways {
    /// Names of the reference images, each with whether it is in the engine's store.
    pub references: Vec<(String, bool)>,
    /// Names of the bases that are in the engine's store.
    pub bases: Vec<String>,
    /// True if the base that is used by default is one of them.
    pub default_base: bool,
    /// Number of images that comeback built, and the bytes they take.
    pub stored: (usize, u64),
    /// Debian's image, and whether the engine can pull it; `None` if it was not asked.
    pub pull: (&'static str, Option<Result<(), String>>),
    /// Whether a base can be bootstrapped on this host: with what, or why not.
    pub bootstrap: Result<String, String>,
    /// Whether the package index answers: with what, or why not; `None` if it was not asked.
    pub index: Option<Result<String, String>>,
    /// Whether the engine builds: in how many seconds, or why not.
    pub builder: Result<f64, String>,
}

/// The findings that follow from the sources.
pub fn weigh(ways: &Ways) -> Vec<Finding> {
    let complete = ways.references.iter().all(|(_, here)| *here);
    let pull = matches!(ways.pull.1, Some(Ok(())));
    let base = ways.default_base || pull || ways.bootstrap.is_ok();
    vec![
        images(ways, complete),
        builder(ways, complete),
        puller(ways, base),
        bootstrap(ways, pull || ways.default_base, complete),
        packages(ways, complete),
    ]
}

/// Advice for a missing source that the images at hand do not need.
const LATER: &str = "nothing to do for the images that are here; others cannot be built";

fn images(ways: &Ways, complete: bool) -> Finding {
    let missing: Vec<&str> = ways
        .references
        .iter()
        .filter(|(_, here)| !here)
        .map(|(name, _)| name.as_str())
        .collect();
    let bases = match ways.bases.as_slice() {
        [] => "no base".to_owned(),
        [one] => format!("base {one}"),
        more => format!("bases {}", more.join(", ")),
    };
    let (count, bytes) = ways.stored;
    let all = format!("{bases}; {count} images built by comeback, {} MB", bytes / 1_000_000);
    if complete {
        let names: Vec<&str> = ways.references.iter().map(|(name, _)| name.as_str()).collect();
        return Finding::ok("images", format!("{} are here; {all}", names.join(" and ")));
    }
    let what = format!("not here yet: {}; {all}", missing.join(", "));
    if ways.index.is_none() {
        let advice = format!(
            "run this once, without --offline: comeback images build {}",
            missing.join(" ")
        );
        return Finding::bad("images", what, advice);
    }
    let advice = format!(
        "nothing to do: the first run builds them in about a minute (or build them now: `comeback images build {}`)",
        missing.join(" ")
    );
    Finding::warn("images", what, advice)
}

fn builder(ways: &Ways, complete: bool) -> Finding {
    match &ways.builder {
        Ok(seconds) => Finding::ok("builder", format!("built an empty image in {seconds:.1} s")),
        Err(why) if complete => Finding::warn("builder", why, LATER),
        Err(why) => Finding::bad(
            "builder",
            why,
            "the engine has to build images over its API: see its log, or use another engine",
        ),
    }
}

fn puller(ways: &Ways, base: bool) -> Finding {
    let (image, pull) = &ways.pull;
    match pull {
        None => Finding::ok("registry", "not asked, because of --offline"),
        Some(Ok(())) => Finding::ok("registry", format!("{image} can be pulled")),
        Some(Err(why)) => {
            let what = format!("{image} cannot be pulled: {why}");
            let advice = if base {
                "nothing to do: comeback can build its images; docker:REF works with images in the engine's store"
            } else {
                "let the engine reach a registry, or a mirror of one"
            };
            Finding::warn("registry", what, advice)
        }
    }
}

/// The bootstrap of a base. This finding is bad if there is no other base either.
fn bootstrap(ways: &Ways, another: bool, complete: bool) -> Finding {
    match &ways.bootstrap {
        Ok(how) => Finding::ok("bootstrap", how),
        Err(why) if another => Finding::ok("bootstrap", format!("not possible here ({why}), and not needed")),
        Err(why) if complete => Finding::warn("bootstrap", why, LATER),
        Err(why) => Finding::bad(
            "bootstrap",
            format!("no base image: it can be neither pulled nor bootstrapped ({why})"),
            "let the engine reach a registry, or run on a Debian or Ubuntu host with apt-get, dpkg-deb, perl and tar",
        ),
    }
}

fn packages(ways: &Ways, complete: bool) -> Finding {
    match &ways.index {
        None => Finding::ok("packages", "the package index was not asked, because of --offline"),
        Some(Ok(what)) => Finding::ok("packages", what),
        Some(Err(why)) if complete => Finding::warn("packages", why, LATER),
        Some(Err(why)) => Finding::bad(
            "packages",
            why,
            "let this host and the engine's containers reach PyPI, or set UV_DEFAULT_INDEX to an index they reach",
        ),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use comeback_report::doctor::State;

    /// Everything is here, and everything is available.
    fn all() -> Ways {
        Ways {
            references: vec![("release:0.16.0".into(), true), ("release:0.17.0".into(), true)],
            bases: vec!["bookworm".into()],
            default_base: true,
            stored: (3, 700_000_000),
            pull: ("debian:bookworm-slim", Some(Ok(()))),
            bootstrap: Ok("by /usr/bin/mmdebstrap".into()),
            index: Some(Ok("hermes-agent up to 0.19.0".into())),
            builder: Ok(0.4),
        }
    }

    /// Nothing is here yet, and everything is available.
    fn cold() -> Ways {
        Ways {
            references: vec![("release:0.16.0".into(), false), ("release:0.17.0".into(), false)],
            bases: Vec::new(),
            default_base: false,
            stored: (0, 0),
            ..all()
        }
    }

    fn no<T>() -> Result<T, String> {
        Err("no".into())
    }

    #[rstest]
    #[case::all(all(), &[])]
    #[case::cold(cold(), &[])]
    #[case::cold_without_a_registry(Ways { pull: ("debian", Some(no())), ..cold() }, &[])]
    #[case::cold_without_apt(Ways { bootstrap: no(), ..cold() }, &[])]
    #[case::cold_without_either(Ways { pull: ("debian", Some(no())), bootstrap: no(), ..cold() }, &["bootstrap"])]
    #[case::cold_without_packages(Ways { index: Some(no()), ..cold() }, &["packages"])]
    #[case::cold_without_a_builder(Ways { builder: no(), ..cold() }, &["builder"])]
    #[case::cold_offline(Ways { index: None, pull: ("debian", None), ..cold() }, &["images"])]
    #[case::offline(Ways { index: None, pull: ("debian", None), ..all() }, &[])]
    #[case::nothing_is_available_and_nothing_is_needed(
        Ways { index: Some(no()), pull: ("debian", Some(no())), bootstrap: no(), builder: no(), ..all() }, &[])]
    fn only_missing_sources_that_a_run_needs_are_bad(#[case] ways: Ways, #[case] bad: &[&str]) {
        let found = weigh(&ways);
        let seen: Vec<&str> = found
            .iter()
            .filter(|f| f.state == State::Bad)
            .map(|f| f.check)
            .collect();
        assert_eq!(seen, bad, "{found:#?}");
        assert!(
            found.iter().all(|f| (f.state == State::Ok) == f.advice.is_none()),
            "{found:#?}"
        );
    }
}
