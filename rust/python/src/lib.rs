//! The extension module `zarr._core`: the engine as Python sees it. See `src/zarr/_core.pyi`.

mod array;
mod batch;
mod buffer;
mod cache;
mod codec;
mod document;
mod enter;
mod error;
#[cfg(feature = "http")]
mod fetch;
mod gil;
mod heap;
mod locks;
mod one_call;
mod plan;
mod source;
mod strings;
mod trace;

use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::PyDict;

// No part of the module relies on the GIL: free-threaded Pythons leave it off.
#[pymodule(gil_used = false)]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("TEMP_PREFIX", zarr_engine::files::TEMP_PREFIX)?;
    m.add("DEBUG_BUILD", cfg!(debug_assertions))?;
    m.add("FEATURES", zarr_engine::FEATURES.into_iter().collect::<HashMap<_, _>>())?;
    m.add_class::<array::CompiledArray>()?;
    m.add_class::<batch::Batch>()?;
    m.add_class::<buffer::Bytes>()?;
    m.add_class::<cache::Chunks>()?;
    m.add_class::<enter::Cancel>()?;
    m.add_class::<heap::Heap>()?;
    m.add_class::<plan::ReadPlan>()?;
    m.add_class::<plan::ReadWant>()?;
    m.add_class::<plan::WritePlan>()?;
    m.add_class::<plan::WriteWant>()?;
    m.add_class::<one_call::Reader>()?;
    m.add_class::<source::Files>()?;
    m.add_class::<locks::LockFile>()?;
    m.add_class::<source::Mapping>()?;
    m.add_class::<trace::Watch>()?;
    m.add_function(wrap_pyfunction!(codec::encode_bytes, m)?)?;
    m.add_function(wrap_pyfunction!(codec::decode_bytes, m)?)?;
    m.add_function(wrap_pyfunction!(document::members, m)?)?;
    #[cfg(feature = "http")]
    m.add_function(wrap_pyfunction!(fetch::fetch, m)?)?;
    m.add_function(wrap_pyfunction!(locks::lock, m)?)?;
    m.add_function(wrap_pyfunction!(locks::try_lock, m)?)?;
    m.add_function(wrap_pyfunction!(locks::enqueue_lock, m)?)?;
    m.add_function(wrap_pyfunction!(locks::unlock, m)?)?;
    m.add_function(wrap_pyfunction!(enter::set_threads, m)?)?;
    m.add_function(wrap_pyfunction!(cache::forget_chunks, m)?)?;
    m.add_function(wrap_pyfunction!(cache::forget_chunks_below, m)?)?;
    m.add_function(wrap_pyfunction!(enter::set_index_bytes, m)?)?;
    m.add_function(wrap_pyfunction!(enter::index_bytes, m)?)?;
    let end = wrap_pyfunction!(enter::end, m)?;
    m.py().import("atexit")?.call_method1("register", (end,))?;
    let os = m.py().import("os")?;
    if os.hasattr("register_at_fork")? {
        let hooks = PyDict::new(m.py());
        hooks.set_item("after_in_child", wrap_pyfunction!(enter::forked, m)?)?;
        os.call_method("register_at_fork", (), Some(&hooks))?;
    }
    m.add_function(wrap_pyfunction!(enter::threads, m)?)?;
    m.add_function(wrap_pyfunction!(source::waited, m)?)?;
    Ok(())
}
