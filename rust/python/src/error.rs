//! Engine errors become Python exceptions: one total match.

use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyMemoryError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use zarr_engine::error::{Error, Kind};

/// How a limit is raised that is not one of the metadata.
const SETTING: &str = "if the data are sound, raise the setting \"array.decoded_max_bytes\" and open the array again";

/// A class of `zarr.errors`, imported when it is first needed.
fn class<'py>(py: Python<'py>, cell: &'static PyOnceLock<Py<PyType>>, name: &str) -> PyResult<&'py Bound<'py, PyType>> {
    cell.import(py, "zarr.errors", name)
}

/// The exception for `error`, which happened in the array `label`.
pub fn raise(py: Python<'_>, error: &Error, label: Option<&str>) -> PyErr {
    static DECODE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static MISSING: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static GONE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static BOUNDS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let mut message = error.to_string();
    if let Some(label) = label {
        message = format!("{message} in array {label}");
    }
    let of = |found: PyResult<&Bound<'_, PyType>>, message: String| match found {
        Ok(class) => PyErr::from_type(class.clone(), message),
        Err(error) => error,
    };
    match error.kind() {
        Kind::NoMemory => PyMemoryError::new_err(message),
        Kind::OverLimit => of(class(py, &DECODE, "ChunkDecodeError"), format!("{message}; {SETTING}")),
        Kind::Config | Kind::TooLarge => PyValueError::new_err(message),
        Kind::Selection => match class(py, &BOUNDS, "BoundsCheckError") {
            Ok(class) => PyErr::from_type(class.clone(), message),
            Err(_) => PyIndexError::new_err(message),
        },
        Kind::Corrupt => of(class(py, &DECODE, "ChunkDecodeError"), message),
        Kind::Missing => of(class(py, &MISSING, "ChunkNotFoundError"), message),
        Kind::Gone => of(class(py, &GONE, "ArrayNotFoundError"), message),
        Kind::Io(Some(errno)) => PyOSError::new_err((errno, message)),
        Kind::Io(None) => PyOSError::new_err(message),
        Kind::Foreign => foreign(py, error, label).unwrap_or_else(|| PyRuntimeError::new_err(message)),
        Kind::Cancelled | Kind::Internal => PyRuntimeError::new_err(message),
    }
}

/// The exception for `error`, which happened in one of several arrays.
pub fn raise_in(py: Python<'_>, error: &Error, labels: &[Arc<str>]) -> PyErr {
    raise(py, error, error.array().and_then(|number| labels.get(number)).map(|label| &**label))
}

/// The exception that Python code raised, with a note of where the engine was.
fn foreign(py: Python<'_>, error: &Error, label: Option<&str>) -> Option<PyErr> {
    let raised = error.payload()?.downcast_ref::<PyErr>()?.clone_ref(py);
    let place = error.place();
    if !place.is_empty() {
        let note = format!("while working on{place}{}", label.map(|l| format!(" in array {l}")).unwrap_or_default());
        // A note is a courtesy: the exception matters more than a failure to add it.
        let _ = raised.value(py).call_method1("add_note", (note,));
    }
    Some(raised)
}

/// Wraps an exception for its way through the engine.
pub fn wrap(error: PyErr) -> Error {
    Error::foreign(error.to_string(), Arc::new(error))
}
