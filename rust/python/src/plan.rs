//! Plans, for stores that Python reads and writes.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use zarr_engine::cache::chunks::Version;
use zarr_engine::plan::{self, Want};

use crate::buffer::Bytes;
use crate::enter::enter;
use crate::error::{raise, raise_in};
use crate::source::answer;

/// The chunks of a read.
#[pyclass(frozen, module = "zarr._core")]
pub struct ReadPlan {
    pub(crate) plan: Arc<plan::ReadPlan>,
    /// The names of the arrays, for errors.
    pub(crate) labels: Arc<[Arc<str>]>,
}

#[pymethods]
impl ReadPlan {
    fn __len__(&self) -> usize {
        self.plan.len()
    }

    #[getter]
    fn raw(&self) -> bool {
        self.plan.raw()
    }

    #[getter]
    fn cached(&self) -> bool {
        self.plan.cached()
    }

    fn next(&self, py: Python<'_>) -> PyResult<Option<ReadWant>> {
        let next = self.plan.next().map_err(|error| raise_in(py, &error, &self.labels))?;
        Ok(next.map(|chunk| ReadWant::new(&self.plan, chunk, &self.labels)))
    }
}

type Ranges = Option<Vec<(i64, Option<u64>)>>;

fn ranges(wants: &[Want]) -> Ranges {
    wants
        .iter()
        .map(|want| match *want {
            Want::Whole => None,
            Want::Range(start, end) => Some((start as i64, Some(end))),
            Want::Suffix(n) => Some((-(n as i64), None)),
        })
        .collect()
}

/// The ranges that a read wants of one stored value.
#[pyclass(frozen, module = "zarr._core")]
pub struct ReadWant {
    #[pyo3(get)]
    key: String,
    #[pyo3(get)]
    ranges: Ranges,
    #[pyo3(get)]
    size_hint: u64,
    #[pyo3(get)]
    is_index: bool,
    #[pyo3(get)]
    flight: Option<String>,
    #[pyo3(get)]
    assumed: bool,
    #[pyo3(get)]
    versioned: bool,
    #[pyo3(get)]
    number: usize,
    chunk: Mutex<Option<plan::ChunkRead>>,
    plan: Arc<plan::ReadPlan>,
    labels: Arc<[Arc<str>]>,
}

impl ReadWant {
    fn new(plan: &Arc<plan::ReadPlan>, chunk: plan::ChunkRead, labels: &Arc<[Arc<str>]>) -> Self {
        Self {
            key: chunk.key().to_owned(),
            ranges: ranges(chunk.wants()),
            size_hint: chunk.size_hint(),
            is_index: chunk.wants_index(),
            flight: chunk.flight().map(str::to_owned),
            assumed: chunk.assumed(),
            versioned: chunk.versioned(),
            number: chunk.number(),
            chunk: Mutex::new(Some(chunk)),
            plan: Arc::clone(plan),
            labels: Arc::clone(labels),
        }
    }

    /// The chunk to be fed, once.
    pub fn take(&self) -> PyResult<plan::ChunkRead> {
        let chunk = self.chunk.lock().unwrap_or_else(PoisonError::into_inner).take();
        chunk.ok_or_else(|| PyRuntimeError::new_err("what was wanted has been fed already"))
    }
}

#[pymethods]
impl ReadWant {
    #[pyo3(signature = (whole = false))]
    fn again(&self, py: Python<'_>, whole: bool) -> PyResult<Self> {
        let chunk = self.plan.chunk(self.number, whole);
        let chunk = chunk.map_err(|error| raise_in(py, &error, &self.labels))?;
        Ok(Self::new(&self.plan, chunk, &self.labels))
    }

    #[pyo3(signature = (data, version = None))]
    fn feed(
        &self,
        py: Python<'_>,
        data: Vec<Option<Bound<'_, PyAny>>>,
        version: Option<&str>,
    ) -> PyResult<Option<ReadWant>> {
        let version = version.map_or(Version::Unknown, |tag| Version::Tag(tag.into()));
        let answers = data.iter().map(|data| answer(data.as_ref())).collect::<PyResult<Vec<_>>>()?;
        let mut chunk = self.take()?;
        let label = self.labels.get(chunk.part()).map(|label| &**label);
        let lent = answers.clone(); // given back here, where the GIL is held
        let more = enter(py, label, None, move |_| {
            let done = chunk.feed_version(answers, &version)?;
            Ok((!done).then_some(chunk))
        });
        drop(lent);
        let more = more?;
        Ok(more.map(|chunk| Self::new(&self.plan, chunk, &self.labels)))
    }
}

/// The chunks of a write.
#[pyclass(frozen, module = "zarr._core")]
pub struct WritePlan {
    pub(crate) plan: Arc<plan::WritePlan>,
    /// The name of the array, for errors.
    pub(crate) label: Arc<str>,
}

#[pymethods]
impl WritePlan {
    fn __len__(&self) -> usize {
        self.plan.len()
    }

    #[getter]
    fn raw(&self) -> bool {
        self.plan.raw()
    }

    fn next(&self, py: Python<'_>) -> PyResult<Option<WriteWant>> {
        let next = self.plan.next().map_err(|error| raise(py, &error, Some(&self.label)))?;
        Ok(next.map(|chunk| WriteWant { chunk, label: Arc::clone(&self.label) }))
    }
}

/// One stored value of a write.
#[pyclass(frozen, module = "zarr._core")]
pub struct WriteWant {
    chunk: plan::ChunkWrite,
    label: Arc<str>,
}

#[pymethods]
impl WriteWant {
    #[getter]
    fn key(&self) -> &str {
        self.chunk.key()
    }

    #[getter]
    fn full(&self) -> bool {
        self.chunk.full()
    }

    #[getter]
    fn size_hint(&self) -> u64 {
        self.chunk.size_hint()
    }

    #[pyo3(signature = (current, keep = false))]
    fn encode(&self, py: Python<'_>, current: Option<&Bound<'_, PyAny>>, keep: bool) -> PyResult<Option<Bytes>> {
        let current = answer(current)?;
        let label = &*self.label;
        let encoded = enter(py, Some(label), None, |_| self.chunk.encode(current.as_ref(), keep))?;
        Ok(encoded.map(Bytes::new))
    }
}
