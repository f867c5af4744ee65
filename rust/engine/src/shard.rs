//! Shards: where inner chunks lie in a stored value, as its index says.
//!
//! Zarr v3, codec `sharding_indexed`: the index is an array of `uint64` of the shape of the inner
//! grid and one dimension more, of an offset and a length; both are 2^64 - 1 for an absent chunk.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::codec::Spec;
use crate::codec::chain::{Chain, Form, bytes_of};
use crate::error::{Error, Result};
use crate::grid::{Axis, Grid};
use crate::object::Object;
use crate::reserve::{copied, push, reserve};
use crate::scratch::Scratch;
use crate::strided::strides_of;

/// In which order the inner chunks of a shard are written; any order is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The last dimension fastest.
    Lexicographic,
    /// The first dimension fastest.
    Colexicographic,
    /// Along a Z curve, so that neighbours in space are neighbours in the file.
    Morton,
}

/// Where an inner chunk lies in the shard; `None` if it is absent.
pub type Entry = Option<(u64, u64)>;

/// The codec `sharding_indexed`.
///
/// ```
/// use zarr_engine::codec::chain::{Chain, Link};
/// use zarr_engine::element::{Fill, Swap};
/// use zarr_engine::shard::{Order, Sharding};
///
/// let chunks = Chain::new(vec![Link::Bytes(Swap::None)], 1, &Fill::new(&[0])?)?;
/// let index = Chain::new(vec![Link::Bytes(Swap::None)], 2, &Fill::new(&[0xff; 8])?)?;
/// let sharding = Sharding::new(vec![10], chunks, index, true, Order::Lexicographic)?;
///
/// // A shard of 30 elements has 3 inner chunks, and an index of as many entries of 16 bytes.
/// let counts = sharding.counts(&[30])?;
/// assert_eq!(counts, [3]);
/// assert_eq!(sharding.index_len(&counts)?, 48);
/// assert!(sharding.counts(&[25]).is_err());
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Sharding {
    inner: Vec<u64>,
    chain: Arc<Chain>,
    index: Chain,
    index_at_end: bool,
    order: Order,
    /// Tells indexes that are read in another way than most.
    number: u64,
}

/// How the index of a shard is read: of the same bytes, the same index comes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layout {
    counts: Vec<u64>,
    at_end: bool,
    /// Whether there is a CRC-32C behind the entries and nothing else; else whose codecs these are.
    guarded: std::result::Result<bool, u64>,
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);

const ABSENT: u64 = u64::MAX;
/// Bytes of a number in the index, and of an entry.
const WORD: usize = 8;
const ENTRY: usize = 2 * WORD;
/// The most inner chunks of a shard: their index is read at once.
pub const MOST_INNER: u64 = 1 << 27;

impl Sharding {
    /// Shards of inner chunks of shape `inner`, encoded by `chain`, with an index encoded by `index`.
    pub fn new(inner: Vec<u64>, chain: Chain, index: Chain, index_at_end: bool, order: Order) -> Result<Self> {
        if inner.contains(&0) {
            return Err(Error::config("an inner chunk has at least one element along each axis"));
        }
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let shard = Self { inner, chain: Arc::new(chain), index, index_at_end, order, number };
        // An index of one entry shows whether its length can be known before it is read.
        let one = vec![1; shard.inner.len()];
        shard.index_len(&one)?;
        Ok(shard)
    }

    /// The codecs of the inner chunks.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// The facts about an inner chunk that the chain must know.
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

