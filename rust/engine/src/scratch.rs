//! Buffers that are used again and again, so that a chunk costs no allocation.
//!
//! Small ones stay with their thread, where taking them costs nothing; large ones are shared by all
//! threads. Together the process keeps no more than [`BUDGET`] bytes, however many threads there are.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Kind, Result};
use crate::reserve::reserve;
use crate::runtime;

/// The most bytes that are kept in buffers and tables that nobody uses.
pub const BUDGET: usize = SHARED + SEATS * OWN + TABLES;
/// Of these, the buffers that all threads share.
const SHARED: usize = 32 << 20;
/// The tables of codecs, which each thread has of its own: those of a strong compression are large.
const TABLES: usize = 24 << 20;
/// So many threads keep buffers of their own; further ones use those that are shared.
const SEATS: usize = 32;
/// So many bytes a thread keeps.
const OWN: usize = 256 << 10;
/// Larger buffers are shared. Smaller ones that their thread has no room for are freed: nobody would
/// look for them among those that are shared.
const SMALL: usize = OWN / 4;
/// A chunk needs a few at once (read, decode, filter), nested shards a few more.
const MOST: usize = 8;

/// Threads that keep buffers of their own.
static SEATED: AtomicUsize = AtomicUsize::new(0);
/// The bytes of tables that threads keep.
static TABLED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static FREE: RefCell<Mine> = const { RefCell::new(Mine { seated: false, kept: 0, buffers: Vec::new() }) };
}

/// The buffers of one thread.
struct Mine {
    /// Whether it is one of [`SEATS`].
    seated: bool,
    kept: usize,
    buffers: Vec<Vec<u8>>,
}

impl Mine {
    fn take(&mut self) -> Option<Vec<u8>> {
        let buffer = self.buffers.pop()?;
        self.kept -= buffer.capacity();
        Some(buffer)
    }

