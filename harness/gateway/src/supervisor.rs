//! The supervisor in the gateway's container: s6.

/// Name of the process that supervises the gateway's services.
pub const PROCESS: &str = "s6-svscan";
/// The directory it scans for services.
pub const SCAN: &str = "/run/service";
/// The folder of its tools.
pub const TOOLS: &str = "/command";
/// The tools that the gateway calls, and that wait for it.
pub const CALLED: [&str; 6] = [
    "s6-svc",
    "s6-svstat",
    "s6-svscanctl",
    "s6-svwait",
    "s6-setuidgid",
    "with-contenv",
];
/// Begins the name of a gateway's slot; the rest is its profile.
pub const SLOT: &str = "gateway-";