    /// The number of inner chunks along each dimension of a shard of `shape`.
    pub fn counts(&self, shape: &[u64]) -> Result<Vec<u64>> {
        let fits = shape.len() == self.inner.len() && shape.iter().zip(&self.inner).all(|(n, m)| n % m == 0);
        if !fits {
            return Err(Error::config("the inner chunks do not divide the shard")
                .expected(format_args!("multiples of {:?}", self.inner), format_args!("{shape:?}"))
                .with_codec("sharding_indexed"));
        }
        let counts: Vec<u64> = shape.iter().zip(&self.inner).map(|(n, m)| n / m).collect();
        match counts.iter().try_fold(1u64, |n, &count| n.checked_mul(count)).filter(|&n| n <= MOST_INNER) {
            Some(_) => Ok(counts),
            None => Err(Error::config(format!("a shard has at most {MOST_INNER} inner chunks"))
                .expected("larger inner chunks, or a smaller shard", format_args!("{shape:?} of {:?}", self.inner))
                .with_codec("sharding_indexed")),
        }
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

    /// How the index of a shard of so many inner chunks is read.
    pub fn layout(&self, counts: &[u64]) -> Layout {
        let guarded = match self.index.only_codec() {
            Some(None) => Ok(false),
            // Codecs of the same name could have other parameters: this one has none.
            Some(Some("crc32c")) => Ok(true),
            _ => Err(self.number),
        };
        Layout { counts: counts.to_vec(), at_end: self.index_at_end, guarded }
    }

    /// Whether any entry of the index can be read alone, since nothing guards all of them.
    pub fn plain_index(&self) -> bool {
        self.index.only_codec() == Some(None)
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

    /// Reads the index of a shard of `len` bytes from its stored form. It is looked at where it is,
    /// if that can be: it may be large. If it is known to be `sound`, its checksum is not looked at.
    pub fn parse_index(&self, counts: &[u64], stored: Stored, len: u64, sound: bool) -> Result<Index> {
        let form = self.index_form(counts)?;
        let body = self.body(stored.bytes().len() as u64, len);
        let of_index = |e: Error| e.with_codec("sharding_indexed (index)");
        let count = form.nbytes / ENTRY;
        if sound && matches!(self.index.only_codec(), Some(None | Some("crc32c"))) {
            return Ok(Index { words: Words::Stored(stored, form.nbytes), count, body });
        }
        if let Some(end) = self.index.decode_in_place(&form, stored.bytes()) {
            return Ok(Index { words: Words::Stored(stored, end.map_err(of_index)?), count, body });
        }
        let mut words = Scratch::of(form.nbytes)?;
        self.index.decode(&form, stored.bytes(), &mut words).map_err(of_index)?;
        if form.strides != strides_of(&form.shape, WORD)? {
            // The codecs of the index transpose it: its strides say where each number stands.
            let mut ordered = Scratch::of(form.nbytes)?;
            let mut at = vec![0; counts.len()];
            for entry in ordered.as_chunks_mut::<ENTRY>().0 {
                for (k, word) in entry.as_chunks_mut::<WORD>().0.iter_mut().enumerate() {
                    if let Some(stored) = words.get(offset(&form, &at, k)..).and_then(<[u8]>::first_chunk) {
                        *word = *stored;
                    }
                }
                advance(&mut at, counts);
            }
            words = ordered;
        }
        Ok(Index { words: Words::Stored(Stored::Own(words), form.nbytes), count, body })
    }

    /// Reads the entries of some inner chunks, of which only these will be asked for: `numbers` in
    /// increasing order. `read` reads bytes of the index, which is a [plain](Self::plain_index) one.
    pub fn parse_entries(
        &self,
        counts: &[u64],
        numbers: &[usize],
        len: u64,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<()>,
    ) -> Result<Index> {
        let stored = self.index_len(counts)?;
        let mut found = Vec::new();
        reserve(&mut found, numbers.len())?;
        let near = |a: &usize, b: &usize| b - a <= NEAR;
        for run in numbers.chunk_by(near) {
            let (Some(&first), Some(&last)) = (run.first(), run.last()) else { continue };
            let mut words = Scratch::of((last - first + 1) * ENTRY)?;
            read((first * ENTRY) as u64, &mut words)?;
            let entries = words.as_chunks::<ENTRY>().0;
            found.extend(run.iter().filter_map(|&i| Some((i, *entries.get(i - first)?))));
        }
        Ok(Index {
            words: Words::Some { found, all: false },
            count: stored / ENTRY,
            body: self.body(stored as u64, len),
        })
    }

    /// Where in a shard of `len` bytes inner chunks can lie.
    fn body(&self, index: u64, len: u64) -> Range<u64> {
        if self.index_at_end { 0..len.saturating_sub(index) } else { index..len }
    }

    /// The stored form of an index in which these chunks are present: each with its number in C order,
    /// and where it lies.
    pub fn encode_index(&self, counts: &[u64], present: impl Iterator<Item = (usize, (u64, u64))>) -> Result<Vec<u8>> {
        let form = self.index_form(counts)?;
        let mut bytes = Vec::new();
        reserve(&mut bytes, self.index_len(counts)?.max(form.nbytes))?;
        bytes.resize(form.nbytes, 0xff);
        let in_order = form.strides == strides_of(&form.shape, WORD)?;
        for (number, (start, len)) in present {
            let at = if in_order { Vec::new() } else { coords(number, counts) };
            for (k, value) in [start, len].into_iter().enumerate() {
                let place = if in_order { number * ENTRY + k * WORD } else { offset(&form, &at, k) };
                if let Some(word) = bytes.get_mut(place..).and_then(<[u8]>::first_chunk_mut) {
                    *word = value.to_le_bytes();
                }
            }
        }
        self.index.encode_in_place(&form, bytes)
    }

    /// When each chunk comes in the order in which chunks are written: a function of its number in C
    /// order, to sort by.
    pub fn written_order<'a>(&self, counts: &'a [u64]) -> impl Fn(usize) -> u128 + use<'a> {
        let (order, widths) = (self.order, widths(counts));
        move |number| match order {
            Order::Lexicographic => number as u128,
            Order::Colexicographic => {
                let at = coords(number, counts);
                at.iter().zip(counts).rev().fold(0, |n, (&c, &count)| n * u128::from(count) + u128::from(c))
            }
            Order::Morton => morton(&coords(number, counts), &widths),
        }
    }
}

