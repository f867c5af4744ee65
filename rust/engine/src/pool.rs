//! The engine's only threads.
//!
//! A caller never depends on them. It works through its items itself; threads that have nothing to
//! do may join while it does, and take some items off it. So a pool without threads is a correct
//! pool, a run inside of a run cannot deadlock, and nobody waits for a thread to wake up.
//!
//! There are as many as the process may use CPUs, or as the user said. Where a run may wait for files,
//! and its caller waits more than it computes, more threads come, and go when it does not: requests
//! that are under way are not CPUs.
//!
//! The guarantee that all else rests on: when [`Pool::run`] returns — after success, error, cancel
//! or panic — no other thread runs the job, holds it, or will ever touch it again.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::cancel::{Cancel, Context, PERIOD};
use crate::error::{Error, Kind, Result};

mod meter;
mod sleeper;

use meter::Meter;
pub use meter::apart;
use sleeper::Sleeper;

/// The work on each item. It is given the context of the thread on which it runs, so that a
/// run inside of it listens as well.
pub type Job = dyn Fn(usize, &Context<'_>) -> Result<()> + Send + Sync;

/// How long a thread without work looks for some before it falls asleep, and how long a caller
/// looks whether its helpers are done. About what it costs to wake a sleeper: in a virtual machine
/// the waker pays 13 µs, and the sleeper comes after 30 to 80.
const SPIN: Duration = Duration::from_micros(50);
/// How long threads that were called because others waited stay when there is nothing to do: what
/// waited once is likely to wait again.
const LINGER: Duration = Duration::from_secs(1);
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
    /// How many may help those who wait.
    most: AtomicUsize,
    /// How many are to help just now, because callers wait; 0 where computing outweighs waiting.
    asked: AtomicUsize,
    /// Until when: milliseconds after `start`.
    asked_until: AtomicU64,
    start: Instant,
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
    grain: AtomicUsize,
    /// The most helpers inside at a time.
    most: usize,
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
                most: AtomicUsize::new(0),
                asked: AtomicUsize::new(0),
                asked_until: AtomicU64::new(0),
                start: Instant::now(),
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
        self.shared.call_all();
    }

    /// Changes how many threads work on one run at most where they wait, the caller's included: 1,
    /// unless it is said. It is no less than [`threads`](Self::threads) in any case.
    pub fn set_waiting(&self, threads: usize) {
        self.shared.most.store(threads.max(1) - 1, Ordering::Relaxed);
        self.shared.call_all();
    }

    /// How many threads there are, besides the callers'.
    pub fn alive(&self) -> usize {
        self.shared.threads.load(Ordering::Relaxed)
    }

    /// Whether callers waited just now, more than they computed.
    pub fn waits(&self) -> bool {
        self.shared.asked() > 0
    }

    /// Calls `job` for each of `0..n`, in any order, on this thread and on others that are free.
    ///
    /// `grain` items at a time are taken by one thread: enough of them that taking costs nothing
    /// beside doing (10 µs), few enough that all threads end together. The first error stops the
    /// rest; so do the context's flag and tick, which are heard before every item. Work of less
    /// than 100 µs in all is done before help can come: give it a grain of `n`.
    pub fn run(&self, context: &Context<'_>, n: usize, grain: usize, job: Arc<Job>) -> Result<()> {
        self.work(context, n, grain, job, None)
    }

    /// As [`run`](Self::run), for items that may wait for files: where they wait more than they
    /// compute, up to `most` threads work on them, but no more than
    /// [`set_waiting`](Self::set_waiting) allows.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use zarr_engine::cancel::{Cancel, Context};
    /// use zarr_engine::pool::Pool;
    ///
    /// let (pool, cancel) = (Pool::new(1), Cancel::new());
    /// pool.set_waiting(8);
    /// let job = |_: usize, _: &Context<'_>| Ok(std::thread::sleep(Duration::from_millis(2)));
    /// pool.run_waiting(&Context::new(&cancel), 32, 1, 16, Arc::new(job)).unwrap();
    /// assert!(pool.waits());
    /// ```
    pub fn run_waiting(&self, context: &Context<'_>, n: usize, grain: usize, most: usize, job: Arc<Job>) -> Result<()> {
        self.work(context, n, grain, job, Some(most))
    }

    fn work(&self, context: &Context<'_>, n: usize, grain: usize, job: Arc<Job>, waiting: Option<usize>) -> Result<()> {
        let grain = grain.max(1);
        let most = waiting.map_or(0, |most| (most.max(1) - 1).min(self.shared.most.load(Ordering::Relaxed)));
        if n <= grain || self.shared.wanted.load(Ordering::Relaxed).max(most) == 0 {
            return caught(|| (0..n).try_for_each(|i| context.check().and_then(|()| job(i, context))));
        }
        // One item tells whether it waits; if so, each is worth a thread.
        let first = if most > 0 { 1 } else { grain };
        let most_inside = most.max(self.shared.wanted.load(Ordering::Relaxed));
        let task = Arc::new(Task::new(n, first, most_inside, context.cancel().clone()));
        let (mut posted, mut has_asked) = (false, false);
        let mut meter = (most > 0).then(Meter::new);
        let done = caught(|| {
            task.drain(&*job, context, || {
                if let Some(waits) = meter.as_mut().and_then(Meter::read) {
                    // With so many threads for each CPU, all CPUs have something to do; twice as many,
                    // because not all wait equally long.
                    let threads = self.threads().saturating_mul(waits.saturating_add(1)).saturating_mul(2);
                    let asked = if waits == 0 { 0 } else { (threads - 1).min(most) };
                    task.grain.store(if asked > 0 { 1 } else { grain }, Ordering::Relaxed);
                    // Others may have asked, too: who never did takes nothing back.
                    if asked > 0 || has_asked {
                        has_asked = true;
                        self.shared.ask(asked);
                    }
                    if posted {
                        self.shared.start_many(task.left());
                    }
                }
                // As long as nobody is free, offering the work is a look at two counters.
                if !posted && self.shared.has_free_thread() {
                    posted = true;
                    self.shared.post(Posted { task: Arc::clone(&task), job: Arc::clone(&job) });
                    self.shared.start_many(task.left());
                }
                true
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
        self.threads.load(Ordering::Relaxed) < self.allowed()
    }

    /// How many threads may exist.
    fn allowed(&self) -> usize {
        self.wanted.load(Ordering::Relaxed).max(self.asked())
    }

    /// How many are to help because callers wait.
    fn asked(&self) -> usize {
        let asked = self.asked.load(Ordering::Relaxed);
        if asked > 0 && self.now() > self.asked_until.load(Ordering::Relaxed) {
            return 0;
        }
        asked.min(self.most.load(Ordering::Relaxed))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn ask(&self, helpers: usize) {
        let until = self.now().saturating_add(LINGER.as_millis() as u64);
        self.asked_until.store(until, Ordering::Relaxed);
        self.asked.store(helpers, Ordering::Relaxed);
    }

    /// Starts the threads that were asked for, as many as there are items: where callers wait, one
    /// after the other would come late.
    fn start_many(self: &Arc<Self>, items: usize) {
        if self.asked() == 0 {
            return;
        }
        let state = self.lock();
        let idle = self.idle.load(Ordering::Relaxed);
        let missing = self.allowed().saturating_sub(self.threads.load(Ordering::Relaxed));
        let missing = missing.min(items.saturating_sub(idle));
        self.threads.fetch_add(missing, Ordering::Relaxed);
        self.idle.fetch_add(missing, Ordering::Relaxed);
        drop(state);
        for _ in 0..missing {
            self.start();
        }
    }

    /// Wakes all threads, so that those end that are too many.
    fn call_all(&self) {
        let sleepers = std::mem::take(&mut self.lock().sleepers);
        sleepers.iter().for_each(Sleeper::wake);
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
            let needed = || self.threads.load(Ordering::Relaxed) <= self.allowed();
            task.note(caught(|| task.drain(&*job, &context, needed)));
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
            if self.threads.load(Ordering::Relaxed) > self.allowed() {
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
            let surplus = self.threads.load(Ordering::Relaxed) > self.wanted.load(Ordering::Relaxed);
            drop(state);
            sleeper.sleep(surplus.then_some(LINGER));
            state = self.lock();
            state.sleepers.retain(|other| !other.is(&sleeper));
        };
        self.idle.fetch_sub(1, Ordering::Relaxed);
        // A task that relied on this thread gets another one.
        if state.posted.iter().any(|posted| posted.task.wants_help()) {
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
    /// The next run that wants help; those behind it come first the next time.
    fn take_turn(&mut self) -> Option<Posted> {
        let place = self.posted.iter().position(|posted| posted.task.wants_help())?;
        self.posted.rotate_left(place + 1);
        self.posted.back().cloned()
    }
}

impl Task {
    fn new(n: usize, grain: usize, most: usize, cancel: Cancel) -> Self {
        Self {
            n,
            most,
            grain: AtomicUsize::new(grain),
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

    /// Whether another thread may come: to be asked under the queue's lock.
    fn wants_help(&self) -> bool {
        self.has_items() && self.helpers.load(Ordering::Relaxed) < self.most
    }

    /// How many items nobody has taken yet.
    fn left(&self) -> usize {
        self.n.saturating_sub(self.next.load(Ordering::Relaxed))
    }

    /// Does items until there are none; before each time that it takes some it asks whether to `go_on`.
    fn drain(&self, job: &Job, context: &Context<'_>, mut go_on: impl FnMut() -> bool) -> Result<()> {
        loop {
            if !self.has_items() || !go_on() {
                return Ok(());
            }
            let grain = self.grain.load(Ordering::Relaxed);
            let first = self.next.fetch_add(grain, Ordering::Relaxed);
            for i in first..first.saturating_add(grain).min(self.n) {
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
