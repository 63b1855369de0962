//! Rebuilds the crate when a file compiled into it comes or goes: the embedding alone notices changed files only.

fn main() {
    println!("cargo:rerun-if-changed=../images");
    println!("cargo:rerun-if-changed=../scenarios");
    println!("cargo:rerun-if-changed=build.rs");
}
