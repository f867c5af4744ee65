//! Asking web servers for whole values.
//!
//! Only the plain case is dealt with: an answer that is there and says how long it is, or the
//! answer that there is none. Whatever else happens is left to whoever can wait, ask again and
//! explain.

use std::io::{ErrorKind, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Timeout};

use crate::runtime;

/// Seconds in which a server is connected to, or is not.
const CONNECT: Duration = Duration::from_secs(5);
/// As many connections are kept for later as requests are made at a time, mostly.
const KEPT: usize = 64;
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
            Some(len) if answer.status() == 200 && !encoded => Answer::Value(Value { len, body: answer.into_body() }),
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
    Agent::config_builder()
        .tls_config(tls.build())
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .user_agent("zarr")
        .max_idle_connections(KEPT)
        .max_idle_connections_per_host(KEPT)
        .timeout_connect(Some(CONNECT))
        .build()
        .new_agent()
}

/// What a server says of a value.
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
    /// How many bytes it has.
    pub len: u64,
    body: Body,
}

impl Value {
    /// Reads all of the value into `dst`, which is as long.
    pub fn read(mut self, dst: &mut [u8]) -> Arrival {
        let mut body = self.body.as_reader();
        // The end is looked for so that the connection can be used again.
        match body.read_exact(dst).and_then(|()| body.read(&mut [0])) {
            Ok(0) => Arrival::Whole,
            Err(error) if error.kind() == ErrorKind::TimedOut => Arrival::Late,
            _ => Arrival::Broken,
        }
    }
}