    /// Keeps a buffer, or frees it.
    fn keep(&mut self, buffer: Vec<u8>) {
        if !self.seated {
            let one_more = |seated: usize| (seated < SEATS).then_some(seated + 1);
            self.seated = SEATED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok();
        }
        if self.seated && self.buffers.len() < MOST && self.kept + buffer.capacity() <= OWN {
            self.kept += buffer.capacity();
            self.buffers.push(buffer);
        }
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        if self.seated {
            SEATED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The most bytes that are kept just now, by all threads.
///
/// ```
/// use zarr_engine::scratch;
///
/// assert!(scratch::kept() <= scratch::BUDGET);
/// assert!(scratch::BUDGET <= 64 << 20);
/// ```
pub fn kept() -> usize {
    let shared = runtime::buffers().0.lock().unwrap_or_else(PoisonError::into_inner).kept;
    shared + SEATED.load(Ordering::Relaxed) * OWN + TABLED.load(Ordering::Relaxed)
}

/// Room for the tables of a codec that a thread keeps; given back when dropped.
#[derive(Debug)]
pub struct Room(usize);

impl Room {
    /// Room for `bytes`: that of before, if it is as much. `None` if the others have taken it all.
    pub fn of(bytes: usize, before: Option<Self>) -> Option<Self> {
        if before.as_ref().is_some_and(|before| before.0 == bytes) {
            return before;
        }
        drop(before);
        let more = |kept: usize| kept.checked_add(bytes).filter(|&kept| kept <= TABLES);
        TABLED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok().map(|_| Self(bytes))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        TABLED.fetch_sub(self.0, Ordering::Relaxed);
    }
}

/// The buffers that all threads share.
#[derive(Debug, Default)]
pub struct Shared(Mutex<Large>);

#[derive(Debug, Default)]
struct Large {
    kept: usize,
    /// Those that were given back last stand last.
    buffers: VecDeque<Vec<u8>>,
}

impl Shared {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The smallest buffer that holds `len` bytes, if there is one.
    fn take(&self, len: usize) -> Option<Vec<u8>> {
        let mut large = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = large.buffers.iter().enumerate().filter(|(_, buffer)| buffer.capacity() >= len);
        let (place, _) = fits.min_by_key(|(_, buffer)| buffer.capacity())?;
        let buffer = large.buffers.remove(place)?;
        large.kept -= buffer.capacity();
        Some(buffer)
    }

    /// Keeps a buffer in place of those that nobody has used for the longest time.
    fn keep(&self, buffer: Vec<u8>) {
        let size = buffer.capacity();
        if size > SHARED {
            return;
        }
        let mut left = Vec::new();
        let mut large = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while large.kept + size > SHARED
            && let Some(oldest) = large.buffers.pop_front()
        {
            large.kept -= oldest.capacity();
            left.push(oldest);
        }
        large.kept += size;
        large.buffers.push_back(buffer);
        drop(large);
        // The system takes its time to take them back: without the lock.
        drop(left);
    }
}

/// A buffer, given back when dropped. Its contents are whatever was left in it.
///
/// ```
/// use zarr_engine::scratch::Scratch;
///
/// let mut buffer = Scratch::of(3)?;
/// buffer.copy_from_slice(b"abc");
/// assert_eq!(buffer.into_inner(), b"abc");
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Scratch(Vec<u8>);

impl Scratch {
    /// Any buffer.
    pub fn take() -> Self {
        let own = FREE.with_borrow_mut(Mine::take);
        Self(own.or_else(|| runtime::buffers().take(0)).unwrap_or_default())
    }

    /// A buffer of `len` bytes, or an error if the machine cannot hold it.
    pub fn of(len: usize) -> Result<Self> {
        let mut scratch = Self::find(len);
        resize(&mut scratch.0, len)?;
        Ok(scratch)
    }

    /// An empty buffer with room for `len` bytes, or an error if the machine cannot hold it.
    pub fn with_room(len: usize) -> Result<Self> {
        let mut scratch = Self::find(len);
        scratch.0.clear();
        reserve(&mut scratch.0, len)?;
        Ok(scratch)
    }

    /// A buffer that may hold `len` bytes.
    fn find(len: usize) -> Self {
        let found = if len <= SMALL { FREE.with_borrow_mut(Mine::take) } else { runtime::buffers().take(len) };
        Self(found.unwrap_or_default())
    }

    /// The buffer, for somebody who will [`give`](Self::give) it back.
    pub fn into_inner(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    /// Takes a buffer for use by others.
    pub fn give(buffer: Vec<u8>) {
        drop(Self(buffer));
    }
}

/// Makes `buffer` hold `len` bytes, zeroing no more than it must.
pub fn resize(buffer: &mut Vec<u8>, len: usize) -> Result<()> {
    if let Some(more) = len.checked_sub(buffer.len()) {
        if buffer.capacity() < len {
            // Nothing in it is of use: do not copy it along.
            buffer.clear();
        }
        buffer.try_reserve_exact(len - buffer.len()).map_err(|_| {
            Error::new(Kind::NoMemory, format!("no memory for a buffer of {len} bytes (of which {more} are new)"))
        })?;
    }
    buffer.resize(len, 0);
    Ok(())
}

impl Deref for Scratch {
    type Target = Vec<u8>;
    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.0);
        match buffer.capacity() {
            0 => {}
            1..=SMALL => {
                // While a thread ends, its storage may be gone: then the buffer just goes, too.
                let _ = FREE.try_with(|free| free.try_borrow_mut().map(|mut free| free.keep(buffer)));
            }
            _ => runtime::buffers().keep(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(shared: &Shared) -> usize {
        let large = shared.0.lock().unwrap();
        assert_eq!(large.kept, large.buffers.iter().map(Vec::capacity).sum::<usize>());
        large.kept
    }

    #[test]
    fn what_is_shared_stays_within_its_budget_and_the_latest_stay() {
        let shared = Shared::new();
        for size in [1 << 20, 18 << 20, 18 << 20, 18 << 20, 30 << 20, SHARED + 1] {
            shared.keep(Vec::with_capacity(size));
            assert!(kept(&shared) <= SHARED);
        }
        assert_eq!(kept(&shared), 30 << 20);
        shared.keep(Vec::with_capacity(2 << 20));
        assert_eq!(shared.take(1 << 20).unwrap().capacity(), 2 << 20, "the smallest that fits");
        assert!(shared.take(31 << 20).is_none());
        assert_eq!(shared.take(3 << 20).unwrap().capacity(), 30 << 20);
        assert_eq!(kept(&shared), 0);
    }

    #[test]
    fn a_thread_keeps_little_and_gives_up_its_seat_when_it_ends() {
        let mut own = Mine { seated: false, kept: 0, buffers: Vec::new() };
        for _ in 0..2 * MOST {
            own.keep(Vec::with_capacity(SMALL));
        }
        own.keep(Vec::with_capacity(1));
        assert_eq!(own.kept, OWN, "further ones are freed");
        assert_eq!(own.take().unwrap().capacity(), SMALL);
        for _ in 0..2 * SEATS {
            std::thread::spawn(|| Scratch::of(10).map(drop)).join().unwrap().unwrap();
        }
        assert!(SEATED.load(Ordering::Relaxed) < SEATS);
    }

    #[test]
    fn small_buffers_are_not_shared() {
        let before = kept(&runtime::buffers());
        let many: Vec<Scratch> = (0..100).map(|_| Scratch::of(SMALL).unwrap()).collect();
        drop(many);
        assert!(kept(&runtime::buffers()) < before + 100 * SMALL);
    }
}
