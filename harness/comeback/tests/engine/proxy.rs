//! A proxy between the harness and the real engine that makes chosen requests fail.
//!
//! The client opens one connection per request, so only the first request of a connection is parsed. The rest is
//! copied in both directions until each ends, because an attach or exec takes over the connection.

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
    /// The proxy answers 500 and does not pass the request on.
    Refused,
    /// The engine carries out the request, but the client gets 500.
    FailedAfter,
    /// The engine carries out the request, but the client gets no answer.
    Hangs,
    /// The answer stops after this many bytes.
    Cut(usize),
    /// The request is passed on late.
    Late(Duration),
}

/// A fault and the requests that it applies to.
#[derive(Clone)]
pub struct Rule {
    pattern: Regex,
    /// The first matching request to fail, from 0.
    nth: usize,
    fault: Fault,
    seen: Arc<AtomicUsize>,
}

impl Rule {
    /// The fault for the nth request whose `METHOD /path?query` matches the pattern.
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

/// A moment that the proxy reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A request arrived, numbered from 1. It has not been passed on yet.
    Asked(usize),
    /// The answer to a request arrived. It has not been passed on yet.
    Answered(usize),
}

type OnSeen = Box<dyn Fn(Seen) + Send + Sync>;

/// A proxy. Dropping it closes its socket; the socket's file is removed with its folder.
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
    /// Starts a proxy with these rules. `on_seen` is called for each request and each answer.
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
                        // If one side is gone, the connection ends, as it would without the proxy.
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
                // The engine has carried out the request when its answer begins.
                from_server.read_u8().await?;
                to_client.write_all(failed).await?;
            }
            Some(Fault::Hangs) => {
                tokio::io::copy(&mut from_server, &mut tokio::io::sink()).await?;
                std::future::pending::<()>().await;
            }
            Some(Fault::Cut(bytes)) => {
                tokio::io::copy(&mut (&mut from_server).take(bytes as u64), &mut to_client).await?;
                // Both directions end at once.
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
