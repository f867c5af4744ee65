//! Codecs by name: the one list of the codecs that the engine has, and of their parameters.
//!
//! [`chain`] makes a chain of a list of codecs. It does not matter where the list was written down:
//! a [`Value`] is JSON (feature `json`), or an object of the program that uses the engine.

use std::sync::Arc;

use super::affix::Affix;
use super::bitround::BitRound;
#[cfg(feature = "blosc")]
use super::blosc::Blosc;
use super::chain::{Chain, Link, MOST_UNKNOWN};
use super::crc32c::Crc32c;
#[cfg(feature = "gzip")]
use super::deflate::{Gzip, Zlib};
use super::delta::Delta;
#[cfg(feature = "lz4")]
use super::lz4::Lz4;
use super::n5::N5;
use super::optional::Optional;
use super::packbits::PackBits;
use super::reshape::{Dimension, Reshape};
#[cfg(feature = "blosc")]
use super::shuffle::Shuffle;
use super::vlen::Vlen;
#[cfg(feature = "zstd")]
use super::zstd::Zstd;
use super::{ArrayFilter, BytesCodec, Spec};
use crate::data_type::{DataType, Endian};
use crate::element::Fill;
use crate::error::{Error, Result};
use crate::heap::Heap;
use crate::reserve::copied;
use crate::shard::{Order, Sharding};

/// The most bytes that a codec adds to every chunk: more are no header of another format.
const MOST_ADDED: usize = 1 << 24;

/// A parameter of a codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// One that documents hold, under this name.
    Stored(&'static str),
    /// One that only a program can give: how chunks are written, or what the array's data type tells.
    Told(&'static str),
}

use Parameter::{Stored, Told};

impl Parameter {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Stored(name) | Told(name) => name,
        }
    }
}

/// A value of a configuration, wherever it was written down.
///
/// ```
/// use zarr_engine::codec::registry::{self, Parameter, Scope, Value};
/// use zarr_engine::data_type::DataType;
/// use zarr_engine::element::Fill;
/// use zarr_engine::error::{Error, Result};
///
/// /// A configuration in which nothing is set, or a list of names of codecs.
/// enum Plain {
///     Empty,
///     Names(Vec<String>),
/// }
///
/// impl Value for Plain {
///     fn parameters<const N: usize>(&self, _: [Parameter; N]) -> Result<[Option<Self>; N]> {
///         Ok([const { None }; N])
///     }
///     fn integer(&self) -> Result<i128> {
///         Err(Error::config("no number"))
///     }
///     fn boolean(&self) -> Result<bool> {
///         Err(Error::config("neither true nor false"))
///     }
///     fn string(&self) -> Result<String> {
///         match self {
///             Plain::Names(names) => Ok(names.concat()),
///             Plain::Empty => Err(Error::config("no string")),
///         }
///     }
///     fn bytes(&self) -> Result<Vec<u8>> {
///         Err(Error::config("no bytes"))
///     }
///     fn items(&self) -> Result<Vec<Self>> {
///         match self {
///             Plain::Names(names) => Ok(names.iter().map(|name| Plain::Names(vec![name.clone()])).collect()),
///             Plain::Empty => Ok(Vec::new()),
///         }
///     }
///     fn member(&self) -> Result<(String, Self)> {
///         self.codec()
///     }
///     fn codec(&self) -> Result<(String, Self)> {
///         Ok((self.string()?, Plain::Empty))
///     }
/// }
///
/// let scope = Scope::new(1, DataType::named("uint8")?, Fill::new(&[0])?);
/// let names = ["bytes", "crc32c"].map(str::to_owned).to_vec();
/// let chain = registry::chain(&Plain::Names(names), &scope)?;
/// assert_eq!(chain.encoded_exact(&chain.form(&[10])?), Some(14));
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub trait Value: Sized {
    /// The parameters of a codec whose configuration this is, `None` for those that are left out.
    /// Others than these are an error.
    fn parameters<const N: usize>(&self, wanted: [Parameter; N]) -> Result<[Option<Self>; N]>;

    /// A whole number.
    fn integer(&self) -> Result<i128>;

    /// True or false.
    fn boolean(&self) -> Result<bool>;

    /// A string.
    fn string(&self) -> Result<String>;

    /// Bytes.
    fn bytes(&self) -> Result<Vec<u8>>;

    /// The items of a list.
    fn items(&self) -> Result<Vec<Self>>;

    /// The only member of an object, with its name.
    fn member(&self) -> Result<(String, Self)>;

    /// An item of a list of codecs: the codec's name, and its configuration.
    fn codec(&self) -> Result<(String, Self)>;

    /// The codec `name` with this configuration, if it is one that only such values can name.
    fn own(&self, name: &str) -> Option<Result<Link>> {
        let _ = name;
        None
    }
}

