//! Shards: where inner chunks lie in a stored value, as its index says.
//!
//! Zarr v3, codec `sharding_indexed`: the index is an array of `uint64` of the shape of the inner
//! grid and one axis more, of an offset and a length; both are 2^64 - 1 for a chunk that is absent.

use std::sync::Arc;

use crate::codec::Spec;
use crate::codec::chain::{Chain, Form, bytes_of};
use crate::error::{Error, Result};
use crate::exec::Exec;
use crate::grid::{Axis, Grid};
use crate::object::{Object, join};
use crate::selection::Region;
use crate::strided::{Output, strides_of};
use crate::{read, write};

/// In which order the inner chunks of a shard are written; any order is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The last axis fastest.
    Lexicographic,
    /// The first axis fastest.
    Colexicographic,
    /// Along a Z curve, so that neighbours in space are neighbours in the file.
    Morton,
}

/// Where an inner chunk lies in the shard; `None` if it is absent.
pub type Entry = Option<(u64, u64)>;

/// The codec `sharding_indexed`.
#[derive(Debug)]
pub struct Sharding {
    inner: Vec<u64>,
    chain: Arc<Chain>,
    index: Chain,
    index_at_end: bool,
    order: Order,
}

const ABSENT: u64 = u64::MAX;

impl Sharding {
    /// Shards of inner chunks of shape `inner`, encoded by `chain`, with an index encoded by `index`.
    pub fn new(inner: Vec<u64>, chain: Chain, index: Chain, index_at_end: bool, order: Order) -> Result<Self> {
        if inner.contains(&0) {
            return Err(Error::config("an inner chunk has at least one element along each axis"));
        }
        let shard = Self { inner, chain: Arc::new(chain), index, index_at_end, order };
        // An index of one entry shows whether its length can be known before it is read.
        let one = vec![1; shard.inner.len()];
        shard.index_len(&one)?;
        Ok(shard)
    }

    /// The codecs of the inner chunks.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// What the chain must know of an inner chunk.
    pub fn form(&self) -> Result<Form> {
        self.chain.form(&self.inner)
    }

    /// The shape of an inner chunk.
    pub fn inner(&self) -> &[u64] {
        &self.inner
    }

    /// Whether the index stands at the end of the shard.
    pub fn index_at_end(&self) -> bool {
        self.index_at_end
    }

    /// The number of inner chunks along each axis of a shard of `shape`.
    pub fn counts(&self, shape: &[u64]) -> Result<Vec<u64>> {
        let fits = shape.len() == self.inner.len() && shape.iter().zip(&self.inner).all(|(n, m)| n % m == 0);
        if !fits {
            return Err(Error::config("the inner chunks do not divide the shard")
                .expected(format_args!("multiples of {:?}", self.inner), format_args!("{shape:?}"))
                .with_codec("sharding_indexed"));
        }
        Ok(shape.iter().zip(&self.inner).map(|(n, m)| n / m).collect())
    }

    /// The grid of inner chunks, of which `extents` are used.
    pub fn grid(&self, extents: &[u64]) -> Result<Grid> {
        self.inner.iter().zip(extents).map(|(&n, &extent)| Axis::regular(n, extent)).collect::<Result<_>>().map(Grid)
    }

    fn index_form(&self, counts: &[u64]) -> Result<Form> {
        let mut shape = counts.to_vec();
        shape.push(2);
        self.index.form(&shape)
    }

    /// The length of the stored index.
    pub fn index_len(&self, counts: &[u64]) -> Result<usize> {
        let form = self.index_form(counts)?;
        self.index.encoded_exact(&form).ok_or_else(|| {
            Error::config("the index of a shard must have a fixed size: its codecs may not compress")
                .with_codec("sharding_indexed")
        })
    }

    /// The most bytes that a shard of `shape` can have.
    pub fn encoded_bound(&self, shape: &[u64]) -> Result<Option<usize>> {
        let counts = self.counts(shape)?;
        let n = bytes_of(&Spec { shape: counts.clone(), size: 1 })?;
        let form = self.form()?;
        let chunk = self.chain.limit(&form);
        let index = self.index_len(&counts)?;
        Ok(n.checked_mul(chunk).and_then(|n| n.checked_add(index)))
    }

    /// Reads the index of a shard of `len` bytes from its stored form.
    pub fn parse_index(&self, counts: &[u64], stored: &[u8], len: u64) -> Result<Index> {
        let form = self.index_form(counts)?;
        let mut bytes = vec![0; form.nbytes];
        self.index.decode(&form, stored, &mut bytes).map_err(|e| e.with_codec("sharding_indexed (index)"))?;
        if form.strides != strides_of(&form.shape, 8)? {
            // The codecs of the index transpose it: its strides say where each number stands.
            let stored = std::mem::take(&mut bytes);
            bytes = vec![0; stored.len()];
            for_each_offset(&form, |i, at| {
                if let (Some(to), Some(word)) = (bytes.get_mut(i * 8..i * 8 + 8), stored.get(at..at + 8)) {
                    to.copy_from_slice(word);
                }
            });
        }
        let body =
            if self.index_at_end { 0..len.saturating_sub(stored.len() as u64) } else { stored.len() as u64..len };
        Ok(Index { bytes, body })
    }

    /// The stored form of an index.
    pub fn encode_index(&self, counts: &[u64], entries: &[Entry]) -> Result<Vec<u8>> {
        let form = self.index_form(counts)?;
        let mut bytes = vec![0; form.nbytes];
        for_each_offset(&form, |i, at| {
            let (offset, len) = entries.get(i / 2).copied().flatten().unwrap_or((ABSENT, ABSENT));
            if let Some(word) = bytes.get_mut(at..at + 8) {
                word.copy_from_slice(&if i % 2 == 0 { offset } else { len }.to_le_bytes());
            }
        });
        let mut out = Vec::with_capacity(bytes.len() + 4);
        self.index.encode(&form, &mut bytes, &mut out)?;
        Ok(out)
    }

