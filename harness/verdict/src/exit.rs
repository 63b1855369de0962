//! The exit codes of `comeback`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The exit code of the process. Scripts depend on the numbers, so they must not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Everything held; known-bad, newly-fixed, racy and unsupported cases included.
    Held = 0,
    /// At least one regression or mismatch.
    Regression = 1,
    /// At least one inconclusive case, and no regression.
    Inconclusive = 2,
    /// No engine, an image that is not available or cannot be built, or something that was not removed.
    Environment = 3,
    /// Nothing was selected, or all selected cases are unsupported.
    Nothing = 4,
    /// Wrong usage or an invalid file. `EX_USAGE` of sysexits.h.
    Usage = 64,
    /// A bug in `comeback`. `EX_SOFTWARE` of sysexits.h.
    Internal = 70,
    /// Ended by SIGINT: 128 + 2.
    Interrupted = 130,
    /// Ended by SIGTERM: 128 + 15.
    Terminated = 143,
}

impl Exit {
    /// Every exit code, in ascending order.
    pub const ALL: [Exit; 9] = [
        Self::Held,
        Self::Regression,
        Self::Inconclusive,
        Self::Environment,
        Self::Nothing,
        Self::Usage,
        Self::Internal,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The meaning in a few words, as help and documents print it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Held => "held (known-bad, newly-fixed, racy and unsupported cases included)",
            Self::Regression => "a regression, or a mismatch with --expect",
            Self::Inconclusive => "inconclusive: evidence is missing, so nothing is concluded",
            Self::Environment => "no engine, an image is unavailable or cannot be built, or the run left something",
            Self::Nothing => "nothing selected, or nothing that can run here",
            Self::Usage => "wrong usage, or a bad file",
            Self::Internal => "an internal error of comeback",
            Self::Interrupted => "interrupted (SIGINT)",
            Self::Terminated => "interrupted (SIGTERM)",
        }
    }
}

/// Which convention the exit code follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitStyle {
    /// The codes of [`Exit`].
    #[default]
    Plain,
    /// The convention of `git bisect run`: 0 is good, 1 bad, 125 skips the commit, 128 and above stop the bisection.
    Bisect,
}

/// `git bisect run` skips the commit.
const SKIP: u8 = 125;

impl ExitStyle {
    /// The exit code of a run with a verdict.
    pub fn judged(self, exit: Exit) -> u8 {
        match (self, exit) {
            (Self::Bisect, Exit::Inconclusive | Exit::Nothing) => SKIP,
            (Self::Bisect, Exit::Held | Exit::Regression) | (Self::Plain, _) => exit.code(),
            (Self::Bisect, _) => exit.code() | 128,
        }
    }

    /// The exit code of a run without a verdict. `image` is true if the image was not available or could not be
    /// built. Only then does a bisection skip the commit, since any other failure would recur at the next one.
    pub fn failed(self, exit: Exit, image: bool) -> u8 {
        match self {
            Self::Plain => exit.code(),
            Self::Bisect if image => SKIP,
            Self::Bisect => exit.code() | 128,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code())
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(Exit::Held, 0)]
    #[case(Exit::Regression, 1)]
    #[case(Exit::Inconclusive, 125)]
    #[case(Exit::Nothing, 125)]
    #[case(Exit::Environment, 131)]
    #[case(Exit::Internal, 198)]
    #[case(Exit::Interrupted, 130)]
    #[case(Exit::Terminated, 143)]
    fn bisect_style_maps_exit_codes(#[case] exit: Exit, #[case] code: u8) {
        assert_eq!(ExitStyle::Bisect.judged(exit), code);
        assert_eq!(ExitStyle::Plain.judged(exit), exit.code());
    }

    #[test]
    fn bisect_skips_only_commits_whose_image_cannot_be_built() {
        assert_eq!(ExitStyle::Bisect.failed(Exit::Environment, true), 125);
        assert_eq!(ExitStyle::Bisect.failed(Exit::Environment, false), 131);
        // A mistyped filter must not mark a commit as bad.
        assert_eq!(ExitStyle::Bisect.failed(Exit::Usage, false), 192);
        assert_eq!(ExitStyle::Bisect.failed(Exit::Nothing, false), 132);
        assert_eq!(ExitStyle::Plain.failed(Exit::Environment, true), 3);
    }
}
