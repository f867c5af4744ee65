//! How a thread comes back to Python when another one is there.
//!
//! Threads that read small chunks give the GIL up for some microseconds each time. A thread that then
//! finds it taken falls asleep, and is woken, in a virtual machine, on the CPU of the thread that gave
//! it up: there it waits again, and many threads read no faster than one. But the thread that has the
//! GIL is about to give it up as well, most likely for its own next chunk. So one thread at a time
//! waits for that awake.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

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
    if INSIDE.load(Ordering::Relaxed) == 0 || !has_cpus() {
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

/// Whether another thread can do something while this one waits awake.
fn has_cpus() -> bool {
    static CPUS: OnceLock<bool> = OnceLock::new();
    *CPUS.get_or_init(|| std::thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1))
}
