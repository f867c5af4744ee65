//! Named locks for threads and for event loops.
//!
//! A lock belongs to whoever was given it, not to a thread: what a callback was given may be
//! released by any thread. Those who wait are served in the order in which they came.

use std::collections::hash_map::{Entry, RandomState};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use crate::cancel::{Context, PERIOD};
use crate::error::Result;
use crate::trace::{self, Phase};

/// The function that is called when a lock is handed over. It must not wait for anything.
pub type Waiter = Box<dyn FnOnce() + Send>;

/// Enough that threads which work on different chunks rarely meet here.
const SHARDS: usize = 32;

/// The locks that are held, by name, each with those who wait for it. A name that nobody holds
/// takes no memory.
///
/// ```
/// use zarr_engine::cancel::{Cancel, Context};
/// use zarr_engine::locks::Locks;
///
/// let (locks, cancel) = (Locks::new(), Cancel::new());
/// let guard = locks.lock("c/0", &Context::new(&cancel))?;
/// assert!(!locks.try_lock("c/0"));
/// drop(guard);
/// assert!(locks.try_lock("c/0"));
/// locks.unlock("c/0");
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub struct Locks {
    shards: [Mutex<Held>; SHARDS],
    hasher: RandomState,
    pid: u32,
}

type Held = HashMap<Box<str>, VecDeque<Next>>;

/// One who waits.
enum Next {
    Thread(Arc<Seat>),
    Callback(Waiter),
}

/// Where a thread waits.
struct Seat {
    state: AtomicU8,
    thread: Thread,
}

const WAITING: u8 = 0;
const GRANTED: u8 = 1;
const GONE: u8 = 2;

impl Locks {
    /// A table in which nothing is locked.
    pub fn new() -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self { shards, hasher: RandomState::new(), pid: std::process::id() }
    }

    /// Waits until `name` is free and locks it. Fails, without the lock, if the context says so.
    pub fn lock<'a>(&'a self, name: &str, context: &Context<'_>) -> Result<Guard<'a>> {
        context.check()?;
        self.acquire(name, context)?;
        Ok(Guard { locks: self, name: name.into() })
    }

    /// [`lock`](Self::lock) for those who call [`unlock`](Self::unlock) by themselves.
    pub fn acquire(&self, name: &str, context: &Context<'_>) -> Result<()> {
        let mut held = self.shard(name);
        let Some(queue) = held.get_mut(name) else {
            held.insert(name.into(), VecDeque::new());
            return Ok(());
        };
        let seat = Arc::new(Seat { state: AtomicU8::new(WAITING), thread: thread::current() });
        queue.push_back(Next::Thread(Arc::clone(&seat)));
        drop(held);
        let mut wait = Wait { locks: self, name, seat: &seat, over: false };
        trace::timed(Phase::Lock, 0, || {
            while seat.state.load(Ordering::Acquire) == WAITING {
                thread::park_timeout(PERIOD);
                context.check()?;
            }
            wait.over = true;
            Ok(())
        })
    }

    /// Locks `name` if it is free.
    pub fn try_lock(&self, name: &str) -> bool {
        let mut held = self.shard(name);
        // `entry` would need an owned name even where it is held.
        let free = !held.contains_key(name);
        if free {
            held.insert(name.into(), VecDeque::new());
        }
        free
    }

    /// Locks `name` if it is free, and says `true`. Else `waiter` is called once the lock is its
    /// own, by the thread that released it; a waiter that is not interested any more must
    /// [`unlock`](Self::unlock).
    pub fn enqueue(&self, name: &str, waiter: Waiter) -> bool {
        let mut held = self.shard(name);
        match held.entry(name.into()) {
            Entry::Vacant(free) => {
                free.insert(VecDeque::new());
                drop(held);
                true
            }
            Entry::Occupied(mut queue) => {
                queue.get_mut().push_back(Next::Callback(waiter));
                false
            }
        }
    }

    /// Releases `name`: hands it to the next who waits. `false` if it was not locked, as it may
    /// be in a forked child, which has a table of its own.
    pub fn unlock(&self, name: &str) -> bool {
        loop {
            let mut held = self.shard(name);
            let Some(queue) = held.get_mut(name) else { return false };
            let next = queue.pop_front();
            if next.is_none() {
                held.remove(name);
            }
            // A waiter may well use the table.
            drop(held);
            match next {
                None => return true,
                Some(Next::Thread(seat)) => {
                    if seat.change(GRANTED) {
                        seat.thread.unpark();
                        return true;
                    }
                }
                Some(Next::Callback(waiter)) => {
                    // One that panics will not release what it was given.
                    if catch_unwind(AssertUnwindSafe(waiter)).is_ok() {
                        return true;
                    }
                }
            }
        }
    }

    /// Gives up waiting.
    fn leave(&self, name: &str, seat: &Arc<Seat>) {
        if !seat.change(GONE) {
            // The lock was handed over just now.
            self.unlock(name);
            return;
        }
        if let Some(queue) = self.shard(name).get_mut(name) {
            queue.retain(|next| !matches!(next, Next::Thread(other) if Arc::ptr_eq(other, seat)));
        }
    }

    fn shard(&self, name: &str) -> MutexGuard<'_, Held> {
        let place = self.hasher.hash_one(name) as usize % SHARDS;
        // The table is valid at every step: a panic can leave nothing half done in it.
        self.shards[place].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves the queue when dropped before the wait is over: by an error, or by a panic.
struct Wait<'a> {
    locks: &'a Locks,
    name: &'a str,
    seat: &'a Arc<Seat>,
    over: bool,
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.locks.leave(self.name, self.seat);
        }
    }
}

impl Seat {
    /// The one change that there is, from waiting to something: `false` if it happened already.
    fn change(&self, to: u8) -> bool {
        self.state.compare_exchange(WAITING, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl Default for Locks {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locks").finish_non_exhaustive()
    }
}

/// A lock that is held until this is dropped.
#[must_use = "the lock is released when the guard is dropped"]
#[derive(Debug)]
pub struct Guard<'a> {
    locks: &'a Locks,
    name: Box<str>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        // In a forked child this table may be locked by a thread that is not there.
        if self.locks.pid == std::process::id() {
            self.locks.unlock(&self.name);
        }
    }
}
