//! Reading by one call: integers and slices of an array, from a store that the engine reads by
//! itself. All other selections, and all that is wrong, are left to the general way, which has the
//! words for it.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyInt, PySlice, PyString, PyTuple};
use zarr_engine::selection::{AxisMap, Region};
use zarr_engine::trace::{Phase, saw, whole};

use crate::array::CompiledArray;
use crate::buffer::lend_axes_for_writing;

/// The reader that `array[...]` uses; see `_core.pyi`.
#[pyclass(frozen, module = "zarr._core")]
pub struct Reader {
    array: Py<CompiledArray>,
    source: Py<PyAny>,
    shape: Vec<u64>,
    dtype: Py<PyAny>,
    order: Py<PyString>,
}

#[pymethods]
impl Reader {
    #[new]
    fn new(array: Py<CompiledArray>, source: Py<PyAny>, dtype: Py<PyAny>, order: Py<PyString>) -> Self {
        let shape = array.get().shape();
        Self { array, source, shape, dtype, order }
    }

    fn read<'py>(&self, py: Python<'py>, selection: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        static EMPTY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let Some(parsed) = self.parse(selection) else { return Ok(py.NotImplemented().into_bound(py)) };
        let empty = EMPTY.get_or_try_init(py, || py.import("numpy")?.getattr("empty").map(Bound::unbind))?;
        let result = empty.bind(py).call1((PyTuple::new(py, &parsed.shape)?, &self.dtype, &self.order))?;
        let out = lend_axes_for_writing(&result, &parsed.kept)?;
        let (array, source, region) = (self.array.get(), self.source.bind(py), Region::Box(parsed.axes));
        saw(Phase::Read, 1, region.len().saturating_mul(out.size() as u64));
        whole(Phase::Read, || {
            let kept = array.read_kept(py, source, &region, &out)?;
            if kept { Ok(()) } else { array.read_into(py, source, &region, &out, None) }
        })?;
        Ok(result)
    }
}

/// A selection of integers and slices.
struct Parsed {
    axes: Vec<AxisMap>,
    /// Which dimensions the result has: those that are no integers.
    kept: Vec<bool>,
    shape: Vec<u64>,
}

impl Parsed {
    fn push(&mut self, start: u64, step: u64, count: u64, kept: bool) {
        self.axes.push(AxisMap::Range { start, step, count, at: 0 });
        self.kept.push(kept);
        if kept {
            self.shape.push(count);
        }
    }
}

impl Reader {
    /// `None` for a selection that is anything but integers within bounds, slices that go forward,
    /// and an ellipsis, and for one that selects nothing.
    fn parse(&self, selection: &Bound<'_, PyAny>) -> Option<Parsed> {
        let axes = self.shape.len();
        let mut parsed =
            Parsed { axes: Vec::with_capacity(axes), kept: Vec::with_capacity(axes), shape: Vec::with_capacity(axes) };
        let mut scalar = true;
        if let Ok(items) = selection.cast_exact::<PyTuple>() {
            let mut missing = Some((axes + 1).checked_sub(items.len()));
            for item in items.iter_borrowed() {
                if item.is(items.py().Ellipsis()) {
                    scalar = false;
                    for _ in 0..missing.take()?? {
                        parsed.push(0, 1, *self.shape.get(parsed.axes.len())?, true);
                    }
                } else {
                    self.item(&item, &mut parsed)?;
                }
            }
        } else if selection.is(selection.py().Ellipsis()) {
            scalar = false;
        } else {
            self.item(selection, &mut parsed)?;
        }
        for &length in self.shape.get(parsed.axes.len()..)? {
            parsed.push(0, 1, length, true);
        }
        // NumPy gives a scalar for `a[0, ...]` that has no axes left, and an array for `a[0]`.
        let result = !parsed.shape.is_empty() || scalar && axes > 0;
        (result && !parsed.shape.contains(&0)).then_some(parsed)
    }

    fn item(&self, item: &Bound<'_, PyAny>, parsed: &mut Parsed) -> Option<()> {
        let length = *self.shape.get(parsed.axes.len())?;
        if item.is_exact_instance_of::<PyInt>() {
            let index: i64 = item.extract().ok()?;
            let start = if index < 0 { length.checked_sub(index.unsigned_abs())? } else { index.unsigned_abs() };
            if start >= length {
                return None;
            }
            parsed.push(start, 1, 1, false);
        } else {
            let indices = item.cast_exact::<PySlice>().ok()?.indices(isize::try_from(length).ok()?).ok()?;
            let count = indices.slicelength as u64;
            let step = if count > 1 { u64::try_from(indices.step).ok()? } else { 1 };
            parsed.push(u64::try_from(indices.start).ok()?, step, count, true);
        }
        Some(())
    }
}
