//! Tells cargo that files compiled into the binary live beside the crate.

fn main() {
    for folder in ["../images", "../scenarios"] {
        println!("cargo:rerun-if-changed={folder}");
    }
}
