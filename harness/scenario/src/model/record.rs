//! Deviations on record: known behaviour of releases that differs from the fixed column, always or now and then.

use std::fmt;
use std::str::FromStr;

use pep440_rs::{Version, VersionSpecifiers};

use super::KnownRow;

/// A behaviour of some releases that differs from the fixed column.
#[derive(Debug, Clone, PartialEq)]
pub struct Deviation {
    /// The releases that show it.
    pub releases: Releases,
    /// The bases on which it is seen; empty for all.
    pub bases: Vec<String>,
    /// The supervisor versions with which it is seen; `None` for all.
    pub supervisor: Option<VersionSpecifiers>,
    /// A description.
    pub note: String,
    /// The rows that differ, with their values.
    pub rows: Vec<KnownRow>,
}

/// `[[known]]`: a deviation that the listed releases always show.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The deviation.
    pub deviation: Deviation,
    /// True where the scenario hits a race on purpose: the fixed column may be seen too.
    pub or_fixed: bool,
}

/// `[[race]]`: a deviation that the listed releases show only now and then.
#[derive(Debug, Clone, PartialEq)]
pub struct Race {
    /// The deviation.
    pub deviation: Deviation,
    /// Its rate.
    pub seen: Seen,
}

/// The releases for which a deviation is on record. Only the base version of a release counts: 0.22.2.post1 and
/// 0.22.2rc1 count as 0.22.2.
#[derive(Debug, Clone, PartialEq)]
pub enum Releases {
    /// Exactly these releases.
    Exact(Vec<Version>),
    /// All releases in this range, which has no upper end until a release has a fix.
    Range(VersionSpecifiers),
}

impl Releases {
    /// True if the deviation is on record for the release.
    pub fn contains(&self, release: &Version) -> bool {
        let base = release.only_release();
        match self {
            Self::Exact(versions) => versions.iter().any(|version| version.only_release() == base),
            Self::Range(range) => range.contains(&base),
        }
    }
}

impl fmt::Display for Releases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(versions) => {
                let versions: Vec<String> = versions.iter().map(ToString::to_string).collect();
                f.write_str(&versions.join(", "))
            }
            Self::Range(range) => write!(f, "{range}"),
        }
    }
}

/// The rate at which something was seen, written `"1/186"` in files and `1 in 186` in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// How often it was seen, at least once.
    pub met: u32,
    /// In how many attempts.
    pub of: u32,
}

impl FromStr for Seen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |part: &str| {
            part.trim()
                .parse::<u32>()
                .map_err(|_| "write how often it was seen, and in how many attempts: \"1/186\"")
        };
        let (met, of) = text
            .split_once('/')
            .ok_or("write how often it was seen, and in how many attempts: \"1/186\"")?;
        let (met, of) = (number(met)?, number(of)?);
        match met {
            0 => Err("a race on record must have been seen at least once"),
            _ if met > of => Err("it cannot be seen more often than it was attempted"),
            _ if met == of => Err("it was always seen, so it is no race: write it as [[known]]"),
            _ => Ok(Self { met, of }),
        }
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.met, self.of)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::listed("0.19.0", true)]
    #[case::not_listed("0.18.0", false)]
    #[case::a_post_release_counts_as_its_base("0.19.0.post2", true)]
    #[case::a_candidate_counts_as_its_base("0.19.0rc1", true)]
    #[case::a_local_version_counts_as_its_base("0.19.0+build7", true)]
    fn exact_releases_are_compared_by_base_version(#[case] release: &str, #[case] contained: bool) {
        let releases = Releases::Exact(vec!["0.17.0".parse().unwrap(), "0.19.0".parse().unwrap()]);
        assert_eq!(releases.contains(&release.parse().unwrap()), contained);
    }

    #[rstest]
    #[case::before("0.16.0", false)]
    #[case::a_candidate_of_the_first("0.17.0rc1", true)]
    #[case::long_after("0.22.2.post1", true)]
    fn an_open_range_contains_later_releases(#[case] release: &str, #[case] contained: bool) {
        let releases = Releases::Range(">=0.17".parse().unwrap());
        assert_eq!(releases.contains(&release.parse().unwrap()), contained);
    }

    #[test]
    fn a_post_release_is_not_past_the_end_of_a_range() {
        let releases = Releases::Range(">=0.17,<=0.19.0".parse().unwrap());
        assert!(releases.contains(&"0.19.0.post1".parse().unwrap()));
        assert!(!releases.contains(&"0.19.1".parse().unwrap()));
    }

    #[rstest]
    #[case("1/186", Some((1, 186)))]
    #[case(" 4 / 141 ", Some((4, 141)))]
    #[case("0/10", None)]
    #[case("3/3", None)]
    #[case("4/3", None)]
    #[case("-1/3", None)]
    #[case("1 in 186", None)]
    #[case("1/2/3", None)]
    fn a_rate_is_parsed(#[case] text: &str, #[case] wanted: Option<(u32, u32)>) {
        let seen = text.parse::<Seen>().ok();
        assert_eq!(seen.map(|seen| (seen.met, seen.of)), wanted);
    }
}
