//! The doorway that every call into the engine passes: the GIL is given up, a panic becomes an
//! error, Ctrl-C is heard, errors become exceptions.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use zarr_engine::cancel::{Cancel as Flag, Context};
use zarr_engine::error::{Error, Result};
use zarr_engine::{pool, runtime};

use crate::error::{raise, wrap};
use crate::gil;

/// How many threads of the process are inside of [`attach`].
static INSIDE: AtomicU32 = AtomicU32::new(0);
/// Whether the interpreter ends.
static ENDS: AtomicBool = AtomicBool::new(false);
/// How long the end waits for threads that still call Python.
const PATIENCE: Duration = Duration::from_secs(5);

thread_local! {
    /// How many calls of [`attach`] this thread is inside of.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// Whether it is this thread that ends the interpreter.
    static ENDING: Cell<bool> = const { Cell::new(false) };
}

/// A flag that stops the calls it was given to.
#[pyclass(frozen, module = "zarr._core")]
#[derive(Default)]
pub struct Cancel(pub Flag);

#[pymethods]
impl Cancel {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn cancel(&self) {
        self.0.cancel();
    }

    #[getter]
    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// Runs `work` without the GIL.
#[allow(clippy::disallowed_methods)]
pub fn enter<T: Send>(
    py: Python<'_>,
    label: Option<&str>,
    cancel: Option<&Cancel>,
    work: impl FnOnce(&Context<'_>) -> Result<T> + Send,
) -> PyResult<T> {
    let flag = cancel.map_or_else(Flag::default, |cancel| cancel.0.clone());
    let turns = gil::taken(py);
    let done = py.detach(|| {
        if turns {
            gil::left();
        }
        let tick = || attach(|py| py.check_signals());
        let done = caught(|| work(&Context::with_tick(&flag, &tick)));
        if turns {
            gil::wait();
        }
        done
    });
    if turns {
        gil::came();
    }
    done.map_err(|error| raise(py, &error, label))
}

/// Runs `work` with the GIL: it waits for nobody, and takes less time than to give up the GIL and to
/// get it back.
pub fn hold<T>(py: Python<'_>, label: Option<&str>, work: impl FnOnce() -> Result<T>) -> PyResult<T> {
    caught(work).map_err(|error| raise(py, &error, label))
}

/// Calls `work`; a panic becomes an error.
fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(Error::internal(format!("the engine panicked: {}", said(&*panic)))))
}

/// Calls Python from inside of the engine.
///
/// When the interpreter ends, Python takes away the threads that still run, in the middle of
/// whatever they call; where the engine is below that on their stacks, the process would abort. So
/// before it ends, all such calls end ([`end`]), and threads that come later sleep, as Python 3.14
/// lets them.
pub fn attach<T>(call: impl FnOnce(Python<'_>) -> PyResult<T>) -> Result<T> {
    let _inside = Inside::begin().unwrap_or_else(|| {
        // It may be attached, and nobody else could be meanwhile.
        let _ = Python::try_attach(|py| leave_interpreter(py, sleep));
        sleep()
    });
    match pool::apart(|| Python::try_attach(call)) {
        Some(called) => called.map_err(wrap),
        None => Err(Error::internal("the interpreter has ended")),
    }
}

/// The same for a thread that is attached already.
pub fn calling<T>(py: Python<'_>, call: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    let _inside = Inside::begin().unwrap_or_else(|| leave_interpreter(py, sleep));
    call()
}

/// Sleeps until the process is gone.
fn sleep() -> Inside {
    loop {
        thread::park();
    }
}

#[allow(clippy::disallowed_methods)]
fn leave_interpreter<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    py.detach(work)
}

/// Counts the thread that holds it among those that call Python.
struct Inside;

impl Inside {
    /// `None` if the interpreter ends, and it is another thread that ends it.
    fn begin() -> Option<Self> {
        let depth = DEPTH.get();
        if depth == 0 {
            INSIDE.fetch_add(1, Ordering::SeqCst);
            if ENDS.load(Ordering::SeqCst) && !ENDING.get() {
                INSIDE.fetch_sub(1, Ordering::SeqCst);
                return None;
            }
        }
        DEPTH.set(depth + 1);
        Some(Self)
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let depth = DEPTH.get().saturating_sub(1);
        DEPTH.set(depth);
        if depth == 0 {
            INSIDE.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// To be called in a forked child: of the threads that were inside, it has the one that forked.
#[pyfunction]
pub fn forked() {
    INSIDE.store(u32::from(DEPTH.get() > 0), Ordering::SeqCst);
}

/// Makes sure that no other thread is inside of the engine and of Python at once: to be called
/// before the interpreter ends, by the thread that ends it.
#[pyfunction]
pub fn end(py: Python<'_>) {
    ENDING.set(true);
    ENDS.store(true, Ordering::SeqCst);
    // This thread does the work that is left: others could not help it any more.
    runtime::set_threads(Some(1));
    leave_interpreter(py, || {
        let start = Instant::now();
        let own = u32::from(DEPTH.get() > 0);
        while INSIDE.load(Ordering::SeqCst) > own && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
    });
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Limits the engine to `n` threads, the caller's included; `None`: as many as there are CPUs. While
/// they wait for files, there may be up to `waiting`, if `n` is `None`.
#[pyfunction]
#[pyo3(signature = (n, waiting = None))]
pub fn set_threads(n: Option<usize>, waiting: Option<usize>) {
    runtime::set_threads(n);
    runtime::set_waiting(waiting);
}

/// The number of threads that the engine uses at most.
#[pyfunction]
pub fn threads() -> usize {
    runtime::threads()
}

/// Limits the indexes of shards that are kept between reads to so many bytes.
#[pyfunction]
pub fn set_index_bytes(most: u64) {
    runtime::set_index_bytes(most);
}

/// How many bytes of indexes are kept.
#[pyfunction]
pub fn index_bytes() -> u64 {
    runtime::indexes().bytes()
}
