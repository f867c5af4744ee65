//! A thread that sleeps until it is called.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

const ASLEEP: u8 = 0;
const CALLED: u8 = 1;
/// Called, and kept off the caller's CPU until it is up.
const MOVED: u8 = 2;

/// A thread that sleeps, or is about to.
#[derive(Debug, Clone)]
pub(super) struct Sleeper {
    thread: Thread,
    signal: Arc<AtomicU8>,
    place: place::Place,
}

impl Sleeper {
    /// The current thread.
    pub(super) fn current() -> Self {
        Self { thread: thread::current(), signal: Arc::new(AtomicU8::new(ASLEEP)), place: place::Place::current() }
    }

    /// Sleeps until [`wake`](Self::wake) is called, or for so long; not at all if it was called already.
    pub(super) fn sleep(&self, most: Option<Duration>) {
        let start = Instant::now();
        while self.signal.load(Ordering::Acquire) == ASLEEP {
            match most.map(|most| most.saturating_sub(start.elapsed())) {
                None => thread::park(),
                Some(Duration::ZERO) => return,
                Some(left) => thread::park_timeout(left),
            }
        }
        if self.signal.load(Ordering::Relaxed) == MOVED {
            self.place.restore();
        }
    }

    /// Whether both are one.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.signal, &other.signal)
    }

    /// Wakes the thread. It is to work beside the thread that calls this, not instead of it.
    pub(super) fn wake(&self) {
        let moved = self.place.avoid_this_cpu();
        self.signal.store(if moved { MOVED } else { CALLED }, Ordering::Release);
        self.thread.unpark();
    }
}

/// In virtual machines, Linux takes a CPU that has been idle for some time for one that the host
/// has taken away, and puts a woken thread onto its waker's CPU, where both share one CPU until the
/// next balancing, some milliseconds later: longer than most reads. So the waker rules out its own.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod place {
    use rustix::thread::{CpuSet, Pid, gettid, sched_getaffinity, sched_getcpu, sched_setaffinity};

    #[derive(Debug, Clone)]
    pub(super) struct Place {
        thread: Pid,
        /// Where it may run; `None` if the system does not say.
        cpus: Option<CpuSet>,
    }

    impl Place {
        pub(super) fn current() -> Self {
            Self { thread: gettid(), cpus: sched_getaffinity(None).ok() }
        }

        /// The thread must be one that sleeps until the caller wakes it.
        pub(super) fn avoid_this_cpu(&self) -> bool {
            let (Some(mut cpus), here) = (self.cpus, sched_getcpu()) else { return false };
            if here >= CpuSet::MAX_CPU || !cpus.is_set(here) {
                return false;
            }
            cpus.unset(here);
            cpus.count() > 0 && sched_setaffinity(Some(self.thread), &cpus).is_ok()
        }

        /// Lets the current thread run where it might before.
        pub(super) fn restore(&self) {
            if let Some(cpus) = &self.cpus {
                // If it fails, the thread works on the CPUs that it has.
                let _ = sched_setaffinity(None, cpus);
            }
        }
    }
}

// Other systems choose well by themselves.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod place {
    #[derive(Debug, Clone)]
    pub(super) struct Place;

    impl Place {
        pub(super) fn current() -> Self {
            Self
        }

        pub(super) fn avoid_this_cpu(&self) -> bool {
            false
        }

        pub(super) fn restore(&self) {}
    }
}
