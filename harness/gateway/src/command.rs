//! Commands: the operator's, and the one a gateway runs as.

use crate::DEFAULT_PROFILE;
use crate::files::DATA;

/// The program.
pub const PROGRAM: &str = "hermes";
/// The user that operators act as.
pub const USER: &str = "hermes";
/// Its uid and gid in an image that does not change them.
pub const UID: u32 = 10_000;
/// Where the users of an image are listed.
pub const USERS: &str = "/etc/passwd";
/// The flag that names a profile.
pub const PROFILE_FLAG: &str = "-p";
/// The words by which a gateway runs.
pub const RUN: [&str; 2] = ["gateway", "run"];

/// The uid of [`USER`] in a list of users, if its home is [`DATA`], as the gateway expects.
///
/// ```
/// use comeback_gateway::command::uid_in;
///
/// assert_eq!(uid_in("root:x:0:0::/root:/bin/sh\nhermes:x:12345:12345::/opt/data:/bin/bash\n"), Some(12345));
/// assert_eq!(uid_in("hermes:x:10000:10000::/home/hermes:/bin/bash"), None);
/// ```
pub fn uid_in(users: &str) -> Option<u32> {
    let of = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let is_it = fields.first() == Some(&USER) && fields.get(5) == Some(&DATA);
        fields.get(2).filter(|_| is_it)?.parse().ok()
    };
    users.lines().find_map(of)
}

/// `hermes [-p PROFILE] ARGS…`.
///
/// ```
/// use comeback_gateway::command::argv;
///
/// assert_eq!(argv("default", &["gateway", "stop"]), ["hermes", "gateway", "stop"]);
/// assert_eq!(argv("work", &["gateway", "stop"]), ["hermes", "-p", "work", "gateway", "stop"]);
/// ```
pub fn argv(profile: &str, args: &[&str]) -> Vec<String> {
    let mut argv = vec![PROGRAM.to_owned()];
    if profile != DEFAULT_PROFILE {
        argv.extend([PROFILE_FLAG.to_owned(), profile.to_owned()]);
    }
    argv.extend(args.iter().map(|arg| (*arg).to_owned()));
    argv
}

/// Arguments of `hermes gateway VERB`, for every profile's gateway where `all` says so.
pub fn gateway(verb: &str, all: bool) -> Vec<&str> {
    let mut args = vec!["gateway", verb];
    if all {
        args.push("--all");
    }
    args
}

/// The flag that overrides a refusal.
pub const FORCE: &str = "--force";
/// The flag by which `gateway run` is the gateway itself, and does not leave it to the supervisor.
pub const NO_SUPERVISE: &str = "--no-supervise";
/// Arguments that ask for the status of a gateway.
pub const STATUS: [&str; 2] = ["gateway", "status"];

/// Arguments that make a profile the one that commands without [`PROFILE_FLAG`] are about.
pub fn use_profile(name: &str) -> [&str; 3] {
    ["profile", "use", name]
}

/// Arguments that create a profile.
pub fn create_profile(name: &str) -> [&str; 3] {
    ["profile", "create", name]
}

/// Arguments that delete a profile, without a question.
pub fn delete_profile(name: &str) -> [&str; 4] {
    ["profile", "delete", name, "--yes"]
}
