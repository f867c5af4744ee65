//! Reading from web servers.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use zarr_engine::http::{How, Outcome, fetch as fetch_all};

use crate::enter::{Cancel, enter};
use crate::plan::ReadWant;

/// Fetches chunks from their addresses; see `_core.pyi`.
#[pyfunction]
#[pyo3(signature = (wants, urls, width, timeout, room, cancel))]
pub fn fetch(
    py: Python<'_>,
    wants: Vec<Bound<'_, ReadWant>>,
    urls: Vec<String>,
    width: usize,
    timeout: Option<f64>,
    room: &Cancel,
    cancel: &Cancel,
) -> PyResult<Vec<(usize, &'static str)>> {
    let timeout = timeout.map(Duration::try_from_secs_f64).transpose();
    let timeout = timeout.map_err(|error| PyValueError::new_err(error.to_string()))?;
    let chunks = wants.iter().map(|want| want.get().take()).collect::<PyResult<_>>()?;
    let outcomes = enter(py, None, Some(cancel), |context| {
        fetch_all(chunks, &urls, &How { width, timeout, room: &room.0 }, context.cancel())
    })?;
    let left = |(i, found)| match found {
        Outcome::Done => None,
        Outcome::Untouched => Some((i, "untouched")),
        Outcome::Unclear => Some((i, "unclear")),
        Outcome::Late => Some((i, "late")),
        Outcome::Damaged => Some((i, "damaged")),
    };
    Ok(outcomes.into_iter().enumerate().filter_map(left).collect())
}
