//! An engine for Zarr arrays: it finds the chunks of a selection, reads, decodes and places them,
//! and writes them back, on all cores. It is the engine of the Python package `zarr`, and needs no
//! Python.
//!
//! # How to think of it
//!
//! An [`Array`](array::Array) is a description that does not change: a [`Grid`](grid::Grid) that
//! cuts the elements into chunks, a [`KeyEncoding`](key::KeyEncoding) that names the chunks, and a
//! [`Chain`](codec::chain::Chain) of codecs that turns a chunk into bytes. It holds no store.
//!
//! One operation has four parts:
//!
//! 1. **What.** A [`Region`](selection::Region) says which elements of the array stand where in
//!    the caller's memory: a range or a list of indices for each dimension, or else points or a mask. It is
//!    plain data, and [`split`](selection::Region::split) cuts it along any grid, so that arrays,
//!    shards and shards in shards are all cut by the same lines.
//! 2. **Where to.** A [`View`](strided::View) is memory to be read, an
//!    [`Output`](strided::Output) memory to be written: a pointer, a shape, strides, and the owner
//!    that keeps it. Elements go from the decoder to their place there, without a copy in between
//!    if the place is one stretch.
//! 3. **From where.** Either a store that the engine reads by itself, a
//!    [`Source`](object::Source) such as [`Files`](files::Files): then
//!    [`Array::read`](array::Array::read) does all in one call. Or anybody's store: a
//!    [`ReadPlan`](plan::ReadPlan) tells which bytes of which keys are wanted, and is fed with
//!    them, in any order and from any thread. [`Sink`](object::Sink) and
//!    [`WritePlan`](plan::WritePlan) are the mirror.
//! 4. **Who.** The caller's thread works, and free threads of the [`Pool`](pool::Pool) help if
//!    there is enough to do. No operation depends on them. A
//!    [`Context`](cancel::Context) lets the caller stop it.
//!
//! A chunk that is written only in part is read, changed and written while its key is
//! [locked](locks::Locks); a file is replaced as a whole, so that readers see the old value or the
//! new one. Errors name the key, the chunk, the codec, and what was expected
//! ([`Error`](error::Error)). Sizes that stored data announce are believed only as far as the
//! array's description allows, and memory for them is asked for, not taken.
//!
//! # An array, from its document
//!
//! ```
//! use std::sync::Arc;
//! use zarr_engine::array::Array;
//! use zarr_engine::files::Files;
//! use zarr_engine::object::Sink;
//! use zarr_engine::selection::Region;
//!
//! # let directory = std::env::temp_dir().join(format!("zarr-engine-{}-lib", std::process::id()));
//! let document = r#"{
//!     "zarr_format": 3, "node_type": "array", "shape": [3, 4], "data_type": "uint8",
//!     "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 2]}},
//!     "chunk_key_encoding": {"name": "default"}, "fill_value": 0,
//!     "codecs": ["bytes", {"name": "zstd", "configuration": {"level": 1, "checksum": false}}]
//! }"#;
//! let files = Arc::new(Files::new(&directory, false)?);
//! files.write("zarr.json", document.as_bytes())?;
//!
//! let array = Arc::new(Array::from_json("", document)?);
//! let sink: Arc<dyn Sink> = files.clone();
//! array.write_bytes(&sink, &Region::all(&[3, 4]), (0..12).collect())?;
//! assert_eq!(array.read_bytes(&files, &Region::all(&[3, 4]))?, (0..12).collect::<Vec<u8>>());
//! # std::fs::remove_dir_all(directory).unwrap();
//! # Ok::<(), zarr_engine::error::Error>(())
//! ```
//!
//! # The modules
//!
//! Each knows only those above it. There are two exceptions: chains and shards hold one another, and
//! [`runtime`] holds what the buffers and the web clients are kept in.
//!
//! | module | holds |
//! |---|---|
//! | [`error`], [`reserve`], [`cancel`] | errors as data; memory that may be refused; how work is stopped |
//! | [`element`], [`data_type`], [`heap`] | byte order and fill value; data types; elements of any length |
//! | [`grid`], [`key`], [`selection`] | chunk grids; chunk keys; selections and how grids cut them |
//! | [`object`] | what a store is to the engine: [`Object`](object::Object), [`Source`](object::Source), [`Sink`](object::Sink) |
//! | [`pool`], [`locks`], [`scratch`], [`runtime`], [`exec`] | threads, locks, buffers, one of each in a process; where a loop runs |
//! | [`strided`], [`packed`] | copies between strided boxes; strings in NumPy's memory |
//! | [`codec`] | the three traits, the [chain](codec::chain), the [list by name](codec::registry), a file per codec |
//! | [`shard`] | where the inner chunks of a shard lie |
//! | [`cache`] | what is kept between operations: indexes of shards, decoded chunks |
//! | [`mod@read`], [`mod@write`] | one stored chunk or shard, from and to a view |
//! | [`targets`] | one stored chunk or shard, to the places of many selections |
//! | [`mod@cached`] | the same by way of a cache |
//! | [`mod@array`], [`batch`], [`plan`] | whole operations: by the engine itself, on one selection or many; for anybody's store |
//! | [`trace`] | how often, on how many bytes and how long, while somebody watches |
//! | [`files`], `http` | local files; whole chunks from web servers (feature `http`) |
//! | [`document`] | where the nodes are in consolidated metadata |
//!
//! Grids, selections, codecs, shards and plans are pure: no input, no output, no thread, no clock.
//! They share with the rest only buffers that are used again.
//!
//! # Features
//!
//! All are on by default: `blosc`, `gzip`, `lz4` and `zstd`, each a C library (together: `codecs`);
//! `http`; `json`, documents as above.

#![deny(unsafe_code)]

pub mod array;
pub mod batch;
pub mod cache;
pub mod cached;
pub mod cancel;
pub mod codec;
pub mod data_type;
pub mod document;
pub mod element;
pub mod error;
pub mod exec;
pub mod files;
#[cfg(feature = "json")]
mod from_json;
pub mod grid;
pub mod heap;
#[cfg(feature = "http")]
pub mod http;
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
pub mod targets;
pub mod trace;
mod wrapped_shards;
pub mod write;

/// The features that a binary package may lack, and whether this build has them.
pub const FEATURES: [(&str, bool); 5] = [
    ("blosc", cfg!(feature = "blosc")),
    ("gzip", cfg!(feature = "gzip")),
    ("http", cfg!(feature = "http")),
    ("lz4", cfg!(feature = "lz4")),
    ("zstd", cfg!(feature = "zstd")),
];

#[cfg(all(doctest, feature = "json"))]
#[doc = include_str!("../README.md")]
struct Readme;
