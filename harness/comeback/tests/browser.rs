//! The HTML report in a real browser: it loads without errors and fits the screen of a phone.
//!
//! The tests are skipped if there is no browser, and fail if `COMEBACK_NEEDS_BROWSER` is set too, as in CI.

#![allow(clippy::unwrap_used)]

mod outsider;

use std::path::Path;
use std::process::Command;

use outsider::{comeback, run};
use rstest::rstest;

/// Unfolds everything, measures the page, and stores the result in the DOM for the test.
const MEASURE: &str = "<script>
document.querySelectorAll('details').forEach(d => { d.open = true; });
const page = document.documentElement;
const wide = [...document.querySelectorAll('body *')].filter(e =>
  !e.closest('.pic, .wide, pre, .sr, thead') && e.getBoundingClientRect().right > page.clientWidth + 1);
const small = [...document.querySelectorAll('a, summary')].filter(e => e.getBoundingClientRect().height < 14);
document.body.setAttribute('data-measured', JSON.stringify({
  overflow: page.scrollWidth - page.clientWidth,
  wide: wide.map(e => e.tagName + ' ' + e.textContent.slice(0, 40)),
  small: small.length,
  pictures: document.querySelectorAll('svg[role=img] > title').length,
}).replaceAll('\"', '~'));
</script>";

fn browser() -> Option<String> {
    let known = ["chromium", "chromium-browser", "google-chrome"];
    let there = |name: &&&str| {
        let answer = Command::new(name).arg("--version").output();
        answer.is_ok_and(|output| output.status.success())
    };
    let found = known.iter().find(there).map(|name| (*name).to_owned());
    assert!(
        found.is_some() || std::env::var_os("COMEBACK_NEEDS_BROWSER").is_none(),
        "there is no browser: none of {}",
        known.join(", ")
    );
    if found.is_none() {
        eprintln!("skipped: there is no browser");
    }
    found
}

/// The page's DOM after loading, and its console output.
fn open(browser: &str, page: &Path, width: u32) -> (String, Vec<String>) {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--window-size={width},900"))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let console = said.lines().filter(|line| line.contains("CONSOLE")).map(str::to_owned);
    (String::from_utf8_lossy(&output.stdout).into_owned(), console.collect())
}

#[rstest]
#[case("reproduce", 4)]
#[case("red", 2)]
#[case("selftest", 2)]
#[case("compare", 2)]
#[case("hostile", 2)]
fn the_page_loads_and_fits(#[case] name: &str, #[case] pictures: usize) {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let record = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../record/tests/fixtures/records")
        .join(name);
    let page = folder.path().join("report.html");
    run(comeback()
        .arg("judge")
        .arg(&record)
        .arg("--output")
        .arg(format!("html={}", page.display())));

    let (dom, console) = open(&browser, &page, 1200);
    assert!(dom.contains("</footer>"), "{dom}");
    // Text planted by an image stays text.
    for planted in [
        "<script",
        "<img",
        "<evil",
        "href=\"http://evil",
        "href=\"javascript",
        "<title>owned",
    ] {
        assert!(!dom.contains(planted), "{planted} in\n{dom}");
    }
    assert_eq!(console, Vec::<String>::new());

    // The page itself forbids scripts.
    let text = std::fs::read_to_string(&page).unwrap();
    let policy = text
        .lines()
        .find(|line| line.contains("Content-Security-Policy"))
        .unwrap();
    let measured = folder.path().join("measured.html");
    std::fs::write(
        &measured,
        text.replace(policy, "")
            .replace("</body>", &format!("{MEASURE}</body>")),
    )
    .unwrap();
    for width in [375, 800, 1440] {
        let (dom, console) = open(&browser, &measured, width);
        assert_eq!(console, Vec::<String>::new());
        let found = dom
            .split("data-measured=\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let found = found
            .unwrap_or_else(|| panic!("not measured:\n{dom}"))
            .replace('~', "\"");
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        let wanted = serde_json::json!({"overflow": 0, "wide": [], "small": 0, "pictures": pictures});
        assert_eq!(found, wanted, "at {width} px");
    }
}
