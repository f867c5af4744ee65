//! The compiled array.

use std::sync::Arc;

use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};
use zarr_engine::array::{Array, Coalesce, How};
use zarr_engine::cache::chunks::Version;
use zarr_engine::codec::chain::MOST_UNKNOWN;
use zarr_engine::element::Fill;
use zarr_engine::error::{Error, Kind};
use zarr_engine::exec::Exec;
use zarr_engine::grid::{Axis, Grid};
use zarr_engine::key::KeyEncoding;
use zarr_engine::object::{Sink, Source};
use zarr_engine::selection::{AxisMap, Indices, Mask, Points, Region};
use zarr_engine::strided::{Output, View};
use zarr_engine::trace::{Phase, saw, whole};
use zarr_engine::{files, plan, runtime};

use crate::buffer::{lend, lend_for_writing};
use crate::cache::{Cached, cached};
use crate::codec::chain;
use crate::enter::{Cancel, attach, enter, hold};
use crate::error::{raise, wrap};
use crate::plan::{ReadPlan, WritePlan};
use crate::source::{Files, Mapping, MappingSink};

/// So many bytes are copied in the time that it takes to give up the GIL and to get it back.
pub const AT_ONCE: u64 = 64 << 10;

/// From so many files on it pays to look up their directory only once.
const MANY: usize = 16;

/// An array, compiled; see `_core.pyi`.
#[pyclass(frozen, module = "zarr._core")]
pub struct CompiledArray {
    pub(crate) array: Arc<Array>,
    pub(crate) label: String,
}

