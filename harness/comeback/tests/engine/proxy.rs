//! A proxy between the harness and the real engine that lets chosen requests go wrong.
//!
//! The client opens a connection for each request, so only the first head of one is looked at. What follows is passed on as
//! it is, each direction to its own end: an attach or exec takes the connection over.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use comeback_engine::default_host;
use regex::Regex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    /// 500, and the engine never hears of it.
    Refused,
    /// The engine does it, and 500 is what is told of it.
    FailedAfter,
    /// The engine does it, and nothing is told of it, ever.
    Hangs,
    /// The answer stops after so many bytes.
    Cut(usize),
    /// The request is passed on late.
    Late(Duration),
}

/// Which requests, and what of them.
#[derive(Clone)]
pub struct Rule {
    pattern: Regex,
    /// Which of those that match, from 0.
    nth: usize,
    fault: Fault,
    seen: Arc<AtomicUsize>,
}

impl Rule {
    /// The nth request whose `METHOD /path?query` matches.
    pub fn new(pattern: &str, nth: usize, fault: Fault) -> Self {
        Self {
            pattern: Regex::new(pattern).unwrap(),
            nth,
            fault,
            seen: Arc::default(),
        }
    }

    fn applies(&self, request: &str) -> bool {
        self.pattern.is_match(request) && self.seen.fetch_add(1, Ordering::Relaxed) == self.nth
    }
}

/// What the proxy has just seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A request, numbered from 1, before it is passed on.
    Asked(usize),
    /// The beginning of its answer, before that is passed on.
    Answered(usize),
}

type OnSeen = Box<dyn Fn(Seen) + Send + Sync>;

/// A proxy. Dropping it closes its socket; the file goes with its folder.
pub struct Proxy {
    /// Its address, for `--host`.
    pub host: String,
    _folder: tempfile::TempDir,
    task: JoinHandle<()>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    /// One with those rules. `on_seen` hears of each request and each answer.
    pub fn start(rules: Vec<Rule>, on_seen: impl Fn(Seen) + Send + Sync + 'static) -> Self {
        let host = default_host();
        let engine = host.strip_prefix("unix://").expect("an engine on a Unix socket");
        let engine = PathBuf::from(engine);
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let requests: Arc<Mutex<Vec<String>>> = Arc::default();
        let on_seen: Arc<OnSeen> = Arc::new(Box::new(on_seen));
        let task = tokio::spawn({
            let requests = requests.clone();
            async move {
                while let Ok((client, _)) = listener.accept().await {
                    let (engine, rules) = (engine.clone(), rules.clone());
                    let (requests, on_seen) = (requests.clone(), on_seen.clone());
                    tokio::spawn(async move {
                        // A side that is gone ends the connection, as it would without us.
                        let _ = pass(client, engine, rules, &requests, &on_seen).await;
                    });
                }
            }
        });
        Self {
            host: format!("unix://{}", socket.display()),
            _folder: folder,
            task,
            requests,
        }
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn pass(
    mut client: UnixStream,
    engine: PathBuf,
    rules: Vec<Rule>,
    requests: &Mutex<Vec<String>>,
    on_seen: &OnSeen,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        if client.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let line = String::from_utf8_lossy(&head);
    let request = line.lines().next().unwrap_or_default().replace(" HTTP/1.1", "");
    let number = {
        let mut all = requests.lock().unwrap();
        all.push(request.clone());
        all.len()
    };
    on_seen(Seen::Asked(number));
    let fault = rules.iter().find(|rule| rule.applies(&request)).map(|rule| rule.fault);
    let failed = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\
        Connection: close\r\n\r\n{\"message\":\"so it goes\"}";
    if fault == Some(Fault::Refused) {
        return client.write_all(failed).await;
    }
    if let Some(Fault::Late(by)) = fault {
        tokio::time::sleep(by).await;
    }
    let mut server = UnixStream::connect(engine).await?;
    server.write_all(&head).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        tokio::io::copy(&mut from_client, &mut to_server).await?;
        to_server.shutdown().await
    };
    let down = async {
        match fault {
            Some(Fault::FailedAfter) => {
                // Its answer is what says that it has been done.
                from_server.read_u8().await?;
                to_client.write_all(failed).await?;
            }
            Some(Fault::Hangs) => {
                tokio::io::copy(&mut from_server, &mut tokio::io::sink()).await?;
                std::future::pending::<()>().await;
            }
            Some(Fault::Cut(bytes)) => {
                tokio::io::copy(&mut (&mut from_server).take(bytes as u64), &mut to_client).await?;
                // Both directions end, and at once.
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            }
            _ => {
                let first = from_server.read_u8().await?;
                on_seen(Seen::Answered(number));
                to_client.write_u8(first).await?;
                tokio::io::copy(&mut from_server, &mut to_client).await?;
            }
        }
        to_client.shutdown().await
    };
    tokio::try_join!(up, down).map(|_| ())
}
