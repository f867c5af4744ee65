//! The indexes of shards, kept between reads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::lru::Lru;
use crate::object::Identity;
use crate::shard::{Index, Layout};

/// So many bytes are kept unless somebody says otherwise.
pub const DEFAULT_BYTES: u64 = 32 << 20;
/// The memory of an entry beside its index.
const OVERHEAD: u64 = 256;

static MOST: AtomicU64 = AtomicU64::new(DEFAULT_BYTES);

/// A shard of which the index is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Shard {
    /// Stored bytes, which are always the same.
    Known(Identity),
    /// The value of this name in somebody's store, which may be replaced.
    Named(Box<str>),
}

/// Of which stored bytes an index is, and how these are read.
type Key = (Shard, Layout);

/// The knowledge about the index of a shard.
#[derive(Debug, Clone)]
pub enum Known {
    /// All of it.
    Whole(Arc<Index>),
    /// That its checksum fits. The index itself is read where it lies, in memory.
    Sound,
    /// All of it, as long as the store says that the value has this version.
    Of(Box<str>, Arc<Index>),
}

/// The indexes that a process keeps, by the identity of the shard: a shard that was replaced has another.
#[derive(Debug, Default)]
pub struct Indexes(Mutex<Lru<Key, Known>>);

impl Indexes {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The knowledge about an index.
    pub fn get(&self, shard: Shard, layout: &Layout) -> Option<Known> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&(shard, layout.clone())).cloned()
    }

    /// Keeps an index, if it is not too large.
    pub fn keep(&self, shard: Shard, layout: Layout, known: Known) {
        let bytes = match &known {
            Known::Whole(index) | Known::Of(_, index) => OVERHEAD.saturating_add(index.memory() as u64),
            Known::Sound => OVERHEAD,
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = kept.insert((shard, layout), known, bytes, most());
        drop(kept);
        // The system takes its time to take memory back: without the lock.
        drop(gone);
    }

    /// Lets go of an index.
    pub fn forget(&self, shard: Shard, layout: &Layout) {
        let gone = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(shard, layout.clone()));
        drop(gone);
    }

    /// How many bytes are kept.
    pub fn bytes(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).bytes()
    }

    /// Lets go of what is more than the process may keep.
    pub fn shrink(&self) {
        let gone = self.0.lock().unwrap_or_else(PoisonError::into_inner).shrink(most());
        drop(gone);
    }
}

fn most() -> u64 {
    MOST.load(Ordering::Relaxed)
}

/// Says how many bytes of indexes the process keeps.
pub fn set_most(bytes: u64) {
    MOST.store(bytes, Ordering::Relaxed);
}
