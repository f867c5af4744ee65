//! How work is told to stop: a flag for every thread, and a call by which one thread listens.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How often a waiting or working caller listens: often enough for Ctrl-C, too rarely to cost.
pub const PERIOD: Duration = Duration::from_millis(20);

/// A flag that stops an operation. Clones are the same flag.
///
/// ```
/// use zarr_engine::cancel::{Cancel, Context};
/// use zarr_engine::error::Kind;
///
/// let cancel = Cancel::new();
/// let context = Context::new(&cancel);
/// assert!(context.check().is_ok());
///
/// cancel.clone().cancel();
/// assert_eq!(context.check().unwrap_err().kind(), Kind::Cancelled);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that nobody has raised yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops the operation: nothing new is begun. Items that already run are waited for.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether the operation is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Fails if the operation is to stop.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::cancelled()) } else { Ok(()) }
    }
}

/// The signals that an operation listens to on one thread.
///
/// The caller's own thread may have a `tick`: a call that is made between items and while waiting,
/// but not more often than every [`PERIOD`]. It is how Ctrl-C is heard. If it fails, the operation
/// fails with its error, and the flag is raised so that the other threads stop as well.
pub struct Context<'a> {
    cancel: &'a Cancel,
    tick: Option<Tick<'a>>,
}

struct Tick<'a> {
    call: &'a dyn Fn() -> Result<()>,
    last: Cell<Instant>,
}

impl<'a> Context<'a> {
    /// A context that listens to `cancel` only.
    pub fn new(cancel: &'a Cancel) -> Self {
        Self { cancel, tick: None }
    }

    /// A context that calls `tick` as well, for the first time after one [`PERIOD`].
    pub fn with_tick(cancel: &'a Cancel, tick: &'a dyn Fn() -> Result<()>) -> Self {
        Self { cancel, tick: Some(Tick { call: tick, last: Cell::new(Instant::now()) }) }
    }

    /// The flag.
    pub fn cancel(&self) -> &'a Cancel {
        self.cancel
    }

    /// Fails if the operation is to stop.
    pub fn check(&self) -> Result<()> {
        self.cancel.check()?;
        let Some(tick) = &self.tick else { return Ok(()) };
        let now = Instant::now();
        if now.duration_since(tick.last.get()) < PERIOD {
            return Ok(());
        }
        tick.last.set(now);
        let heard = (tick.call)();
        if heard.is_err() {
            self.cancel.cancel();
        } else {
            // The call may have waited for an interpreter's lock: the next is due a period from now.
            tick.last.set(Instant::now());
        }
        heard
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("cancel", self.cancel).field("ticks", &self.tick.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_tick_raises_the_flag() {
        let cancel = Cancel::new();
        let calls = Cell::new(0);
        let tick = || {
            calls.set(calls.get() + 1);
            Err(Error::config("stop"))
        };
        let context = Context::with_tick(&cancel, &tick);
        context.check().unwrap();
        assert_eq!(calls.get(), 0, "not before a period has passed");
        std::thread::sleep(PERIOD * 2);
        assert_eq!(context.check().unwrap_err().kind(), crate::error::Kind::Config);
        assert!(cancel.is_cancelled());
        assert_eq!(context.check().unwrap_err().kind(), crate::error::Kind::Cancelled);
        assert_eq!(calls.get(), 1);
    }
}
