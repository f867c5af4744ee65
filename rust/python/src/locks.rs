//! Locks for Python: the table of named ones, which threads, event loops and the engine itself share, and
//! files that processes lock.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, TryLockError};

use pyo3::exceptions::{PyFileNotFoundError, PyValueError};
use pyo3::prelude::*;
use zarr_engine::files;
use zarr_engine::runtime;

use crate::enter::{attach, enter, hold};

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

/// A file that processes lock in turn; see `_core.pyi`.
#[pyclass(frozen, module = "zarr._core")]
pub struct LockFile(Mutex<Option<files::LockFile>>);

#[pymethods]
impl LockFile {
    #[new]
    #[pyo3(signature = (path, make = true))]
    fn new(py: Python<'_>, path: PathBuf, make: bool) -> PyResult<Self> {
        match enter(py, None, None, |_| files::LockFile::open(&path, make))? {
            Some(file) => Ok(Self(Mutex::new(Some(file)))),
            None => Err(PyFileNotFoundError::new_err(path.to_string_lossy().into_owned())),
        }
    }

    fn try_lock(&self, py: Python<'_>) -> PyResult<bool> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(file) => hold(py, None, || file.try_lock()),
            None => Err(PyValueError::new_err("the file is closed")),
        }
    }

    fn unlock(&self) {
        if let Some(file) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            file.unlock();
        }
    }

    fn close(&self) {
        // A thread that had it at the time of a fork is not there any more in the child.
        let mut held = match self.0.try_lock() {
            Ok(held) => held,
            Err(TryLockError::Poisoned(held)) => held.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        drop(held.take());
    }
}
