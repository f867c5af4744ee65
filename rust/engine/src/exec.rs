//! Where a loop over chunks runs: on this thread, or with the help of the pool.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cancel::Context;
use crate::error::Result;
use crate::runtime;

/// Less work than this, in bytes of chunks, is done before another thread has woken up (80 µs).
const WORTH_HELP: u64 = 384 << 10;
/// So much work is taken at once: enough to make the taking free.
const GRAIN: u64 = 32 << 10;

/// An item of a small loop that takes so long waits for something; while others wait, much less will
/// tell.
const LONG: Duration = Duration::from_millis(1);
const LONG_NOW: Duration = Duration::from_micros(200);
/// Threads that wait may have so many bytes of chunks in memory together.
const MOST_WAITING: u64 = 128 << 20;

/// How a loop over chunks runs.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use zarr_engine::cancel::{Cancel, Context};
/// use zarr_engine::exec::Exec;
///
/// let (sum, cancel) = (Arc::new(AtomicUsize::new(0)), Cancel::new());
/// let of_job = Arc::clone(&sum);
/// // Ten items, which are 1 MiB of work together: threads that are free help.
/// Exec::Pool(&Context::new(&cancel)).run(10, 1 << 20, move |i, _| {
///     of_job.fetch_add(i, Ordering::Relaxed);
///     Ok(())
/// })?;
/// assert_eq!(sum.load(Ordering::Relaxed), 45);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub enum Exec<'a> {
    /// On this thread; it is somebody else's loop that listens to its caller.
    Here,
    /// On this thread and on those of the pool that are free.
    Pool(&'a Context<'a>),
    /// The same, for chunks in files: more threads join while these are waited for.
    Files(&'a Context<'a>),
}

impl<'a> Exec<'a> {
    /// The context that the loop listens to.
    pub fn context(self) -> Option<&'a Context<'a>> {
        match self {
            Exec::Here => None,
            Exec::Pool(context) | Exec::Files(context) => Some(context),
        }
    }

    /// Calls `job` for each of `0..n`, which is `cost` bytes of work in all.
    pub fn run(
        self,
        n: usize,
        cost: u64,
        job: impl Fn(usize, Exec<'_>) -> Result<()> + Send + Sync + 'static,
    ) -> Result<()> {
        match self {
            Exec::Here => (0..n).try_for_each(|i| job(i, self)),
            Exec::Pool(context) if n < 2 || cost < WORTH_HELP => {
                (0..n).try_for_each(|i| context.check().and_then(|()| job(i, self)))
            }
            Exec::Pool(context) => {
                let job = Arc::new(move |i: usize, context: &Context<'_>| job(i, Exec::Pool(context)));
                runtime::pool().run(context, n, grain(n, cost), job)
            }
            Exec::Files(context) if n < 2 => (0..n).try_for_each(|i| context.check().and_then(|()| job(i, self))),
            Exec::Files(context) => {
                let pool = runtime::pool();
                let mut first = 0;
                if cost < WORTH_HELP {
                    let long = if pool.waits() { LONG_NOW } else { LONG };
                    let mut before = Instant::now();
                    let mut waits = false;
                    while first < n && !waits {
                        context.check()?;
                        job(first, self)?;
                        first += 1;
                        let now = Instant::now();
                        waits = now.duration_since(before) >= long;
                        before = now;
                    }
                }
                let most = usize::try_from(MOST_WAITING / (cost / n as u64).max(1)).unwrap_or(usize::MAX);
                let job = Arc::new(move |i: usize, context: &Context<'_>| job(first + i, Exec::Files(context)));
                pool.run_waiting(context, n - first, grain(n, cost), most, job)
            }
        }
    }
}

/// How many of `n` items that cost so much in all are taken at once.
fn grain(n: usize, cost: u64) -> usize {
    let each = (cost / n as u64).max(1);
    (GRAIN / each).clamp(1, (n as u64 / 8).max(1)) as usize
}
