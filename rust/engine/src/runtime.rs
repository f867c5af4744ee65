//! The values of which a process has one: the pool, the table of locks, the web clients, the large
//! buffers, the kept indexes. A forked child gets its own.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwapOption;

use crate::cache::indexes::{self, Indexes};
#[cfg(feature = "http")]
use crate::http::client::Clients;
use crate::locks::Locks;
use crate::pool::Pool;
use crate::scratch::Shared;

/// The configured number of threads; 0 = as many as the process may use CPUs.
static THREADS: AtomicUsize = AtomicUsize::new(0);
/// The configured number of threads that wait; 0 = [`WAITING`].
static MOST: AtomicUsize = AtomicUsize::new(0);
/// So many threads wait for files at a time, if nobody says otherwise.
const WAITING: usize = 32;
static POOL: PerProcess<Pool> = PerProcess::new(|| {
    let pool = Pool::new(threads());
    pool.set_waiting(waiting());
    pool
});
static LOCKS: PerProcess<Locks> = PerProcess::new(Locks::new);
#[cfg(feature = "http")]
static CLIENTS: PerProcess<Clients> = PerProcess::new(Clients::new);
static BUFFERS: PerProcess<Shared> = PerProcess::new(Shared::new);
static INDEXES: PerProcess<Indexes> = PerProcess::new(Indexes::new);

/// The pool of this process.
pub fn pool() -> Arc<Own<Pool>> {
    POOL.get()
}

/// The lock table of this process.
pub fn locks() -> Arc<Own<Locks>> {
    LOCKS.get()
}

/// The web clients of this process.
#[cfg(feature = "http")]
pub fn clients() -> Arc<Own<Clients>> {
    CLIENTS.get()
}

/// The buffers that all threads of this process share.
pub fn buffers() -> Arc<Own<Shared>> {
    BUFFERS.get()
}

/// The indexes of shards that this process keeps.
pub fn indexes() -> Arc<Own<Indexes>> {
    INDEXES.get()
}

/// Sets how many bytes of indexes of shards this process keeps.
pub fn set_index_bytes(bytes: u64) {
    indexes::set_most(bytes);
    INDEXES.get().shrink();
}

/// Sets the number of threads that work on one operation at most, the caller's included; `None`
/// for as many as the process may use CPUs.
///
/// ```
/// use zarr_engine::runtime;
///
/// runtime::set_threads(Some(2));
/// assert_eq!(runtime::threads(), 2);
/// runtime::set_threads(None);
/// ```
pub fn set_threads(threads: Option<usize>) {
    THREADS.store(threads.map_or(0, |n| n.max(1)), Ordering::Relaxed);
    let pool = POOL.get();
    pool.set_threads(self::threads());
    pool.set_waiting(waiting());
}

/// Sets the number of threads that work on one operation at most where they wait for files, the
/// caller's included; `None` for 32. Where the number of threads is set, that holds in any case.
///
/// ```
/// use zarr_engine::runtime;
///
/// runtime::set_waiting(Some(100));
/// assert_eq!(runtime::waiting(), 100);
/// runtime::set_threads(Some(2));
/// assert_eq!(runtime::waiting(), 2);
/// # runtime::set_threads(None);
/// # runtime::set_waiting(None);
/// ```
pub fn set_waiting(threads: Option<usize>) {
    MOST.store(threads.map_or(0, |n| n.max(1)), Ordering::Relaxed);
    POOL.get().set_waiting(waiting());
}

/// The number of threads that work on one operation at most where they wait for files.
pub fn waiting() -> usize {
    match (THREADS.load(Ordering::Relaxed), MOST.load(Ordering::Relaxed)) {
        (0, 0) => WAITING,
        (0, n) | (n, _) => n,
    }
}

/// The number of threads that work on one operation at most, the caller's included.
pub fn threads() -> usize {
    match THREADS.load(Ordering::Relaxed) {
        // Heeds the CPU affinity and the quota of a container.
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    }
}

/// To be called in the child after a fork. Not necessary, since every access looks at the process
/// id, but right even if the system gave the child the id that an ancestor had.
pub fn after_fork() {
    POOL.abandon();
    LOCKS.abandon();
    #[cfg(feature = "http")]
    CLIENTS.abandon();
    BUFFERS.abandon();
    INDEXES.abandon();
}

/// A value, and the process that made it.
#[derive(Debug)]
pub struct Own<T> {
    pid: u32,
    value: T,
}

impl<T> Deref for Own<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// One value for each process, made when it is first used.
///
/// The value that a child inherits may be locked for ever by threads that it did not inherit. So it
/// is not locked, not even dropped: it is left where it is. No step of this takes a lock.
pub(crate) struct PerProcess<T> {
    current: ArcSwapOption<Own<T>>,
    make: fn() -> T,
}

impl<T> PerProcess<T> {
    pub(crate) const fn new(make: fn() -> T) -> Self {
        Self { current: ArcSwapOption::const_empty(), make }
    }

    pub(crate) fn get(&self) -> Arc<Own<T>> {
        let pid = std::process::id();
        loop {
            let current = self.current.load_full();
            if let Some(own) = current.as_ref().filter(|own| own.pid == pid) {
                return Arc::clone(own);
            }
            let fresh = Arc::new(Own { pid, value: (self.make)() });
            let before = self.current.compare_and_swap(&current, Some(Arc::clone(&fresh)));
            let won = match (&*before, &current) {
                (Some(before), Some(current)) => Arc::ptr_eq(before, current),
                (None, None) => true,
                _ => false,
            };
            if won {
                // The child's copy of the parent's value: see above.
                std::mem::forget(current);
                return fresh;
            }
        }
    }

    fn abandon(&self) {
        std::mem::forget(self.current.swap(None));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_for_all_threads_until_it_is_abandoned() {
        static VALUE: PerProcess<Vec<u8>> = PerProcess::new(Vec::new);
        let first = VALUE.get();
        let others: Vec<_> = (0..8).map(|_| std::thread::spawn(|| VALUE.get())).collect();
        for other in others {
            assert!(Arc::ptr_eq(&first, &other.join().unwrap()));
        }
        VALUE.abandon();
        assert!(!Arc::ptr_eq(&first, &VALUE.get()));
    }
}