    /// The numbers of all inner chunks, in the order in which they are written.
    pub fn written_order(&self, counts: &[u64]) -> Vec<usize> {
        let n = counts.iter().product::<u64>() as usize;
        let mut order: Vec<usize> = (0..n).collect();
        let coords = |mut i: usize| {
            let mut at = vec![0u64; counts.len()];
            for (c, &count) in at.iter_mut().zip(counts).rev() {
                *c = i as u64 % count;
                i /= count as usize;
            }
            at
        };
        match self.order {
            Order::Lexicographic => {}
            Order::Colexicographic => order.sort_by_cached_key(|&i| coords(i).into_iter().rev().collect::<Vec<_>>()),
            Order::Morton => order.sort_by_cached_key(|&i| morton(&coords(i), counts)),
        }
        order
    }

    /// Decodes a whole shard of `shape` that is wrapped in other codecs.
    pub fn decode(self: &Arc<Self>, shape: &[u64], src: &[u8], dst: &mut [u8]) -> Result<()> {
        let object: Arc<dyn Object> = Arc::new(src.to_vec());
        Output::with(dst, shape, &strides_of(shape, self.chain.size())?, self.chain.size(), |view| {
            read::shard(self, shape, &object, &Region::all(shape), view, Exec::Here)
        })
    }

    /// Appends to `out` a whole shard of `shape` that is wrapped in other codecs.
    pub fn encode(self: &Arc<Self>, shape: &[u64], src: &mut [u8], out: &mut Vec<u8>) -> Result<()> {
        let parts = Output::with(src, shape, &strides_of(shape, self.chain.size())?, self.chain.size(), |view| {
            write::shard(self, shape, shape, None, &Region::all(shape), view, false, Exec::Here)
        })?;
        match parts {
            Some(parts) => out.extend_from_slice(&join(parts, None)?),
            // Nothing but fill values: a shard all the same, since another codec wants its bytes.
            None => {
                let counts = self.counts(shape)?;
                out.extend_from_slice(&self.encode_index(&counts, &[])?);
            }
        }
        Ok(())
    }
}

/// Calls `f` with the number of each index word in C order, and where it stands in the bytes.
fn for_each_offset(form: &Form, mut f: impl FnMut(usize, usize)) {
    let n = form.nbytes / 8;
    let mut at = vec![0u64; form.shape.len()];
    for i in 0..n {
        let offset: isize = at.iter().zip(&form.strides).map(|(&c, &s)| c as isize * s).sum();
        f(i, offset as usize);
        for (c, &count) in at.iter_mut().zip(&form.shape).rev() {
            *c += 1;
            if *c < count {
                break;
            }
            *c = 0;
        }
    }
}

/// Interleaves the bits of `coords`, lowest first, the first axis lowest; bits that no coordinate
/// of an axis can have are left out.
fn morton(coords: &[u64], counts: &[u64]) -> u128 {
    let (mut code, mut at) = (0u128, 0);
    let widths: Vec<u32> = counts.iter().map(|&n| u64::BITS - n.saturating_sub(1).leading_zeros()).collect();
    for bit in 0..widths.iter().copied().max().unwrap_or(0) {
        for (&c, &width) in coords.iter().zip(&widths) {
            if bit < width && at < u128::BITS {
                code |= u128::from(c >> bit & 1) << at;
                at += 1;
            }
        }
    }
    code
}

/// The index of one shard.
#[derive(Debug)]
pub struct Index {
    /// The numbers in C order, as they are stored: a read of one chunk looks at two of them.
    bytes: Vec<u8>,
    body: std::ops::Range<u64>,
}

impl Index {
    /// The number of inner chunks, absent ones included.
    pub fn len(&self) -> usize {
        self.bytes.len() / 16
    }

    /// Whether the shard has no inner chunks at all.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Where inner chunk `i` lies.
    pub fn get(&self, i: usize) -> Result<Entry> {
        match self.bytes.as_chunks::<8>().0.as_chunks::<2>().0.get(i).map(|e| e.map(u64::from_le_bytes)) {
            None => Err(Error::internal(format!("inner chunk {i} is not in the index"))),
            Some([ABSENT, ABSENT]) => Ok(None),
            Some([offset, len]) => {
                let inside =
                    offset >= self.body.start && offset.checked_add(len).is_some_and(|end| end <= self.body.end);
                if inside {
                    Ok(Some((offset, len)))
                } else {
                    Err(Error::corrupt("the shard index points outside of the shard")
                        .expected(format_args!("bytes {:?}", self.body), format_args!("{len} bytes from {offset}"))
                        .with_codec("sharding_indexed"))
                }
            }
        }
    }

    /// Fails if two of the inner chunks `wanted` share bytes. What lies outside of the shard is left
    /// to [`get`](Self::get), which can name it.
    pub fn check_overlap(&self, wanted: impl Iterator<Item = usize>) -> Result<()> {
        let present = |i| self.get(i).ok().flatten().filter(|&(_, len)| len > 0);
        let mut found: Vec<(u64, u64)> = wanted.filter_map(present).collect();
        if !found.is_sorted() {
            found.sort_unstable();
        }
        match found.windows(2).find(|pair| pair[0].0 + pair[0].1 > pair[1].0) {
            None => Ok(()),
            Some(pair) => Err(Error::corrupt("the shard index lists inner chunks that overlap")
                .expected("disjoint stretches", format_args!("{:?} and {:?} (offset, length)", pair[0], pair[1]))
                .with_codec("sharding_indexed")),
        }
    }
}
