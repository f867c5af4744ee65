//! The buffer protocol, in and out. The crate's only `unsafe`.

#![allow(unsafe_code)]

use std::ffi::{CStr, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyBufferError, PyMemoryError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyType};
use zarr_engine::error::{Error, Result};
use zarr_engine::object::{Identity, Object};
use zarr_engine::strided::{Output, View};

use crate::enter::attach;

/// Immutable bytes that the engine made, readable through the buffer protocol without a copy.
#[pyclass(frozen, module = "zarr._core")]
pub struct Bytes(Shared);

/// The number of the next bytes; none is given twice.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Bytes {
    /// Takes over `bytes`.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Shared { bytes: Arc::new(bytes), number: NEXT.fetch_add(1, Ordering::Relaxed) })
    }
}

#[pymethods]
impl Bytes {
    #[new]
    fn py_new(data: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self::new(copy(data)?))
    }

    fn __len__(&self) -> usize {
        self.0.bytes.len()
    }

    fn __bytes__<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.bytes)
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        Ok((slf.get_type().into_any(), (PyBytes::new(slf.py(), &slf.get().0.bytes),)))
    }

    fn __repr__(&self) -> String {
        format!("<{} encoded bytes>", self.0.bytes.len())
    }

    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        if view.is_null() {
            return Err(PyBufferError::new_err("the view is null"));
        }
        let bytes = &slf.get().0.bytes;
        // SAFETY: `view` is not null, as just checked, and points to a buffer that Python lends for
        // this call. The bytes are never changed or moved while `slf` lives, and
        // PyBuffer_FillInfo makes the view hold a reference to it.
        let filled = unsafe {
            ffi::PyBuffer_FillInfo(
                view,
                slf.as_ptr(),
                bytes.as_ptr().cast_mut().cast::<c_void>(),
                bytes.len() as ffi::Py_ssize_t,
                1,
                flags,
            )
        };
        if filled == 0 { Ok(()) } else { Err(PyErr::fetch(slf.py())) }
    }
}

/// The contents of `data`, copied.
pub fn copy(data: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let buffer = PyUntypedBuffer::get(data)?;
    if !buffer.is_c_contiguous() {
        return Err(PyValueError::new_err("encoded bytes must be contiguous"));
    }
    let len = buffer.len_bytes();
    if len == 0 {
        return Ok(Vec::new());
    }
    let mut copied = Vec::new();
    copied.try_reserve_exact(len).map_err(|_| PyMemoryError::new_err(format!("no memory for {len} bytes")))?;
    // SAFETY: a contiguous buffer has `len` readable bytes from `buf_ptr`, and `buffer` holds it for
    // this call; so many were reserved in `copied`, and are set before its length says so. Another
    // thread of Python's may change the bytes meanwhile: nothing refers to them, they are read once,
    // and what is checked and parsed is the copy.
    unsafe {
        std::ptr::copy_nonoverlapping(buffer.buf_ptr().cast::<u8>(), copied.as_mut_ptr(), len);
        copied.set_len(len);
    }
    Ok(copied)
}

/// Bytes that Python gave, for the engine to read: shared if nobody can change them, else copied.
pub fn object(data: &Bound<'_, PyAny>) -> PyResult<Arc<dyn Object>> {
    if let Ok(bytes) = data.cast_exact::<Bytes>() {
        return Ok(Arc::new(bytes.get().0.clone()));
    }
    if let Ok(bytes) = data.cast_exact::<PyBytes>() {
        return Ok(Arc::new(PyBackedBytes::from(bytes.clone())));
    }
    Ok(Arc::new(copy(data)?))
}

/// Values shorter than this are copied sooner than they are held.
const HELD: usize = 16 << 10;

/// The same for one call, which `data` outlives: what is long is read where it is, even if somebody
/// can change it.
pub fn lent(data: &Bound<'_, PyAny>) -> PyResult<Arc<dyn Object>> {
    if data.cast_exact::<Bytes>().is_ok() || data.cast_exact::<PyBytes>().is_ok() {
        return object(data);
    }
    match Held::new(data, ffi::PyBUF_SIMPLE) {
        Ok(memory) if usize::try_from(memory.0.len).is_ok_and(|len| len >= HELD) => Ok(Arc::new(Foreign(memory))),
        _ => object(data),
    }
}

/// Bytes in memory that others may be able to change, and so never borrowed: only copied from.
struct Foreign(Held);

