//! Caches of decoded chunks.

use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use zarr_engine::cache::chunks::{self, Recheck};
use zarr_engine::cached::Use;
use zarr_engine::codec::Serializer;
use zarr_engine::codec::vlen::Vlen;

use crate::heap::Heap;

/// A cache of decoded chunks; see `_core.pyi`.
#[pyclass(frozen, module = "zarr._core")]
pub struct Chunks(Arc<chunks::Chunks>);

/// A cache, as one array uses it: the cache, the place of the data, the array's layout, when it was
/// opened, and the heap of the operation, if the elements have no fixed size.
pub type Cached<'py> = (Bound<'py, Chunks>, String, u64, f64, Option<Bound<'py, Heap>>);

/// The time from which [`Chunks::now`] counts.
static FIRST: LazyLock<Instant> = LazyLock::new(Instant::now);

#[pymethods]
impl Chunks {
    #[new]
    fn new(most: u64, recheck: &Bound<'_, PyAny>) -> PyResult<Self> {
        let recheck = match recheck.extract::<f64>() {
            Ok(seconds) => match Duration::try_from_secs_f64(seconds) {
                Ok(time) => Recheck::After(time),
                Err(error) => return Err(PyValueError::new_err(error.to_string())),
            },
            Err(_) => match recheck.extract::<String>()?.as_str() {
                "never" => Recheck::Never,
                "open" => Recheck::Open,
                "always" => Recheck::Always,
                other => return Err(PyValueError::new_err(format!("unknown recheck {other:?}"))),
            },
        };
        Ok(Self(chunks::Chunks::new(most, recheck)))
    }

    fn layout(&self, described: &str) -> u64 {
        self.0.layout(described)
    }

    fn counts(&self) -> (u64, u64, u64, u64, u64) {
        let counts = self.0.counts();
        (counts.hits, counts.misses, counts.evictions, counts.bytes, counts.entries)
    }

    /// The seconds since some time of this process.
    #[staticmethod]
    fn now() -> f64 {
        FIRST.elapsed().as_secs_f64()
    }

    fn clear(&self) {
        self.0.clear();
    }
}

/// The cache, as an array of the engine uses it.
pub fn cached(given: Cached<'_>) -> Use {
    let (chunks, place, layout, seconds, heap) = given;
    let table = heap.map(|heap| Arc::new(Vlen::new(Arc::clone(&heap.get().0))) as Arc<dyn Serializer>);
    let since = Duration::try_from_secs_f64(seconds).ok();
    let opened = since.and_then(|since| FIRST.checked_add(since)).unwrap_or_else(Instant::now);
    Use { chunks: Arc::clone(&chunks.get().0), place, layout, opened, table }
}

/// Tells all caches that a value was changed; see `_core.pyi`.
#[pyfunction]
pub fn forget_chunks(name: &str) {
    chunks::forget(name);
}

/// The same of all values whose names begin so.
#[pyfunction]
pub fn forget_chunks_below(prefix: &str) {
    chunks::forget_below(prefix);
}
