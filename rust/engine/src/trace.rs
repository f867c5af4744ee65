//! How often the engine does something, on how many bytes and for how long, counted while somebody
//! watches.
//!
//! Nobody watches as a rule, and then each place that would count costs one look at a number. The
//! counts are those of the process: whoever watches takes them before and after.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// Something that the engine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A whole read by one call; the bytes are those of its result.
    Read,
    /// A whole write by one call; the bytes are those of what is written.
    Write,
    /// A stored value that is read or written, or looked for.
    Value,
    /// Opening a file.
    Open,
    /// Reading bytes of a file.
    Load,
    /// Reading the index of a shard; the bytes are those of the index.
    Index,
    /// The index of a shard that was kept.
    Kept,
    /// Decoding a chunk, or a part of one; the bytes are those that come out.
    Decode,
    /// Copying elements between a chunk and the caller's array.
    Place,
    /// Writing the fill value where a chunk is absent.
    Fill,
    /// Encoding a chunk; the bytes are those that go in.
    Encode,
    /// Writing a file.
    Store,
    /// Waiting for a lock.
    Lock,
    /// A decoded chunk that a cache had.
    Hit,
    /// A chunk that a cache did not have.
    Miss,
    /// Asking a web server for a value; the bytes are those of the value.
    Fetch,
}

/// All phases, in their order, and their names.
pub const PHASES: [(Phase, &str); 16] = [
    (Phase::Read, "read"),
    (Phase::Write, "write"),
    (Phase::Value, "value"),
    (Phase::Open, "open"),
    (Phase::Load, "load"),
    (Phase::Index, "index"),
    (Phase::Kept, "kept"),
    (Phase::Decode, "decode"),
    (Phase::Place, "place"),
    (Phase::Fill, "fill"),
    (Phase::Encode, "encode"),
    (Phase::Store, "store"),
    (Phase::Lock, "lock"),
    (Phase::Hit, "hit"),
    (Phase::Miss, "miss"),
    (Phase::Fetch, "fetch"),
];

/// The counts of one phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// How often.
    pub times: u64,
    /// On how many bytes.
    pub bytes: u64,
    /// How long, in nanoseconds, all threads together, without phases within it. Of many short
    /// operations, some are timed and stand for the others.
    pub nanos: u64,
}

/// A stretch of time in which a thread was in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The phase.
    pub phase: Phase,
    /// The number of the thread.
    pub thread: u64,
    /// When it began, in nanoseconds of [`now`].
    pub start: u64,
    /// How long it took, in nanoseconds.
    pub nanos: u64,
    /// On how many bytes.
    pub bytes: u64,
}

/// The counts of one phase.
struct Counter {
    times: AtomicU64,
    bytes: AtomicU64,
    nanos: AtomicU64,
}

impl Counter {
    const fn new() -> Self {
        Self { times: AtomicU64::new(0), bytes: AtomicU64::new(0), nanos: AtomicU64::new(0) }
    }
}

/// The counts of all phases, made by one thread or by many.
#[repr(align(64))]
struct Counters {
    /// Whether a thread has them for itself.
    taken: AtomicBool,
    phases: [Counter; PHASES.len()],
}

impl Counters {
    const fn new() -> Self {
        Self { taken: AtomicBool::new(false), phases: [const { Counter::new() }; PHASES.len()] }
    }
}

/// Spans that are shorter are counted, and not kept: there are too many.
const SHORTEST: Duration = Duration::from_micros(20);
/// So many spans are kept, which are 2.5 MiB; later ones are only counted.
const MOST: usize = 1 << 16;

/// A phase that took less than this the last time is timed each time, so often on a thread …
const SHORT: Duration = Duration::from_micros(100);
const FEW: u64 = 64;
/// … and then one of so many times, which stands for the others: to look at the clock takes time.
const ONE_OF: u64 = 32;

/// Counts the times at which somebody began to watch while nobody did.
static EPISODE: AtomicU64 = AtomicU64::new(0);
static WATCHERS: AtomicUsize = AtomicUsize::new(0);
/// So many threads at a time have counters of their own, which cost less to add to.
const OWN: usize = 64;
static COUNTERS: [Counters; OWN] = [const { Counters::new() }; OWN];
/// The counters of further threads.
static SHARED: Counters = Counters::new();
static SPANS: Mutex<Vec<Span>> = Mutex::new(Vec::new());
static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
static THREADS: AtomicU64 = AtomicU64::new(0);

