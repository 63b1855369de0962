//! The boot reconciler's log: `<time> profile=X prior_state=Y action=Z [key=value…]`.

use crate::state;

/// Begins the line on the container's standard output; there it stands in the place of the time.
pub const ON_STDOUT: &str = "reconcile: ";
/// How the reconciler prints that there was no state to read.
pub const NO_STATE: &str = "None";
/// It started the gateway.
pub const STARTED: &str = "started";
/// What the reconciler can do.
pub const ACTIONS: &[&str] = &[STARTED, "registered", "skipped"];
/// The field that tells whether the root's gateway is started for a profile that wants to run. It is written where one
/// gateway serves all profiles of a container.
pub const FOLDED: &str = "folded_into_root";
/// The field that tells how the gateway before it ended.
pub const PRIOR_EXIT: &str = "prior_exit";
/// What that field can say.
pub const PRIOR_EXITS: &[&str] = &["clean", "unclean", "unknown"];
/// The fields it writes, in any release.
pub const FIELDS: &[&str] = &[
    "profile",
    "prior_state",
    "action",
    // Since 0.20.
    PRIOR_EXIT,
    // Since 0.21.4.
    FOLDED,
];

/// A line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootLine {
    /// Whose gateway.
    pub profile: String,
    /// The state it found; `None` where it wrote `None`.
    pub prior_state: Option<String>,
    /// What it did.
    pub action: String,
}

impl BootLine {
    /// Reads a line; `None` if it is not one of the reconciler's. Further fields are allowed.
    pub fn parse(line: &str) -> Option<Self> {
        let field = |key: &str| fields(line).find(|(name, _)| *name == key).map(|(_, value)| value);
        let prior = field("prior_state")?;
        Some(Self {
            profile: field("profile")?.to_owned(),
            prior_state: (prior != NO_STATE).then(|| prior.to_owned()),
            action: field("action")?.to_owned(),
        })
    }

    /// True if the reconciler did what the state it found asks for.
    pub fn is_as_recorded(&self) -> bool {
        (self.prior_state.as_deref() == Some(state::RUNNING)) == (self.action == STARTED)
    }
}

/// Whether the root's gateway is started for the profile; `None` if the line does not say so.
pub fn folded(line: &str) -> Option<bool> {
    match fields(line).find(|(name, _)| *name == FOLDED)?.1 {
        "True" => Some(true),
        "False" => Some(false),
        _ => None,
    }
}

/// How the gateway before it ended, by the line; `None` if the line does not say so.
///
/// ```
/// assert_eq!(comeback_gateway::boot_line::prior_exit("x profile=a prior_exit=clean"), Some("clean"));
/// ```
pub fn prior_exit(line: &str) -> Option<&str> {
    Some(fields(line).find(|(name, _)| *name == PRIOR_EXIT)?.1)
}

/// The fields of a line, with their values.
pub fn fields(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.split_whitespace().filter_map(|word| word.split_once('='))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_with_more_fields_is_read() {
        let line = "2026-11-23T15:58:07+0000 profile=a prior_state=None action=registered reason=x";
        let wanted = BootLine {
            profile: "a".into(),
            prior_state: None,
            action: "registered".into(),
        };
        assert_eq!(BootLine::parse(line), Some(wanted));
    }

    #[test]
    fn a_line_tells_whether_its_profile_is_folded() {
        let line = |rest: &str| folded(&format!("x profile=a prior_state=running action=registered {rest}"));
        assert_eq!(line("folded_into_root=True"), Some(true));
        assert_eq!(line("prior_exit=clean folded_into_root=False"), Some(false));
        assert_eq!((line(""), line("folded_into_root=maybe")), (None, None));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(line in ".*") {
            let _ = BootLine::parse(&line);
        }
    }
}
