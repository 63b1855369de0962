//! Rebuilds the crate when a scenario file comes or goes: the embedding alone notices changed files only.

fn main() {
    println!("cargo:rerun-if-changed=../scenarios");
    println!("cargo:rerun-if-changed=build.rs");
}
