//! Reading chunks from web servers: many requests at a time, each on a thread that waits for it.
//!
//! Bytes that are stored without a codec go from the socket to their place in the output.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use self::client::{Answer, Arrival, Client};
use crate::cancel::{Cancel, PERIOD};
use crate::error::{Error, Kind, Result};
use crate::plan::ChunkRead;
use crate::runtime;
use crate::scratch::Scratch;
use crate::trace::{self, Phase};

pub mod client;

/// How the reading of one chunk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its elements are in the output.
    Done,
    /// It was not asked for.
    Untouched,
    /// The server's answer broke off, or was not a plain one.
    Unclear,
    /// The answer did not come in time.
    Late,
    /// It could not be decoded.
    Damaged,
}

/// How chunks are to be fetched.
#[derive(Debug)]
pub struct How<'a> {
    /// So many requests at a time.
    pub width: usize,
    /// The longest that an answer may take.
    pub timeout: Option<Duration>,
    /// Once it is raised, no further chunk is begun.
    pub room: &'a Cancel,
}

/// The memory that a thread that asks takes, besides its stack and the chunk.
const WORKING_MEMORY: usize = 512 << 10;

/// Fetches chunks that are wanted whole, each from its address, until an answer is unclear.
pub fn fetch(chunks: Vec<ChunkRead>, urls: &[String], how: &How<'_>, cancel: &Cancel) -> Result<Vec<Outcome>> {
    let outcomes: Vec<_> = chunks.iter().map(|_| Mutex::new(Outcome::Untouched)).collect();
    let chunks: Vec<_> = chunks.into_iter().map(|chunk| Mutex::new(Some(chunk))).collect();
    let (next, enough, coders) = (AtomicUsize::new(0), AtomicBool::new(false), Turns::new(runtime::threads()));
    let client = Client::take();
    let work = || {
        while !(enough.load(Ordering::Relaxed) || how.room.is_cancelled() || cancel.is_cancelled()) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let (Some(chunk), Some(url), Some(outcome)) = (chunks.get(i), urls.get(i), outcomes.get(i)) else { return };
            let Some(chunk) = chunk.lock().unwrap_or_else(PoisonError::into_inner).take() else { continue };
            let found = trace::timed(Phase::Fetch, 0, || one(&client, chunk, url, how.timeout, &coders));
            enough.fetch_or(matches!(found, Outcome::Unclear | Outcome::Late), Ordering::Relaxed);
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
    };
    let width = how.width.clamp(1, chunks.len().max(1));
    let gate = Mutex::new(());
    thread::scope(|scope| {
        let (ended, all_ended) = channel::<()>();
        // Where memory ends, the stacks of threads would take all of it: what they need besides is
        // kept free until all are there that may be.
        let room = Scratch::of(width.saturating_mul(WORKING_MEMORY))?;
        let closed = gate.lock();
        for number in 0..width {
            let ended = ended.clone();
            let (work, gate) = (&work, &gate);
            let started = thread::Builder::new().name("zarr-fetch".to_owned()).spawn_scoped(scope, move || {
                drop(gate.lock());
                work();
                drop(ended);
            });
            match started {
                Ok(_) => {}
                // There is nobody who could ask while this thread listens.
                Err(error) if number == 0 => {
                    return Err(Error::new(
                        Kind::Io(crate::files::errno(&error)),
                        format!("cannot start a thread: {error}"),
                    ));
                }
                // The system lets us have no more: those that there are ask for all.
                Err(_) => break,
            }
        }
        drop((ended, room.into_inner(), closed));
        while all_ended.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
            if cancel.is_cancelled() {
                client.stop();
            }
        }
        Ok(())
    })?;
    cancel.check()?;
    Ok(outcomes.into_iter().map(|found| found.into_inner().unwrap_or_else(PoisonError::into_inner)).collect())
}

fn one(client: &Client, mut chunk: ChunkRead, url: &str, timeout: Option<Duration>, coders: &Turns) -> Outcome {
    let mut arrival = Arrival::Whole;
    let fed = match client.get(url, timeout) {
        Answer::Unclear => return Outcome::Unclear,
        Answer::Late => return Outcome::Late,
        Answer::Absent => chunk.feed(vec![None]).map(drop),
        Answer::Value(mut value) => {
            let len = value.len;
            trace::saw(Phase::Fetch, 0, len);
            let read = |dst: &mut [u8]| {
                arrival = value.read(dst);
                arrival == Arrival::Whole
            };
            chunk.feed_whole(len, read, || coders.take())
        }
    };
    match (arrival, fed) {
        (Arrival::Late, _) => Outcome::Late,
        (Arrival::Broken, _) => Outcome::Unclear,
        (Arrival::Whole, Ok(())) => Outcome::Done,
        (Arrival::Whole, Err(_)) => Outcome::Damaged,
    }
}

/// So many may do something at a time.
struct Turns {
    free: Mutex<usize>,
    given: Condvar,
}

impl Turns {
    fn new(count: usize) -> Self {
        Self { free: Mutex::new(count), given: Condvar::new() }
    }

    fn take(&self) -> Turn<'_> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = self.given.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Turn(self)
    }
}

/// Given back when dropped.
struct Turn<'a>(&'a Turns);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.given.notify_one();
    }
}
