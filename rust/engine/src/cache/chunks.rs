//! Decoded chunks, kept between reads.
//!
//! A cache knows stored values by name: that of the place of the data, a slash, and the key. Writers
//! of this process tell all caches which value they have changed ([`forget`]), once it is there. A
//! reader says before it opens a value that it does ([`Chunks::begin`]): what it then decodes is kept
//! only if nobody changed the value meanwhile.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::lru::Lru;
use crate::object::{Identity, Object};
use crate::runtime::PerProcess;
use crate::trace::{self, Phase};

/// A chunk counts as so many bytes at least, also if it is absent: as much as is noted of it.
pub const LEAST: u64 = 256;

/// When it is looked at whether a stored value is still the one that was decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recheck {
    /// Never: only this process writes.
    Never,
    /// When an array is read that was opened after that was last looked at.
    Open,
    /// When that was last looked at so long ago.
    After(Duration),
    /// At each read.
    Always,
}

/// A mark by which a stored value is told from those before and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// Nobody says.
    Unknown,
    /// There was no value.
    Absent,
    /// The identity of a file, or of bytes in memory.
    Known(Identity),
    /// A word of the store, as an entity tag.
    Tag(Box<str>),
}

impl Version {
    /// Of what was found in the place of a value.
    pub fn of(found: Option<&Arc<dyn Object>>) -> Self {
        match found {
            None => Version::Absent,
            Some(object) => object.identity().map_or(Version::Unknown, Version::Known),
        }
    }
}

/// The chunk, as it is kept.
#[derive(Debug, Clone)]
pub enum Kept {
    /// That it is not stored.
    Absent,
    /// Its decoded bytes, and of which state of the stored value they are.
    Bytes(Arc<Vec<u8>>),
}

/// A kept chunk, and the number of the state of the stored value that it is of.
pub type Found = (Kept, u64);

/// The knowledge about a stored value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing.
    New,
    /// Chunks of it are kept.
    Fresh,
    /// The same, but it may have been replaced: [`Chunks::confirm`] finds out.
    Due {
        /// Whether the version is known of which the chunks are.
        versioned: bool,
    },
}

/// A chunk of a stored value, as one layout has it: its number, below those of the shards it is in.
type Place = (u64, u128);
type Key = (u64, Place);

/// The values and chunks that a process has kept.
#[derive(Debug, Default)]
struct State {
    values: HashMap<Arc<str>, Value>,
    chunks: Lru<Key, (Kept, Arc<str>)>,
    loading: HashMap<Arc<str>, Loading>,
    layouts: HashMap<Box<str>, u64>,
    /// The number of the next value, or state of a value that is being read.
    next: u64,
    counts: Counts,
}

#[derive(Debug)]
struct Value {
    number: u64,
    version: Version,
    checked: Instant,
    places: HashSet<Place>,
}

#[derive(Debug)]
struct Loading {
    readers: usize,
    state: u64,
}

/// How often something happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Chunks that were found.
    pub hits: u64,
    /// Chunks that had to be read.
    pub misses: u64,
    /// Chunks that had to go for others.
    pub evictions: u64,
    /// The bytes that are kept.
    pub bytes: u64,
    /// The chunks that are kept.
    pub entries: u64,
}

/// A cache of decoded chunks.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Instant;
/// use zarr_engine::cache::chunks::{Chunks, Kept, Recheck, Version, forget};
///
/// let cache = Chunks::new(1 << 20, Recheck::Never);
/// let layout = cache.layout("uint8, raw");
/// let reading = cache.begin("here/c/0");
/// let bytes = Kept::Bytes(Arc::new(vec![7; 1000]));
/// cache.insert(&reading, &Version::Unknown, Instant::now(), (layout, 0), bytes);
/// assert!(cache.get("here/c/0", None, None, (layout, 0)).is_some());
///
/// forget("here/c/0");
/// assert!(cache.get("here/c/0", None, None, (layout, 0)).is_none());
/// assert_eq!(cache.counts().bytes, 0);
/// ```
pub struct Chunks {
    most: u64,
    recheck: Recheck,
    number: u64,
    state: PerProcess<Mutex<State>>,
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);
/// The caches that there are. A forked child has those of its parent, with nothing in them.
static CACHES: std::sync::LazyLock<ArcSwap<Vec<Weak<Chunks>>>> = std::sync::LazyLock::new(ArcSwap::default);
static LIVING: AtomicU64 = AtomicU64::new(0);

impl Chunks {
    /// A cache of at most `most` bytes.
    pub fn new(most: u64, recheck: Recheck) -> Arc<Self> {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let cache = Arc::new(Self { most, recheck, number, state: PerProcess::new(Mutex::default) });
        LIVING.fetch_add(1, Ordering::SeqCst);
        CACHES.rcu(|caches| {
            let living = caches.iter().filter(|cache| cache.strong_count() > 0).cloned();
            living.chain([Arc::downgrade(&cache)]).collect::<Vec<_>>()
        });
        cache
    }

