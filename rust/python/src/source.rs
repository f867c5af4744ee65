//! The stores that the engine reads and writes by itself: local files, and a plain dict.

use std::cell::Cell;
use std::ffi::OsString;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict, PyString};
use zarr_engine::error::{Error, Result};
use zarr_engine::files::{self, Version};
use zarr_engine::object::{Object, Part, Sink, Source, join};

use crate::buffer::{Bytes, lent, object};
use crate::enter::{attach, calling, enter};

/// A version of a value as Python holds it: device, number, size, time.
type Told = (u64, u64, u64, i64);

/// A file that is there after so long was not waited for.
const AT_ONCE: Duration = Duration::from_micros(500);

thread_local! {
    /// For how long this thread has waited for files, each by itself.
    static WAITED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// For how many seconds the thread that calls has waited for single files: they are worth asking for
/// together then.
#[pyfunction]
pub fn waited() -> f64 {
    WAITED.get().as_secs_f64()
}

fn ask<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T> + Send) -> PyResult<T> {
    enter(py, None, None, |_| {
        let start = Instant::now();
        let done = work();
        let passed = start.elapsed();
        if passed > AT_ONCE {
            WAITED.set(WAITED.get().saturating_add(passed));
        }
        done
    })
}

/// Local files below a directory; see `_core.pyi`.
#[pyclass(frozen, module = "zarr._core")]
pub struct Files(pub Arc<files::Files>);

#[pymethods]
impl Files {
    #[new]
    #[pyo3(signature = (root, fsync = false))]
    fn new(root: &str, fsync: bool) -> PyResult<Self> {
        let files = files::Files::new(root, fsync).map_err(|error| PyValueError::new_err(error.to_string()))?;
        Ok(Self(Arc::new(files)))
    }

    #[pyo3(signature = (key, start = 0, stop = None))]
    fn get(&self, py: Python<'_>, key: &str, start: i64, stop: Option<u64>) -> PyResult<Option<Bytes>> {
        let found = ask(py, || self.0.get(key, start, stop))?;
        Ok(found.map(Bytes::new))
    }

    #[pyo3(signature = (key, start = 0, stop = None))]
    fn get_versioned(
        &self,
        py: Python<'_>,
        key: &str,
        start: i64,
        stop: Option<u64>,
    ) -> PyResult<Option<(Bytes, Told)>> {
        let found = ask(py, || self.0.get_versioned(key, start, stop))?;
        let told = |version: Version| (version.device, version.number, version.size, version.modified);
        Ok(found.map(|(bytes, version)| (Bytes::new(bytes), told(version))))
    }

    fn add(&self, py: Python<'_>, key: &str, data: &Bound<'_, PyBytes>) -> PyResult<bool> {
        let bytes = PyBackedBytes::from(data.clone());
        ask(py, || self.0.write_exclusive(key, &bytes))
    }

    #[pyo3(signature = (key, data, exclusive = false))]
    fn set(&self, py: Python<'_>, key: &str, data: &Bound<'_, PyAny>, exclusive: bool) -> PyResult<bool> {
        let object = object(data)?;
        ask(py, || {
            let bytes = object.bytes().ok_or_else(|| Error::internal("bytes that are not in memory"))?;
            if exclusive { self.0.write_exclusive(key, bytes) } else { self.0.write(key, bytes).map(|()| true) }
        })
    }

    fn documents<'py>(&self, py: Python<'py>, keys: Vec<String>) -> PyResult<Vec<Option<Bound<'py, PyBytes>>>> {
        let found = ask(py, || keys.iter().map(|key| self.0.get(key, 0, None)).collect::<Result<Vec<_>>>());
        Ok(found?.into_iter().map(|value| value.map(|value| PyBytes::new(py, &value))).collect())
    }

    fn delete(&self, py: Python<'_>, key: &str) -> PyResult<()> {
        ask(py, || self.0.delete(key))
    }

    fn copy(&self, py: Python<'_>, key: &str, target: &Self, target_key: &str) -> PyResult<Option<u64>> {
        ask(py, || self.0.copy(key, &target.0, target_key))
    }

    fn move_directory(&self, py: Python<'_>, directory: &str, target: &Self, new: &str) -> PyResult<bool> {
        ask(py, || self.0.move_directory(directory, &target.0, new))
    }

    fn swap_directories(&self, py: Python<'_>, directory: &str, target: &Self, other: &str) -> PyResult<bool> {
        ask(py, || self.0.swap_directories(directory, &target.0, other))
    }

    fn names(&self, py: Python<'_>, directory: &str) -> PyResult<Option<Vec<OsString>>> {
        ask(py, || self.0.names(directory))
    }

    #[getter]
    fn unlocked(&self) -> bool {
        self.0.unlocked()
    }

    #[pyo3(signature = (key, data, version))]
    fn exchange(
        &self,
        py: Python<'_>,
        key: &str,
        data: Option<&Bound<'_, PyAny>>,
        version: Option<Told>,
    ) -> PyResult<bool> {
        let object = data.map(object).transpose()?;
        let version = version.map(|(device, number, size, modified)| Version { device, number, size, modified });
        enter(py, None, None, |context| {
            let bytes = match &object {
                None => None,
                Some(object) => Some(object.bytes().ok_or_else(|| Error::internal("bytes that are not in memory"))?),
            };
            self.0.exchange(key, bytes, version, context)
        })
    }
}

