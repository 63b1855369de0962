//! The behaviour of the scripted gateway and its image.

/// The gateway in the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personality {
    /// With both halves of the fix.
    Fixed,
    /// With neither half.
    Regressed,
    /// The reconciler never starts a gateway.
    NeverStarted,
    /// The gateway ends before it has written a state.
    Crashes,
    /// The gateway ends before it has written a state, until there is a file `mended` on the volume. Then its start works
    /// for 8 s.
    CrashesUntilMended,
    /// The gateway ignores SIGTERM.
    IgnoresSigterm,
    /// As [`Personality::Fixed`], but a gateway that a boot starts writes its first state a second later.
    FixedSlow,
    /// Without the signal half of the fix. The reconciler follows the operator's intent, so the bug does not show at
    /// the next boot. As slow as [`Personality::FixedSlow`].
    MaskedSlow,
    /// As [`Personality::Fixed`], but each boot works for 40 s until the reconciler's line, and each gateway for 40 s until its
    /// first state.
    Laborious,
    /// As [`Personality::Laborious`] from the second boot on. The first one is quick.
    Tires,
    /// The gateway is up, does nothing and never writes a state.
    Hangs,
    /// The gateway is up, works all the time and never writes a state.
    Spins,
    /// A boot works all the time and never comes to the reconciler.
    SpinsInBoot,
}

impl Personality {
    /// True if a signal without a planned stop leaves `running` in the state file.
    pub fn keeps_running(self) -> bool {
        matches!(
            self,
            Self::Fixed | Self::FixedSlow | Self::Laborious | Self::Tires | Self::CrashesUntilMended
        )
    }

    /// True if `hermes gateway stop` writes a marker.
    pub fn marks_stops(self) -> bool {
        matches!(
            self,
            Self::Fixed | Self::FixedSlow | Self::MaskedSlow | Self::Laborious | Self::Tires
        )
    }

    /// How long a boot takes until the reconciler's line, in milliseconds; `None` if that never comes.
    pub fn boot_ms(self, boot: u32) -> Option<u64> {
        match self {
            Self::Laborious => Some(40_000),
            Self::Tires if boot > 1 => Some(40_000),
            Self::SpinsInBoot => None,
            _ => Some(250),
        }
    }

    /// How long a gateway takes until its first state, in milliseconds; `None` if that never comes.
    pub fn start_ms(self, boot: u32) -> Option<u64> {
        match self {
            Self::Laborious => Some(40_000),
            Self::Tires if boot > 1 => Some(40_000),
            Self::Hangs | Self::Spins => None,
            _ => Some(600),
        }
    }

    /// True if a process makes progress while a boot or a start goes on.
    pub fn works(self) -> bool {
        matches!(
            self,
            Self::Laborious | Self::Tires | Self::Spins | Self::SpinsInBoot | Self::CrashesUntilMended
        )
    }

    /// How much later than usual a gateway that a boot starts writes its first state, in milliseconds.
    pub fn delay_ms(self) -> u64 {
        match self {
            Self::FixedSlow | Self::MaskedSlow => 1000,
            _ => 0,
        }
    }
}

/// How an image treats an overlay that is put into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// Every process loads the overlay.
    Takes,
    /// The gateway runs on another Python, which does not load it.
    Ignored,
    /// The overlay finds nothing to break, so the process ends itself.
    Fails,
    /// The gateway's Python cannot be found.
    NoPython,
    /// The Python's site-packages cannot be written.
    NoPlace,
}
