//! Exit codes: the shortest report there is.

use std::fmt;

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
