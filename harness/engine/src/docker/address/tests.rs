//! The search for the engine, by each setting.

use std::collections::BTreeMap;

use rstest::rstest;

use super::*;

/// A home folder with docker's configuration in it.
fn home(config: &str, meta: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let id = file_name("far");
    let folder = home.path().join(".docker/contexts/meta").join(id);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("meta.json"), meta).unwrap();
    std::fs::write(home.path().join(".docker/config.json"), config).unwrap();
    home
}

fn at(host: &str) -> String {
    format!(r#"{{"Name":"far","Metadata":{{}},"Endpoints":{{"docker":{{"Host":"{host}","SkipTLSVerify":false}}}}}}"#)
}

fn locate_as(
    wanted: Wanted,
    home: &Path,
    asked: Option<&str>,
    variables: &[(&str, &str)],
) -> Result<Address, NoAddress> {
    let mut all: BTreeMap<&str, String> = variables.iter().map(|(k, v)| (*k, (*v).to_owned())).collect();
    all.insert("HOME", home.display().to_string());
    Surroundings {
        variable: &|name| all.get(name).cloned(),
        // The machine's own socket must not affect the test.
        exists: &|path| path.starts_with(home) && path.exists(),
    }
    .locate(wanted, asked)
}

fn locate_in(home: &Path, asked: Option<&str>, variables: &[(&str, &str)]) -> Result<Address, NoAddress> {
    locate_as(Wanted::Any, home, asked, variables)
}

const CURRENT: &str = r#"{"auths":{},"currentContext":"far"}"#;

#[rstest]
#[case::a_flag_before_all(Some("unix:///a"), &[("DOCKER_HOST", "unix:///b"), ("DOCKER_CONTEXT", "far")], CURRENT, "unix:///a")]
#[case::the_variable_before_contexts(None, &[("DOCKER_HOST", "unix:///b"), ("DOCKER_CONTEXT", "far")], CURRENT, "unix:///b")]
#[case::an_empty_variable_is_ignored(None, &[("DOCKER_HOST", " ")], CURRENT, "unix:///far.sock")]
#[case::a_context_by_variable(None, &[("DOCKER_CONTEXT", "far")], "{}", "unix:///far.sock")]
#[case::the_current_context(None, &[], CURRENT, "unix:///far.sock")]
#[case::the_variable_before_the_file(None, &[("DOCKER_CONTEXT", "default")], CURRENT, "unix:///var/run/docker.sock")]
#[case::the_built_in_one(None, &[], r#"{"currentContext":"default"}"#, "unix:///var/run/docker.sock")]
#[case::none(None, &[], "{}", "unix:///var/run/docker.sock")]
fn the_first_setting_wins(
    #[case] asked: Option<&str>,
    #[case] variables: &[(&str, &str)],
    #[case] config: &str,
    #[case] url: &str,
) {
    let home = home(config, &at("unix:///far.sock"));
    assert_eq!(locate_in(home.path(), asked, variables).unwrap().url, url);
}

#[test]
fn the_source_of_the_address_is_known() {
    let home = home(CURRENT, &at("unix:///far.sock"));
    let said = locate_in(home.path(), None, &[]).unwrap().named_by.to_string();
    assert!(said.starts_with("the docker context `far`, current by "), "{said}");
    assert!(said.ends_with("/.docker/config.json"), "{said}");
    let said = locate_in(home.path(), None, &[("DOCKER_CONTEXT", "far")])
        .unwrap()
        .named_by;
    assert_eq!(said.to_string(), "the docker context `far`, current by DOCKER_CONTEXT");
}

#[test]
fn a_context_brings_its_certificates() {
    let home = home(CURRENT, &at("tcp://engine.example:2376"));
    assert_eq!(locate_in(home.path(), None, &[]).unwrap().certificates, None);
    let id = file_name("far");
    let folder = home.path().join(".docker/contexts/tls").join(id).join("docker");
    std::fs::create_dir_all(&folder).unwrap();
    let address = locate_in(home.path(), None, &[]).unwrap();
    assert_eq!(address.certificates, Some(folder));
    assert_eq!(address.url, "tcp://engine.example:2376");
}

#[rstest]
#[case::not_there(r#"{"currentContext":"near"}"#, "", "there is no such context")]
#[case::invalid_json("{", "", "not docker's configuration")]
#[case::no_meta(CURRENT, "{}", "meta.json")]
#[case::no_engine(CURRENT, r#"{"Endpoints":{}}"#, "its address is ``")]
#[case::unsupported_scheme(CURRENT, &at("ssh://me@engine.example"), "`ssh -L` does")]
fn an_unusable_context_is_explained(#[case] config: &str, #[case] meta: &str, #[case] why: &str) {
    let home = home(config, meta);
    let error = locate_in(home.path(), None, &[]).unwrap_err();
    assert!(error.to_string().contains(why), "{error}");
}

/// `~` is the home folder. It holds sockets of both engines where the case says so.
#[rstest]
#[case::a_flag(Wanted::Podman, Some("unix:///a"), &[("CONTAINER_HOST", "unix:///b")], "unix:///a", NamedBy::Asked)]
#[case::the_variable(Wanted::Podman, None, &[("CONTAINER_HOST", "unix:///b")], "unix:///b", NamedBy::ContainerHost)]
#[case::not_dockers_variable(Wanted::Podman, None, &[("DOCKER_HOST", "unix:///b")], "unix://~/podman/podman.sock", NamedBy::UsualPodman)]
#[case::dockers_variable_first(Wanted::Any, None, &[("DOCKER_HOST", "unix:///b"), ("CONTAINER_HOST", "unix:///c")], "unix:///b", NamedBy::DockerHost)]
#[case::dockers_socket_first(Wanted::Any, None, &[], "unix://~/.docker/run/docker.sock", NamedBy::Usual)]
#[case::never_podmans(Wanted::Docker, None, &[("CONTAINER_HOST", "unix:///c")], "unix://~/.docker/run/docker.sock", NamedBy::Usual)]
fn podman_is_searched_for_as_podman_does(
    #[case] wanted: Wanted,
    #[case] asked: Option<&str>,
    #[case] variables: &[(&str, &str)],
    #[case] url: &str,
    #[case] named_by: NamedBy,
) {
    let home = home("{}", "");
    let text = home.path().display().to_string();
    for socket in [".docker/run/docker.sock", "podman/podman.sock"] {
        let socket = home.path().join(socket);
        std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
        std::fs::write(socket, "").unwrap();
    }
    let variables: Vec<_> = variables
        .iter()
        .copied()
        .chain([("XDG_RUNTIME_DIR", text.as_str())])
        .collect();
    let found = locate_as(wanted, home.path(), asked, &variables).unwrap();
    assert_eq!((found.url, found.named_by), (url.replace('~', &text), named_by));
}

#[test]
fn podman_is_found_without_docker() {
    let home = home("{}", "");
    let text = home.path().display().to_string();
    let found = |variables: &[(&str, &str)]| locate_in(home.path(), None, variables).unwrap();
    assert_eq!(
        found(&[]).named_by,
        NamedBy::Usual,
        "no socket exists: the default is Docker's"
    );
    assert_eq!(found(&[("CONTAINER_HOST", "unix:///c")]).url, "unix:///c");
    let socket = home.path().join("podman/podman.sock");
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    std::fs::write(&socket, "").unwrap();
    assert_eq!(
        found(&[("XDG_RUNTIME_DIR", &text)]).url,
        format!("unix://{}", socket.display())
    );
    let error = locate_in(
        home.path(),
        None,
        &[("CONTAINER_HOST", "ssh://me:hunter2hunter2@far/run/x.sock")],
    );
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`ssh -L`") && !error.contains("hunter2"), "{error}");
}

#[test]
fn default_sockets_are_searched() {
    let home = home("{}", "");
    let socket = home.path().join(".docker/desktop/docker.sock");
    std::fs::create_dir_all(socket.parent().unwrap()).unwrap();
    std::fs::write(&socket, "").unwrap();
    let address = locate_in(home.path(), None, &[]).unwrap();
    assert_eq!(address.url, format!("unix://{}", socket.display()));
    assert_eq!(address.named_by, NamedBy::Usual);
}

#[rstest]
#[case(Some("ssh://me@engine.example"), &[], "--host: it is `ssh://me@engine.example`, but only unix")]
#[case(None, &[("DOCKER_HOST", "ssh://me@engine.example")], "DOCKER_HOST: it is `ssh:")]
fn ssh_is_not_supported(#[case] asked: Option<&str>, #[case] variables: &[(&str, &str)], #[case] wanted: &str) {
    let error = locate_in(Path::new("/nowhere"), asked, variables).unwrap_err();
    assert!(error.to_string().contains(wanted), "{error}");
}
