//! rstest reads the scenario folder when this crate is compiled, so a new file has to trigger a build.

fn main() {
    println!("cargo:rerun-if-changed=../scenarios");
    println!("cargo:rerun-if-changed=build.rs");
}