/// Where inner chunk `number` lies in the grid of inner chunks.
fn coords(mut number: usize, counts: &[u64]) -> Vec<u64> {
    let mut at = vec![0; counts.len()];
    for (c, &count) in at.iter_mut().zip(counts).rev() {
        *c = number as u64 % count.max(1);
        number /= (count as usize).max(1);
    }
    at
}

/// The coordinates after `at`, in C order.
fn advance(at: &mut [u64], counts: &[u64]) {
    for (c, &count) in at.iter_mut().zip(counts).rev() {
        *c += 1;
        if *c < count {
            break;
        }
        *c = 0;
    }
}

/// Where word `k` of the entry at `at` stands in the bytes of an index.
fn offset(form: &Form, at: &[u64], k: usize) -> usize {
    let strides = form.strides.iter().map(|&stride| stride as usize);
    at.iter().map(|&c| c as usize).chain([k]).zip(strides).map(|(c, stride)| c * stride).sum()
}

/// How many bits a coordinate of each dimension has at most.
fn widths(counts: &[u64]) -> Vec<u32> {
    counts.iter().map(|&n| u64::BITS - n.saturating_sub(1).leading_zeros()).collect()
}

/// Interleaves the bits of `coords`, lowest first, the first dimension lowest; bits that no
/// coordinate of a dimension can have are left out.
fn morton(coords: &[u64], widths: &[u32]) -> u128 {
    let (mut code, mut at) = (0u128, 0);
    for bit in 0..widths.iter().copied().max().unwrap_or(0) {
        for (&c, &width) in coords.iter().zip(widths) {
            if bit < width && at < u128::BITS {
                code |= u128::from(c >> bit & 1) << at;
                at += 1;
            }
        }
    }
    code
}

/// The stored form of an index: in a buffer of ours, or where somebody has it in memory.
pub enum Stored {
    /// In a buffer.
    Own(Scratch),
    /// In an object that has its bytes in memory.
    Lent(Arc<dyn Object>),
}

impl Stored {
    fn bytes(&self) -> &[u8] {
        match self {
            Stored::Own(bytes) => bytes,
            Stored::Lent(object) => object.bytes().unwrap_or_default(),
        }
    }
}

/// The index of one shard.
#[derive(Debug)]
pub struct Index {
    words: Words,
    /// The number of inner chunks, absent ones included.
    count: usize,
    body: Range<u64>,
}

/// The entries of an index.
enum Words {
    /// In C order, as they are stored, up to so many bytes: a read of one chunk looks at two numbers.
    Stored(Stored, usize),
    /// The same, in memory of just their size.
    All(Vec<u8>),
    /// Some of them, in the order of their numbers. If these are `all` that are present, the others are
    /// absent; else nobody may ask for them.
    Some { found: Vec<(usize, [u8; ENTRY])>, all: bool },
}