/// The arrays that a codec is given.
#[derive(Debug, Clone)]
pub struct Scope {
    /// How many dimensions they have.
    pub axes: usize,
    /// The value of elements that were never written.
    pub fill: Fill,
    /// The type of the elements, if they have one that the engine knows.
    pub data_type: Option<DataType>,
    /// Where the elements are, if they are of any length.
    pub heap: Option<Arc<Heap>>,
    /// The most bytes that a chunk may become where the configuration does not tell its size.
    pub most: usize,
}

impl Scope {
    /// Arrays with `axes` dimensions of elements of `data_type`.
    pub fn new(axes: usize, data_type: DataType, fill: Fill) -> Self {
        Self { data_type: Some(data_type), ..Self::untyped(axes, fill) }
    }

    /// Arrays of elements of which nothing is known but their size. Codecs that depend on the data
    /// type must then be told what they need of it.
    pub fn untyped(axes: usize, fill: Fill) -> Self {
        Self { axes, fill, data_type: None, heap: None, most: MOST_UNKNOWN }
    }

    fn data_type(&self) -> Result<&DataType> {
        self.data_type.as_ref().ok_or_else(|| Error::config("the codec must know the data type of the array"))
    }

    /// The arrays that the codecs `before` make of these.
    fn behind(&self, before: &[Link]) -> Result<Self> {
        let mut scope = self.clone();
        for filter in filters(before) {
            // Behind a filter, missing elements have the value that the filter makes of the fill value.
            let mut element = copied(scope.fill.bytes())?;
            filter.encode(&Spec { shape: vec![1; scope.axes], size: scope.fill.size() }, &mut element)?;
            scope.fill = Fill::new(&element)?;
            scope.axes = filter.encoded_axes(scope.axes);
        }
        Ok(scope)
    }

    fn axes_behind(&self, before: &[Link]) -> usize {
        filters(before).fold(self.axes, |axes, filter| filter.encoded_axes(axes))
    }
}

fn filters(links: &[Link]) -> impl Iterator<Item = &Arc<dyn ArrayFilter>> {
    links.iter().filter_map(|link| match link {
        Link::Filter(filter) => Some(filter),
        _ => None,
    })
}

/// The chain of `codecs`, a list, for the arrays of `scope`.
pub fn chain<V: Value>(codecs: &V, scope: &Scope) -> Result<Chain> {
    let mut links = Vec::new();
    for codec in codecs.items()? {
        links.push(link(&codec, scope, &links)?);
    }
    Ok(Chain::new(links, scope.axes, &scope.fill)?.at_most(scope.most))
}

/// The codecs of a list, all of which map bytes to bytes.
pub fn bytes_codecs<V: Value>(codecs: &V, scope: &Scope) -> Result<Vec<Arc<dyn BytesCodec>>> {
    let bytes_codec = |codec: V| match link(&codec, scope, &[])? {
        Link::Outer(codec) => Ok(codec),
        _ => Err(Error::config("a codec from bytes to bytes is needed here")),
    };
    codecs.items()?.into_iter().map(bytes_codec).collect()
}

