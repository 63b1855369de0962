//! What the scripted gateway and its image do.

/// The gateway that is in the images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personality {
    /// With both halves of the fix.
    Fixed,
    /// With neither.
    Regressed,
    /// The reconciler starts nothing, whatever ran.
    NeverStarted,
    /// It ends by itself before it has written anything.
    Crashes,
    /// A SIGTERM does nothing.
    IgnoresSigterm,
    /// With both, and what a boot starts is a second later at its first word.
    FixedSlow,
    /// Without the part about signals, and the reconciler goes by what the operator asked for, so that it does not show at the
    /// next boot. Slow as well.
    MaskedSlow,
}

impl Personality {
    /// A signal that nobody announced leaves `running` behind.
    pub fn keeps_running(self) -> bool {
        matches!(self, Self::Fixed | Self::FixedSlow)
    }

    /// An explicit stop announces itself by a marker.
    pub fn marks_stops(self) -> bool {
        matches!(self, Self::Fixed | Self::FixedSlow | Self::MaskedSlow)
    }

    /// How much later than usual a gateway that a boot starts writes its first word.
    pub fn delay_ms(self) -> u64 {
        match self {
            Self::FixedSlow | Self::MaskedSlow => 1000,
            Self::Fixed | Self::Regressed | Self::NeverStarted | Self::Crashes | Self::IgnoresSigterm => 0,
        }
    }
}

/// What an image makes of an overlay that is put into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// It is in force in each process.
    Takes,
    /// The gateway runs on another Python, which does not load it.
    Ignored,
    /// There is nothing to break in the gateway: it ends itself.
    Fails,
    /// Its Python cannot be found.
    NoPython,
    /// Nothing can be written where its Python looks.
    NoPlace,
}
