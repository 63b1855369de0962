//! The engines on which a whole run was seen working.

/// Name, major and minor version, and where that is tried.
const TESTED: &[(&str, &str, &str)] = &[
    ("docker", "20.10", "with every change"),
    ("docker", "26.1", "by ci/engines"),
    ("docker", "28.5", "by ci/engines"),
    ("podman", "4.3", "with every change"),
    ("podman", "5.4", "by ci/podman"),
];

/// Whether comeback was tried on this version.
pub fn words(name: &str, version: &str) -> String {
    let mut parts = version.split('.');
    let short: Vec<&str> = [parts.next(), parts.next()].into_iter().flatten().collect();
    let short = short.join(".");
    let of_name = || TESTED.iter().filter(|(tested, ..)| *tested == name);
    match of_name().find(|(_, tested, _)| *tested == short) {
        Some((.., how)) => format!("comeback is tested with {short}, {how}"),
        None => {
            let others: Vec<&str> = of_name().map(|(_, tested, _)| *tested).collect();
            format!("comeback is tested with {}, and not with {short}", others.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("docker", "20.10.24+dfsg1", "comeback is tested with 20.10, with every change")]
    #[case("docker", "28.5.2+dfsg4", "comeback is tested with 28.5, by ci/engines")]
    #[case("docker", "31.0.1", "comeback is tested with 20.10, 26.1, 28.5, and not with 31.0")]
    #[case("podman", "5", "comeback is tested with 4.3, 5.4, and not with 5")]
    fn each_version_is_told_apart(#[case] name: &str, #[case] version: &str, #[case] wanted: &str) {
        assert_eq!(words(name, version), wanted);
    }
}
