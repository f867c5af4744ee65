//! Whether a thread waits or computes.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// A thread is looked at so often: what takes less is not worth another thread.
const PERIOD: Duration = Duration::from_millis(1);
/// Waiting outweighs computing where it takes so many times as long.
const OUTWEIGHS: u128 = 2;

thread_local! {
    /// For how long the thread was in [`apart`].
    static APART: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Calls `work`, which waits for a lock that many threads want: its time does not call further ones.
pub fn apart<T>(work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    APART.set(APART.get().saturating_add(start.elapsed()));
    done
}

/// The time of one thread, divided into computing, waiting for a CPU, and waiting for the rest: a disk,
/// a server.
#[derive(Debug)]
pub(super) struct Meter {
    since: Instant,
    computed: Duration,
    apart: Duration,
    queue: queue::Queue,
}

impl Meter {
    /// Measures the current thread from now on.
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), computed: computed(), apart: APART.get(), queue: queue::Queue::default() }
    }

    /// How many times as long as it computed the thread has waited since the last answer; 0 if that is
    /// not more. `None` as long as it is too early to tell.
    pub(super) fn read(&mut self) -> Option<usize> {
        let passed = self.since.elapsed();
        if passed < PERIOD {
            return None;
        }
        let computed = computed();
        let busy = computed.saturating_sub(self.computed).max(Duration::from_micros(1)).as_nanos();
        (self.since, self.computed) = (Instant::now(), computed);
        let apart = APART.get().saturating_sub(std::mem::replace(&mut self.apart, APART.get()));
        let mut waited = passed.saturating_sub(apart).as_nanos().saturating_sub(busy);
        if waited >= busy * OUTWEIGHS {
            // A thread without a CPU does not wait for a file, and further threads would not help it.
            waited = waited.saturating_sub(self.queue.waited().as_nanos());
        }
        if waited < busy * OUTWEIGHS {
            return Some(0);
        }
        Some(usize::try_from(waited / busy).unwrap_or(usize::MAX))
    }
}

/// For how long the current thread has computed.
#[cfg(unix)]
fn computed() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

// Windows counts the time of threads in ticks of 16 ms, which is too coarse: there, a thread is taken
// to compute all the time, and no further ones join.
#[cfg(not(unix))]
fn computed() -> Duration {
    thread_local! {
        static BEGAN: Instant = Instant::now();
    }
    BEGAN.with(Instant::elapsed)
}

// Linux alone tells how long a thread has waited for a CPU.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod queue {
    use std::cell::Cell;
    use std::fs::File;
    use std::io::{Read, Seek};
    use std::time::Duration;

    thread_local! {
        /// The total for the thread, when it was last asked.
        static BEFORE: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    /// For how long the current thread was ready to run, and had no CPU.
    #[derive(Debug, Default)]
    pub(super) struct Queue(Option<File>);

    impl Queue {
        /// Since it was last asked, or since the thread began: at least since this was made. Nothing if
        /// the system does not say.
        pub(super) fn waited(&mut self) -> Duration {
            let Some(total) = self.total() else { return Duration::ZERO };
            total.saturating_sub(BEFORE.replace(total))
        }

        fn total(&mut self) -> Option<Duration> {
            let file = match &mut self.0 {
                Some(file) => file,
                none => none.insert(File::open("/proc/thread-self/schedstat").ok()?),
            };
            let mut text = [0; 64];
            file.rewind().ok()?;
            let len = file.read(&mut text).ok()?;
            let text = std::str::from_utf8(text.get(..len)?).ok()?;
            text.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
        }
    }
}

// Elsewhere it is not known.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod queue {
    use std::time::Duration;

    #[derive(Debug, Default)]
    pub(super) struct Queue;

    impl Queue {
        pub(super) fn waited(&mut self) -> Duration {
            Duration::ZERO
        }
    }
}