/// Entries that are no further apart are read together: a page of a file is read in any case.
const NEAR: usize = 4096 / ENTRY;

impl Index {
    fn entries(&self) -> &[[u8; ENTRY]] {
        match &self.words {
            Words::Stored(stored, end) => stored.bytes().get(..*end).unwrap_or_default().as_chunks().0,
            Words::All(words) => words.as_chunks().0,
            Words::Some { .. } => &[],
        }
    }

    /// The number of inner chunks, absent ones included.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether the shard has no inner chunks at all.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Where in the shard inner chunks can lie.
    pub fn body(&self) -> Range<u64> {
        self.body.clone()
    }

    /// Where inner chunk `i` lies.
    pub fn get(&self, i: usize) -> Result<Entry> {
        let unknown = || Error::internal(format!("inner chunk {i} is not in the index"));
        let words = match &self.words {
            Words::Some { found, all } => match found.binary_search_by_key(&i, |entry| entry.0) {
                Ok(at) => &found[at].1,
                Err(_) if *all && i < self.count => return Ok(None),
                Err(_) => return Err(unknown()),
            },
            _ => self.entries().get(i).ok_or_else(unknown)?,
        };
        self.entry(words)
    }

    /// All inner chunks that are present, with their numbers, until the first that lies nowhere.
    pub fn present(&self) -> impl Iterator<Item = Result<(usize, (u64, u64))>> {
        let entry = |(i, entry)| self.entry(entry).transpose().map(|found| found.map(|found| (i, found)));
        let some = match &self.words {
            Words::Some { found, .. } => found.as_slice(),
            _ => &[],
        };
        let some = some.iter().map(|(i, entry)| (*i, entry));
        self.entries().iter().enumerate().chain(some).filter_map(entry)
    }

    /// The same index, to be kept: in as little memory as can be.
    pub fn compact(&self) -> Result<Self> {
        let entries = self.entries();
        let present = entries.iter().filter(|entry| **entry != [0xff; ENTRY]).count();
        let mut found = Vec::new();
        let words = if present.saturating_mul(size_of::<(usize, [u8; ENTRY])>()) < entries.len() * ENTRY {
            reserve(&mut found, present)?;
            let numbered = entries.iter().enumerate().filter(|(_, entry)| **entry != [0xff; ENTRY]);
            found.extend(numbered.map(|(i, entry)| (i, *entry)));
            Words::Some { found, all: true }
        } else {
            Words::All(copied(entries.as_flattened())?)
        };
        Ok(Self { words, count: self.count, body: self.body.clone() })
    }

    /// Whether the entries are read where somebody else has them in memory.
    pub fn lent(&self) -> bool {
        matches!(self.words, Words::Stored(Stored::Lent(_), _))
    }

    /// The bytes that a compact index takes.
    pub fn memory(&self) -> usize {
        match &self.words {
            Words::Some { found, .. } => size_of_val(found.as_slice()),
            Words::All(words) => words.len(),
            Words::Stored(_, end) => *end,
        }
    }

    fn entry(&self, words: &[u8; ENTRY]) -> Result<Entry> {
        let [start, len] =
            [0, WORD].map(|at| words[at..].first_chunk().map_or(ABSENT, |word| u64::from_le_bytes(*word)));
        match [start, len] {
            [ABSENT, ABSENT] => Ok(None),
            [offset, len] => {
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

    /// Fails if two of the inner chunks `wanted` share bytes. Ranges outside of the shard are left
    /// to [`get`](Self::get), which can name them.
    pub fn check_overlap(&self, wanted: impl Iterator<Item = usize>) -> Result<()> {
        disjoint(wanted.filter_map(|i| self.get(i).ok().flatten()))
    }

    /// The same for all inner chunks that are present.
    pub fn check_overlap_of_all(&self) -> Result<()> {
        disjoint(self.present().filter_map(|found| found.ok().map(|(_, stretch)| stretch)))
    }
}

fn disjoint(stretches: impl Iterator<Item = (u64, u64)>) -> Result<()> {
    let mut found: Vec<(u64, u64)> = Vec::new();
    for stretch in stretches.filter(|&(_, len)| len > 0) {
        push(&mut found, stretch)?;
    }
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

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words").finish_non_exhaustive()
    }
}
