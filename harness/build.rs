//! The scenario files and the image's files are compiled in: files that are added or removed count as changes too.

fn main() {
    println!("cargo::rerun-if-changed=../images");
    println!("cargo::rerun-if-changed=../scenarios");
    println!("cargo::rerun-if-changed=build.rs");
}