/// A codec that stands behind those `before` it, the first of which is given the arrays of `scope`.
fn link<V: Value>(codec: &V, scope: &Scope, before: &[Link]) -> Result<Link> {
    let (name, configuration) = codec.codec()?;
    if let Some(own) = configuration.own(&name) {
        return own;
    }
    match named::<V>(&name) {
        Some(build) => build(&configuration, scope, before).map_err(|error| error.with_codec(&name)),
        None if lacks(&name) => {
            let message = format!("this build of zarr was made without the codec {name:?}: install one that has it");
            Err(Error::config(message))
        }
        None => Err(Error::config(format!("the engine has no codec {name:?}"))),
    }
}

/// Whether it is a codec whose feature was left out of this build.
fn lacks(name: &str) -> bool {
    let feature = match name {
        "shuffle" => "blosc",
        "zlib" => "gzip",
        name => name,
    };
    crate::FEATURES.contains(&(feature, false))
}

type Build<V> = fn(&V, &Scope, &[Link]) -> Result<Link>;

/// The list. Names of numcodecs stand here without their prefix.
fn named<V: Value>(name: &str) -> Option<Build<V>> {
    let build: Build<V> = match name {
        // From array to array.
        "bitround" => bitround,
        "delta" => delta,
        "reshape" => reshape,
        "singleton_dim" => singleton_dim,
        "transpose" => transpose,
        // From array to bytes.
        "bytes" => bytes,
        "n5_default" => n5,
        "packbits" => packbits,
        "sharding_indexed" => sharding,
        "vlen-bytes" => vlen_bytes,
        "vlen-utf8" => vlen_utf8,
        // From bytes to bytes.
        #[cfg(feature = "blosc")]
        "blosc" => blosc,
        "crc32c" => crc32c,
        #[cfg(feature = "gzip")]
        "gzip" => gzip,
        #[cfg(feature = "lz4")]
        "lz4" => lz4,
        "offset" => offset,
        "optional" => optional,
        "pad" => pad,
        #[cfg(feature = "blosc")]
        "shuffle" => shuffle,
        #[cfg(feature = "gzip")]
        "zlib" => zlib,
        #[cfg(feature = "zstd")]
        "zstd" => zstd,
        _ => return None,
    };
    Some(build)
}

fn bitround<V: Value>(config: &V, scope: &Scope, _: &[Link]) -> Result<Link> {
    let [dtype, keepbits] = config.parameters([Told("dtype"), Stored("keepbits")])?;
    let dtype = dtype.map_or_else(|| scope.data_type()?.number(), |dtype| dtype.string())?;
    Ok(Link::Filter(Arc::new(BitRound::new(&dtype, number("keepbits", keepbits)?)?)))
}

fn delta<V: Value>(config: &V, _: &Scope, _: &[Link]) -> Result<Link> {
    let [dtype, astype] = config.parameters([Stored("dtype"), Stored("astype")])?;
    let dtype = needed("dtype", dtype)?.string()?;
    if let Some(other) = astype.map(|astype| astype.string()).transpose()?.filter(|astype| *astype != dtype) {
        return Err(Error::config(format!("differences of {dtype:?} cannot be stored as {other:?}")));
    }
    Ok(Link::Filter(Arc::new(Delta::new(&dtype)?)))
}

fn reshape<V: Value>(config: &V, _: &Scope, _: &[Link]) -> Result<Link> {
    let [shape] = config.parameters([Stored("shape")])?;
    let dimension = |item: V| match item.integer() {
        Ok(-1) => Ok(Dimension::Rest),
        Ok(size) => Ok(Dimension::Size(in_range("shape", size)?)),
        Err(_) => Ok(Dimension::Of(numbers("shape", &item)?)),
    };
    let dimensions = needed("shape", shape)?.items()?.into_iter().map(dimension).collect::<Result<_>>()?;
    Ok(Link::Filter(Arc::new(Reshape::new(dimensions)?)))
}

