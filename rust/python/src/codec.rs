//! Chains of codecs, as Python lists them; codecs that Python itself runs.

use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyTuple};
use zarr_engine::codec::affix::Affix;
use zarr_engine::codec::bitround::BitRound;
use zarr_engine::codec::blosc::Blosc;
use zarr_engine::codec::chain::{Chain, Link, MOST_UNKNOWN, unknown};
use zarr_engine::codec::crc32c::Crc32c;
use zarr_engine::codec::deflate::{Gzip, Zlib};
use zarr_engine::codec::delta::Delta;
use zarr_engine::codec::lz4::Lz4;
use zarr_engine::codec::masked::Masked;
use zarr_engine::codec::n5::N5;
use zarr_engine::codec::optional::Optional;
use zarr_engine::codec::packbits::PackBits;
use zarr_engine::codec::reshape::{Dimension, Reshape};
use zarr_engine::codec::shuffle::Shuffle;
use zarr_engine::codec::vlen::Vlen;
use zarr_engine::codec::zstd::Zstd;
use zarr_engine::codec::{ArrayFilter, BytesCodec, Serializer, Spec};
use zarr_engine::element::{Fill, Swap, Word};
use zarr_engine::error::{Error, Result};
use zarr_engine::reserve::{append, copied};
use zarr_engine::shard::{Order, Sharding};

use crate::buffer::{Bytes, copy, object};
use crate::enter::{attach, enter};
use crate::error::raise;
use crate::heap::Heap;

