//! Many selections at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::types::PyTuple;
use zarr_engine::batch::{self, Job};
use zarr_engine::error::Result;
use zarr_engine::exec::Exec;
use zarr_engine::files;
use zarr_engine::object::Source;
use zarr_engine::plan;
use zarr_engine::trace::{Phase, saw, whole};

use crate::array::{AT_ONCE, CompiledArray, held, mapping};
use crate::buffer::lend_for_writing;
use crate::enter::{Cancel, enter, hold};
use crate::error::raise_in;
use crate::plan::ReadPlan;
use crate::source::Files;

type Selected<'py> =
    (Bound<'py, CompiledArray>, Option<Bound<'py, PyTuple>>, Option<Bound<'py, PyAny>>, Bound<'py, PyAny>);

/// Selections of arrays; see `_core.pyi`.
#[pyclass(frozen, module = "zarr._core")]
pub struct Batch {
    batch: Arc<batch::Batch>,
    /// The names of the arrays, for errors.
    labels: Arc<[Arc<str>]>,
    next: AtomicUsize,
}

#[pymethods]
impl Batch {
    #[new]
    fn new(py: Python<'_>, jobs: Vec<Selected<'_>>) -> PyResult<Self> {
        let mut met: Vec<*const zarr_engine::array::Array> = Vec::new();
        let mut labels: Vec<Arc<str>> = Vec::new();
        let mut selected = Vec::with_capacity(jobs.len());
        for (array, axes, points, out) in &jobs {
            let array = array.get();
            let pointer = Arc::as_ptr(&array.array);
            if met.last() != Some(&pointer) && !met.contains(&pointer) {
                met.push(pointer);
                labels.push(array.label.as_str().into());
            }
            let region = array.region(py, axes.as_ref(), points.as_ref())?;
            let view = lend_for_writing(out)?;
            saw(Phase::Read, 1, region.len().saturating_mul(view.size() as u64));
            selected.push(Job { array: Arc::clone(&array.array), region, view });
        }
        // The error itself is handed out, to be told with the name of its array.
        let batch = enter(py, None, None, |_| Ok(batch::Batch::new(selected)))?;
        let batch = batch.map_err(|error| raise_in(py, &error, &labels))?;
        Ok(Self { batch: Arc::new(batch), labels: labels.into(), next: AtomicUsize::new(0) })
    }

    fn __len__(&self) -> usize {
        self.batch.len()
    }

    #[pyo3(signature = (every = false))]
    fn plan(&self, every: bool) -> ReadPlan {
        ReadPlan { plan: plan::ReadPlan::of(Arc::clone(&self.batch), every), labels: Arc::clone(&self.labels) }
    }

    fn done(&self, chunk: usize) -> Vec<usize> {
        if chunk < self.batch.len() { self.batch.done(chunk) } else { Vec::new() }
    }

    #[pyo3(signature = (source, most = None, cancel = None))]
    fn read(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        most: Option<usize>,
        cancel: Option<&Cancel>,
    ) -> PyResult<Option<Vec<usize>>> {
        let len = self.batch.len();
        let most = most.unwrap_or(len).clamp(1, len.max(1));
        let start = self.next.fetch_add(most, Ordering::Relaxed).min(len);
        let chunks = start..start.saturating_add(most).min(len);
        if chunks.is_empty() {
            return Ok(None);
        }
        let batch = &self.batch;
        let wanted = chunks.clone();
        // The error itself is handed out, as above.
        let read = if let Ok(files) = source.cast_exact::<Files>() {
            let files: Arc<files::Files> = held(Arc::clone(&files.get().0), chunks.len());
            let open = move |_: usize, key: &str| Source::open(&*files, key);
            whole(Phase::Read, || {
                enter(py, None, cancel, |context| Ok(batch.read(open, false, wanted, Exec::Files(context))))
            })?
        } else {
            let keys: Result<Vec<String>> = wanted.clone().map(|i| batch.key(i)).collect();
            let keys = keys.map_err(|error| raise_in(py, &error, &self.labels))?;
            let values = mapping(source)?.get().snapshot(py, &keys)?;
            let open = move |i: usize, _: &str| Ok(i.checked_sub(start).and_then(|i| values.get(i)).cloned().flatten());
            if batch.arrays().all(|array| array.chain().raw()) && batch.cost(wanted.len()) <= AT_ONCE {
                whole(Phase::Read, || hold(py, None, || Ok(batch.read(open, true, wanted, Exec::Here))))?
            } else {
                whole(Phase::Read, || {
                    enter(py, None, cancel, |context| Ok(batch.read(open, true, wanted, Exec::Pool(context))))
                })?
            }
        };
        read.map_err(|error| raise_in(py, &error, &self.labels))?;
        Ok(Some(chunks.flat_map(|i| self.batch.done(i)).collect()))
    }
}
