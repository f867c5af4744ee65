//! The table of named locks, for Python: shared by threads, event loops and the engine itself.

use pyo3::prelude::*;
use zarr_engine::runtime;

use crate::enter::{attach, enter};

/// Waits for the lock `name`.
#[pyfunction]
pub fn lock(py: Python<'_>, name: &str) -> PyResult<()> {
    enter(py, None, None, |context| runtime::locks().acquire(name, context))
}

/// Takes the lock `name` if it is free.
#[pyfunction]
pub fn try_lock(name: &str) -> bool {
    runtime::locks().try_lock(name)
}

/// Takes the lock `name` if it is free (and returns True); else `callback` is called, on any
/// thread, once the lock is the caller's.
#[pyfunction]
pub fn enqueue_lock(name: &str, callback: Py<PyAny>) -> bool {
    let wake = move || {
        // If the interpreter has ended, nobody waits.
        let _ = attach(|py| {
            if let Err(error) = callback.call0(py) {
                error.write_unraisable(py, None);
            }
            Ok(())
        });
    };
    runtime::locks().enqueue(name, Box::new(wake))
}

/// Gives the lock `name` back; False if it was not held.
#[pyfunction]
pub fn unlock(py: Python<'_>, name: &str) -> PyResult<bool> {
    enter(py, None, None, |_| Ok(runtime::locks().unlock(name)))
}
