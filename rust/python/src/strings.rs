//! NumPy's strings of any length, by the functions that NumPy's C interface has for them. A thin face.

#![allow(unsafe_code)]

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

use pyo3::exceptions::{PyImportError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyCapsule;
use zarr_engine::error::{Error, Kind, Result};
use zarr_engine::heap::REFERENCE;
use zarr_engine::strided::{Output, Owner};

/// One string, as it stands in an array.
type Slot = [u8; REFERENCE];

/// A string as NumPy tells it: its length, and its place.
#[repr(C)]
struct Found {
    size: usize,
    bytes: *const c_char,
}

/// The functions that are needed, of the table of NumPy's C interface.
#[derive(Clone, Copy)]
struct Api {
    array_type: NonNull<c_void>,
    load: unsafe extern "C" fn(*mut c_void, *const Slot, *mut Found) -> c_int,
    pack: unsafe extern "C" fn(*mut c_void, *mut Slot, *const c_char, usize) -> c_int,
    acquire: unsafe extern "C" fn(*const c_void) -> *mut c_void,
    release: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: the functions and the type live as long as the process, and never change.
unsafe impl Send for Api {}
// SAFETY: as above.
unsafe impl Sync for Api {}

/// The first version of the interface that has the functions: that of NumPy 2.0.
const VERSION: u32 = 0x12;

impl Api {
    fn get(py: Python<'_>) -> PyResult<Self> {
        static API: PyOnceLock<Api> = PyOnceLock::new();
        API.get_or_try_init(py, || Self::load(py)).copied()
    }

    fn load(py: Python<'_>) -> PyResult<Self> {
        let module = py.import("numpy._core._multiarray_umath")?;
        let capsule = module.getattr("_ARRAY_API")?.cast_into::<PyCapsule>()?;
        let table = capsule.pointer_checked(None)?.cast::<*const c_void>();
        // SAFETY: the capsule holds the table of NumPy's C interface, an array of pointers which
        // lives as long as the process. The places and the types of the functions are those that
        // NumPy's headers name; they are kept from version to version. The one for the version is
        // there in every version, and those for strings since `VERSION`.
        unsafe {
            let at = |index: usize| *table.as_ptr().add(index);
            let version = std::mem::transmute::<*const c_void, unsafe extern "C" fn() -> u32>(at(211))();
            let array_type = NonNull::new(at(2).cast_mut());
            let Some(array_type) = array_type.filter(|_| version >= VERSION) else {
                return Err(PyImportError::new_err("NumPy 2.0 or newer is needed"));
            };
            Ok(Self {
                array_type,
                load: std::mem::transmute::<
                    *const c_void,
                    unsafe extern "C" fn(*mut c_void, *const Slot, *mut Found) -> c_int,
                >(at(313)),
                pack: std::mem::transmute::<
                    *const c_void,
                    unsafe extern "C" fn(*mut c_void, *mut Slot, *const c_char, usize) -> c_int,
                >(at(314)),
                acquire: std::mem::transmute::<*const c_void, unsafe extern "C" fn(*const c_void) -> *mut c_void>(at(
                    316,
                )),
                release: std::mem::transmute::<*const c_void, unsafe extern "C" fn(*mut c_void)>(at(318)),
            })
        }
    }
}

/// A contiguous array of NumPy's strings, which stays where it is.
pub struct Strings {
    api: Api,
    slots: NonNull<Slot>,
    count: usize,
    descr: Arc<Py<PyAny>>,
    array: Arc<Py<PyAny>>,
}

// SAFETY: what is pointed to lives as long as `array` does, and is touched only by whoever has locked
// the allocator of its strings.
unsafe impl Send for Strings {}
// SAFETY: as above.
unsafe impl Sync for Strings {}

impl Strings {
    /// The strings of an array that must be NumPy's own, of its strings, and contiguous.
    pub fn of(array: &Bound<'_, PyAny>, write: bool) -> PyResult<Self> {
        let py = array.py();
        let api = Api::get(py)?;
        // No subclass: what is asked below, it might answer as it likes.
        if array.get_type_ptr().cast::<c_void>() != api.array_type.as_ptr() {
            return Err(PyTypeError::new_err("expected an array of NumPy"));
        }
        let descr = array.getattr("dtype")?;
        if !descr.get_type().is(&py.import("numpy.dtypes")?.getattr("StringDType")?) {
            return Err(PyTypeError::new_err(format!("expected strings of NumPy, got {descr}")));
        }
        let flags = array.getattr("flags")?;
        let fits = flags.getattr("c_contiguous")?.is_truthy()? && flags.getattr("aligned")?.is_truthy()?;
        let size: usize = array.getattr("itemsize")?.extract()?;
        if !fits || size != REFERENCE || (write && !flags.getattr("writeable")?.is_truthy()?) {
            return Err(PyValueError::new_err("expected a contiguous array of strings"));
        }
        let place = array.getattr("__array_interface__")?.get_item("data")?.get_item(0)?;
        let slots = NonNull::new(place.extract::<usize>()? as *mut Slot);
        let slots = slots.ok_or_else(|| PyValueError::new_err("expected an array with memory"))?;
        let count = array.getattr("size")?.extract()?;
        Ok(Self { api, slots, count, descr: Arc::new(descr.unbind()), array: Arc::new(array.clone().unbind()) })
    }

    /// How many strings there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Hands each string to `take`. To be called without the GIL.
    pub fn each(&self, mut take: impl FnMut(Option<&[u8]>) -> Result<()>) -> Result<()> {
        let lock = Lock::of(self);
        for i in 0..self.count {
            let mut found = Found { size: 0, bytes: std::ptr::null() };
            // SAFETY: the slot is one of the array, and the allocator that of its data type, which is locked.
            let state = unsafe { (self.api.load)(lock.allocator, self.slots.as_ptr().add(i), &raw mut found) };
            match state {
                0 if found.size == 0 => take(Some(&[]))?,
                // SAFETY: NumPy says that so many bytes stand there; while the allocator is locked,
                // nobody changes or moves them.
                0 => take(Some(unsafe { std::slice::from_raw_parts(found.bytes.cast::<u8>(), found.size) }))?,
                1 => take(None)?,
                _ => return Err(Error::internal("NumPy cannot read one of its strings")),
            }
        }
        Ok(())
    }

    /// The writer to the array. It is made and dropped without the GIL.
    pub fn writer(&self) -> Writer<'_> {
        Writer { strings: self, lock: Arc::new(Lock::of(self)) }
    }
}

/// Writes strings to an array, which nobody else can do meanwhile.
pub struct Writer<'a> {
    strings: &'a Strings,
    lock: Arc<Lock>,
}