    /// The most bytes that are kept.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// Tells this cache from all others of the process.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The number of a layout: of all that says how a stored value is decoded.
    pub fn layout(&self, described: &str) -> u64 {
        self.with(|state| {
            if let Some(&number) = state.layouts.get(described) {
                return number;
            }
            state.next += 1;
            state.layouts.insert(described.into(), state.next);
            state.next
        })
    }

    /// The time after which a value must have been looked at, for an array that was `opened` then; it
    /// is asked for at the beginning of a read.
    pub fn due_before(&self, opened: Instant) -> Option<Instant> {
        match self.recheck {
            Recheck::Never => None,
            Recheck::Open => Some(opened),
            Recheck::After(time) => Instant::now().checked_sub(time),
            Recheck::Always => Some(Instant::now()),
        }
    }

    /// The knowledge about a value.
    pub fn status(&self, name: &str, due: Option<Instant>) -> Status {
        self.with(|state| match state.values.get(name) {
            None => Status::New,
            Some(value) if value.is_due(due) => Status::Due { versioned: value.version != Version::Unknown },
            Some(_) => Status::Fresh,
        })
    }

    /// A chunk, unless it is not known or must be looked at again. With `expected`, that is certain to
    /// be the stored value now. It is not counted as found.
    pub fn peek(&self, name: &str, due: Option<Instant>, expected: Option<&Version>, place: Place) -> Option<Found> {
        self.find(name, due, expected, place, 0)
    }

    /// The same, counted.
    pub fn get(&self, name: &str, due: Option<Instant>, expected: Option<&Version>, place: Place) -> Option<Found> {
        self.find(name, due, expected, place, 1)
    }

    /// Counts chunks that were found.
    pub fn found(&self, chunks: u64) {
        trace::saw(Phase::Hit, chunks, 0);
        self.with(|state| state.counts.hits += chunks);
    }

    fn find(
        &self,
        name: &str,
        due: Option<Instant>,
        expected: Option<&Version>,
        place: Place,
        hits: u64,
    ) -> Option<Found> {
        self.with(|state| {
            let value = state.values.get(name)?;
            if expected.map_or(value.is_due(due), |expected| *expected != value.version) {
                return None;
            }
            let number = value.number;
            let kept = state.chunks.get(&(number, place))?.0.clone();
            state.counts.hits += hits;
            trace::saw(Phase::Hit, hits, 0);
            Some((kept, number))
        })
    }

    /// Compares the kept chunks of a value with the version that is stored now, as was found out at
    /// `time` or later: keeps it if it is the same, and else forgets it.
    pub fn confirm(&self, name: &str, found: &Version, time: Instant) -> bool {
        let gone = self.with(|state| {
            let value = state.values.get_mut(name)?;
            if *found != Version::Unknown && value.version == *found {
                value.checked = value.checked.max(time);
                return None;
            }
            Some(state.drop_value(name))
        });
        gone.is_none()
    }

    /// Forgets what is kept of a value if it is known to be of another version than was found, at
    /// `time` or later.
    pub fn confirm_version(&self, name: &str, found: &Version, time: Instant) {
        if *found != Version::Unknown {
            self.confirm(name, found, time);
        }
    }

    /// Says that a value is about to be read.
    pub fn begin(self: &Arc<Self>, name: &str) -> Reading {
        let (name, state) = self.with(|state| {
            state.next += 1;
            let next = state.next;
            if let Some((name, _)) = state.loading.get_key_value(name) {
                let name = Arc::clone(name);
                let loading = state.loading.entry(Arc::clone(&name)).or_insert(Loading { readers: 0, state: next });
                loading.readers += 1;
                return (name, loading.state);
            }
            let name: Arc<str> = match state.values.get_key_value(name) {
                Some((name, _)) => Arc::clone(name),
                None => name.into(),
            };
            state.loading.insert(Arc::clone(&name), Loading { readers: 1, state: next });
            (name, next)
        });
        Reading { cache: Arc::clone(self), name, state, pid: std::process::id() }
    }

    /// Counts a chunk that has to be read.
    pub fn missed(&self) {
        trace::saw(Phase::Miss, 1, 0);
        self.with(|state| state.counts.misses += 1);
    }

