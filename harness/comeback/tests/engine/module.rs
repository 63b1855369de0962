//! The gateway as an image of testcontainers, used as in the tests of other projects.

use std::time::Duration;

use comeback_engine::RUN_LABEL;
use comeback_testcontainers::testcontainers::{ContainerAsync, ImageExt as _};
use comeback_testcontainers::{BootLine, GatewayImage, boot_lines, start, state};
use serde_json::json;

use super::{engine, resources_of};

fn line(profile: &str, prior_state: Option<&str>, action: &str) -> BootLine {
    BootLine {
        profile: profile.to_owned(),
        prior_state: prior_state.map(str::to_owned),
        action: action.to_owned(),
    }
}

async fn has_booted(gateway: &ContainerAsync<GatewayImage>, lines: usize) -> Vec<BootLine> {
    let wait = async {
        loop {
            let found = boot_lines(gateway).await.unwrap();
            if found.len() >= lines {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.unwrap()
}

/// On the single-threaded runtime, which is the default of `#[tokio::test]`.
#[tokio::test]
async fn a_gateway_starts_with_its_profiles_and_seeds_and_leaves_nothing() {
    let engine = engine().await;
    let run = format!("comeback-test-module-{}", std::process::id());
    let image = GatewayImage::build("release:0.17.0")
        .await
        .unwrap()
        .with_desired_state("default", "stopped")
        .with_profile("idle")
        .with_state("work", &json!({ "gateway_state": "running" }))
        .with_seed("profiles/work/notes.txt", "kept");
    let offline = |host: &mut comeback_engine::testcontainers::bollard::models::HostConfig| {
        host.network_mode = Some("none".to_owned());
    };
    let request = image.with_label(RUN_LABEL, &run).with_host_config_modifier(offline);
    let gateway = start(request).await.unwrap();
    assert_eq!(resources_of(&engine, &run).await.len(), 1);

    // The container is ready, so all boot lines are written without another wait.
    let mut first = boot_lines(&gateway).await.unwrap();
    first.sort_by(|a, b| a.profile.cmp(&b.profile));
    let wanted = [
        line("default", Some("stopped"), "registered"),
        line("idle", None, "registered"),
        line("work", Some("running"), "started"),
    ];
    assert_eq!(first, wanted);
    let notes: Vec<u8> = gateway
        .copy_file_from("/opt/data/profiles/work/notes.txt", Vec::new())
        .await
        .unwrap();
    assert_eq!(notes, b"kept");

    gateway.stop().await.unwrap();
    let left = state(&gateway, "default").await.unwrap();
    assert_eq!(left["desired_state"], "stopped");
    gateway.start().await.unwrap();
    let again = has_booted(&gateway, 6).await;
    assert!(
        again[3..].contains(&line("default", Some("stopped"), "registered")),
        "{again:?}"
    );
    drop(gateway);
    assert_eq!(resources_of(&engine, &run).await, Vec::<String>::new());
}
