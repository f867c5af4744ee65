//! Chains of codecs, as Python lists them; codecs that Python itself runs.

use std::sync::Arc;

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyTuple};
use zarr_engine::codec::chain::{Chain, Link, MOST_UNKNOWN, unknown};
use zarr_engine::codec::encoded::Encoded;
use zarr_engine::codec::masked::Masked;
use zarr_engine::codec::registry::{self, Parameter, Scope, Value};
use zarr_engine::codec::vlen::Vlen;
use zarr_engine::codec::{ArrayFilter, BytesCodec, Serializer, Spec};
use zarr_engine::element::{Fill, Swap, Word};
use zarr_engine::error::{Error, Result};
use zarr_engine::heap;
use zarr_engine::reserve::{append, copied};

use crate::buffer::{Bytes, copy, object};
use crate::enter::{attach, enter};
use crate::error::{raise, wrap};
use crate::heap::Heap;

/// The chain of `links`, for chunks with `axes` dimensions whose missing elements are `fill`. Where
/// the metadata do not tell the decoded size, it may be `most` bytes.
pub fn chain(links: &Bound<'_, PyAny>, axes: usize, fill: &Fill, most: usize) -> PyResult<Chain> {
    let scope = Scope { most, ..Scope::untyped(axes, fill.clone()) };
    registry::chain(&Config(links.clone()), &scope).map_err(|error| raise(links.py(), &error, None))
}

fn bytes_codecs(links: &Bound<'_, PyAny>) -> PyResult<Vec<Arc<dyn BytesCodec>>> {
    let codecs =
        Fill::new(&[0]).and_then(|byte| registry::bytes_codecs(&Config(links.clone()), &Scope::untyped(1, byte)));
    codecs.map_err(|error| raise(links.py(), &error, None))
}

/// A link as Python lists it: a tuple of the parameters, in the order in which the registry asks for
/// them, or the only parameter.
struct Config<'py>(Bound<'py, PyAny>);

impl<'py> Config<'py> {
    fn extract<T: FromPyObjectOwned<'py>>(&self) -> Result<T> {
        self.0.extract::<T>().map_err(|error| wrap(Into::<PyErr>::into(error)))
    }
}

impl Value for Config<'_> {
    fn parameters<const N: usize>(&self, _: [Parameter; N]) -> Result<[Option<Self>; N]> {
        // A codec of one parameter is given that parameter itself: it may be a tuple, also an empty one.
        let given = match self.0.cast::<PyTuple>() {
            Ok(given) if N != 1 => given.iter().collect(),
            _ => vec![self.0.clone()],
        };
        if given.len() > N {
            return Err(Error::config("a link has too many parameters").expected(N, given.len()));
        }
        let mut given = given.into_iter();
        Ok(std::array::from_fn(|_| given.next().map(Config)))
    }

    fn integer(&self) -> Result<i128> {
        self.0.extract::<i64>().map(i128::from).or_else(|_| self.extract::<u64>().map(i128::from))
    }

    fn boolean(&self) -> Result<bool> {
        self.extract()
    }

    fn string(&self) -> Result<String> {
        self.extract()
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        self.extract()
    }

    fn items(&self) -> Result<Vec<Self>> {
        let items = self.0.try_iter().and_then(|items| items.map(|item| item.map(Config)).collect());
        items.map_err(wrap)
    }

    fn member(&self) -> Result<(String, Self)> {
        self.codec()
    }

    fn codec(&self) -> Result<(String, Self)> {
        let (name, config): (String, Bound<'_, PyAny>) = self.extract()?;
        Ok((name, Config(config)))
    }

    /// The codecs that Python runs, and those of which only Python knows what elements are in memory.
    fn own(&self, name: &str) -> Option<Result<Link>> {
        match name {
            "bytes" => Some(self.swap().map(Link::Bytes)),
            "encoded" => Some(self.heap().map(|heap| Link::Serial(Arc::new(Encoded::new(heap))))),
            "masked" => Some(self.masked()),
            "vlen" => Some(self.heap().map(|heap| Link::Serial(Arc::new(Vlen::new(heap))))),
            "python" => Some(foreign(&self.0).map_err(wrap)),
            _ => None,
        }
    }
}

impl Config<'_> {
    fn swap(&self) -> Result<Swap> {
        if let Ok(words) = self.0.extract::<Vec<(usize, usize)>>() {
            return Ok(Swap::Words(words.into_iter().map(|(offset, size)| Word { offset, size }).collect()));
        }
        Ok(match self.extract::<usize>()? {
            0 | 1 => Swap::None,
            size => Swap::Every(size),
        })
    }

    fn masked(&self) -> Result<Link> {
        let (words, mask): (Bound<'_, PyAny>, Vec<u8>) = self.extract()?;
        Ok(Link::Serial(Arc::new(Masked::new(Config(words).swap()?, &mask)?)))
    }

    fn heap(&self) -> Result<Arc<heap::Heap>> {
        let heap = self.0.cast::<Heap>().map_err(|_| wrap(PyTypeError::new_err("the codec needs a heap")))?;
        Ok(Arc::clone(&heap.get().0))
    }
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

/// Encodes `data` with the bytes codecs `links`.
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

/// Decodes `data` with the bytes codecs `links`, to `size` bytes, or to at most `limit`.
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
