//! `release()`: a version, or a PEP 440 range.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};

use crate::diagnostic::gist;

/// The argument of `release()`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Release {
    /// The text as written, trimmed.
    text: String,
    range: VersionSpecifiers,
}

impl Release {
    /// Parses `0.17.0` or `>=0.17,<0.19`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().to_owned();
        let starts_a_version = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        let range = if starts_a_version {
            format!("=={text}")
        } else {
            text.clone()
        };
        match VersionSpecifiers::from_str(&range) {
            Ok(range) if range.iter().len() > 0 => Ok(Self { text, range }),
            Ok(_) => Err("no version".to_owned()),
            Err(error) => Err(gist(&error)),
        }
    }

    /// True if the range contains the base version of the release: 0.22.2.post1 counts as 0.22.2. A range may also name
    /// the release with its suffix.
    pub(super) fn contains(&self, version: &Version) -> bool {
        let named = self.range.iter().any(|specifier| specifier.version() == version);
        self.range.contains(&version.only_release()) || (named && self.range.contains(version))
    }

    /// True if some release is in this range and in `other`. `None` stands for all releases.
    ///
    /// Ranges begin and end only at the versions they name, so it is enough to test those and their neighbours.
    pub(super) fn overlaps(&self, other: Option<&VersionSpecifiers>) -> bool {
        let Some(other) = other else { return true };
        self.range
            .iter()
            .chain(other.iter())
            .flat_map(|specifier| neighbours(specifier.version()))
            .any(|version| self.range.contains(&version) && other.contains(&version))
    }
}

/// A version, a slightly higher and a slightly lower one.
fn neighbours(version: &Version) -> Vec<Version> {
    let release: Vec<u64> = version.release().to_vec();
    let mut all = vec![version.clone()];
    let mut above = release.clone();
    above.push(1);
    all.push(Version::new(above));
    if let Some(last) = release.iter().rposition(|part| *part > 0) {
        let mut below = release[..=last].to_vec();
        below[last] -= 1;
        below.push(999_999);
        all.push(Version::new(below));
    }
    all
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
