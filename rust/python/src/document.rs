//! Where nodes are in consolidated metadata, for Python.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList};
use zarr_engine::document;

use crate::enter::enter;

/// The place of the object, the names of its members, their kinds, and their places.
type Found<'py> = (usize, usize, Bound<'py, PyList>, Bound<'py, PyBytes>, Bound<'py, PyBytes>);

/// The members of an object in a document; see `_core.pyi`.
#[pyfunction]
pub fn members<'py>(py: Python<'py>, document: &[u8], path: Vec<String>) -> PyResult<Option<Found<'py>>> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let Some(found) = enter(py, None, None, |_| document::members(document, &path))? else { return Ok(None) };
    let kinds: Vec<u8> = found.members.iter().map(|member| member.kind as u8).collect();
    let places: Vec<u8> = found
        .members
        .iter()
        .flat_map(|member| [member.value.start, member.value.end, member.attributes.start, member.attributes.end])
        .flat_map(|place| (place as u64).to_ne_bytes())
        .collect();
    let names = PyList::new(py, found.members.iter().map(|member| member.name.as_str()))?;
    let (kinds, places) = (PyBytes::new(py, &kinds), PyBytes::new(py, &places));
    Ok(Some((found.place.start, found.place.end, names, kinds, places)))
}
