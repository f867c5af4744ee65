//! How a thread comes back to Python when another one is there.
//!
//! Threads that read small chunks give the GIL up for some microseconds each time. A thread that then
//! finds it taken falls asleep, and is woken, in a virtual machine, on the CPU of the thread that gave
//! it up: there it waits again, and many threads read no faster than one. But the thread that has the
//! GIL is about to give it up as well, most likely for its own next chunk. So one thread at a time
//! waits for that awake.
//!
//! Where Python runs without a GIL, a thread comes back at once, and nobody waits here.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// So long a thread waits awake: what Python does between two small reads takes less.
const MOST: Duration = Duration::from_micros(25);
/// So many threads fall asleep at once after one that waited in vain: Python does something else.
const PAUSE: u32 = 16;

/// The thread that came to Python last, by the address of its [`SELF`]; 0 if it left since.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// Whether a thread waits awake.
static WAITS: AtomicBool = AtomicBool::new(false);
/// How many are not to wait awake.
static PAUSED: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static SELF: u8 = const { 0 };
}

fn own() -> usize {
    SELF.with(|own| std::ptr::from_ref(own).addr())
}

/// Whether threads take turns in this process: where there is a GIL, and more than one CPU, so that
/// another thread can do something while one waits awake.
pub fn taken(py: Python<'_>) -> bool {
    static TAKEN: PyOnceLock<bool> = PyOnceLock::new();
    *TAKEN.get_or_init(py, || {
        std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1) && has_gil(py).unwrap_or(true)
    })
}

fn has_gil(py: Python<'_>) -> PyResult<bool> {
    // Before Python 3.13, there was no other way.
    let asked = py.import("sys")?.getattr_opt("_is_gil_enabled")?;
    asked.map_or(Ok(true), |asked| asked.call0()?.extract())
}

/// To be called by a thread that has just given the GIL up.
pub fn left() {
    let _ = INSIDE.compare_exchange(own(), 0, Ordering::Relaxed, Ordering::Relaxed);
}

/// To be called by a thread that has just taken the GIL.
pub fn came() {
    INSIDE.store(own(), Ordering::Relaxed);
}

/// Waits a moment for the GIL to be free, if it is likely to be.
pub fn wait() {
    if INSIDE.load(Ordering::Relaxed) == 0 {
        return;
    }
    let one_less = |paused: u32| paused.checked_sub(1);
    if PAUSED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok()
        || WAITS.swap(true, Ordering::Relaxed)
    {
        return;
    }
    let start = Instant::now();
    while INSIDE.load(Ordering::Relaxed) != 0 {
        if start.elapsed() > MOST {
            PAUSED.store(PAUSE, Ordering::Relaxed);
            break;
        }
        std::hint::spin_loop();
    }
    WAITS.store(false, Ordering::Relaxed);
}