impl Writer<'_> {
    /// The memory of the array: only short strings may be written to it, and only over nothing.
    pub fn memory(&self) -> Result<Output> {
        let (slots, count) = (self.strings.slots.as_ptr().cast::<u8>(), self.strings.count);
        // SAFETY: NumPy's own array says that `count` elements of this size follow `slots`, that they
        // are contiguous, and that they may be written (`Strings::of`). The owner of the view keeps
        // the array, and the lock without which nobody else reads or writes its strings.
        unsafe { Output::new(slots, &[count], &[REFERENCE as isize], REFERENCE, Arc::clone(&self.lock) as Owner) }
    }

    /// Writes a string to a place in the array.
    pub fn write(&mut self, place: usize, bytes: &[u8]) -> Result<()> {
        if place >= self.strings.count {
            return Err(Error::internal("a string beyond the end of its array"));
        }
        // SAFETY: the slot is one of the array, as was just checked, and the allocator that of its
        // data type, which is locked. NumPy copies the bytes, which are borrowed for the call.
        let state = unsafe {
            let slot = self.strings.slots.as_ptr().add(place);
            (self.strings.api.pack)(self.lock.allocator, slot, bytes.as_ptr().cast::<c_char>(), bytes.len())
        };
        if state == 0 {
            return Ok(());
        }
        Err(Error::new(Kind::TooLarge, format!("NumPy has no memory for {} bytes", bytes.len())))
    }
}

/// The allocator of an array's strings, locked. A thread that holds it must not wait for the GIL.
struct Lock {
    api: Api,
    allocator: *mut c_void,
    _owners: [Arc<Py<PyAny>>; 2],
}

// SAFETY: the allocator lives as long as the array and its data type do, which are kept. Whatever is
// done by it, and its release, is done by one thread at a time: `Writer` is borrowed for it, and the
// last to drop the lock releases it.
unsafe impl Send for Lock {}
// SAFETY: as above.
unsafe impl Sync for Lock {}

impl Lock {
    fn of(strings: &Strings) -> Self {
        // SAFETY: `descr` is alive, and of NumPy's type of strings.
        let allocator = unsafe { (strings.api.acquire)(strings.descr.as_ptr().cast::<c_void>()) };
        let _owners = [Arc::clone(&strings.descr), Arc::clone(&strings.array)];
        Self { api: strings.api, allocator, _owners }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // SAFETY: it was acquired once, and is released once.
        unsafe { (self.api.release)(self.allocator) };
    }
}
