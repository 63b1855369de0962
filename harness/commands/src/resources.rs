//! Containers and volumes in words.

/// `2 containers and 1 volume`.
pub fn counted_resources(containers: usize, volumes: usize) -> String {
    let s = |n: usize| if n == 1 { "" } else { "s" };
    format!(
        "{containers} container{} and {volumes} volume{}",
        s(containers),
        s(volumes)
    )
}
