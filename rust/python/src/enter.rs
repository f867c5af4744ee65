//! The doorway that every call into the engine passes: the GIL is given up, a panic becomes an
//! error, Ctrl-C is heard, errors become exceptions.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::prelude::*;
use zarr_engine::cancel::{Cancel as Flag, Context};
use zarr_engine::error::{Error, Result};
use zarr_engine::runtime;

use crate::error::{raise, wrap};

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
    let done = py.detach(|| {
        let tick = || Python::attach(|py| py.check_signals()).map_err(wrap);
        let context = Context::with_tick(&flag, &tick);
        catch_unwind(AssertUnwindSafe(|| work(&context)))
            .unwrap_or_else(|panic| Err(Error::internal(format!("the engine panicked: {}", said(&*panic)))))
    });
    done.map_err(|error| raise(py, &error, label))
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Limits the engine to `n` threads, the caller's included; `None`: as many as there are CPUs.
#[pyfunction]
#[pyo3(signature = (n))]
pub fn set_threads(n: Option<usize>) {
    runtime::set_threads(n);
}

/// The number of threads that the engine uses at most.
#[pyfunction]
pub fn threads() -> usize {
    runtime::threads()
}