fn singleton_dim<V: Value>(config: &V, scope: &Scope, before: &[Link]) -> Result<Link> {
    let [operations] = config.parameters([Stored("operations")])?;
    let mut dimensions: Vec<_> = (0..scope.axes_behind(before)).map(|axis| Dimension::Of(vec![axis])).collect();
    for operation in needed("operations", operations)?.items()? {
        let (kind, axis) = operation.member()?;
        let axis: usize = number("operations", Some(axis))?;
        match kind.as_str() {
            "insert" if axis <= dimensions.len() => dimensions.insert(axis, Dimension::Size(1)),
            "remove" if axis < dimensions.len() => drop(dimensions.remove(axis)),
            _ => {
                let found = dimensions.len();
                return Err(Error::config(format!("it cannot {kind} dimension {axis} where there are {found}")));
            }
        }
    }
    Ok(Link::Filter(Arc::new(Reshape::new(dimensions)?)))
}

fn transpose<V: Value>(config: &V, scope: &Scope, before: &[Link]) -> Result<Link> {
    let [order] = config.parameters([Stored("order")])?;
    let order = needed("order", order)?;
    let axes = 0..scope.axes_behind(before);
    let order = numbers("order", &order).or_else(|error| match order.string().as_deref() {
        // Early drafts of the specification have letters.
        Ok("C") => Ok(axes.collect()),
        Ok("F") => Ok(axes.rev().collect()),
        _ => Err(error),
    });
    order.map(Link::Transpose)
}

fn bytes<V: Value>(config: &V, scope: &Scope, _: &[Link]) -> Result<Link> {
    let [endian] = config.parameters([Stored("endian")])?;
    let endian = match endian.map(|endian| endian.string()).transpose()?.as_deref() {
        None => None,
        Some("little") => Some(Endian::Little),
        Some("big") => Some(Endian::Big),
        Some(other) => return Err(unknown("endian", other)),
    };
    scope.data_type()?.swap(endian).map(Link::Bytes)
}

fn n5<V: Value>(config: &V, scope: &Scope, before: &[Link]) -> Result<Link> {
    let [codecs] = config.parameters([Stored("codecs")])?;
    Ok(Link::Serial(Arc::new(N5::new(chain(&needed("codecs", codecs)?, &scope.behind(before)?)?))))
}

fn packbits<V: Value>(config: &V, scope: &Scope, _: &[Link]) -> Result<Link> {
    let [dtype, bits, first, last, padding] = config.parameters([
        Told("dtype"),
        Told("bits"),
        Stored("first_bit"),
        Stored("last_bit"),
        Stored("padding_encoding"),
    ])?;
    let dtype = dtype.map_or_else(|| scope.data_type()?.number(), |dtype| dtype.string())?;
    let bits = bits.map_or_else(|| Ok(scope.data_type()?.number_bits()), |bits| number("bits", Some(bits)))?;
    let first = or("first_bit", first, 0)?;
    let last = or("last_bit", last, bits.saturating_sub(1))?;
    let padding = padding.map_or_else(|| Ok("none".to_owned()), |padding| padding.string())?;
    Ok(Link::Serial(Arc::new(PackBits::new(&dtype, bits, first, last, &padding)?)))
}

fn sharding<V: Value>(config: &V, scope: &Scope, before: &[Link]) -> Result<Link> {
    let [inner, codecs, index_codecs, location, order] = config.parameters([
        Stored("chunk_shape"),
        Stored("codecs"),
        Stored("index_codecs"),
        Stored("index_location"),
        Told("subchunk_write_order"),
    ])?;
    let at_end = match location.map(|location| location.string()).transpose()?.as_deref() {
        None | Some("end") => true,
        Some("start") => false,
        Some(other) => return Err(unknown("index_location", other)),
    };
    let order = match order.map(|order| order.string()).transpose()?.as_deref() {
        None | Some("morton") => Order::Morton,
        Some("lexicographic" | "unordered") => Order::Lexicographic,
        Some("colexicographic") => Order::Colexicographic,
        Some(other) => return Err(unknown("subchunk_write_order", other)),
    };
    let scope = scope.behind(before)?;
    let chunks = chain(&needed("codecs", codecs)?, &scope)?;
    let absent = Fill::new(&[0xff; 8])?;
    let of_index = Scope { most: scope.most, ..Scope::new(scope.axes + 1, DataType::named("uint64")?, absent) };
    let index = chain(&needed("index_codecs", index_codecs)?, &of_index)?;
    let inner = numbers("chunk_shape", &needed("chunk_shape", inner)?)?;
    Ok(Link::Shard(Sharding::new(inner, chunks, index, at_end, order)?))
}

