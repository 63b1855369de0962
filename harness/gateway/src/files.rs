//! Paths in the container and on its volume.

use crate::DEFAULT_PROFILE;

/// Where the volume is mounted: `HERMES_HOME`.
pub const DATA: &str = "/opt/data";
/// A profile's state file.
pub const STATE: &str = "gateway_state.json";
/// A profile's planned-stop marker.
pub const MARKER: &str = ".gateway-planned-stop.json";
/// The directory of a profile's logs.
pub const LOGS: &str = "logs";
/// The reconciler's log, in the logs of the default profile.
pub const BOOT_LOG: &str = "container-boot.log";
/// A gateway's log.
pub const GATEWAY_LOG: &str = "gateway.log";
/// A gateway's exit diagnostics, one JSON object a line.
pub const EXIT_DIAG: &str = "gateway-exit-diag.log";
/// The directory of the profiles beside the default one.
pub const PROFILES: &str = "profiles";
/// The directory of a profile's scheduler.
pub const CRON: &str = "cron";
/// The file there that the scheduler renews with each tick.
pub const HEARTBEAT: &str = "ticker_heartbeat";
/// What makes a directory a profile.
pub const SOUL: &str = "SOUL.md";

/// A profile's directory on the volume, with a slash at its end; empty for the default profile.
///
/// ```
/// assert_eq!(comeback_gateway::files::home("work"), "profiles/work/");
/// assert_eq!(comeback_gateway::files::home("default"), "");
/// ```
pub fn home(profile: &str) -> String {
    if profile == DEFAULT_PROFILE {
        String::new()
    } else {
        format!("{PROFILES}/{profile}/")
    }
}

/// A profile's directory on the volume.
///
/// ```
/// assert_eq!(comeback_gateway::files::directory("work"), "profiles/work");
/// ```
pub fn directory(profile: &str) -> String {
    home(profile).trim_end_matches('/').to_owned()
}

/// The profile in whose directory a path on the volume is, other than the default one.
///
/// ```
/// use comeback_gateway::files::profile_of;
///
/// assert_eq!(profile_of("profiles/work/logs/gateway.log"), Some("work"));
/// assert_eq!(profile_of("gateway_state.json"), None);
/// ```
pub fn profile_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix(PROFILES)?.strip_prefix('/')?;
    inside.split('/').next().filter(|name| !name.is_empty())
}

/// A profile's state file on the volume.
pub fn state_of(profile: &str) -> String {
    format!("{}{STATE}", home(profile))
}

/// True for the path of a profile's state file on the volume.
pub fn is_state(path: &str) -> bool {
    path == STATE || profile_file(path, STATE).is_some()
}

/// The profile, beside the default one, whose file of that name a path on the volume is.
///
/// ```
/// use comeback_gateway::files::{SOUL, profile_file};
///
/// assert_eq!(profile_file("profiles/work/SOUL.md", SOUL), Some("work"));
/// assert_eq!(profile_file("profiles/work/old/SOUL.md", SOUL), None);
/// ```
pub fn profile_file<'p>(path: &'p str, file: &str) -> Option<&'p str> {
    let inside = path.strip_prefix(PROFILES)?.strip_prefix('/')?;
    let profile = inside.strip_suffix(file)?.strip_suffix('/')?;
    (!profile.contains('/')).then_some(profile)
}

/// Longest name of a profile, in bytes.
const LONGEST_NAME: usize = 64;

/// True for a name that hermes-agent takes for a profile.
///
/// ```
/// use comeback_gateway::files::is_profile_name;
///
/// assert!(is_profile_name("work-2"));
/// assert!(!is_profile_name("Work") && !is_profile_name("-work") && !is_profile_name(&"a".repeat(65)));
/// ```
pub fn is_profile_name(name: &str) -> bool {
    let first = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    first
        && name.len() <= LONGEST_NAME
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
}
