//! Asking web servers for whole values.
//!
//! Only the plain case is dealt with: an answer that is there and says how long it is, or the
//! answer that there is none. Whatever else happens is left to whoever can wait, ask again and
//! explain.

use std::io::{ErrorKind, Read};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::time::Duration as Span;
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, BodyReader, Timeout};

use crate::runtime;

/// Seconds in which a server is connected to, or is not.
const CONNECT: Duration = Duration::from_secs(5);
/// As many connections are kept for later as requests are made at a time, mostly.
const KEPT: usize = 64;
/// The stack of a thread that asks for the addresses of a host.
const RESOLVER: usize = 256 << 10;
/// So many clients wait for the next operation.
const IDLE: usize = 8;

/// The clients that no operation uses at the moment.
#[derive(Debug, Default)]
pub struct Clients(Mutex<Vec<Agent>>);

impl Clients {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn free(&self) -> MutexGuard<'_, Vec<Agent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client that one operation has for itself: stopping it stops nobody else's requests.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    home: Arc<runtime::Own<Clients>>,
    stopped: AtomicBool,
}

impl Client {
    /// One that has connections already, if there is one.
    pub fn take() -> Self {
        let home = runtime::clients();
        let agent = home.free().pop().unwrap_or_else(agent);
        Self { agent, home, stopped: AtomicBool::new(false) }
    }

    /// Asks for the value at `url`; the answer is to come within `timeout`.
    pub fn get(&self, url: &str, timeout: Option<Duration>) -> Answer {
        let request = self.agent.get(url).config().timeout_global(timeout).build();
        let answer = match request.call() {
            Ok(answer) => answer,
            Err(ureq::Error::Timeout(Timeout::Global)) => return Answer::Late,
            Err(_) => return Answer::Unclear,
        };
        if answer.status() == 404 {
            return Answer::Absent;
        }
        let encoded = answer.headers().contains_key("content-encoding");
        match answer.body().content_length() {
            Some(len) if answer.status() == 200 && !encoded => {
                Answer::Value(Value { len, left: len, body: answer.into_body().into_reader() })
            }
            _ => Answer::Unclear,
        }
    }

    /// Closes all connections: requests that are under way end at once.
    pub fn stop(&self) {
        if !self.stopped.swap(true, Ordering::Relaxed) {
            self.agent.clone().shutdown();
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let mut free = self.home.free();
        if !self.stopped.load(Ordering::Relaxed) && free.len() < IDLE {
            free.push(self.agent.clone());
        }
    }
}

fn agent() -> Agent {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // The authorities that the system trusts, so that those of a company count.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).unversioned_rustls_crypto_provider(provider);
    let config = Agent::config_builder()
        .tls_config(tls.build())
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent("zarr")
        .max_idle_connections(KEPT)
        .max_idle_connections_per_host(KEPT)
        .timeout_connect(Some(CONNECT))
        .build();
    Agent::with_parts(config, DefaultConnector::default(), Addresses)
}

/// Finds the addresses of hosts. A caller that waits only so long needs a thread that asks; if there
/// can be none, that is an error, which ureq's own way of doing this does not know.
#[derive(Debug)]
struct Addresses;

#[allow(clippy::result_large_err)] // the error is ureq's
impl Resolver for Addresses {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let (uri, config) = (uri.clone(), config.clone());
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let numeric = host.parse::<IpAddr>().is_ok();
        let ask = move || {
            let unlimited = NextTimeout { after: Span::NotHappening, ..timeout };
            DefaultResolver::default().resolve(&uri, &config, unlimited)
        };
        if numeric || timeout.after.is_not_happening() {
            return ask();
        }
        let (tell, told) = sync_channel(1);
        thread::Builder::new().name("zarr-resolve".to_owned()).stack_size(RESOLVER).spawn(move || tell.send(ask()))?;
        told.recv_timeout(*timeout.after).unwrap_or(Err(ureq::Error::Timeout(timeout.reason)))
    }
}

/// The answer of a server about a value.
pub enum Answer {
    /// It is on its way.
    Value(Value),
    /// There is none.
    Absent,
    /// Something else.
    Unclear,
    /// Nothing, for as long as an answer may take.
    Late,
}

/// How a value came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// To its end.
    Whole,
    /// Not in time.
    Late,
    /// Not as it was announced.
    Broken,
}

/// A value on its way.
pub struct Value {
    /// How many bytes it has, as the server says.
    pub len: u64,
    left: u64,
    body: BodyReader<'static>,
}

impl Value {
    /// Reads the next bytes of the value, as many as `dst` has room for. The last ones have come
    /// whole only if nothing follows.
    pub fn read(&mut self, dst: &mut [u8]) -> Arrival {
        let Some(left) = self.left.checked_sub(dst.len() as u64) else { return Arrival::Broken };
        self.left = left;
        let read = self.body.read_exact(dst);
        // The end is looked for so that the connection can be used again.
        let read = if left == 0 { read.and_then(|()| self.body.read(&mut [0])) } else { read.map(|()| 0) };
        match read {
            Ok(0) => Arrival::Whole,
            Err(error) if error.kind() == ErrorKind::TimedOut => Arrival::Late,
            _ => Arrival::Broken,
        }
    }
}