#[pymethods]
impl CompiledArray {
    #[new]
    #[pyo3(signature = (*, label, prefix, shape, grid, key_encoding, itemsize, fill, chain, read_missing = true,
                        coalesce_gap = 1 << 20, coalesce_max = 16 << 20, decoded_max = MOST_UNKNOWN, cache = None,
                        index_place = None))]
    #[allow(clippy::too_many_arguments)]
    fn new(
        py: Python<'_>,
        label: String,
        prefix: String,
        shape: Vec<u64>,
        grid: Vec<Bound<'_, PyAny>>,
        key_encoding: Bound<'_, PyAny>,
        itemsize: usize,
        fill: &[u8],
        chain: Bound<'_, PyAny>,
        read_missing: bool,
        coalesce_gap: u64,
        coalesce_max: u64,
        decoded_max: usize,
        cache: Option<Cached<'_>>,
        index_place: Option<String>,
    ) -> PyResult<Self> {
        if fill.len() != itemsize {
            let found = fill.len();
            return Err(PyValueError::new_err(format!("a fill value of {found} bytes for elements of {itemsize}")));
        }
        let failed = |error| raise(py, &error, Some(&label));
        let fill = Fill::new(fill).map_err(failed)?;
        let grid = self::grid(py, &shape, &grid, &label)?;
        let links = self::chain(&chain, shape.len(), &fill, decoded_max)?;
        let coalesce = Coalesce { gap: coalesce_gap, most: coalesce_max };
        let array =
            Array::new(prefix, grid, key_encoding_of(&key_encoding)?, links, read_missing, coalesce).map_err(failed)?;
        let array = match cache {
            Some(given) => array.with_cache(cached(given)),
            None => array,
        };
        let array = match index_place {
            Some(place) => array.with_kept_indexes(place),
            None => array,
        };
        Ok(Self { array: Arc::new(array), label })
    }

    #[pyo3(signature = (source, axes, points, out, cancel = None))]
    fn read(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        axes: Option<&Bound<'_, PyTuple>>,
        points: Option<&Bound<'_, PyAny>>,
        out: &Bound<'_, PyAny>,
        cancel: Option<&Cancel>,
    ) -> PyResult<()> {
        let (region, out) = (self.region(py, axes, points)?, lend_for_writing(out)?);
        saw(Phase::Read, 1, region.len().saturating_mul(out.size() as u64));
        whole(Phase::Read, || self.read_into(py, source, &region, &out, cancel))
    }

    #[pyo3(signature = (source, axes, points, value, write_empty, lock_name, cancel = None, may_grow = false,
                        document = None))]
    #[allow(clippy::too_many_arguments)]
    fn write(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        axes: Option<&Bound<'_, PyTuple>>,
        points: Option<&Bound<'_, PyAny>>,
        value: &Bound<'_, PyAny>,
        write_empty: bool,
        lock_name: &str,
        cancel: Option<&Cancel>,
        may_grow: bool,
        document: Option<&Bound<'_, PyString>>,
    ) -> PyResult<()> {
        let region = self.region(py, axes, points)?;
        let how = How { write_empty, may_grow };
        let value = lend(value)?;
        let locks = runtime::locks();
        let (label, array, locks) = (Some(self.label.as_str()), &self.array, (&locks, lock_name));
        saw(Phase::Write, 1, region.len().saturating_mul(value.size() as u64));
        if let Ok(files) = source.cast_exact::<Files>() {
            let files = &files.get().0;
            let files = match document {
                Some(_) => Arc::new(files.within(self.array.prefix())),
                None => Arc::clone(files),
            };
            let write = || {
                enter(py, label, cancel, |context| {
                    let sink = |n| -> Arc<dyn Sink> { held(files, n) };
                    array.write(sink, &region, &value, how, locks, Exec::Files(context))
                })
            };
            return whole(Phase::Write, write);
        }
        let mapping = mapping(source)?;
        if let Some(document) = document
            && !mapping.get().holds_array(py, document, self.array.prefix())?
        {
            let error = Error::new(Kind::Gone, "the array was deleted after it was opened: open or create it anew");
            return Err(raise(py, &error, Some(&self.label)));
        }
        let deferred = Arc::new(MappingSink::new(mapping.clone().unbind()));
        let sink: Arc<dyn Sink> = deferred.clone();
        let write = || {
            enter(py, label, cancel, |context| array.write(|_| sink, &region, &value, how, locks, Exec::Pool(context)))
        };
        let written = whole(Phase::Write, write);
        // Chunks that were encoded before an error are stored all the same, as in a directory.
        deferred.flush(py).and(written)
    }

    fn plan_read(
        &self,
        py: Python<'_>,
        axes: Option<&Bound<'_, PyTuple>>,
        points: Option<&Bound<'_, PyAny>>,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<ReadPlan> {
        let (region, out) = (self.region(py, axes, points)?, lend_for_writing(out)?);
        saw(Phase::Read, 1, region.len().saturating_mul(out.size() as u64));
        let plan = enter(py, Some(&self.label), None, |_| plan::ReadPlan::new(self.array.clone(), region, out))?;
        Ok(ReadPlan { plan, labels: Arc::new([self.label.as_str().into()]) })
    }

    #[pyo3(signature = (axes, points, value, write_empty, may_grow = false))]
    fn plan_write(
        &self,
        py: Python<'_>,
        axes: Option<&Bound<'_, PyTuple>>,
        points: Option<&Bound<'_, PyAny>>,
        value: &Bound<'_, PyAny>,
        write_empty: bool,
        may_grow: bool,
    ) -> PyResult<WritePlan> {
        let (region, how) = (self.region(py, axes, points)?, How { write_empty, may_grow });
        let value = lend(value)?;
        saw(Phase::Write, 1, region.len().saturating_mul(value.size() as u64));
        let plan =
            enter(py, Some(&self.label), None, |_| plan::WritePlan::new(self.array.clone(), &region, value, how))?;
        Ok(WritePlan { plan, label: self.label.as_str().into() })
    }
}

