//! The codecs of an array, linked: array filters, one serializer, bytes codecs.

use std::sync::Arc;

use crate::codec::{ArrayFilter, BytesCodec, Needs, Serializer, Spec, Window};
use crate::element::{Fill, Swap};
use crate::error::{Error, Kind, Result};
use crate::object::Object;
use crate::reserve::append;
use crate::scratch::Scratch;
use crate::shard::Sharding;
use crate::strided::strides_of;

/// The largest size of decoded data where the metadata do not tell it (strings, the codecs of
/// others), unless somebody [says](Chain::at_most) otherwise.
pub const MOST_UNKNOWN: usize = 256 << 20;
/// Beside that, they may have so many times the bytes that are stored: large chunks that compress as
/// data do are no attack …
const RATIO: usize = 100;
/// … nor are those of many elements: so many times the bytes that these have in memory.
const PER_ELEMENT: usize = 4;

/// One codec, as it is listed in an array's metadata.
#[derive(Debug)]
pub enum Link {
    /// Axis `i` of the encoded array is axis `order[i]` of the array.
    Transpose(Vec<usize>),
    /// Any other map from array to array.
    Filter(Arc<dyn ArrayFilter>),
    /// The elements one after the other, in C order.
    Bytes(Swap),
    /// Chunks within the chunk, with an index.
    Shard(Sharding),
    /// Any other map from array to bytes.
    Serial(Arc<dyn Serializer>),
    /// A map from bytes to bytes.
    Outer(Arc<dyn BytesCodec>),
}

/// How an array becomes bytes.
#[derive(Debug)]
pub enum Serial {
    /// Element after element.
    Bytes(Swap),
    /// Sharded.
    Shard(Arc<Sharding>),
    /// In somebody's own way.
    Other(Arc<dyn Serializer>),
}

/// A checked chain of codecs.
///
/// ```
/// use std::sync::Arc;
/// use zarr_engine::codec::chain::{Chain, Link};
/// use zarr_engine::codec::crc32c::Crc32c;
/// use zarr_engine::element::{Fill, Swap};
///
/// let crc32c = Link::Outer(Arc::new(Crc32c::new()?));
/// let links = vec![Link::Transpose(vec![1, 0]), Link::Bytes(Swap::None), crc32c];
/// let chain = Chain::new(links, 2, &Fill::new(&[0])?)?;
///
/// let form = chain.form(&[2, 2])?;
/// assert_eq!(chain.encoded_exact(&form), Some(8));
/// // A chunk that is decoded, or is to be encoded, lies as the strides of its form say: here, each
/// // column is one stretch.
/// assert_eq!(form.strides, [1, 2]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Chain {
    /// The leading transpositions, which cost nothing: they only change the strides of a chunk.
    order: Option<Vec<usize>>,
    filters: Vec<Arc<dyn ArrayFilter>>,
    serial: Serial,
    outer: Vec<Arc<dyn BytesCodec>>,
    size: usize,
    axes: usize,
    fill: Fill,
    most: usize,
}

/// The facts about one chunk shape that the chain must know.
#[derive(Debug, Clone)]
pub struct Form {
    /// The shape of the chunk.
    pub shape: Vec<u64>,
    /// Where its elements stand in the decoded bytes, by axis.
    pub strides: Vec<isize>,
    /// The length of the decoded bytes.
    pub nbytes: usize,
    /// The array before each filter, and after the last.
    specs: Vec<Spec>,
    /// The most bytes after the serializer, and after each bytes codec, if it can be said.
    bounds: Vec<Option<usize>>,
}

impl Form {
    /// The most bytes that the encoded chunk is likely to have: more of them need codecs whose results
    /// nobody can foretell.
    pub fn likely_bound(&self) -> usize {
        self.bounds.last().copied().flatten().unwrap_or(self.nbytes)
    }
}

