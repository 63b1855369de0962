//! Exit codes: the shortest report there is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the process ends. The numbers are relied on from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Everything held; known-bad, newly-fixed and unsupported cases included.
    Held = 0,
    /// At least one regression or mismatch.
    Regression = 1,
    /// At least one case from which nothing can be concluded, and no regression.
    Inconclusive = 2,
    /// No engine, an image that cannot be had or built, or something was left behind.
    Environment = 3,
    /// Nothing was selected, or nothing but unsupported cases.
    Nothing = 4,
    /// Wrong usage, or a file that is wrong. `EX_USAGE` of sysexits.h.
    Usage = 64,
    /// A fault of `comeback` itself. `EX_SOFTWARE` of sysexits.h.
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

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Held => "held (known-bad, newly-fixed and unsupported cases included)",
            Self::Regression => "a regression, or not what --expect says",
            Self::Inconclusive => "inconclusive: evidence is missing, nothing is concluded",
            Self::Environment => "no engine, an image cannot be had or built, or something was left behind",
            Self::Nothing => "nothing selected, or nothing that can run here",
            Self::Usage => "wrong usage, or a bad file",
            Self::Internal => "a fault of comeback itself",
            Self::Interrupted => "interrupted (SIGINT)",
            Self::Terminated => "interrupted (SIGTERM)",
        }
    }
}

/// What a process's exit code means to whoever called it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitStyle {
    /// [`Exit`] as it is.
    #[default]
    Plain,
    /// As `git bisect run` reads it: 0 good, 1 bad, 125 skip this commit, 128 and above stop.
    Bisect,
}

/// Skip this commit, says `git bisect run`.
const SKIP: u8 = 125;

impl ExitStyle {
    /// The code of a run that came to a verdict.
    pub fn judged(self, exit: Exit) -> u8 {
        match (self, exit) {
            (Self::Bisect, Exit::Inconclusive | Exit::Nothing) => SKIP,
            (Self::Bisect, Exit::Held | Exit::Regression) | (Self::Plain, _) => exit.code(),
            (Self::Bisect, _) => exit.code() | 128,
        }
    }

    /// The code of a run that came to none. `image` says that the image could not be had or built: for a commit that is a
    /// reason to skip it, everything else would be the same at the next one.
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
    fn what_bisect_is_told(#[case] exit: Exit, #[case] code: u8) {
        assert_eq!(ExitStyle::Bisect.judged(exit), code);
        assert_eq!(ExitStyle::Plain.judged(exit), exit.code());
    }

    #[test]
    fn only_an_image_that_cannot_be_built_is_the_commits_own_fault() {
        assert_eq!(ExitStyle::Bisect.failed(Exit::Environment, true), 125);
        assert_eq!(ExitStyle::Bisect.failed(Exit::Environment, false), 131);
        // A mistyped filter must not condemn a commit.
        assert_eq!(ExitStyle::Bisect.failed(Exit::Usage, false), 192);
        assert_eq!(ExitStyle::Bisect.failed(Exit::Nothing, false), 132);
        assert_eq!(ExitStyle::Plain.failed(Exit::Environment, true), 3);
    }
}
