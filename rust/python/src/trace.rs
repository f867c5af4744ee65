//! The counts of the engine, for whoever watches.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use zarr_engine::trace;

/// Counts what the engine does; see `_core.pyi`.
#[pyclass(frozen, module = "zarr._core")]
pub struct Watch(Mutex<Option<trace::Watch>>);

#[pymethods]
impl Watch {
    #[new]
    fn new() -> Self {
        Self(Mutex::new(Some(trace::Watch::begin())))
    }

    fn end(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    #[staticmethod]
    fn now() -> u64 {
        trace::now()
    }

    #[staticmethod]
    fn counts(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
        let counts = PyDict::new(py);
        for (phase, name) in trace::PHASES {
            let count = trace::count(phase);
            counts.set_item(name, (count.times, count.bytes, count.nanos))?;
        }
        Ok(counts)
    }

    #[staticmethod]
    fn kept() -> usize {
        trace::kept()
    }

    #[staticmethod]
    fn spans(first: usize) -> Vec<(&'static str, u64, u64, u64, u64)> {
        let name = |phase| trace::PHASES.iter().find(|named| named.0 == phase).map_or("", |named| named.1);
        let told = |span: trace::Span| (name(span.phase), span.thread, span.start, span.nanos, span.bytes);
        trace::spans(first).into_iter().map(told).collect()
    }
}
