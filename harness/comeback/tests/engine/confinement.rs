//! The privileges of a case's containers, checked on containers that a killed run left behind.

use std::process::Command;

use serde_json::{Value, json};

use super::outsider::{child, comeback, run, stub};
use super::{MACHINE, engine, killed_when};

/// The capabilities that a boot of the gateway needs; see `runner/subject.rs`.
pub const BOOT: [&str; 6] = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"];

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

/// A sorted list of capabilities, with or without the engine's prefix.
fn capabilities(list: &Value) -> Vec<String> {
    let all = list.as_array().cloned().unwrap_or_default();
    let names = all
        .iter()
        .map(|c| c.as_str().unwrap().trim_start_matches("CAP_").to_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn confined(container: &Value) {
    let host = &container["HostConfig"];
    let role = container["Config"]["Labels"]["comeback.role"].as_str().unwrap();
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
        "observer" | "keeper" => &["DAC_OVERRIDE"],
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
    // Only the volume of the case, and nothing of the host, in particular not the engine's socket.
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
        matches!(role, "observer" | "keeper"),
        "{}",
        seen("root file system")
    );
}

/// The containers of a case whose run is killed in its settling window, together with its watchdog. For running
/// containers, also their own view of their process.
fn left_by(scenario: &str) -> Vec<(Value, Option<String>)> {
    let mut command = child();
    command.args(["check", &stub("0.17.0"), "--filter", scenario, "-v"]);
    let (id, settling) = killed_when(&mut command, "settling window");
    let left = containers(&id).into_iter().map(|container| {
        let running = container["State"]["Running"] == true;
        let inside = running.then(|| {
            let id = container["Id"].as_str().unwrap();
            docker(&["exec", id, "cat", "/proc/self/status", "/proc/self/net/dev"])
        });
        (container, inside)
    });
    let left: Vec<_> = left.collect();
    let swept = run(comeback().args(["sweep", "--run", &id]));
    assert!(settling, "the case never reached its settling window");
    assert_eq!(swept.code, 0, "{swept}");
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn containers_are_confined() {
    drop(engine().await);
    let _alone = MACHINE.lock().await;
    // Beside each other, because each mostly waits.
    let kept: Vec<_> = std::thread::scope(|scope| {
        let scenarios = [
            "docker-restart-seeded",
            "compose-recreate",
            "second-container",
            "volume-full-restart",
        ];
        let begun = scenarios.map(|scenario| scope.spawn(move || left_by(scenario)));
        begun.into_iter().flat_map(|run| run.join().unwrap()).collect()
    });
    let mut roles: Vec<&str> = kept
        .iter()
        .map(|(c, _)| c["Config"]["Labels"]["comeback.role"].as_str().unwrap())
        .collect();
    roles.sort_unstable();
    let all = [
        "dashboard",
        "keeper",
        "observer",
        "observer",
        "observer",
        "observer",
        "seeder",
        "subject",
        "subject",
        "subject",
        "subject",
    ];
    assert_eq!(roles, all);
    let composed = kept
        .iter()
        .filter(|(c, _)| c["Config"]["Labels"].get("com.docker.compose.project").is_some());
    assert_eq!(composed.count(), 1, "one of them is compose's");
    kept.iter().for_each(|(container, _)| confined(container));
    let inside = kept.iter().filter_map(|(container, inside)| {
        let role = container["Config"]["Labels"]["comeback.role"].as_str().unwrap();
        Some((role, inside.as_deref()?))
    });
    // All but the seeder and the dashboard, which was stopped.
    assert_eq!(inside.clone().count(), 9);
    for (role, status) in inside {
        assert!(status.contains("NoNewPrivs:\t1"), "{role}: {status}");
        // DAC_OVERRIDE is bit 1. With CHOWN, FOWNER, KILL, SETGID and SETUID the mask is 0xeb.
        let bounding = if matches!(role, "observer" | "keeper") {
            "2"
        } else {
            "eb"
        };
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
