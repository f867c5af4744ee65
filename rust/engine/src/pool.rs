//! The engine's only threads.
//!
//! A caller never depends on them. It works through its items itself; threads that have nothing to
//! do may join while it does, and take some items off it. So a pool without threads is a correct
//! pool, a run inside of a run cannot deadlock, and nobody waits for a thread to wake up.
//!
//! The guarantee that all else rests on: when [`Pool::run`] returns — after success, error, cancel
//! or panic — no other thread runs the job, holds it, or will ever touch it again.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::cancel::{Cancel, Context, PERIOD};
use crate::error::{Error, Kind, Result};

mod sleeper;

use sleeper::Sleeper;

/// The work on each item. It is given the context of the thread on which it runs, so that a
/// run inside of it listens as well.
pub type Job = dyn Fn(usize, &Context<'_>) -> Result<()> + Send + Sync;

/// How long a thread without work looks for some before it falls asleep, and how long a caller
/// looks whether its helpers are done. About what it costs to wake a sleeper: in a virtual machine
/// the waker pays 13 µs, and the sleeper comes after 30 to 80.
const SPIN: Duration = Duration::from_micros(50);
/// Codecs keep their tables on the heap: frames are small, but shards nest.
const STACK: usize = 2 << 20;

/// Threads that help whoever runs a job.
///
/// ```
/// use std::sync::Arc;
/// use zarr_engine::cancel::{Cancel, Context};
/// use zarr_engine::error::{Error, Kind};
/// use zarr_engine::pool::Pool;
///
/// let (pool, cancel) = (Pool::new(2), Cancel::new());
/// let job = |i: usize, _: &Context<'_>| if i == 3 { Err(Error::config("three")) } else { Ok(()) };
/// let error = pool.run(&Context::new(&cancel), 5, 1, Arc::new(job)).unwrap_err();
/// assert_eq!(error.kind(), Kind::Config);
/// ```
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// How many threads may help.
    wanted: AtomicUsize,
    /// How many exist. Changes under the queue's lock, but for one that could not be started.
    threads: AtomicUsize,
    /// How many of them look for work, or soon will, or sleep until there is some.
    idle: AtomicUsize,
    /// The length of `State::posted`, for those who look without the lock.
    posted: AtomicUsize,
    /// The process that the threads belong to: after a fork, there are none in the child.
    pid: u32,
}

#[derive(Debug, Default)]
struct State {
    posted: VecDeque<Posted>,
    /// The last to fall asleep is called first: its caches are the warmest.
    sleepers: Vec<Sleeper>,
}

/// A run that has items for others. It leaves the queue before the run ends.
#[derive(Clone)]
struct Posted {
    task: Arc<Task>,
    job: Arc<Job>,
}

impl std::fmt::Debug for Posted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.task.fmt(f)
    }
}

/// The state of one run. It may outlive the run; the job may not, so it is not in here.
#[derive(Debug)]
struct Task {
    n: usize,
    grain: usize,
    next: AtomicUsize,
    /// Threads inside the job, other than the caller's. Rises under the queue's lock only.
    helpers: AtomicUsize,
    stop: AtomicBool,
    error: Mutex<Option<Error>>,
    cancel: Cancel,
    /// Whether the caller sleeps until `helpers` is 0.
    waits: AtomicBool,
    caller: Thread,
}