fn vlen_bytes<V: Value>(config: &V, scope: &Scope, _: &[Link]) -> Result<Link> {
    vlen(config, scope, false)
}

fn vlen_utf8<V: Value>(config: &V, scope: &Scope, _: &[Link]) -> Result<Link> {
    vlen(config, scope, true)
}

fn vlen<V: Value>(config: &V, scope: &Scope, text: bool) -> Result<Link> {
    let [] = config.parameters([])?;
    match &scope.heap {
        Some(heap) if heap.text() == text => Ok(Link::Serial(Arc::new(Vlen::new(Arc::clone(heap))))),
        _ => Err(Error::config("the elements are none that this codec stores")),
    }
}

#[cfg(feature = "blosc")]
fn blosc<V: Value>(config: &V, scope: &Scope, _: &[Link]) -> Result<Link> {
    let [cname, clevel, shuffle, typesize, blocksize] = config.parameters([
        Stored("cname"),
        Stored("clevel"),
        Stored("shuffle"),
        Stored("typesize"),
        Stored("blocksize"),
    ])?;
    let cname = cname.map_or_else(|| Ok("lz4".to_owned()), |cname| cname.string())?;
    let of_array = scope.data_type.as_ref().map_or(1, DataType::size);
    let typesize = or("typesize", typesize, of_array)?;
    let shuffle = shuffle.map_or(Ok(1), |shuffle| shuffle_number(&shuffle, typesize))?;
    let (clevel, blocksize) = (or("clevel", clevel, 5)?, or("blocksize", blocksize, 0)?);
    outer(Blosc::new(&cname, clevel, shuffle, typesize, blocksize))
}

/// How Blosc shuffles, as its number: numcodecs has that, with -1 for what suits the elements.
#[cfg(feature = "blosc")]
fn shuffle_number<V: Value>(shuffle: &V, typesize: usize) -> Result<i32> {
    match shuffle.integer() {
        Ok(-1) => Ok(if typesize == 1 { 2 } else { 1 }),
        Ok(number) => in_range("shuffle", number),
        Err(_) => match shuffle.string()?.as_str() {
            "noshuffle" => Ok(0),
            "shuffle" => Ok(1),
            "bitshuffle" => Ok(2),
            other => Err(unknown("shuffle", other)),
        },
    }
}

fn crc32c<V: Value>(config: &V, _: &Scope, _: &[Link]) -> Result<Link> {
    let [location] = config.parameters([Stored("location")])?;
    match location.map(|location| location.string()).transpose()?.as_deref() {
        None | Some("end") => outer(Crc32c::new()),
        Some(other) => Err(unknown("location", other)),
    }
}

#[cfg(feature = "gzip")]
fn gzip<V: Value>(config: &V, _: &Scope, _: &[Link]) -> Result<Link> {
    outer(Gzip::new(deflate_level(config)?))
}

#[cfg(feature = "gzip")]
fn zlib<V: Value>(config: &V, _: &Scope, _: &[Link]) -> Result<Link> {
    outer(Zlib::new(deflate_level(config)?))
}

#[cfg(feature = "gzip")]
fn deflate_level<V: Value>(config: &V) -> Result<i32> {
    let [level] = config.parameters([Stored("level")])?;
    // zlib has another number for level 6.
    Ok(match or("level", level, 1)? {
        -1 => 6,
        level => level,
    })
}

#[cfg(feature = "lz4")]
fn lz4<V: Value>(config: &V, _: &Scope, _: &[Link]) -> Result<Link> {
    let [acceleration] = config.parameters([Stored("acceleration")])?;
    outer(Lz4::new(or("acceleration", acceleration, 1)?))
}

