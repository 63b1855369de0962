//! What the containers of a case are allowed: asserted on real ones, while a case is under way.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::outsider::child;
use super::{engine, things_of};

const SCENARIOS: [&str; 2] = ["docker-restart-seeded", "compose-recreate"];

/// What a boot of the gateway takes; see `runner/subject.rs`.
const BOOT: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"];

fn docker(arguments: &[&str]) -> String {
    let done = Command::new("docker").args(arguments).output().unwrap();
    assert!(
        done.status.success(),
        "docker {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// The containers of a run, as the engine describes them.
fn containers(run: &str) -> Vec<Value> {
    let label = format!("label=comeback.run={run}");
    let ids = docker(&["ps", "--all", "--quiet", "--filter", &label]);
    let mut arguments = vec!["inspect"];
    arguments.extend(ids.split_whitespace());
    serde_json::from_str(&docker(&arguments)).unwrap()
}

/// A list of capabilities, whether or not the engine writes their prefix.
fn capabilities(list: &Value) -> Vec<String> {
    let all = list.as_array().cloned().unwrap_or_default();
    let names = all
        .iter()
        .map(|c| c.as_str().unwrap().trim_start_matches("CAP_").to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn role(container: &Value) -> &str {
    container["Config"]["Labels"]["comeback.role"].as_str().unwrap()
}

fn confined(container: &Value) {
    let host = &container["HostConfig"];
    let role = role(container);
    let seen = |what: &str| format!("{what} of the {role}: {host:#}");
    assert_eq!(host["NetworkMode"], "none", "{}", seen("network"));
    assert_eq!(host["Privileged"], false, "{}", seen("privileges"));
    assert_eq!(
        host["SecurityOpt"],
        json!(["no-new-privileges"]),
        "{}",
        seen("security")
    );
    assert_eq!(capabilities(&host["CapDrop"]), ["ALL"], "{}", seen("capabilities"));
    let allowed: &[&str] = match role {
        "observer" => &["DAC_OVERRIDE"],
        "seeder" => &[],
        _ => &BOOT,
    };
    assert_eq!(capabilities(&host["CapAdd"]), allowed, "{}", seen("capabilities"));
    let memory = host["Memory"].as_u64().unwrap();
    assert!((1 << 20..=2 << 30).contains(&memory), "{}", seen("memory"));
    assert_eq!(host["MemorySwap"], memory, "{}", seen("swap"));
    let processes = host["PidsLimit"].as_u64().unwrap();
    assert!((1..=512).contains(&processes), "{}", seen("processes"));
    let log = json!({"Type": "json-file", "Config": {"max-size": "8388608", "max-file": "2"}});
    assert_eq!(host["LogConfig"], log, "{}", seen("log"));
    let limits = host["Ulimits"].as_array().unwrap();
    for (name, value) in [("core", 0), ("fsize", 256 << 20)] {
        let limit = json!({"Name": name, "Soft": value, "Hard": value});
        assert!(limits.contains(&limit), "{}", seen(name));
    }
    for host_wide in ["PidMode", "IpcMode", "UTSMode", "UsernsMode"] {
        assert_ne!(host[host_wide], "host", "{}", seen(host_wide));
    }
    let nothing = |what: &Value| what.as_array().is_none_or(Vec::is_empty);
    assert!(
        nothing(&host["Devices"]) && nothing(&host["DeviceRequests"]),
        "{}",
        seen("devices")
    );
    // One volume of ours and nothing of the host's, the engine's socket least of all.
    let mounts = container["Mounts"].as_array().unwrap();
    assert_eq!(mounts.len(), 1, "{}", seen("mounts"));
    assert_eq!(mounts[0]["Type"], "volume");
    assert!(
        mounts[0]["Name"].as_str().unwrap().starts_with("comeback-"),
        "{mounts:?}"
    );
    assert_eq!(mounts[0]["RW"], role != "observer", "{mounts:?}");
    assert_eq!(
        host["ReadonlyRootfs"],
        role == "observer",
        "{}",
        seen("root file system")
    );
}

/// The scenarios of the table that between them have every kind of container, with a settling window that stays open until
/// somebody has looked.
fn with_time_to_look(folder: &Path) {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    for name in SCENARIOS {
        let text = fs::read_to_string(table.join(format!("{name}.toml"))).unwrap();
        let text = text.replacen("schema = 1\n", "schema = 1\nsettle = \"60s\"\n", 1);
        fs::write(folder.join(format!("{name}.toml")), text).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_are_confined() {
    let engine = engine().await;
    let folder = tempfile::tempdir().unwrap();
    with_time_to_look(folder.path());
    let mut going = child()
        .args([
            "check",
            "release:0.17.0",
            "-v",
            "--jobs",
            "2",
            "--filter",
            &SCENARIOS.join(" or "),
            "--scenarios",
        ])
        .arg(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut id = None;
    let mut settling = 0;
    let mut told = BufReader::new(going.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    for line in told.by_ref() {
        if let Some(rest) = line.strip_prefix("run ") {
            id = rest.split_once(": ").map(|(id, _)| id.to_owned());
        }
        settling += usize::from(line.contains("waiting out the settling window"));
        if settling == SCENARIOS.len() {
            break;
        }
    }
    let id = id.expect("a run began");
    let found = containers(&id);
    let inside: Vec<(String, String)> = found
        .iter()
        .filter(|c| c["State"]["Running"] == true)
        .map(|c| {
            let status = [
                "exec",
                c["Id"].as_str().unwrap(),
                "cat",
                "/proc/self/status",
                "/proc/self/net/dev",
            ];
            (role(c).to_owned(), docker(&status))
        })
        .collect();
    let interrupted = Command::new("kill")
        .args(["-INT", &going.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupted.success());
    let rest: Vec<String> = told.collect();
    assert_eq!(going.wait().unwrap().code(), Some(130), "{rest:#?}");
    assert_eq!(things_of(&engine, &id).await, Vec::<String>::new());

    assert_eq!(settling, SCENARIOS.len(), "{rest:#?}");
    let mut roles: Vec<&str> = found.iter().map(role).collect();
    roles.sort_unstable();
    assert_eq!(roles, ["observer", "observer", "seeder", "subject", "subject"]);
    let composed = found
        .iter()
        .filter(|c| c["Config"]["Labels"].get("com.docker.compose.project").is_some());
    assert_eq!(composed.count(), 1, "one of them is compose's");
    found.iter().for_each(confined);
    assert_eq!(inside.len(), 4, "{inside:?}");
    for (role, status) in inside {
        assert!(status.contains("NoNewPrivs:\t1"), "{role}: {status}");
        // DAC_OVERRIDE is 1; with CHOWN, FOWNER, KILL, SETGID and SETUID it is 0xeb.
        let bounding = if role == "observer" { "2" } else { "eb" };
        assert!(
            status.contains(&format!("CapBnd:\t{bounding:0>16}")),
            "{role}: {status}"
        );
        let networks = status
            .lines()
            .filter(|line| line.contains(':') && line.trim_start().starts_with("eth"));
        assert_eq!(networks.count(), 0, "{role}: {status}");
    }
}
