//! The gateway's log: how it says what it took a shutdown for.

/// How the gateway took a shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// A stop somebody planned.
    Planned,
    /// A signal nobody announced.
    Signal,
    /// A request to restart.
    Restart,
}

/// Which phrase of the log says which; the first one that a line holds counts.
pub const PHRASES: &[(&str, Shutdown)] = &[
    ("as a planned gateway stop", Shutdown::Planned),
    ("initiating shutdown", Shutdown::Signal),
    ("Stopping gateway for restart", Shutdown::Restart),
];

/// How a line says the gateway took its shutdown; `None` if it says nothing of it.
pub fn shutdown_in(line: &str) -> Option<Shutdown> {
    PHRASES
        .iter()
        .find(|(phrase, _)| line.contains(phrase))
        .map(|(_, shutdown)| *shutdown)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "Received SIGTERM as a planned gateway stop — exiting cleanly",
        Some(Shutdown::Planned)
    )]
    #[case("Received SIGTERM — initiating shutdown", Some(Shutdown::Signal))]
    #[case("Stopping gateway for restart...", Some(Shutdown::Restart))]
    #[case("Stopping gateway...", None)]
    fn shutdowns(#[case] line: &str, #[case] wanted: Option<Shutdown>) {
        assert_eq!(shutdown_in(line), wanted);
    }
}