fn offset<V: Value>(config: &V, _: &Scope, _: &[Link]) -> Result<Link> {
    let [offset, prefix] = config.parameters([Stored("offset"), Stored("prefix")])?;
    affix(true, "offset", offset, prefix)
}

fn pad<V: Value>(config: &V, _: &Scope, _: &[Link]) -> Result<Link> {
    let [location, nbytes, padding] = config.parameters([Stored("location"), Stored("nbytes"), Stored("padding")])?;
    let at_start = match needed("location", location)?.string()?.as_str() {
        "start" => true,
        "end" => false,
        other => return Err(unknown("location", other)),
    };
    affix(at_start, "nbytes", nbytes, padding)
}

fn affix<V: Value>(at_start: bool, name: &'static str, count: Option<V>, bytes: Option<V>) -> Result<Link> {
    let count: usize = number(name, count)?;
    if count > MOST_ADDED {
        return Err(Error::config("so many bytes are no header").expected(MOST_ADDED, count));
    }
    let bytes = bytes.map_or_else(|| Ok(vec![0; count]), |bytes| bytes.bytes())?;
    if bytes.len() != count {
        return Err(Error::config("the bytes to be added have the wrong length").expected(count, bytes.len()));
    }
    outer(Ok(Affix::new(at_start, bytes)))
}

fn optional<V: Value>(config: &V, scope: &Scope, _: &[Link]) -> Result<Link> {
    let [codecs, bits, apply] = config.parameters([Stored("codecs"), Stored("header_bits"), Told("apply")])?;
    let codecs = bytes_codecs(&needed("codecs", codecs)?, scope)?;
    let bits = or("header_bits", bits, codecs.len().next_multiple_of(8))?;
    if !bits.is_multiple_of(8) {
        return Err(Error::config("a header is whole bytes").expected("a multiple of 8 bits", bits));
    }
    let apply = apply.map_or_else(|| Ok("smaller".to_owned()), |apply| apply.string())?;
    outer(Optional::new(codecs, bits / 8, &apply))
}

#[cfg(feature = "blosc")]
fn shuffle<V: Value>(config: &V, _: &Scope, _: &[Link]) -> Result<Link> {
    let [elementsize] = config.parameters([Stored("elementsize")])?;
    outer(Shuffle::new(or("elementsize", elementsize, 4)?))
}

#[cfg(feature = "zstd")]
fn zstd<V: Value>(config: &V, _: &Scope, _: &[Link]) -> Result<Link> {
    let [level, checksum] = config.parameters([Stored("level"), Stored("checksum")])?;
    outer(Zstd::new(or("level", level, 0)?, checksum.map_or(Ok(false), |checksum| checksum.boolean())?))
}

fn outer<C: BytesCodec + 'static>(codec: Result<C>) -> Result<Link> {
    codec.map(|codec| Link::Outer(Arc::new(codec)))
}

fn needed<V>(name: &'static str, value: Option<V>) -> Result<V> {
    value.ok_or_else(|| Error::config(format!("the parameter {name:?} is missing")))
}

fn unknown(name: &'static str, value: &str) -> Error {
    Error::config(format!("the parameter {name:?} cannot be {value:?}"))
}

fn or<V: Value, T: TryFrom<i128>>(name: &'static str, value: Option<V>, default: T) -> Result<T> {
    value.map_or(Ok(default), |value| in_range(name, value.integer()?))
}

fn number<V: Value, T: TryFrom<i128>>(name: &'static str, value: Option<V>) -> Result<T> {
    in_range(name, needed(name, value)?.integer()?)
}

fn numbers<V: Value, T: TryFrom<i128>>(name: &'static str, value: &V) -> Result<Vec<T>> {
    value.items()?.iter().map(|item| in_range(name, item.integer()?)).collect()
}

fn in_range<T: TryFrom<i128>>(name: &'static str, number: i128) -> Result<T> {
    T::try_from(number).map_err(|_| Error::config(format!("the parameter {name:?} cannot be {number}")))
}
