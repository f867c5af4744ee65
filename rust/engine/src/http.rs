//! Reading chunks from web servers: many requests at a time, each on a thread that waits for it.
//!
//! Bytes that are stored without a codec go from the socket to their place in the output.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
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

/// The memory that a thread takes, besides its stack and the chunk.
const WORKING_MEMORY: usize = 512 << 10;
/// So many bytes of values wait to be decoded; further ones are not asked for meanwhile.
const WAITING: usize = 32 << 20;

/// Fetches chunks that are wanted whole, each from its address, until an answer is unclear.
///
/// Where there are more chunks than requests at a time, other threads decode: whoever asks has the
/// next request under way meanwhile.
pub fn fetch(chunks: Vec<ChunkRead>, urls: &[String], how: &How<'_>, cancel: &Cancel) -> Result<Vec<Outcome>> {
    let outcomes: Vec<_> = chunks.iter().map(|_| Mutex::new(Outcome::Untouched)).collect();
    let chunks: Vec<_> = chunks.into_iter().map(|chunk| Mutex::new(Some(chunk))).collect();
    let (next, enough, turns) = (AtomicUsize::new(0), AtomicBool::new(false), Turns::new(runtime::threads()));
    let (client, queue) = (Client::take(), Queue::default());
    let note = |i: usize, found: Outcome| {
        enough.fetch_or(matches!(found, Outcome::Unclear | Outcome::Late), Ordering::Relaxed);
        if let Some(outcome) = outcomes.get(i) {
            *outcome.lock().unwrap_or_else(PoisonError::into_inner) = found;
        }
    };
    let ask = || {
        let asking = queue.asking();
        while !(enough.load(Ordering::Relaxed) || how.room.is_cancelled() || cancel.is_cancelled()) {
            let i = next.fetch_add(1, Ordering::Relaxed);
            let (Some(chunk), Some(url)) = (chunks.get(i), urls.get(i)) else { break };
            let Some(chunk) = chunk.lock().unwrap_or_else(PoisonError::into_inner).take() else { continue };
            match trace::timed(Phase::Fetch, 0, || one(&client, chunk, url, how.timeout)) {
                Asked::Ended(found) => note(i, found),
                Asked::Came(value) => {
                    if let Err(value) = asking.leave(i, value) {
                        let _turn = turns.take();
                        note(i, value.decoded());
                    }
                }
            }
        }
    };
    let decode = || {
        while let Some((i, value)) = queue.next() {
            if !cancel.is_cancelled() {
                note(i, value.decoded());
            }
        }
    };
    let width = how.width.clamp(1, chunks.len().max(1));
    let coders = runtime::threads().min(chunks.len() - width.min(chunks.len()));
    let gate = Mutex::new(());
    thread::scope(|scope| {
        let (ended, all_ended) = channel::<()>();
        // Where memory ends, the stacks of threads would take all of it: what they need besides is
        // kept free until all are there that may be.
        let room = Scratch::of((width + coders).saturating_mul(WORKING_MEMORY))?;
        let closed = gate.lock();
        for number in 0..width + coders {
            let ended = ended.clone();
            let (ask, decode, gate, queue) = (&ask, &decode, &gate, &queue);
            let started = thread::Builder::new().name("zarr-fetch".to_owned()).spawn_scoped(scope, move || {
                drop(gate.lock());
                if number < width {
                    ask()
                } else {
                    decode()
                }
                drop(ended);
            });
            match started {
                Ok(_) => queue.joined(number < width),
                // There is nobody who could ask while this thread listens.
                Err(error) if number == 0 => {
                    return Err(Error::new(
                        Kind::Io(crate::files::errno(&error)),
                        format!("cannot start a thread: {error}"),
                    ));
                }
                // The system lets us have no more: those that there are do all.
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

/// The end of a request.
enum Asked {
    /// Nothing is left to be done for the chunk.
    Ended(Outcome),
    /// The value is to be decoded.
    Came(Box<Value>),
}

/// A stored value that was received.
struct Value {
    chunk: ChunkRead,
    bytes: Scratch,
}

impl Value {
    fn decoded(mut self) -> Outcome {
        self.chunk.decode_whole(self.bytes).map_or(Outcome::Damaged, |()| Outcome::Done)
    }
}

fn one(client: &Client, mut chunk: ChunkRead, url: &str, timeout: Option<Duration>) -> Asked {
    let mut arrival = Arrival::Whole;
    let received = match client.get(url, timeout) {
        Answer::Unclear => return Asked::Ended(Outcome::Unclear),
        Answer::Late => return Asked::Ended(Outcome::Late),
        Answer::Absent => chunk.feed(vec![None]).map(|_| None),
        Answer::Value(mut value) => {
            let len = value.len;
            trace::saw(Phase::Fetch, 0, len);
            chunk.receive_whole(len, |dst: &mut [u8]| {
                arrival = value.read(dst);
                arrival == Arrival::Whole
            })
        }
    };
    Asked::Ended(match (arrival, received) {
        (Arrival::Late, _) => Outcome::Late,
        (Arrival::Broken, _) => Outcome::Unclear,
        (Arrival::Whole, Ok(Some(bytes))) => return Asked::Came(Box::new(Value { chunk, bytes })),
        (Arrival::Whole, Ok(None)) => Outcome::Done,
        (Arrival::Whole, Err(_)) => Outcome::Damaged,
    })
}

/// Values on their way from those who ask to those who decode.
#[derive(Default)]
struct Queue {
    state: Mutex<Waiting>,
    /// Those who decode wait for values, those who ask for room.
    came: Condvar,
    left: Condvar,
}

#[derive(Default)]
struct Waiting {
    values: VecDeque<(usize, Box<Value>)>,
    bytes: usize,
    /// The threads that ask, and those that decode.
    askers: usize,
    coders: usize,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread is there that will ask, or one that will decode.
    fn joined(&self, asks: bool) {
        let mut state = self.state();
        if asks { state.askers += 1 } else { state.coders += 1 }
    }

    /// The calling thread asks, until what this returns is dropped.
    fn asking(&self) -> Asking<'_> {
        Asking(self)
    }

    /// The next value to decode, and the number of its chunk; `None` if no more will come.
    fn next(&self) -> Option<(usize, Box<Value>)> {
        let wait = |state: &mut Waiting| state.values.is_empty() && state.askers > 0;
        let mut state = self.came.wait_while(self.state(), wait).unwrap_or_else(PoisonError::into_inner);
        let found = state.values.pop_front()?;
        state.bytes -= found.1.bytes.len();
        self.left.notify_one();
        Some(found)
    }
}

/// A thread that asks.
struct Asking<'a>(&'a Queue);

impl Asking<'_> {
    /// Leaves a value to those who decode, as soon as they have room for it; gives it back if there is
    /// nobody.
    fn leave(&self, i: usize, value: Box<Value>) -> std::result::Result<(), Box<Value>> {
        let full = |state: &mut Waiting| state.bytes > 0 && state.bytes + value.bytes.len() > WAITING;
        let state = self.0.state();
        if state.coders == 0 {
            return Err(value);
        }
        let mut state = self.0.left.wait_while(state, full).unwrap_or_else(PoisonError::into_inner);
        state.bytes += value.bytes.len();
        state.values.push_back((i, value));
        self.0.came.notify_one();
        Ok(())
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.state().askers -= 1;
        self.0.came.notify_all();
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