impl Chain {
    /// Links codecs for chunks with `axes` axes whose missing elements are `fill`.
    pub fn new(links: Vec<Link>, axes: usize, fill: &Fill) -> Result<Self> {
        let mut order: Option<Vec<usize>> = None;
        let mut filters: Vec<Arc<dyn ArrayFilter>> = Vec::new();
        let mut serial = None;
        let mut outer = Vec::new();
        let mut rank = axes;
        for link in links {
            match (link, serial.is_some()) {
                (Link::Transpose(next), false) => {
                    check_order(&next, rank)?;
                    if filters.is_empty() {
                        let before = order.unwrap_or_else(|| (0..axes).collect());
                        order = Some(next.iter().map(|&i| before[i]).collect());
                    } else {
                        filters.push(Arc::new(super::transpose::Transpose::new(next)));
                    }
                }
                (Link::Filter(filter), false) => {
                    rank = filter.encoded_axes(rank);
                    filters.push(filter);
                }
                (Link::Bytes(swap), false) => serial = Some(Serial::Bytes(swap)),
                (Link::Shard(shard), false) => serial = Some(Serial::Shard(Arc::new(shard))),
                (Link::Serial(other), false) => serial = Some(Serial::Other(other)),
                (Link::Outer(codec), true) => outer.push(codec),
                (link, _) => return Err(Error::config(format!("{link:?} stands at the wrong place in the chain"))),
            }
        }
        let Some(serial) = serial else {
            return Err(Error::config("the chain has no codec from array to bytes"));
        };
        let order = order.filter(|order| !order.is_sorted());
        let (size, fill) = (fill.size(), fill.clone());
        Ok(Self { order, filters, serial, outer, size, axes, fill, most: MOST_UNKNOWN })
    }

    /// The same chain, with another limit for decoded data whose size the metadata do not tell.
    pub fn at_most(mut self, bytes: usize) -> Self {
        self.most = bytes;
        self
    }

    /// The value of elements that were never written.
    pub fn fill(&self) -> &Fill {
        &self.fill
    }

    /// Bytes of one element.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether the stored bytes are the elements as they are.
    pub fn raw(&self) -> bool {
        self.filters.is_empty() && self.outer.is_empty() && matches!(self.serial, Serial::Bytes(Swap::None))
    }

    /// The sharding, if inner chunks can be found in the stored bytes without decoding anything else.
    pub fn shard(&self) -> Option<&Arc<Sharding>> {
        match &self.serial {
            Serial::Shard(shard) if self.filters.is_empty() && self.outer.is_empty() && self.order.is_none() => {
                Some(shard)
            }
            _ => None,
        }
    }

    /// Prepares for chunks of `shape`.
    pub fn form(&self, shape: &[u64]) -> Result<Form> {
        if shape.len() != self.axes {
            return Err(Error::config("a chunk has the wrong number of axes").expected(self.axes, shape.len()));
        }
        let mut strides = strides_of(shape, self.size)?;
        let mut stored = shape.to_vec();
        if let Some(order) = &self.order {
            stored = order.iter().map(|&axis| shape[axis]).collect();
            for (stride, &axis) in strides_of(&stored, self.size)?.iter().zip(order) {
                strides[axis] = *stride;
            }
        }
        let mut specs = vec![Spec { shape: stored, size: self.size }];
        for filter in &self.filters {
            let next = filter.encoded_spec(&specs[specs.len() - 1]).map_err(|e| e.with_codec(filter.name()))?;
            bytes_of(&next)?;
            specs.push(next);
        }
        let last = &specs[specs.len() - 1];
        let mut bounds = vec![match &self.serial {
            Serial::Bytes(swap) => {
                swap.check(last.size)?;
                Some(bytes_of(last)?)
            }
            Serial::Shard(shard) => shard.encoded_bound(&last.shape)?,
            Serial::Other(other) => other.encoded_bound(last).map_err(|e| e.with_codec(other.name()))?,
        }];
        for codec in &self.outer {
            bounds.push(bounds[bounds.len() - 1].and_then(|n| codec.encoded_bound(n)));
        }
        Ok(Form { shape: shape.to_vec(), strides, nbytes: bytes_of(&specs[0])?, specs, bounds })
    }

    /// The exact length of every encoded chunk of `form`, if it does not depend on the data.
    pub fn encoded_exact(&self, form: &Form) -> Option<usize> {
        let mut n = match &self.serial {
            Serial::Bytes(_) => form.bounds[0]?,
            Serial::Other(other) => other.encoded_exact(form.specs.last()?)?,
            Serial::Shard(_) => return None,
        };
        for codec in &self.outer {
            n = codec.encoded_exact(n)?;
        }
        Some(n)
    }