impl Object for Foreign {
    fn size(&self) -> u64 {
        self.0.0.len as u64
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        let end = offset.checked_add(dst.len() as u64).filter(|&end| end <= self.size());
        if end.is_none() {
            return Err(Error::corrupt("the stored value ends too early").expected(
                format_args!("{} bytes from {offset}", dst.len()),
                format_args!("{} bytes in all", self.size()),
            ));
        }
        // SAFETY: the exporter, asked for plain bytes, says that `len` of them follow `buf`, and keeps
        // them in place until the buffer is released; that all that is copied lies among them is
        // checked above. It may be the memory that is written to, for whoever stores views of it. Another
        // thread of Python's may change the bytes meanwhile: then it gets what it asked for, bytes of
        // either time; what is parsed is the copy.
        unsafe {
            let from = self.0.0.buf.cast::<u8>().add(offset as usize);
            std::ptr::copy(from, dst.as_mut_ptr(), dst.len());
        }
        Ok(())
    }
}

/// Bytes that nobody can change, and their number.
#[derive(Clone)]
struct Shared {
    bytes: Arc<Vec<u8>>,
    number: u64,
}

impl Object for Shared {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        self.bytes.read_at(offset, dst)
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(&self.bytes)
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity::in_memory(self.number, self.size()))
    }
}

/// A view of an exporter's memory, held until it is dropped.
struct Held(Box<ffi::Py_buffer>);

// SAFETY: the struct is a description that never changes after it was filled; whoever touches the
// memory itself does so by way of a `View`, which has its own promise.
unsafe impl Send for Held {}
// SAFETY: as above.
unsafe impl Sync for Held {}

impl Held {
    /// Asks `data` for its memory. (pyo3's own wrapper refuses arrays without dimensions.)
    fn new(data: &Bound<'_, PyAny>, flags: c_int) -> PyResult<Self> {
        let mut buffer = Box::new(ffi::Py_buffer::new());
        // SAFETY: `data` is alive, `buffer` is a valid place for the answer, which does not move.
        if unsafe { ffi::PyObject_GetBuffer(data.as_ptr(), &raw mut *buffer, flags) } != 0 {
            return Err(PyErr::fetch(data.py()));
        }
        let held = Self(buffer);
        if (flags & ffi::PyBUF_WRITABLE != 0 && held.0.readonly != 0) || !held.0.suboffsets.is_null() {
            return Err(PyBufferError::new_err("the exporter of a buffer did not give what it was asked for"));
        }
        Ok(held)
    }

    /// How the elements are laid out, as the exporter says.
    fn format(&self) -> Option<&CStr> {
        // SAFETY: the exporter keeps the format, a string that ends with NUL, until the buffer is released.
        (!self.0.format.is_null()).then(|| unsafe { CStr::from_ptr(self.0.format) })
    }

    /// One of the two arrays, of as many numbers as there are dimensions.
    fn numbers(&self, first: *const ffi::Py_ssize_t) -> &[isize] {
        let n = usize::try_from(self.0.ndim).unwrap_or(0);
        if n == 0 || first.is_null() {
            return &[];
        }
        // SAFETY: the buffer protocol demands `ndim` numbers where the pointer is not null, and the
        // exporter keeps them until the buffer is released.
        unsafe { std::slice::from_raw_parts(first, n) }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // When the interpreter has ended, nobody is left to whom it could be given back.
        let _ = attach(|_| {
            // SAFETY: the buffer was filled by `PyObject_GetBuffer`, and is released once, by a thread
            // that is attached.
            unsafe { ffi::PyBuffer_Release(&raw mut *self.0) };
            Ok(())
        });
    }
}

/// The memory of the array `data`, to be read.
pub fn lend(data: &Bound<'_, PyAny>) -> PyResult<View> {
    let (memory, shape, strides, size) = elements(data, ffi::PyBUF_STRIDED_RO)?;
    let base = memory.0.buf.cast::<u8>();
    // SAFETY: an exporter keeps exported memory in place until the buffer is released, which is when
    // the owner is dropped; shape, strides and item size are its own word on what may be read. The
    // engine makes no reference to these bytes, and copies them before it looks at them: whoever
    // changes them meanwhile, with the GIL or without, gets bytes of either time stored.
    unsafe { View::new(base, &shape, &strides, size, Arc::new(memory)) }.map_err(unusable)
}

/// The memory of the array `data`, to be written.
pub fn lend_for_writing(data: &Bound<'_, PyAny>) -> PyResult<Output> {
    let (memory, shape, strides, size) = elements(data, ffi::PyBUF_STRIDED)?;
    let base = memory.0.buf.cast::<u8>();
    // SAFETY: as in `lend`; the exporter was asked for memory that may be written, and what stands in
    // it is no pointer of anybody's. Another thread that reads or writes it meanwhile gets bytes of
    // either time: the engine reads none of it back to rely on.
    unsafe { Output::new(base, &shape, &strides, size, Arc::new(memory)) }.map_err(unusable)
}

