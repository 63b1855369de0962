//! Which base a tree is installed on.

use pep440_rs::VersionSpecifiers;

use super::recipe::Base;
use super::stage::Stage;

/// The base, and a line that says why it was chosen, if the tree decided.
///
/// A base named by hand is taken if its Python serves. Otherwise the tree decides: the Debian of its own Dockerfile, if
/// the Python of that Debian serves, else the default base, else the oldest base whose Python does.
///
/// # Errors
///
/// If no base serves, or the named one does not.
pub(super) fn choose(
    named: Option<Base>,
    stage: &Stage,
    requires: Option<&VersionSpecifiers>,
) -> Result<(Base, Option<String>), String> {
    if let Some(base) = named {
        return check(base, requires).map(|()| (base, None));
    }
    let serves = |base: Base| serves(base, requires);
    let range = range(requires);
    let image = stage.from.as_deref().unwrap_or_default();
    let said = debian(image);
    if let Some(base) = said.filter(|base| serves(*base)) {
        return Ok((
            base,
            Some(format!("base {base}, because its Dockerfile is FROM {image}")),
        ));
    }
    let default = Some(Base::default()).filter(|base| serves(*base));
    let Some(base) = default.or_else(|| oldest_first().find(|base| serves(*base))) else {
        return Err(format!("it requires Python {range}, which no base has ({})", pythons()));
    };
    let why = match said {
        Some(said) => format!(
            "base {base}, because it requires Python {range}, and that of {said} (FROM {image} in its Dockerfile) is {}",
            python(said)
        ),
        None if base == Base::default() => return Ok((base, None)),
        None => format!("base {base}, because it requires Python {range}"),
    };
    Ok((base, Some(why)))
}

/// Checks that a base has the Python that a project requires.
///
/// # Errors
///
/// If it does not, which base does.
pub(super) fn check(base: Base, requires: Option<&VersionSpecifiers>) -> Result<(), String> {
    if serves(base, requires) {
        return Ok(());
    }
    let others = oldest_first().filter(|other| serves(*other, requires));
    let others: Vec<String> = others.map(|other| format!("@{other}")).collect();
    let instead = match others.is_empty() {
        true => format!("no base has it ({})", pythons()),
        false => format!("name {}, or no base to let the tree decide", others.join(" or ")),
    };
    Err(format!(
        "it requires Python {}, which @{base} does not have (Python {}): {instead}",
        range(requires),
        python(base)
    ))
}

fn serves(base: Base, requires: Option<&VersionSpecifiers>) -> bool {
    requires.is_none_or(|range| base.satisfies(range))
}

fn range(requires: Option<&VersionSpecifiers>) -> String {
    requires.map_or(String::new(), |range| range.to_string().replace(' ', ""))
}

/// The bases that are a whole Debian.
fn oldest_first() -> impl Iterator<Item = Base> {
    Base::ALL
        .into_iter()
        .filter(|base| base.recipe().supervisor_from.is_none())
}

/// The base with the Debian of an image: `debian:13.4`, `debian:trixie-slim`, `python:3.13-slim-trixie`.
fn debian(image: &str) -> Option<Base> {
    let image = image.split('@').next().unwrap_or_default();
    let (name, tag) = image.rsplit_once(':')?;
    let is_debian = name.rsplit('/').next() == Some("debian");
    oldest_first().find(|base| {
        let recipe = base.recipe();
        let mut words = tag.split('-');
        let number = tag.split(['.', '-']).next();
        words.any(|word| word == recipe.suite) || is_debian && number == Some(recipe.debian_version)
    })
}

fn python(base: Base) -> String {
    let (major, minor) = base.recipe().python;
    format!("{major}.{minor}")
}

fn pythons() -> String {
    let all: Vec<String> = oldest_first().map(|base| format!("@{base} {}", python(base))).collect();
    all.join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn chosen(named: Option<Base>, from: &str, requires: &str) -> Result<(Base, Option<String>), String> {
        let stage = Stage::last(&format!("FROM {from}\n"));
        let range: Option<VersionSpecifiers> = (!requires.is_empty()).then(|| requires.parse().unwrap());
        choose(named, &stage, range.as_ref())
    }

    #[rstest]
    #[case("debian:13.4", ">=3.11,<3.14", Base::Trixie)]
    #[case("debian:12", ">=3.11,<3.14", Base::Bookworm)]
    #[case("docker.io/library/debian:trixie-slim@sha256:0", "", Base::Trixie)]
    #[case("python:3.13-slim-trixie", "", Base::Trixie)]
    #[case("debian:forky", ">=3.14", Base::Forky)]
    #[case("debian:13.4", ">=3.14,<3.15", Base::Forky)]
    #[case("debian:12", ">=3.13.2", Base::Trixie)]
    #[case("ubuntu:12", ">=3.11", Base::Trixie)]
    #[case("", "<3.12", Base::Bookworm)]
    #[case("scratch", ">=3.12", Base::Trixie)]
    #[case("", "", Base::Trixie)]
    fn the_tree_decides(#[case] from: &str, #[case] requires: &str, #[case] base: Base) {
        assert_eq!(chosen(None, from, requires).unwrap().0, base);
    }

    #[test]
    fn the_reason_is_told() {
        let why = |from, requires| chosen(None, from, requires).unwrap().1;
        assert_eq!(
            why("debian:13.4", "<3.14").unwrap(),
            "base trixie, because its Dockerfile is FROM debian:13.4"
        );
        assert_eq!(
            why("debian:13.4", ">=3.14,<3.15").unwrap(),
            "base forky, because it requires Python >=3.14,<3.15, and that of trixie (FROM debian:13.4 in its Dockerfile) \
             is 3.13"
        );
        assert_eq!(why("", ">=3.11"), None);
    }

    #[test]
    fn a_named_base_that_cannot_serve_is_an_error() {
        assert_eq!(
            chosen(Some(Base::ForkyS6), "debian:12", "<3.14").unwrap(),
            (Base::ForkyS6, None)
        );
        assert_eq!(
            chosen(Some(Base::Bookworm), "debian:13", ">=3.14,<3.15").unwrap_err(),
            "it requires Python >=3.14,<3.15, which @bookworm does not have (Python 3.11): name @forky, or no base to let \
             the tree decide"
        );
        let none = "it requires Python >=3.15, which no base has (@bookworm 3.11, @trixie 3.13, @forky 3.14)";
        assert_eq!(chosen(None, "debian:13", ">=3.15").unwrap_err(), none);
        let error = chosen(Some(Base::Trixie), "", ">=3.15").unwrap_err();
        assert!(error.contains("no base has it (@bookworm 3.11"), "{error}");
    }
}