impl CompiledArray {
    /// The region of a selection: the contract of `axes` and `points` is in `_core.pyi`.
    pub fn region(
        &self,
        py: Python<'_>,
        axes: Option<&Bound<'_, PyTuple>>,
        points: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Region> {
        let failed = |error| raise(py, &error, Some(&self.label));
        let of_points = |axes: &Bound<'_, PyTuple>| -> PyResult<Region> {
            let axes = axes.iter().map(|axis| Ok(Box::new(Integers::new(&axis)?) as Box<dyn Indices>));
            let points = Points::new(axes.collect::<PyResult<_>>()?, &self.array.shape()).map_err(failed)?;
            Ok(Region::Points(points))
        };
        match (axes, points) {
            (Some(axes), None) => {
                // Along a single dimension, indices are points.
                if axes.len() == 1 && axes.get_item(0)?.cast_exact::<PyTuple>().is_err() {
                    return of_points(axes);
                }
                let axis = |axis: Bound<'_, PyAny>| -> PyResult<AxisMap> {
                    if let Ok(range) = axis.cast_exact::<PyTuple>() {
                        let (start, step, count) = range.extract()?;
                        return Ok(AxisMap::Range { start, step, count, at: 0 });
                    }
                    let pairs = indices(&axis)?.into_iter().enumerate().map(|(at, i)| (i, at as u64));
                    Ok(AxisMap::Pairs(pairs.collect()))
                };
                Ok(Region::Box(axes.iter().map(axis).collect::<PyResult<_>>()?))
            }
            (None, Some(points)) => {
                if let Ok(axes) = points.cast_exact::<PyTuple>() {
                    return of_points(axes);
                }
                let mask = lend(points)?;
                let shape: Vec<u64> = mask.shape().iter().map(|&n| n as u64).collect();
                if mask.size() != 1 {
                    return Err(PyTypeError::new_err("a mask has elements of a byte"));
                }
                let mask = mask.joined();
                let mask =
                    enter(py, Some(&self.label), None, |_| Mask::new(&shape, |start, out| mask.bytes(start, out)));
                Ok(Region::Mask(mask?))
            }
            _ => Err(PyTypeError::new_err("a selection has either axes or points")),
        }
    }

    /// Elements along each dimension.
    pub fn shape(&self) -> Vec<u64> {
        self.array.shape()
    }

    /// Reads a small region of one chunk, if that is kept by the array's cache; says whether it is. This
    /// is done before another thread could take over.
    pub fn read_kept(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        region: &Region,
        out: &Output,
    ) -> PyResult<bool> {
        let Some(used) = self.array.cached() else { return Ok(false) };
        if region.len().saturating_mul(out.size() as u64) > AT_ONCE {
            return Ok(false);
        }
        let files = source.cast_exact::<Files>().is_ok();
        let found = zarr_engine::cached::read_kept(&self.array, used, region, out, |key| {
            if files {
                return Ok(None);
            }
            let mapping = mapping(source).map_err(wrap)?;
            let value = mapping.get().snapshot(py, std::slice::from_ref(&key.to_owned())).map_err(wrap)?;
            Ok(Some(Version::of(value.first().and_then(Option::as_ref))))
        });
        found.map_err(|error| raise(py, &error, Some(&self.label)))
    }

    /// Reads `region` from a source that the engine can read by itself.
    pub fn read_into(
        &self,
        py: Python<'_>,
        source: &Bound<'_, PyAny>,
        region: &Region,
        out: &Output,
        cancel: Option<&Cancel>,
    ) -> PyResult<()> {
        let (label, array) = (Some(self.label.as_str()), &self.array);
        if let Ok(files) = source.cast_exact::<Files>() {
            let files = Arc::clone(&files.get().0);
            return enter(py, label, cancel, |context| {
                let open = |n| {
                    let files = held(files, n);
                    move |_: usize, key: &str| Source::open(&*files, key)
                };
                array.read(open, region, out, Exec::Files(context))
            });
        }
        let find = || array.pieces(region, out).and_then(|pieces| array.keys(&pieces).map(|keys| (pieces, keys)));
        let (pieces, keys) = match region {
            Region::Box(_) => find().map_err(|error| raise(py, &error, label))?,
            // Each element has to be looked at.
            Region::Points(_) | Region::Mask(_) => enter(py, label, cancel, |_| find())?,
        };
        let values = mapping(source)?.get().snapshot(py, &keys)?;
        let copies = array.copies(&pieces);
        let open = |_| move |i: usize, _: &str| Ok(values.get(i).cloned().flatten());
        if copies.is_some_and(|bytes| bytes <= AT_ONCE) {
            return hold(py, label, || array.read_pieces(open, pieces, out, true, Exec::Here));
        }
        enter(py, label, cancel, |context| array.read_pieces(open, pieces, out, true, Exec::Pool(context)))
    }
}

