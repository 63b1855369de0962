//! A new scenario file is a new test: rstest looks at the folder only when this crate is compiled.

fn main() {
    println!("cargo:rerun-if-changed=../scenarios");
    println!("cargo:rerun-if-changed=build.rs");
}
