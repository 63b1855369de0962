//! The supervisor in the gateway's container: s6.

/// Name of the process that supervises the gateway's services.
pub const PROCESS: &str = "s6-svscan";
/// The directory it scans for services.
pub const SCAN: &str = "/run/service";
/// The folder of its tools.
pub const TOOLS: &str = "/command";
/// The tool that tells the status of a service.
pub const STATUS_TOOL: &str = "s6-svstat";
/// The tool that tells how the processes of a service ended.
pub const DEATHS_TOOL: &str = "s6-svdt";
/// The tools that the gateway calls, and that wait for it.
pub const CALLED: [&str; 6] = [
    "s6-svc",
    STATUS_TOOL,
    "s6-svscanctl",
    "s6-svwait",
    "s6-setuidgid",
    "with-contenv",
];
/// The directory in it for the supervisor's own control.
pub const CONTROL: &str = ".s6-svscan";
/// Begins the name of a gateway's slot; the rest is its profile.
pub const SLOT: &str = "gateway-";
/// The file in a slot whose service is not to be started.
pub const DOWN: &str = "down";
/// The directory in a slot where s6 keeps what it knows of the service.
pub const SUPERVISE: &str = "supervise";
/// The file in it with the service's status.
pub const STATUS: &str = "status";
/// The file in it with the ends of the service's processes.
pub const DEATHS: &str = "death_tally";