/// The files for one operation on `n` of them.
pub fn held(files: Arc<files::Files>, n: usize) -> Arc<files::Files> {
    if n < MANY { files } else { Arc::new(files.hold()) }
}

pub fn mapping<'a, 'py>(source: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, Mapping>> {
    source.cast_exact::<Mapping>().map_err(|_| PyTypeError::new_err("the source is neither Files nor a Mapping"))
}

fn grid(py: Python<'_>, shape: &[u64], chunks: &[Bound<'_, PyAny>], label: &str) -> PyResult<Grid> {
    if shape.len() != chunks.len() {
        return Err(PyValueError::new_err("the chunk grid has as many axes as the array"));
    }
    let axis = |(&extent, chunks): (&u64, &Bound<'_, PyAny>)| -> PyResult<Axis> {
        let axis = match chunks.extract::<u64>() {
            Ok(size) => Axis::regular(size, extent),
            Err(_) => Axis::varying(&chunks.extract::<Vec<u64>>()?, extent),
        };
        axis.map_err(|error| raise(py, &error, Some(label)))
    };
    shape.iter().zip(chunks).map(axis).collect::<PyResult<_>>().map(Grid)
}

fn key_encoding_of(encoding: &Bound<'_, PyAny>) -> PyResult<KeyEncoding> {
    if encoding.is_callable() {
        let encode = encoding.clone().unbind();
        return Ok(KeyEncoding::Custom(Arc::new(move |chunk| {
            attach(|py| encode.call1(py, (PyTuple::new(py, chunk)?,))?.extract(py))
        })));
    }
    match encoding.extract::<(String, char)>()? {
        (name, separator) if name == "default" => Ok(KeyEncoding::Default(separator)),
        (name, separator) if name == "v2" => Ok(KeyEncoding::V2(separator)),
        (name, _) => Err(PyValueError::new_err(format!("unknown chunk key encoding {name:?}"))),
    }
}

/// An array of integers, read where it is.
struct Integers {
    view: View,
    signed: bool,
    len: usize,
}

impl Integers {
    fn new(array: &Bound<'_, PyAny>) -> PyResult<Self> {
        let dtype = array.getattr(intern!(array.py(), "dtype"))?;
        let kind: char = dtype.getattr(intern!(array.py(), "kind"))?.extract()?;
        if !matches!(kind, 'i' | 'u') || !dtype.getattr(intern!(array.py(), "isnative"))?.is_truthy()? {
            return Err(PyTypeError::new_err("indices are integers in the byte order of the machine"));
        }
        let view = lend(array)?;
        let len = view.shape().iter().product();
        Ok(Self { view: view.joined(), signed: kind == 'i', len })
    }
}

impl Indices for Integers {
    fn len(&self) -> usize {
        self.len
    }

    fn read(&self, start: usize, out: &mut [i64]) {
        self.view.integers(start, self.signed, out);
    }
}

fn indices(array: &Bound<'_, PyAny>) -> PyResult<Vec<u64>> {
    let values = PyBuffer::<i64>::get(array)?.to_vec(array.py())?;
    let least = values.iter().fold(0, |least, &i| least.min(i));
    if least < 0 {
        return Err(PyValueError::new_err(format!("an index must not be negative, but {least} is")));
    }
    // In place: nothing is copied.
    Ok(values.into_iter().map(i64::cast_unsigned).collect())
}