/// A thread, as long as it is counted.
struct Thread {
    counters: Cell<Option<&'static Counters>>,
    /// The nanoseconds of phases within the one that this thread is in.
    within: Cell<u64>,
    /// For how many times the phase stands that this thread is in; 0 if it is not timed. Phases
    /// within it are treated alike.
    weight: Cell<Option<u64>>,
    /// The episode of `phases`.
    episode: Cell<u64>,
    /// How often each phase was begun, and how long the last one took.
    phases: [Cell<(u64, u64)>; PHASES.len()],
}

thread_local! {
    static THREAD: Thread = const { Thread {
        counters: Cell::new(None),
        within: Cell::new(0),
        weight: Cell::new(None),
        episode: Cell::new(0),
        phases: [const { Cell::new((0, u64::MAX)) }; PHASES.len()],
    } };
    static CLAIM: Cell<Option<Claim>> = const { Cell::new(None) };
    static NUMBER: u64 = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// The counters that a thread has for itself, until it ends.
struct Claim(&'static Counters);

impl Drop for Claim {
    fn drop(&mut self) {
        THREAD.with(|thread| thread.counters.set(Some(&SHARED)));
        self.0.taken.store(false, Ordering::Release);
    }
}

impl Thread {
    fn add(&self, phase: Phase, times: u64, bytes: u64, nanos: u64) {
        let counters = self.counters.get().unwrap_or_else(|| self.claimed());
        let shared = std::ptr::eq(counters, &raw const SHARED);
        let counter = &counters.phases[phase as usize];
        for (number, more) in [(&counter.times, times), (&counter.bytes, bytes), (&counter.nanos, nanos)] {
            if shared {
                number.fetch_add(more, Ordering::Relaxed);
            } else {
                // Nobody else adds to it.
                number.store(number.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
            }
        }
    }

    #[cold]
    fn claimed(&self) -> &'static Counters {
        let free = |counters: &&Counters| !counters.taken.swap(true, Ordering::Acquire);
        let mut counters = &SHARED;
        if let Some(own) = COUNTERS.iter().find(free) {
            // A thread that ends may have no room for the claim: then they stay taken.
            if CLAIM.try_with(|claim| claim.set(Some(Claim(own)))).is_ok() {
                counters = own;
            }
        }
        self.counters.set(Some(counters));
        counters
    }

    /// For how many times the next one of a phase stands; 0 if it is not timed.
    fn weight_of_next(&self, phase: Phase) -> u64 {
        let episode = EPISODE.load(Ordering::Relaxed);
        if self.episode.replace(episode) != episode {
            self.phases.iter().for_each(|phase| phase.set((0, u64::MAX)));
        }
        let (begun, last) = self.phases[phase as usize].get();
        self.phases[phase as usize].set((begun + 1, last));
        match begun {
            _ if begun < FEW || last >= nanos(SHORT) => 1,
            _ if begun % ONE_OF == 0 => ONE_OF,
            _ => 0,
        }
    }

    fn ended(&self, phase: Phase, (times, bytes): (u64, u64), start: Instant, (within, weight): (u64, u64)) -> u64 {
        let took = start.elapsed();
        self.add(phase, times, bytes, nanos(took).saturating_sub(within).saturating_mul(weight));
        let last = &self.phases[phase as usize];
        last.set((last.get().0, nanos(took)));
        // Nobody waits for another who notes a span: that would change what is measured.
        if took >= SHORTEST
            && let Ok(mut spans) = SPANS.try_lock()
            && spans.len() < MOST
        {
            let start = nanos(start.saturating_duration_since(*EPOCH));
            spans.push(Span { phase, thread: NUMBER.with(|&number| number), start, nanos: nanos(took), bytes });
        }
        nanos(took)
    }
}

/// Counts from now on, until this is dropped.
///
/// ```
/// use zarr_engine::trace::{self, Phase, Watch};
///
/// let watch = Watch::begin();
/// let before = trace::count(Phase::Decode);
/// trace::timed(Phase::Decode, 100, || ());
/// assert_eq!(trace::count(Phase::Decode).bytes - before.bytes, 100);
/// drop(watch);
/// ```
#[derive(Debug)]
pub struct Watch(());

impl Watch {
    /// Begins to count.
    pub fn begin() -> Self {
        LazyLock::force(&EPOCH);
        if WATCHERS.fetch_add(1, Ordering::Relaxed) == 0 {
            EPISODE.fetch_add(1, Ordering::Relaxed);
        }
        Self(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if WATCHERS.fetch_sub(1, Ordering::Relaxed) == 1
            && let Ok(mut spans) = SPANS.try_lock()
        {
            *spans = Vec::new();
        }
    }
}

/// Whether somebody watches.
#[inline]
pub fn watched() -> bool {
    WATCHERS.load(Ordering::Relaxed) != 0
}

/// The time, in nanoseconds since the first watch began.
pub fn now() -> u64 {
    nanos(EPOCH.elapsed())
}

/// The counts of a phase.
pub fn count(phase: Phase) -> Count {
    COUNTERS.iter().chain([&SHARED]).fold(Count::default(), |sum, counters| {
        let counter = &counters.phases[phase as usize];
        Count {
            times: sum.times.wrapping_add(counter.times.load(Ordering::Relaxed)),
            bytes: sum.bytes.wrapping_add(counter.bytes.load(Ordering::Relaxed)),
            nanos: sum.nanos.wrapping_add(counter.nanos.load(Ordering::Relaxed)),
        }
    })
}

/// The spans that are kept, from number `first` on.
pub fn spans(first: usize) -> Vec<Span> {
    // In a forked child, the lock may be held by a thread that is not there.
    match SPANS.try_lock() {
        Ok(spans) => spans.get(first..).unwrap_or_default().to_vec(),
        Err(TryLockError::Poisoned(spans)) => spans.into_inner().get(first..).unwrap_or_default().to_vec(),
        Err(TryLockError::WouldBlock) => Vec::new(),
    }
}

/// Counts something that takes no time.
#[inline]
pub fn saw(phase: Phase, times: u64, bytes: u64) {
    if watched() {
        THREAD.with(|thread| thread.add(phase, times, bytes, 0));
    }
}

/// Does `work`, which is a phase.
#[inline]
pub fn timed<T>(phase: Phase, bytes: u64, work: impl FnOnce() -> T) -> T {
    if watched() { measured(phase, |_| bytes, work) } else { work() }
}

/// Does `work`, which is a phase; that says on how many bytes.
#[inline]
pub fn timed_of<T>(phase: Phase, bytes: impl FnOnce(&T) -> u64, work: impl FnOnce() -> T) -> T {
    if watched() { measured(phase, bytes, work) } else { work() }
}

/// Does `work`, which is all of an operation, or a part of one: it is as long as it takes, with all
/// phases within. Its bytes are counted beside it, by [`saw`].
#[inline]
pub fn whole<T>(phase: Phase, work: impl FnOnce() -> T) -> T {
    if !watched() {
        return work();
    }
    let weight = THREAD.with(|thread| thread.weight_of_next(phase));
    if weight == 0 {
        return work();
    }
    let start = Instant::now();
    let done = work();
    THREAD.with(|thread| thread.ended(phase, (0, 0), start, (0, weight)));
    done
}

/// The weight of this thread, until this is dropped.
struct Weighed<'a>(&'a Thread, Option<u64>);

impl Drop for Weighed<'_> {
    fn drop(&mut self) {
        self.0.weight.set(self.1);
    }
}

#[inline(never)]
fn measured<T>(phase: Phase, bytes: impl FnOnce(&T) -> u64, work: impl FnOnce() -> T) -> T {
    THREAD.with(|thread| {
        // Waits for others are as long as they are: none stands for another.
        let weight = match phase {
            Phase::Lock => 1,
            _ => thread.weight.get().unwrap_or_else(|| thread.weight_of_next(phase)),
        };
        let _above = Weighed(thread, thread.weight.replace(Some(weight)));
        if weight == 0 {
            let done = work();
            thread.add(phase, 1, bytes(&done), 0);
            return done;
        }
        let outside = thread.within.replace(0);
        let start = Instant::now();
        let done = work();
        let bytes = bytes(&done);
        let within = thread.within.get();
        let took = thread.ended(phase, (1, bytes), start, (within, weight));
        thread.within.set(outside.saturating_add(took));
        done
    })
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// How many spans are kept.
pub fn kept() -> usize {
    SPANS.try_lock().map_or_else(
        |error| match error {
            TryLockError::Poisoned(spans) => PoisonError::into_inner(spans).len(),
            TryLockError::WouldBlock => 0,
        },
        |spans| spans.len(),
    )
}
