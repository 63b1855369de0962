//! Rebuilds the crate when an embedded file is added or removed (the embedding itself notices only changed files), and
//! passes the commit to it.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=../images");
    println!("cargo:rerun-if-changed=../scenarios");
    println!("cargo:rerun-if-changed=build.rs");
    // Only in release builds: otherwise each commit would rebuild everything.
    if std::env::var("PROFILE").as_deref() == Ok("release") {
        commit();
    }
}

/// Sets `COMEBACK_VERSION` if this is a git checkout of `comeback`.
fn commit() {
    // The sources may have been copied into another repository, whose commits say nothing about them.
    if git(&["ls-files", "--error-unmatch", "build.rs"]).is_none() {
        return;
    }
    // The files that change with each commit. HEAD only names the branch, so the branch's own file is needed too.
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