    /// The most bytes that a stored chunk of `form` can have.
    pub fn limit(&self, form: &Form) -> usize {
        form.bounds.last().copied().flatten().map_or(usize::MAX, slack)
    }

    /// Decodes `src` into `dst`, the `form.nbytes` bytes of a chunk.
    pub fn decode(&self, form: &Form, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let stored = &form.specs[form.specs.len() - 1];
        if self.filters.is_empty() {
            return self.decode_serial(form, stored, src, dst);
        }
        let mut data = Scratch::of(bytes_of(stored)?)?;
        self.decode_serial(form, stored, src, &mut data)?;
        for (filter, spec) in self.filters.iter().zip(&form.specs).rev() {
            filter.decode(spec, &mut data).map_err(|e| e.with_codec(filter.name()))?;
            let expected = bytes_of(spec)?;
            if data.len() != expected {
                return Err(wrong_length(expected, data.len()).with_codec(filter.name()));
            }
        }
        dst.copy_from_slice(&data);
        Ok(())
    }

    /// Decodes the bytes `ranges` of the chunk that `src` is, to `dst`, which is as long as it is from the
    /// first to the last of them. `false`, and nothing is done, if the codecs decode all or nothing, or
    /// if more than the last bytes codec needs the stored bytes in memory, and they are not.
    ///
    /// A checksum of all stored bytes is checked as for a whole chunk.
    pub fn decode_ranges(&self, form: &Form, src: &dyn Object, ranges: &[(u64, u64)], dst: &mut [u8]) -> Result<bool> {
        let Some(&(_, end)) = ranges.last() else { return Ok(true) };
        let needs = self.filters.iter().map(|filter| filter.needs()).max().unwrap_or(Needs::Same);
        match needs {
            Needs::All => Ok(false),
            Needs::Same => self.decode_window(form, src, &mut Window { total: form.nbytes, ranges, dst }),
            Needs::Before if end > (form.nbytes / 2) as u64 => Ok(false),
            Needs::Before => {
                let mut data = Scratch::of(end as usize)?;
                let before = [(0, end)];
                let mut window = Window { total: form.nbytes, ranges: &before, dst: &mut data };
                if !self.decode_window(form, src, &mut window)? {
                    return Ok(false);
                }
                let part = Spec { shape: vec![end / self.size as u64], size: self.size };
                for filter in self.filters.iter().rev() {
                    filter.decode(&part, &mut data).map_err(|e| e.with_codec(filter.name()))?;
                }
                dst.copy_from_slice(&data[data.len() - dst.len()..]);
                Ok(true)
            }
        }
    }

    /// The same, of what stands before the serializer.
    fn decode_window(&self, form: &Form, src: &dyn Object, window: &mut Window<'_>) -> Result<bool> {
        if let [codec] = self.outer.as_slice()
            && src.bytes().is_none()
        {
            return match &self.serial {
                Serial::Bytes(swap) => self.decode_last(codec, swap, src, window),
                _ => Ok(false),
            };
        }
        if self.outer.is_empty() {
            return self.take_window(form, src, window);
        }
        let Some(mut stored) = src.bytes() else { return Ok(false) };
        let mut left = self.outer.as_slice();
        while let Some((codec, rest)) = left.split_last() {
            match codec.decode_in_place(stored) {
                Some(length) => {
                    let length = length.map_err(|e| e.with_codec(codec.name()))?;
                    (stored, left) = (&stored[..length.min(stored.len())], rest);
                }
                None => break,
            }
        }
        match (left, &self.serial) {
            ([], _) => self.take_window(form, &stored, window),
            ([codec], Serial::Bytes(swap)) => self.decode_last(codec, swap, &stored, window),
            _ => Ok(false),
        }
    }

    fn decode_last(
        &self,
        codec: &Arc<dyn BytesCodec>,
        swap: &Swap,
        src: &dyn Object,
        window: &mut Window<'_>,
    ) -> Result<bool> {
        let done = codec.decode_ranges(src, window).map_err(|e| of_codec(e, codec.name()).limited_by_metadata())?;
        if done {
            self.swap_ranges(swap, window)?;
        }
        Ok(done)
    }