impl Pool {
    /// A pool of `threads`, of which the caller of [`run`](Self::run) is one. They are started when
    /// they are first needed.
    pub fn new(threads: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                wanted: AtomicUsize::new(threads.max(1) - 1),
                threads: AtomicUsize::new(0),
                idle: AtomicUsize::new(0),
                posted: AtomicUsize::new(0),
                pid: std::process::id(),
            }),
        }
    }

    /// The number of threads that work on one run at most, the caller's included.
    pub fn threads(&self) -> usize {
        self.shared.wanted.load(Ordering::Relaxed) + 1
    }

    /// Changes that number. Threads that are too many end when they have nothing to do.
    pub fn set_threads(&self, threads: usize) {
        self.shared.wanted.store(threads.max(1) - 1, Ordering::Relaxed);
        let sleepers = std::mem::take(&mut self.shared.lock().sleepers);
        sleepers.iter().for_each(Sleeper::wake);
    }

    /// Calls `job` for each of `0..n`, in any order, on this thread and on others that are free.
    ///
    /// `grain` items at a time are taken by one thread: enough of them that taking costs nothing
    /// beside doing (10 µs), few enough that all threads end together. The first error stops the
    /// rest; so do the context's flag and tick, which are heard before every item. Work of less
    /// than 100 µs in all is done before help can come: give it a grain of `n`.
    pub fn run(&self, context: &Context<'_>, n: usize, grain: usize, job: Arc<Job>) -> Result<()> {
        let grain = grain.max(1);
        if n <= grain || self.shared.wanted.load(Ordering::Relaxed) == 0 {
            return caught(|| (0..n).try_for_each(|i| context.check().and_then(|()| job(i, context))));
        }
        let task = Arc::new(Task::new(n, grain, context.cancel().clone()));
        let mut posted = false;
        let done = caught(|| {
            task.drain(&*job, context, || {
                // As long as nobody is free, offering the work is a look at two counters.
                if !posted && self.shared.has_free_thread() {
                    posted = true;
                    self.shared.post(Posted { task: Arc::clone(&task), job: Arc::clone(&job) });
                }
            })
        });
        task.note(done);
        if posted {
            if !self.shared.same_process() {
                // A fork inside of the job: the helpers, and whatever they locked, stayed behind.
                std::mem::forget((task, job));
                return Err(Error::internal("the process was forked in the middle of an operation"));
            }
            self.shared.withdraw(&task);
            task.wait_for_helpers(context);
        }
        task.outcome()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if self.shared.same_process() {
            self.set_threads(1);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing can panic while it is held; and if it did, the state is valid at every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn same_process(&self) -> bool {
        self.pid == std::process::id()
    }

    fn has_free_thread(&self) -> bool {
        self.idle.load(Ordering::Relaxed) > 0 || self.may_start()
    }

    fn may_start(&self) -> bool {
        self.threads.load(Ordering::Relaxed) < self.wanted.load(Ordering::Relaxed)
    }

    fn post(self: &Arc<Self>, posted: Posted) {
        let mut state = self.lock();
        state.posted.push_back(posted);
        self.posted.store(state.posted.len(), Ordering::Relaxed);
        self.call_one(state);
    }

    /// Gets one more thread to look at the queue. The thread that comes calls the next one.
    fn call_one(self: &Arc<Self>, mut state: MutexGuard<'_, State>) {
        if self.idle.load(Ordering::Relaxed) > state.sleepers.len() {
            // Somebody is awake, and will look at the queue before falling asleep.
            return;
        }
        let sleeper = state.sleepers.pop();
        let start = sleeper.is_none() && self.may_start();
        if start {
            self.threads.fetch_add(1, Ordering::Relaxed);
            self.idle.fetch_add(1, Ordering::Relaxed);
        }
        drop(state);
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        } else if start {
            self.start();
        }
    }

    /// Starts a thread that is counted already, if the system lets us: help is not necessary.
    fn start(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        let thread = thread::Builder::new().name("zarr".to_owned()).stack_size(STACK);
        if thread.spawn(move || shared.serve()).is_err() {
            self.threads.fetch_sub(1, Ordering::Relaxed);
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The life of a thread.
    fn serve(self: Arc<Self>) {
        while let Some(Posted { task, job }) = self.join_one() {
            let context = Context::new(&task.cancel);
            task.note(caught(|| task.drain(&*job, &context, || ())));
            // In this order: once the caller sees nobody inside, nobody holds its job either, and
            // whoever was inside is free for its next run.
            drop(job);
            self.idle.fetch_add(1, Ordering::Relaxed);
            task.leave();
        }
    }

    /// Waits for a run that has items left and enters it; `None` if this thread is one too many.
    fn join_one(self: &Arc<Self>) -> Option<Posted> {
        self.spin();
        let mut sleeper = None;
        let mut state = self.lock();
        let joined = loop {
            if self.threads.load(Ordering::Relaxed) > self.wanted.load(Ordering::Relaxed) {
                self.threads.fetch_sub(1, Ordering::Relaxed);
                break None;
            }
            if let Some(posted) = state.take_turn() {
                posted.task.helpers.fetch_add(1, Ordering::Relaxed);
                break Some(posted);
            }
            let Some(sleeper) = sleeper.take() else {
                // That is not done under the lock.
                drop(state);
                sleeper = Some(Sleeper::current());
                state = self.lock();
                continue;
            };
            state.sleepers.push(sleeper.clone());
            drop(state);
            sleeper.sleep();
            state = self.lock();
        };
        self.idle.fetch_sub(1, Ordering::Relaxed);
        // A task that relied on this thread gets another one.
        if state.posted.iter().any(|posted| posted.task.has_items()) {
            self.call_one(state);
        }
        joined
    }

    fn spin(&self) {
        let start = Instant::now();
        while self.posted.load(Ordering::Relaxed) == 0 && start.elapsed() < SPIN {
            std::hint::spin_loop();
        }
    }

    fn withdraw(&self, task: &Arc<Task>) {
        let mut state = self.lock();
        let place = state.posted.iter().position(|posted| Arc::ptr_eq(&posted.task, task));
        let posted = place.and_then(|place| state.posted.remove(place));
        self.posted.store(state.posted.len(), Ordering::Relaxed);
        drop(state);
        drop(posted);
    }
}

impl State {
    /// The next run that has items left; those behind it come first the next time.
    fn take_turn(&mut self) -> Option<Posted> {
        let place = self.posted.iter().position(|posted| posted.task.has_items())?;
        self.posted.rotate_left(place + 1);
        self.posted.back().cloned()
    }
}

impl Task {
    fn new(n: usize, grain: usize, cancel: Cancel) -> Self {
        Self {
            n,
            grain,
            next: AtomicUsize::new(0),
            helpers: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            error: Mutex::default(),
            cancel,
            waits: AtomicBool::new(false),
            caller: thread::current(),
        }
    }

    fn has_items(&self) -> bool {
        self.next.load(Ordering::Relaxed) < self.n && !self.stop.load(Ordering::Relaxed)
    }

    /// Does items until there are none; calls `between` before each time that it takes some.
    fn drain(&self, job: &Job, context: &Context<'_>, mut between: impl FnMut()) -> Result<()> {
        loop {
            if !self.has_items() {
                return Ok(());
            }
            between();
            let first = self.next.fetch_add(self.grain, Ordering::Relaxed);
            for i in first..first.saturating_add(self.grain).min(self.n) {
                if self.stop.load(Ordering::Relaxed) {
                    return Ok(());
                }
                context.check()?;
                job(i, context)?;
            }
        }
    }

    /// Remembers the first error, and stops the others. That something was cancelled says the
    /// least: if a tick raised the flag, its own error is the one to tell.
    fn note(&self, done: Result<()>) {
        let Err(error) = done else { return };
        self.stop.store(true, Ordering::Relaxed);
        let mut first = self.error.lock().unwrap_or_else(PoisonError::into_inner);
        if first.as_ref().is_none_or(|first| first.kind() == Kind::Cancelled) {
            *first = Some(error);
        }
    }

    /// The end of a helper's part. Pairs with the caller's look at `helpers`: all that the helper
    /// did, the caller sees.
    fn leave(&self) {
        // Both sides write one flag and then read the other's: at least one of them sees it.
        if self.helpers.fetch_sub(1, Ordering::SeqCst) == 1 && self.waits.load(Ordering::SeqCst) {
            self.caller.unpark();
        }
    }

    /// Returns when no helper is inside. None can come any more: the task has left the queue.
    fn wait_for_helpers(&self, context: &Context<'_>) {
        let start = Instant::now();
        while self.helpers.load(Ordering::SeqCst) > 0 && start.elapsed() < SPIN {
            std::hint::spin_loop();
        }
        self.waits.store(true, Ordering::SeqCst);
        while self.helpers.load(Ordering::SeqCst) > 0 {
            thread::park_timeout(PERIOD);
            if !self.stop.load(Ordering::Relaxed) {
                self.note(caught(|| context.check()));
            }
        }
    }

    fn outcome(&self) -> Result<()> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }
}

/// Calls `work`; a panic becomes an error.
fn caught(work: impl FnOnce() -> Result<()>) -> Result<()> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(panicked(&*payload)))
}

fn panicked(payload: &(dyn Any + Send)) -> Error {
    let said = payload.downcast_ref::<&str>().copied();
    let said = said.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    Error::internal(format!("the engine panicked: {}", said.unwrap_or("(no message)")))
}