/// A dict of buffers; see `_core.pyi`.
#[pyclass(frozen, module = "zarr._core")]
pub struct Mapping {
    data: Py<PyDict>,
    wrap: Py<PyAny>,
}

#[pymethods]
impl Mapping {
    #[new]
    fn new(data: Py<PyDict>, wrap: Py<PyAny>) -> Self {
        Self { data, wrap }
    }

    fn documents<'py>(&self, py: Python<'py>, keys: Vec<String>) -> PyResult<Vec<Option<Bound<'py, PyAny>>>> {
        let document = |key: &String| {
            let Some(value) = self.data.bind(py).get_item(key)? else { return Ok(None) };
            // A buffer, in whatever memory, or an object with bytes that somebody put into their dict.
            let to_bytes = value.getattr_opt(pyo3::intern!(py, "to_bytes"))?;
            match to_bytes {
                Some(to_bytes) => to_bytes.call0(),
                None => py.get_type::<PyBytes>().call1((value,)),
            }
            .map(Some)
        };
        keys.iter().map(document).collect()
    }

    /// In one step: of several threads that do this at once, one is told that it did.
    fn add(&self, py: Python<'_>, key: &str, data: &Bound<'_, PyBytes>) -> PyResult<bool> {
        let value = self.wrap.call1(py, (data,))?;
        let kept = self.data.bind(py).call_method1(pyo3::intern!(py, "setdefault"), (key, &value))?;
        Ok(kept.is(&value))
    }
}

impl Mapping {
    /// Whether there is the document of an array, or one of the other format beside it.
    pub fn holds_array(&self, py: Python<'_>, document: &Bound<'_, PyString>, prefix: &str) -> PyResult<bool> {
        let data = self.data.bind(py);
        let other = |name: &str| data.contains(format!("{prefix}{name}"));
        Ok(data.contains(document)? || other("zarr.json")? || other(".zarray")?)
    }

    fn find(&self, py: Python<'_>, key: &str) -> PyResult<Option<Arc<dyn Object>>> {
        let Some(value) = self.data.bind(py).get_item(key)? else { return Ok(None) };
        // A buffer, or an object with bytes that somebody put into their dict.
        let data = value.getattr(pyo3::intern!(py, "_data")).unwrap_or(value);
        object(&data).map(Some)
    }

    fn set(&self, py: Python<'_>, key: &str, bytes: Vec<u8>) -> PyResult<()> {
        let value = self.wrap.call1(py, (Bytes::new(bytes),))?;
        self.data.bind(py).set_item(key, value)
    }

    /// The values of `keys`, looked up all at once: the threads that decode them then need no GIL.
    pub fn snapshot(&self, py: Python<'_>, keys: &[String]) -> PyResult<Vec<Option<Arc<dyn Object>>>> {
        calling(py, || keys.iter().map(|key| self.find(py, key)).collect())
    }
}

/// A [`Mapping`] during one write. Values that need not be seen at once are set together at the end.
pub struct MappingSink {
    mapping: Py<Mapping>,
    later: Mutex<Vec<(String, Option<Vec<u8>>)>>,
}

impl MappingSink {
    /// For one write to `mapping`.
    pub fn new(mapping: Py<Mapping>) -> Self {
        Self { mapping, later: Mutex::new(Vec::new()) }
    }

    fn later(&self, key: &str, bytes: Option<Vec<u8>>) -> Result<()> {
        let mut later = self.later.lock().map_err(|_| Error::internal("a thread died while it wrote a chunk"))?;
        later.push((key.to_owned(), bytes));
        Ok(())
    }

    fn now(&self, py: Python<'_>, key: &str, bytes: Option<Vec<u8>>) -> PyResult<()> {
        let mapping = self.mapping.get();
        match bytes {
            Some(bytes) => mapping.set(py, key, bytes),
            // In one step: another thread may delete it, too.
            None => {
                let arguments = (key, py.None());
                mapping.data.bind(py).call_method1(pyo3::intern!(py, "pop"), arguments).map(drop)
            }
        }
    }

    /// Sets what was put off.
    pub fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let later = self.later.lock().map(|mut later| std::mem::take(&mut *later)).unwrap_or_default();
        calling(py, || later.into_iter().try_for_each(|(key, bytes)| self.now(py, &key, bytes)))
    }
}

impl Source for MappingSink {
    fn open(&self, key: &str) -> Result<Option<Arc<dyn Object>>> {
        attach(|py| self.mapping.get().find(py, key))
    }
}

impl Sink for MappingSink {
    fn put(&self, key: &str, parts: Vec<Part>, old: Option<&Arc<dyn Object>>, guarded: bool) -> Result<bool> {
        let bytes = join(parts, old)?;
        if guarded {
            attach(|py| self.now(py, key, Some(bytes)))?;
        } else {
            self.later(key, Some(bytes))?;
        }
        Ok(true)
    }

    fn delete(&self, key: &str, guarded: bool) -> Result<()> {
        if guarded {
            return attach(|py| self.now(py, key, None));
        }
        self.later(key, None)
    }
}

/// Bytes that Python gave as an answer, for one call: `None` stands for a value that is absent.
pub fn answer(data: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Arc<dyn Object>>> {
    data.map(lent).transpose()
}