    /// The same, where no bytes codec is left.
    fn take_window(&self, form: &Form, src: &dyn Object, window: &mut Window<'_>) -> Result<bool> {
        match &self.serial {
            Serial::Bytes(swap) => {
                if src.size() != window.total as u64 {
                    return Err(wrong_length(window.total, src.size() as usize).with_codec("bytes"));
                }
                window.each(|start, dst| src.read_at(start as u64, dst))?;
                self.swap_ranges(swap, window)?;
                Ok(true)
            }
            Serial::Other(other) => match form.specs.last() {
                Some(spec) => other.decode_ranges(spec, src, window).map_err(|e| of_codec(e, other.name())),
                None => Ok(false),
            },
            Serial::Shard(_) => Ok(false),
        }
    }

    fn swap_ranges(&self, swap: &Swap, window: &mut Window<'_>) -> Result<()> {
        if *swap == Swap::None {
            return Ok(());
        }
        window.each(|_, dst| {
            swap.apply(dst, self.size);
            Ok(())
        })
    }

    fn decode_serial(&self, form: &Form, stored: &Spec, src: &[u8], dst: &mut [u8]) -> Result<()> {
        let (Serial::Bytes(swap), Some((first, rest))) = (&self.serial, self.outer.split_first()) else {
            let mut decoded = Scratch::take();
            let src = self.decode_outer(form, &self.outer, 0, src, &mut decoded)?;
            return match &self.serial {
                Serial::Bytes(swap) if src.len() == dst.len() => {
                    swap.copy(src, dst, stored.size);
                    Ok(())
                }
                Serial::Bytes(_) => Err(wrong_length(dst.len(), src.len()).with_codec("bytes")),
                Serial::Shard(shard) => shard.decode(&stored.shape, src, dst),
                Serial::Other(other) => other.decode(stored, src, dst).map_err(|e| e.with_codec(other.name())),
            };
        };
        // The usual case: the decoded length is known, and the last decoder writes where it belongs.
        let mut decoded = Scratch::take();
        let src = self.decode_outer(form, rest, 1, src, &mut decoded)?;
        first.decode_exact(src, dst).map_err(|e| e.limited_by_metadata().with_codec(first.name()))?;
        swap.apply(dst, stored.size);
        Ok(())
    }

    /// How many of the first bytes of `src` are its decoded form; `None` if the codecs do more than
    /// to add bytes after the elements.
    pub fn decode_in_place(&self, form: &Form, src: &[u8]) -> Option<Result<usize>> {
        if !self.only_adds() {
            return None;
        }
        let mut end = src.len();
        for codec in self.outer.iter().rev() {
            match codec.decode_in_place(&src[..end])? {
                Ok(length) => end = length.min(end),
                Err(error) => return Some(Err(error.with_codec(codec.name()))),
            }
        }
        Some(if end == form.nbytes { Ok(end) } else { Err(wrong_length(form.nbytes, end)) })
    }

    /// As [`encode`](Self::encode), of data that are too many to be held twice if that can be helped.
    pub fn encode_in_place(&self, form: &Form, mut data: Vec<u8>) -> Result<Vec<u8>> {
        if self.only_adds() {
            for codec in &self.outer {
                match codec.encode_in_place(&mut data) {
                    Some(done) => done.map_err(|e| e.with_codec(codec.name()))?,
                    None => {
                        let mut out = Vec::new();
                        codec.encode(&data, &mut out).map_err(|e| e.with_codec(codec.name()))?;
                        data = out;
                    }
                }
            }
            return Ok(data);
        }
        let mut out = Vec::new();
        self.encode(form, &mut data, &mut out)?;
        Ok(out)
    }

    /// Whether the elements stand in C order before the bytes codecs.
    fn only_adds(&self) -> bool {
        self.order.is_none() && self.filters.is_empty() && matches!(self.serial, Serial::Bytes(Swap::None))
    }

    /// The name of the only bytes codec, if the elements stand as they are before it; `Some(None)` if
    /// there is none.
    pub fn only_codec(&self) -> Option<Option<&str>> {
        match self.outer.as_slice() {
            _ if !self.only_adds() => None,
            [] => Some(None),
            [codec] => Some(Some(codec.name())),
            _ => None,
        }
    }

