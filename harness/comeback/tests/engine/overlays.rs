//! Fault overlays in images that comeback did not build: they work, or the case is an error.

use rstest::rstest;

use super::outsider::{comeback, run};
use super::{engine, resources_of};

/// `hermes` on the venv's Python without site-packages, so the hook is not loaded.
const NO_SITE: &str = "#!/opt/hermes/.venv/bin/python -S
import sys
sys.path.append('/opt/hermes/.venv/lib/python3.11/site-packages')
from hermes_cli.main import main
sys.exit(main())
";
/// `hermes` on the system's Python.
const NO_VENV: &str = "#!/usr/bin/python3
import sys
sys.path.append('/opt/hermes/.venv/lib/python3.11/site-packages')
from hermes_cli.main import main
sys.exit(main())
";

#[rstest]
#[case::it_takes("LABEL of=somebody-else", "", 0, "held", "")]
#[case::no_hook_is_loaded(
    "COPY hermes /opt/hermes/.venv/bin/hermes",
    NO_SITE,
    3,
    "error",
    "fault overlay sigterm-ignored did not take effect: a gateway (pid "
)]
#[case::no_venv(
    "COPY hermes /opt/hermes/.venv/bin/hermes",
    NO_VENV,
    3,
    "error",
    "fault overlay sigterm-ignored cannot be put into this image"
)]
#[case::nothing_to_break(
    "RUN sed -i s/add_signal_handler/install_handler/g /opt/hermes/.venv/lib/python3.11/site-packages/gateway/run.py",
    "",
    3,
    "error",
    "fault overlay sigterm-ignored did not take effect: it found nothing to break in the gateway: start_gateway installs"
)]
#[tokio::test(flavor = "multi_thread")]
async fn an_overlay_takes_effect_or_the_case_is_an_error(
    #[case] instruction: &str,
    #[case] hermes: &str,
    #[case] code: i32,
    #[case] verdict: &str,
    #[case] says: &str,
) {
    let engine = engine().await;
    let whole = run(comeback().args(["images", "build", "release:0.17.0@bookworm"]));
    assert_eq!(whole.code, 0, "{whole}");
    let folder = tempfile::tempdir().unwrap();
    let text = format!("FROM {}\n{instruction}\n", whole.out.trim());
    std::fs::write(folder.path().join("Dockerfile"), text).unwrap();
    std::fs::write(folder.path().join("hermes"), hermes).unwrap();
    let image = format!("dockerfile:{}", folder.path().display());
    let seen = run(comeback().args(["check", &image, "--filter", "ignores-sigterm", "--format", "json"]));
    let document = seen.json();
    if let Some(reference) = document["images"][0]["reference"].as_str() {
        engine.remove_image(reference).await.unwrap();
    }
    let case = &document["cases"][0];
    assert_eq!((seen.code, case["verdict"].as_str()), (code, Some(verdict)), "{seen}");
    let reason = case["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with(says), "{reason}\n{seen}");
    // The SIGTERM was ignored and SIGKILL ended the gateway, so two gateways reported the overlay.
    let in_force = case["overlay_processes"].as_u64();
    assert_eq!(in_force == Some(2), code == 0, "{in_force:?}\n{seen}");
    let id = document["run"].as_str().unwrap();
    assert_eq!(resources_of(&engine, id).await, Vec::<String>::new(), "{seen}");
}
