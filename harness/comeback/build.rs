//! Rebuilds the crate when a file compiled into it comes or goes (the embedding alone notices changed files only), and
//! tells it the commit it is built from.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=../images");
    println!("cargo:rerun-if-changed=../scenarios");
    println!("cargo:rerun-if-changed=build.rs");
    // Not in the profile people work in: each commit would rebuild everything.
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        commit();
    }
}

/// Sets `COMEBACK_VERSION`, if this is a git checkout of ours.
fn commit() {
    // Somebody else's repository into which this was copied knows nothing of our commits.
    if git(&["ls-files", "--error-unmatch", "build.rs"]).is_none() {
        return;
    }
    // What changes with each commit; a branch's own file as well, since HEAD only names the branch.
    let head = git(&["symbolic-ref", "--quiet", "HEAD"]).unwrap_or_default();
    for name in ["HEAD", "packed-refs", head.as_str()] {
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|p| Path::new(p).exists()) {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    if let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) {
        let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|s| !s.is_empty());
        let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
        let changed = if changed { ", changed" } else { "" };
        println!("cargo:rustc-env=COMEBACK_VERSION={version} ({commit}{changed})");
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8_lossy(&text).trim().to_owned())
}
