//! Commands: the operator's, and the one a gateway runs as.

use crate::DEFAULT_PROFILE;

/// The program.
pub const PROGRAM: &str = "hermes";
/// The user that operators act as.
pub const USER: &str = "hermes";
/// Its uid and gid in the image.
pub const UID: u32 = 10_000;
/// The flag that names a profile.
pub const PROFILE_FLAG: &str = "-p";
/// The words by which a gateway runs.
pub const RUN: [&str; 2] = ["gateway", "run"];

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

/// Arguments that create a profile.
pub fn create_profile(name: &str) -> [&str; 3] {
    ["profile", "create", name]
}

/// Arguments that delete a profile, without a question.
pub fn delete_profile(name: &str) -> [&str; 4] {
    ["profile", "delete", name, "--yes"]
}