    /// Undoes `codecs`, the bytes codecs from number `skip` on.
    fn decode_outer<'a>(
        &self,
        form: &Form,
        codecs: &[Arc<dyn BytesCodec>],
        skip: usize,
        src: &'a [u8],
        out: &'a mut Vec<u8>,
    ) -> Result<&'a [u8]> {
        if codecs.is_empty() {
            return Ok(src);
        }
        let mut spare = Scratch::take();
        let mut begun = false;
        for (i, codec) in codecs.iter().enumerate().rev() {
            let from = if begun { spare.as_slice() } else { src };
            let decoded = match form.bounds[i + skip] {
                Some(bound) => codec.decode_bounded(from, slack(bound), out).map_err(Error::limited_by_metadata),
                None => codec.decode_bounded(from, unknown(self.most, src.len(), form.nbytes), out),
            };
            decoded.map_err(|e| e.with_codec(codec.name()))?;
            if i > 0 {
                std::mem::swap(&mut *spare, out);
            }
            begun = true;
        }
        Ok(out)
    }

    /// Appends to `out` what the chunk `data` becomes. `data` is used up.
    pub fn encode(&self, form: &Form, data: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<()> {
        for (filter, spec) in self.filters.iter().zip(&form.specs) {
            filter.encode(spec, data).map_err(|e| e.with_codec(filter.name()))?;
        }
        let stored = &form.specs[form.specs.len() - 1];
        let mut spare = Scratch::take();
        let current: &mut Vec<u8> = data;
        match &self.serial {
            Serial::Bytes(swap) => {
                let expected = bytes_of(stored)?;
                if current.len() != expected {
                    return Err(wrong_length(expected, current.len()).with_codec("bytes"));
                }
                swap.apply(current, stored.size);
            }
            serial => {
                spare.clear();
                match serial {
                    Serial::Shard(shard) => shard.encode(&stored.shape, current, &mut spare)?,
                    Serial::Other(other) => {
                        other.encode(stored, current, &mut spare).map_err(|e| e.with_codec(other.name()))?;
                    }
                    Serial::Bytes(_) => {}
                }
                std::mem::swap(current, &mut *spare);
            }
        }
        let Some((last, before)) = self.outer.split_last() else {
            return append(out, current);
        };
        for codec in before {
            spare.clear();
            codec.encode(current, &mut spare).map_err(|e| e.with_codec(codec.name()))?;
            std::mem::swap(current, &mut *spare);
        }
        last.encode(current, out).map_err(|e| e.with_codec(last.name()))
    }
}

/// The most bytes that `stored` ones may become where the metadata do not tell how many they are, in a
/// chunk of `nbytes` in memory.
pub fn unknown(most: usize, stored: usize, nbytes: usize) -> usize {
    most.max(stored.saturating_mul(RATIO)).max(nbytes.saturating_mul(PER_ELEMENT))
}

/// An error of a codec that reads the stored bytes by itself: that these cannot be read is not its fault.
fn of_codec(error: Error, codec: &str) -> Error {
    if matches!(error.kind(), Kind::Io(_)) { error } else { error.with_codec(codec) }
}

/// Other writers may compress a little worse than ours: what is refused is far beyond.
fn slack(bound: usize) -> usize {
    bound.saturating_add(bound / 8).saturating_add(1 << 16)
}

fn wrong_length(expected: usize, found: usize) -> Error {
    Error::corrupt("the chunk has the wrong length")
        .expected(format_args!("{expected} bytes"), format_args!("{found} bytes"))
}

fn check_order(order: &[usize], axes: usize) -> Result<()> {
    let mut seen = vec![false; axes];
    let fits = order.len() == axes
        && order.iter().all(|&axis| seen.get_mut(axis).is_some_and(|seen| !std::mem::replace(seen, true)));
    if fits {
        Ok(())
    } else {
        Err(Error::config("a transposition names each axis once")
            .expected(format_args!("the axes below {axes}"), format_args!("{order:?}")))
    }
}

/// The bytes of an array of `spec`; fails if they do not fit in memory.
pub fn bytes_of(spec: &Spec) -> Result<usize> {
    spec.shape
        .iter()
        .try_fold(spec.size, |n, &m| usize::try_from(m).ok().and_then(|m| n.checked_mul(m)))
        .filter(|&n| isize::try_from(n).is_ok())
        .ok_or_else(|| Error::config(format!("a chunk of shape {:?} does not fit in memory", spec.shape)))
}
