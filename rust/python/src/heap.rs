//! Strings and byte strings between Python's objects, NumPy's strings and the engine's heap.

use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString};
use zarr_engine::cancel::Context;
use zarr_engine::codec::vlen::Vlen;
use zarr_engine::codec::{Serializer, Spec};
use zarr_engine::heap::{self, ABSENT, REFERENCE, Reference, length_of};
use zarr_engine::packed;

use crate::buffer::{Bytes, copy, fill_objects, lend};
use crate::enter::enter;
use crate::error::raise;
use crate::strings::Strings;

/// Elements of any length; see `_core.pyi`.
#[pyclass(frozen, module = "zarr._core")]
pub struct Heap(pub Arc<heap::Heap>);

#[pymethods]
impl Heap {
    #[new]
    #[pyo3(signature = (text, fill, writing = false))]
    fn new(py: Python<'_>, text: bool, fill: Option<&[u8]>, writing: bool) -> PyResult<Self> {
        let made = heap::Heap::new(text, fill, writing);
        Ok(Self(Arc::new(made.map_err(|error| raise(py, &error, None))?)))
    }

    #[getter]
    fn fill<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.fill())
    }

    fn number(&self, py: Python<'_>, items: &Bound<'_, PyList>) -> PyResult<Bytes> {
        let (mut bytes, mut lengths) = (Vec::new(), Vec::with_capacity(items.len()));
        for item in items {
            lengths.push(append(&item, self.0.text(), &mut bytes)?);
        }
        let mut out = Vec::new();
        self.0.add(bytes, &lengths, &mut out).map_err(|error| raise(py, &error, None))?;
        Ok(Bytes::new(out))
    }

    fn items<'py>(&self, numbers: &Bound<'py, PyAny>, fill: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let (py, numbers, elements) = (numbers.py(), copy(numbers)?, self.0.snapshot());
        let items = numbers.as_chunks::<REFERENCE>().0.iter().map(|number| self.item(number, &elements, fill));
        PyList::new(py, items.collect::<PyResult<Vec<_>>>()?)
    }

    fn place(&self, numbers: &Bound<'_, PyAny>, fill: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>) -> PyResult<()> {
        let (numbers, elements) = (copy(numbers)?, self.0.snapshot());
        let numbers = numbers.as_chunks::<REFERENCE>().0;
        fill_objects(out, numbers.len(), |i| self.item(&numbers[i], &elements, fill))
    }

    #[pyo3(signature = (numbers, out, in_memory, fresh))]
    fn pack(
        &self,
        py: Python<'_>,
        numbers: &Bound<'_, PyAny>,
        out: &Bound<'_, PyAny>,
        in_memory: bool,
        fresh: bool,
    ) -> PyResult<()> {
        let (numbers, out) = (lend(numbers)?, Strings::of(out, true)?);
        enter(py, None, None, |context| {
            let (elements, mut writer) = (self.0.snapshot(), out.writer());
            // A thread that has locked the strings must not wait for the GIL, and so does not tick.
            let context = Context::new(context.cancel());
            let written =
                if in_memory { packed::pack(&numbers, &writer.memory()?, fresh, &context)? } else { Vec::new() };
            packed::rest(&numbers, &written, |place, slot| writer.write(place, elements.get(slot)?))
        })
    }

    fn load(&self, py: Python<'_>, strings: &Bound<'_, PyAny>) -> PyResult<Bytes> {
        let strings = Strings::of(strings, false)?;
        enter(py, None, None, |_| {
            let (mut bytes, mut lengths) = (Vec::new(), Vec::with_capacity(strings.count()));
            strings.each(|string| {
                let string = string.map(|string| length_of(string.len()).map(|_| string)).transpose()?;
                bytes.extend_from_slice(string.unwrap_or_default());
                lengths.push(string.map_or(ABSENT, |string| string.len() as u32));
                Ok(())
            })?;
            let mut out = Vec::new();
            self.0.add(bytes, &lengths, &mut out)?;
            Ok(Bytes::new(out))
        })
    }

    fn decode(&self, py: Python<'_>, data: &Bound<'_, PyAny>, count: usize) -> PyResult<Bytes> {
        let (codec, data) = (Vlen::new(Arc::clone(&self.0)), copy(data)?);
        enter(py, None, None, |_| {
            let mut numbers = Vec::new();
            zarr_engine::scratch::resize(&mut numbers, count.saturating_mul(REFERENCE))?;
            let decoded = codec.decode(&Spec { shape: vec![count as u64], size: REFERENCE }, &data, &mut numbers);
            decoded.map_err(|error| error.with_codec(codec.name()))?;
            Ok(Bytes::new(numbers))
        })
    }

    fn encode(&self, py: Python<'_>, numbers: &Bound<'_, PyAny>) -> PyResult<Bytes> {
        let (codec, numbers) = (Vlen::new(Arc::clone(&self.0)), copy(numbers)?);
        enter(py, None, None, |_| {
            let mut out = Vec::new();
            let spec = Spec { shape: vec![(numbers.len() / REFERENCE) as u64], size: REFERENCE };
            codec.encode(&spec, &numbers, &mut out)?;
            Ok(Bytes::new(out))
        })
    }
}

impl Heap {
    /// The object that a number stands for.
    fn item<'py>(
        &self,
        number: &Reference,
        elements: &heap::Snapshot,
        fill: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if number == self.0.fill() {
            return Ok(fill.clone());
        }
        let py = fill.py();
        let element = elements.get(number).map_err(|error| raise(py, &error, None))?;
        if !self.0.text() {
            let bytes = PyBytes::new_with(py, element.len(), |bytes| {
                bytes.copy_from_slice(element);
                Ok(())
            });
            return bytes.map(Bound::into_any);
        }
        Ok(PyString::from_bytes(py, element)?.into_any())
    }
}

/// Appends the bytes of an element, and gives their number; what NumPy leaves in an object array
/// for an element that was never set (None or 0) is absent.
fn append(item: &Bound<'_, PyAny>, text: bool, bytes: &mut Vec<u8>) -> PyResult<u32> {
    let before = bytes.len();
    if text {
        match item.cast::<PyString>() {
            Ok(string) => bytes.extend_from_slice(string.to_str()?.as_bytes()),
            Err(_) => return absent(item, "str"),
        }
    } else if let Ok(raw) = item.cast::<PyBytes>() {
        bytes.extend_from_slice(raw.as_bytes());
    } else if let Ok(raw) = copy(item) {
        bytes.extend_from_slice(&raw);
    } else {
        return absent(item, "bytes");
    }
    length_of(bytes.len() - before).map_err(|error| raise(item.py(), &error, None))
}

fn absent(item: &Bound<'_, PyAny>, expected: &str) -> PyResult<u32> {
    if item.is_none() || (item.get_type().is(item.py().get_type::<pyo3::types::PyInt>()) && item.eq(0)?) {
        return Ok(ABSENT);
    }
    Err(PyTypeError::new_err(format!("Expected {expected}, got {}", item.get_type().name()?)))
}