    /// Keeps a chunk of a value of this version, which was opened at `time` or later, unless the value
    /// was changed since reading began, or the chunk is too large. Returns of which state it is; `None`
    /// if it is not kept.
    pub fn insert(&self, reading: &Reading, version: &Version, time: Instant, place: Place, kept: Kept) -> Option<u64> {
        let bytes = match &kept {
            Kept::Absent => LEAST,
            Kept::Bytes(bytes) => LEAST.max(bytes.capacity() as u64),
        };
        if bytes > self.most {
            return None;
        }
        let (number, gone) = self.with(|state| {
            let name = &reading.name;
            if state.loading.get(name).is_none_or(|loading| loading.state != reading.state) {
                return (None, Vec::new());
            }
            let mut gone = Vec::new();
            // Chunks of another version are of no use, and must not be mixed with this one.
            let mut fresh = reading.state;
            if state.values.get(name).is_some_and(|value| value.version != *version) {
                gone = state.drop_value(name);
                state.next += 1;
                fresh = state.next;
            }
            let value = state.values.entry(Arc::clone(name)).or_insert_with(|| Value {
                number: fresh,
                version: version.clone(),
                checked: time,
                places: HashSet::new(),
            });
            if *version != Version::Unknown {
                value.checked = value.checked.max(time);
            }
            value.places.insert(place);
            let number = value.number;
            let evicted = state.chunks.insert((number, place), (kept, Arc::clone(name)), bytes, self.most);
            for ((of, other), (chunk, name)) in evicted {
                if (of, other) == (number, place) {
                    gone.push(chunk);
                    continue;
                }
                state.counts.evictions += 1;
                if let Some(value) = state.values.get_mut(&name)
                    && value.number == of
                {
                    value.places.remove(&other);
                    if value.places.is_empty() {
                        state.values.remove(&name);
                    }
                }
                gone.push(chunk);
            }
            (Some(number), gone)
        });
        // The system takes its time to take memory back: without the lock.
        drop(gone);
        number
    }

    /// Forgets all of a value, also what is being read of it.
    pub fn forget(&self, name: &str) {
        drop(self.with(|state| state.forget(name)));
    }

    /// Forgets all values whose names begin so.
    pub fn forget_below(&self, prefix: &str) {
        let gone = self.with(|state| {
            let known: HashSet<Arc<str>> = state.values.keys().chain(state.loading.keys()).cloned().collect();
            let below = known.iter().filter(|name| name.starts_with(prefix));
            below.flat_map(|name| state.forget(name)).collect::<Vec<_>>()
        });
        drop(gone);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.forget_below("");
    }

    /// How often something happened, and what is kept.
    pub fn counts(&self) -> Counts {
        self.with(|state| Counts { bytes: state.chunks.bytes(), entries: state.chunks.count() as u64, ..state.counts })
    }

    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        let state = self.state.get();
        let mut state: MutexGuard<'_, State> = state.lock().unwrap_or_else(PoisonError::into_inner);
        f(&mut state)
    }
}

impl Value {
    fn is_due(&self, before: Option<Instant>) -> bool {
        before.is_some_and(|before| self.checked < before)
    }
}

impl State {
    /// Forgets a value, and that it is being read. Returns what its memory is in.
    fn forget(&mut self, name: &str) -> Vec<Kept> {
        self.next += 1;
        if let Some(loading) = self.loading.get_mut(name) {
            loading.state = self.next;
        }
        self.drop_value(name)
    }

    fn drop_value(&mut self, name: &str) -> Vec<Kept> {
        let Some(value) = self.values.remove(name) else { return Vec::new() };
        let chunks = &mut self.chunks;
        value.places.iter().filter_map(|place| chunks.remove(&(value.number, *place))).map(|held| held.0).collect()
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        LIVING.fetch_sub(1, Ordering::SeqCst);
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("most", &self.most).field("recheck", &self.recheck).finish_non_exhaustive()
    }
}

/// A value that is being read, until this is dropped.
#[derive(Debug)]
pub struct Reading {
    cache: Arc<Chunks>,
    name: Arc<str>,
    state: u64,
    pid: u32,
}

impl Drop for Reading {
    fn drop(&mut self) {
        // A forked child knows nothing of what its parent reads.
        if self.pid != std::process::id() {
            return;
        }
        self.cache.with(|state| {
            if let Some(loading) = state.loading.get_mut(&self.name) {
                loading.readers -= 1;
                if loading.readers == 0 {
                    state.loading.remove(&self.name);
                }
            }
        });
    }
}

/// Whether there is any cache: else nobody need be told of a write.
pub fn any() -> bool {
    LIVING.load(Ordering::SeqCst) > 0
}

/// Tells all caches that the value of this name was changed, or may have been.
pub fn forget(name: &str) {
    each(|cache| cache.forget(name));
}

/// The same of all values whose names begin so.
pub fn forget_below(prefix: &str) {
    each(|cache| cache.forget_below(prefix));
}

fn each(f: impl Fn(&Chunks)) {
    if any() {
        CACHES.load().iter().filter_map(Weak::upgrade).for_each(|cache| f(&cache));
    }
}

/// Tells all caches of a write when dropped, however it ended.
pub struct Writing<Name: Fn() -> String>(pub Name);

impl<Name: Fn() -> String> Drop for Writing<Name> {
    fn drop(&mut self) {
        if any() {
            forget(&(self.0)());
        }
    }
}