/// Parses `links`, for chunks with `axes` axes whose missing elements are `fill`. Where the metadata do
/// not tell the decoded size, it may be `most` bytes.
pub fn chain(links: &Bound<'_, PyAny>, axes: usize, fill: &Fill, most: usize) -> PyResult<Chain> {
    let py = links.py();
    let mut parsed = Vec::new();
    for item in links.try_iter()? {
        let (name, config): (String, Bound<'_, PyAny>) = item?.extract()?;
        // What is missing inside of a chunk is what the fill value became before it got there.
        let inside = |parsed: &[Link]| filtered(parsed, axes, fill).map_err(|error| raise(py, &error, None));
        parsed.push(match name.as_str() {
            "sharding_indexed" => {
                let (axes, fill) = inside(&parsed)?;
                Link::Shard(sharding(&config, axes, &fill, most)?)
            }
            "n5_default" => {
                let (axes, fill) = inside(&parsed)?;
                Link::Serial(Arc::new(N5::new(chain(&config, axes, &fill, most)?)))
            }
            _ => link(&name, &config)?,
        });
    }
    Chain::new(parsed, axes, fill).map(|chain| chain.at_most(most)).map_err(|error| raise(py, &error, None))
}

fn filtered(links: &[Link], mut axes: usize, fill: &Fill) -> Result<(usize, Fill)> {
    let mut fill = fill.clone();
    for link in links {
        if let Link::Filter(filter) = link {
            let mut element = copied(fill.bytes())?;
            filter.encode(&Spec { shape: vec![1; axes], size: fill.size() }, &mut element)?;
            fill = Fill::new(&element)?;
            axes = filter.encoded_axes(axes);
        }
    }
    Ok((axes, fill))
}

fn link(name: &str, config: &Bound<'_, PyAny>) -> PyResult<Link> {
    match name {
        "transpose" => Ok(Link::Transpose(config.extract()?)),
        "delta" => {
            let delta = Delta::new(&config.extract::<String>()?).map_err(|error| raise(config.py(), &error, None))?;
            Ok(Link::Filter(Arc::new(delta)))
        }
        "bitround" => {
            let (dtype, keepbits): (String, u32) = config.extract()?;
            let bitround = BitRound::new(&dtype, keepbits).map_err(|error| raise(config.py(), &error, None))?;
            Ok(Link::Filter(Arc::new(bitround)))
        }
        "reshape" => {
            let dimensions = config.try_iter()?.map(|item| dimension(&item?)).collect::<PyResult<_>>()?;
            let reshape = Reshape::new(dimensions).map_err(|error| raise(config.py(), &error, None))?;
            Ok(Link::Filter(Arc::new(reshape)))
        }
        "packbits" => {
            let (dtype, bits, first, last, padding): (String, u32, u32, u32, String) = config.extract()?;
            let made = PackBits::new(&dtype, bits, first, last, &padding);
            Ok(Link::Serial(Arc::new(made.map_err(|error| raise(config.py(), &error, None))?)))
        }
        "bytes" => Ok(Link::Bytes(swap(config)?)),
        "masked" => {
            let (words, mask): (Bound<'_, PyAny>, Vec<u8>) = config.extract()?;
            let masked = Masked::new(swap(&words)?, &mask).map_err(|error| raise(config.py(), &error, None))?;
            Ok(Link::Serial(Arc::new(masked)))
        }
        "vlen" => {
            let heap = config.cast::<Heap>().map_err(|_| PyTypeError::new_err("vlen needs a heap"))?;
            Ok(Link::Serial(Arc::new(Vlen::new(Arc::clone(&heap.get().0)))))
        }
        "python" => foreign(config),
        _ => bytes_codec(name, config).map(Link::Outer),
    }
}

fn dimension(item: &Bound<'_, PyAny>) -> PyResult<Dimension> {
    match item.extract::<i64>() {
        Ok(-1) => Ok(Dimension::Rest),
        Ok(size) => Ok(Dimension::Size(size.try_into()?)),
        Err(_) => Ok(Dimension::Of(item.extract()?)),
    }
}

fn swap(config: &Bound<'_, PyAny>) -> PyResult<Swap> {
    if let Ok(words) = config.extract::<Vec<(usize, usize)>>() {
        return Ok(Swap::Words(words.into_iter().map(|(offset, size)| Word { offset, size }).collect()));
    }
    Ok(match config.extract::<usize>()? {
        0 | 1 => Swap::None,
        size => Swap::Every(size),
    })
}

fn sharding(config: &Bound<'_, PyAny>, axes: usize, fill: &Fill, most: usize) -> PyResult<Sharding> {
    type Config<'py> = (Vec<u64>, Bound<'py, PyAny>, Bound<'py, PyAny>, bool, String);
    let (inner, links, index, at_end, order): Config<'_> = config.extract()?;
    let failed = |error| raise(config.py(), &error, None);
    let order = match order.as_str() {
        "lexicographic" | "unordered" => Order::Lexicographic,
        "colexicographic" => Order::Colexicographic,
        "morton" => Order::Morton,
        other => return Err(PyValueError::new_err(format!("unknown order of inner chunks {other:?}"))),
    };
    let absent = Fill::new(&[0xff; 8]).map_err(failed)?;
    let (chunks, index) = (chain(&links, axes, fill, most)?, chain(&index, axes + 1, &absent, most)?);
    Sharding::new(inner, chunks, index, at_end, order).map_err(failed)
}

fn bytes_codec(name: &str, config: &Bound<'_, PyAny>) -> PyResult<Arc<dyn BytesCodec>> {
    let made: Result<Arc<dyn BytesCodec>> = match name {
        "zstd" => {
            let (level, checksum) = config.extract()?;
            Zstd::new(level, checksum).map(|codec| Arc::new(codec) as _)
        }
        "gzip" => Gzip::new(config.extract()?).map(|codec| Arc::new(codec) as _),
        "zlib" => Zlib::new(config.extract()?).map(|codec| Arc::new(codec) as _),
        "blosc" => {
            let (cname, clevel, shuffle, typesize, blocksize): (String, i32, i32, usize, usize) = config.extract()?;
            Blosc::new(&cname, clevel, shuffle, typesize, blocksize).map(|codec| Arc::new(codec) as _)
        }
        "lz4" => Lz4::new(config.extract()?).map(|codec| Arc::new(codec) as _),
        "crc32c" => Crc32c::new().map(|codec| Arc::new(codec) as _),
        "shuffle" => Shuffle::new(config.extract()?).map(|codec| Arc::new(codec) as _),
        "affix" => {
            let (at_start, bytes): (bool, Vec<u8>) = config.extract()?;
            Ok(Arc::new(Affix::new(at_start, bytes)) as _)
        }
        "optional" => {
            let (links, header, when): (Bound<'_, PyAny>, usize, String) = config.extract()?;
            Optional::new(bytes_codecs(&links)?, header, &when).map(|codec| Arc::new(codec) as _)
        }
        "python" => match foreign(config)? {
            Link::Outer(codec) => Ok(codec),
            _ => Err(Error::config("a codec from bytes to bytes is needed here")),
        },
        other => Err(Error::config(format!("the engine has no codec {other:?}"))),
    };
    made.map_err(|error| raise(config.py(), &error, None))
}

/// A codec that Python runs; the contract of the adapter is in `_core.pyi`.
#[derive(Debug)]
struct Foreign {
    adapter: Py<PyAny>,
    name: String,
}

fn foreign(adapter: &Bound<'_, PyAny>) -> PyResult<Link> {
    let codec = Arc::new(Foreign { adapter: adapter.clone().unbind(), name: adapter.getattr("name")?.extract()? });
    match adapter.getattr("kind")?.extract::<String>()?.as_str() {
        "array_array" => Ok(Link::Filter(codec)),
        "array_bytes" => Ok(Link::Serial(codec)),
        "bytes_bytes" => Ok(Link::Outer(codec)),
        other => Err(PyValueError::new_err(format!("unknown kind of codec {other:?}"))),
    }
}

impl Foreign {
    /// Calls a method with an array, as a bytearray of its elements in C order.
    fn with_array(&self, method: &str, shape: &[u64], data: &[u8]) -> Result<Vec<u8>> {
        attach(|py| {
            let array = PyByteArray::new_with(py, data.len(), |array| {
                array.copy_from_slice(data);
                Ok(())
            })?;
            let arguments = (array, PyTuple::new(py, shape)?);
            copy(&self.adapter.bind(py).call_method1(method, arguments)?)
        })
        .map_err(|error| error.with_codec(&self.name))
    }

    /// Calls a method with encoded bytes, and the most bytes they may become, if that is to be told.
    fn with_bytes(&self, method: &str, shape: &[u64], data: &[u8], limit: Option<usize>) -> Result<Vec<u8>> {
        let bytes = copied(data)?;
        attach(|py| {
            let (adapter, bytes, shape) = (self.adapter.bind(py), Bytes::new(bytes), PyTuple::new(py, shape)?);
            let result = match limit {
                Some(limit) => adapter.call_method1(method, (bytes, shape, limit)),
                None => adapter.call_method1(method, (bytes, shape)),
            };
            copy(&result?)
        })
        .map_err(|error| error.with_codec(&self.name))
    }

    fn check(&self, expected: usize, found: usize) -> Result<()> {
        if expected == found {
            return Ok(());
        }
        Err(Error::corrupt("the codec decoded to the wrong length")
            .expected(format_args!("{expected} bytes"), format_args!("{found} bytes"))
            .with_codec(&self.name))
    }
}

impl ArrayFilter for Foreign {
    fn name(&self) -> &str {
        &self.name
    }

    fn encoded_spec(&self, spec: &Spec) -> Result<Spec> {
        let (shape, size) = attach(|py| {
            let shape = PyTuple::new(py, &spec.shape)?;
            self.adapter.bind(py).call_method1("encoded_spec", (shape,))?.extract()
        })
        .map_err(|error| error.with_codec(&self.name))?;
        Ok(Spec { shape, size })
    }

    fn encode(&self, spec: &Spec, data: &mut Vec<u8>) -> Result<()> {
        *data = self.with_array("encode", &spec.shape, data)?;
        Ok(())
    }

    fn decode(&self, spec: &Spec, data: &mut Vec<u8>) -> Result<()> {
        *data = self.with_array("decode", &spec.shape, data)?;
        Ok(())
    }
}

impl Serializer for Foreign {
    fn name(&self) -> &str {
        &self.name
    }

    fn encode(&self, spec: &Spec, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        append(out, &self.with_array("encode", &spec.shape, src)?)
    }

    fn decode(&self, spec: &Spec, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let decoded = self.with_bytes("decode", &spec.shape, src, None)?;
        self.check(dst.len(), decoded.len())?;
        dst.copy_from_slice(&decoded);
        Ok(())
    }
}

impl BytesCodec for Foreign {
    fn name(&self) -> &str {
        &self.name
    }

    fn encoded_bound(&self, n: usize) -> Option<usize> {
        BytesCodec::encoded_exact(self, n)
    }

    fn encoded_exact(&self, n: usize) -> Option<usize> {
        // An adapter that cannot say has no such method, or returns None.
        attach(|py| self.adapter.bind(py).call_method1("encoded_size", (n,))?.extract()).ok()?
    }

    fn encode(&self, src: &[u8], out: &mut Vec<u8>) -> Result<()> {
        append(out, &self.with_bytes("encode", &[], src, None)?)
    }

    fn decode_exact(&self, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let decoded = self.with_bytes("decode", &[], src, Some(dst.len()))?;
        self.check(dst.len(), decoded.len())?;
        dst.copy_from_slice(&decoded);
        Ok(())
    }

    fn decode_bounded(&self, src: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<()> {
        let decoded = self.with_bytes("decode", &[], src, Some(limit))?;
        if decoded.len() > limit {
            let found = format_args!("{} bytes", decoded.len());
            return Err(Error::over_limit("the codec decoded to too many bytes", limit, found));
        }
        *out = decoded;
        Ok(())
    }
}

fn bytes_codecs(links: &Bound<'_, PyAny>) -> PyResult<Vec<Arc<dyn BytesCodec>>> {
    links
        .try_iter()?
        .map(|item| {
            let (name, config): (String, Bound<'_, PyAny>) = item?.extract()?;
            bytes_codec(&name, &config)
        })
        .collect()
}

/// What `data` becomes by the bytes codecs `links`.
#[pyfunction]
pub fn encode_bytes(py: Python<'_>, links: &Bound<'_, PyAny>, data: &Bound<'_, PyAny>) -> PyResult<Bytes> {
    let (codecs, data) = (bytes_codecs(links)?, object(data)?);
    enter(py, None, None, |_| {
        let mut current = copied(data.bytes().unwrap_or_default())?;
        for codec in &codecs {
            let mut out = Vec::new();
            codec.encode(&current, &mut out).map_err(|e| e.with_codec(codec.name()))?;
            current = out;
        }
        Ok(Bytes::new(current))
    })
}

/// What `data` was before the bytes codecs `links`: of `size` bytes, or of at most `limit`.
#[pyfunction]
#[pyo3(signature = (links, data, size = None, limit = None))]
pub fn decode_bytes(
    py: Python<'_>,
    links: &Bound<'_, PyAny>,
    data: &Bound<'_, PyAny>,
    size: Option<usize>,
    limit: Option<usize>,
) -> PyResult<Bytes> {
    let (codecs, data) = (bytes_codecs(links)?, object(data)?);
    enter(py, None, None, |_| {
        let mut current = copied(data.bytes().unwrap_or_default())?;
        let limit = limit.unwrap_or_else(|| unknown(MOST_UNKNOWN, current.len(), 0));
        for (i, codec) in codecs.iter().enumerate().rev() {
            let mut out = Vec::new();
            let decoded = match size {
                Some(size) if i == 0 => {
                    zarr_engine::scratch::resize(&mut out, size)?;
                    codec.decode_exact(&current, &mut out)
                }
                _ => codec.decode_bounded(&current, limit, &mut out),
            };
            decoded.map_err(|e| e.with_codec(codec.name()))?;
            current = out;
        }
        Ok(Bytes::new(current))
    })
}
