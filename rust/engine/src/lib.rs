//! The engine under Python's `zarr`: plans, reads, decodes, places, encodes and writes Zarr chunks.
//!
//! It knows no Python. Codecs, grids, selections, shards and plans are pure; `files.rs` and
//! `web.rs` do the input and output, `pool.rs` has the threads that work, `fetch.rs` those that wait.

#![deny(unsafe_code)]

pub mod array;
pub mod cancel;
pub mod codec;
pub mod data_type;
pub mod element;
pub mod error;
pub mod exec;
pub mod files;
pub mod grid;
pub mod heap;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "json")]
mod json;
pub mod key;
pub mod locks;
pub mod object;
pub mod packed;
pub mod plan;
pub mod pool;
pub mod read;
pub mod reserve;
pub mod runtime;
pub mod scratch;
pub mod selection;
pub mod shard;
pub mod strided;
mod wrapped;
pub mod write;