/// The same with dimensions of length 1 where `kept` is false; where it is true, the array has its
/// own.
pub fn lend_axes_for_writing(data: &Bound<'_, PyAny>, kept: &[bool]) -> PyResult<Output> {
    let (memory, shape, strides, size) = elements(data, ffi::PyBUF_STRIDED)?;
    if shape.len() != kept.iter().filter(|&&kept| kept).count() {
        return Err(PyValueError::new_err("the array has other axes than the selection"));
    }
    let mut own = shape.into_iter().zip(strides);
    let axis = |&kept: &bool| kept.then(|| own.next()).flatten().unwrap_or((1, 0));
    let (shape, strides): (Vec<usize>, Vec<isize>) = kept.iter().map(axis).unzip();
    let base = memory.0.buf.cast::<u8>();
    // SAFETY: as in `lend_for_writing`; a dimension of length 1 reaches nothing that the array does
    // not.
    unsafe { Output::new(base, &shape, &strides, size, Arc::new(memory)) }.map_err(unusable)
}

fn unusable(error: Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}

type Elements = (Held, Vec<usize>, Vec<isize>, usize);

/// The memory of an array whose elements are nothing but bytes.
fn elements(data: &Bound<'_, PyAny>, flags: c_int) -> PyResult<Elements> {
    static ARRAY: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    static DTYPE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = data.py();
    let refused = || PyTypeError::new_err("the elements of the array are pointers, not values");
    // NumPy cannot give the format of all of its data types, but knows which of them have pointers.
    let array = ARRAY.import(py, "numpy", "ndarray")?;
    let memory = if data.is_instance(array)? {
        let dtype = if data.is_exact_instance(array) {
            data.getattr(intern!(py, "dtype"))?
        } else {
            // Not what a subclass says of itself.
            let dtype = DTYPE.get_or_try_init(py, || array.getattr("dtype").map(Bound::unbind))?;
            dtype.bind(py).call_method1(intern!(py, "__get__"), (data,))?
        };
        if dtype.getattr(intern!(py, "hasobject"))?.is_truthy()? {
            return Err(refused());
        }
        Held::new(data, flags)?
    } else {
        let memory = Held::new(data, flags | ffi::PyBUF_FORMAT)?;
        if memory.format().is_some_and(|format| has_pointers(format.to_bytes())) {
            return Err(refused());
        }
        memory
    };
    let (shape, strides) = (memory.numbers(memory.0.shape), memory.numbers(memory.0.strides));
    let number = |n: &isize| usize::try_from(*n).map_err(|_| PyValueError::new_err("a negative length"));
    let (shape, strides) = (shape.iter().map(number).collect::<PyResult<Vec<_>>>()?, strides.to_vec());
    let size = number(&memory.0.itemsize)?;
    Ok((memory, shape, strides, size))
}

/// Whether a format of the buffer protocol has pointers: objects, addresses, strings of C, functions.
fn has_pointers(format: &[u8]) -> bool {
    let mut name = false;
    format.iter().enumerate().any(|(i, &byte)| {
        name ^= byte == b':';
        // `Zf`, `Zd` and `Zg` are complex numbers.
        let complex = byte == b'Z' && matches!(format.get(i + 1), Some(b'f' | b'd' | b'g'));
        !name && !complex && matches!(byte, b'O' | b'P' | b'z' | b'Z' | b'&' | b'X')
    })
}

/// Fills an array of `count` objects, which must be contiguous, with what `make` makes for each.
pub fn fill_objects<'py>(
    out: &Bound<'py, PyAny>,
    count: usize,
    mut make: impl FnMut(usize) -> PyResult<Bound<'py, PyAny>>,
) -> PyResult<()> {
    let memory = Held::new(out, ffi::PyBUF_CONTIG | ffi::PyBUF_FORMAT)?;
    let buffer = &memory.0;
    let objects = memory.format() == Some(c"O");
    let size = size_of::<*mut ffi::PyObject>();
    let length = count.checked_mul(size);
    if !objects || buffer.itemsize != size as isize || usize::try_from(buffer.len).ok() != length {
        return Err(PyValueError::new_err(format!("expected a contiguous array of {count} objects")));
    }
    let slots = buffer.buf.cast::<*mut ffi::PyObject>();
    for i in 0..count {
        let object = make(i)?;
        // SAFETY: the exporter says that it has `count` pointers to objects at `buf`, and that they
        // may be written; they are aligned, or Python itself could not use them. The array owns a
        // reference to each object in it, NULL stands for none: the new one's is handed over, and the
        // old one's is given up when it is no longer in the array. Of several threads that do so at
        // once without the GIL, each gets another old one.
        unsafe { ffi::Py_XDECREF(AtomicPtr::from_ptr(slots.add(i)).swap(object.into_ptr(), Ordering::AcqRel)) };
    }
    Ok(())
}
