//! Plans for stores that somebody else reads and writes: which bytes are wanted, and what becomes
//! of them. No input or output happens here.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::array::{Array, How};
use crate::batch::{Batch, Job, Wanted};
use crate::cache::chunks::{Reading, Status, Version};
use crate::cache::indexes::{Known, Shard};
use crate::cached::{self, Value};
use crate::codec::chain::Chain;
use crate::error::{Error, Result};
use crate::exec::Exec;
use crate::object::{Object, SubObject, join};
use crate::read;
use crate::runtime;
use crate::scratch::Scratch;
use crate::selection::{Region, Split};
use crate::shard::{Entry, Index, Sharding, Stored};
use crate::strided::{Output, View};
use crate::targets::Targets;
use crate::trace::{self, Phase};
use crate::write;

mod arriving;

/// Which bytes of a value are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// All of them.
    Whole,
    /// From the first to before the second.
    Range(u64, u64),
    /// The last ones, as many as this.
    Suffix(u64),
}

/// A read, chunk by chunk.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Arc;
/// use zarr_engine::array::{Array, Coalesce};
/// use zarr_engine::codec::chain::{Chain, Link};
/// use zarr_engine::element::{Fill, Swap};
/// use zarr_engine::grid::{Axis, Grid};
/// use zarr_engine::key::KeyEncoding;
/// use zarr_engine::object::Object;
/// use zarr_engine::plan::{ReadPlan, Want};
/// use zarr_engine::selection::Region;
/// use zarr_engine::strided::Output;
///
/// let grid = Grid(vec![Axis::regular(2, 4)?]);
/// let chain = Chain::new(vec![Link::Bytes(Swap::None)], 1, &Fill::new(&[9])?)?;
/// let array = Arc::new(Array::new(String::new(), grid, KeyEncoding::Default('/'), chain, true, Coalesce::default())?);
///
/// let store = HashMap::from([("c/1", vec![3u8, 4])]);
/// let out = Arc::new(vec![0; 4]);
/// let base = out.as_ptr().cast_mut();
/// // SAFETY: the owner keeps the memory, and nothing else uses it for as long as there is a view.
/// let view = unsafe { Output::new(base, &[4], &[1], 1, out.clone())? };
///
/// let plan = ReadPlan::new(array, Region::all(&[4]), view)?;
/// while let Some(mut chunk) = plan.next()? {
///     loop {
///         // A store would be asked for ranges of bytes where a shard is read in part.
///         assert_eq!(chunk.wants(), [Want::Whole]);
///         let value = store.get(chunk.key()).map(|bytes| Arc::new(bytes.clone()) as Arc<dyn Object>);
///         if chunk.feed(vec![value])? {
///             break;
///         }
///     }
/// }
/// drop(plan);
/// assert_eq!(out[..], [9, 9, 3, 4]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub struct ReadPlan {
    batch: Arc<Batch>,
    /// Whether `next` gives also the chunks of which nothing is wanted, since all was kept.
    every: bool,
    next: AtomicUsize,
    /// The chunks that somebody feeds at the moment: one at a time, since they write to one place.
    fed: Mutex<BTreeSet<usize>>,
}

impl ReadPlan {
    /// Plans to read `region` into `view`.
    pub fn new(array: Arc<Array>, region: Region, view: Output) -> Result<Arc<Self>> {
        Ok(Self::of(Arc::new(Batch::new(vec![Job { array, region, view }])?), false))
    }

    /// Plans to read a batch. With `every`, [`next`](Self::next) gives also the chunks of which nothing is
    /// wanted, since a cache keeps them.
    pub fn of(batch: Arc<Batch>, every: bool) -> Arc<Self> {
        Arc::new(Self { batch, every, next: AtomicUsize::new(0), fed: Mutex::default() })
    }

    /// The number of chunks.
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether nothing is to be read.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Whether the chunks are stored as they are: reading them is copying.
    pub fn raw(&self) -> bool {
        self.batch.arrays().all(|array| array.chain().raw())
    }

    /// Whether chunks are read by way of a cache.
    pub fn cached(&self) -> bool {
        self.batch.arrays().any(|array| array.cached().is_some())
    }

    /// The next chunk that nobody has taken yet, and of which something is wanted.
    pub fn next(self: &Arc<Self>) -> Result<Option<ChunkRead>> {
        loop {
            let i = self.next.fetch_add(1, Ordering::Relaxed);
            if i >= self.len() {
                return Ok(None);
            }
            let mut read = self.chunk(i, false)?;
            read.assume().map_err(|e| read.placed(e))?;
            trace::saw(Phase::Value, 1, 0);
            if self.every || !matches!(read.stage, Stage::Done) {
                return Ok(Some(read));
            }
        }
    }

    /// Chunk number `i`, from its beginning: what was fed before does not matter. If `whole`, all of
    /// the stored value is wanted at once, so that what is read is one state of it.
    pub fn chunk(self: &Arc<Self>, i: usize, whole: bool) -> Result<ChunkRead> {
        let Wanted { part, array, chunk, targets } = self.batch.chunk(i)?;
        let key = array.key(&chunk).map_err(|e| e.with_array(part))?;
        let (plan, wants, stage, loading, assumed) = (Arc::clone(self), vec![Want::Whole], Stage::Whole, None, None);
        let mut read = ChunkRead { plan, number: i, part, array, key, chunk, targets, wants, stage, loading, assumed };
        if read.array.cached().is_some() {
            read.begin_cached(whole).map_err(|e| read.placed(e))?;
        } else if !whole {
            read.begin().map_err(|e| read.placed(e))?;
        }
        Ok(read)
    }
}

/// A chunk that is being fed, until this is dropped.
struct Fed(Arc<ReadPlan>, usize);

impl ReadPlan {
    fn begin_feeding(self: &Arc<Self>, number: usize) -> Result<Fed> {
        if !self.fed.lock().unwrap_or_else(PoisonError::into_inner).insert(number) {
            return Err(Error::internal("the chunk is being fed by another thread"));
        }
        Ok(Fed(Arc::clone(self), number))
    }
}

impl Drop for Fed {
    fn drop(&mut self) {
        self.0.fed.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.1);
    }
}

/// The read of one stored value, as far as it has come.
pub struct ChunkRead {
    plan: Arc<ReadPlan>,
    number: usize,
    part: usize,
    array: Arc<Array>,
    key: String,
    chunk: Vec<u64>,
    targets: Targets,
    wants: Vec<Want>,
    stage: Stage,
    loading: Option<Loading>,
    /// The version of the value of which the kept index is that was used.
    assumed: Option<Box<str>>,
}

/// The read of a value by way of a cache.
struct Loading {
    name: String,
    /// Chunks that were looked at before this must be looked at again.
    due: Option<Instant>,
    reading: Arc<Reading>,
    /// When it began.
    time: Instant,
    /// Which chunks are wanted, about: those who want the same can wait for one another.
    flight: String,
}

enum Stage {
    /// Nothing is wanted: all was kept.
    Done,
    /// A byte, to learn the version of the value.
    Check,
    /// The whole value is on its way.
    Whole,
    /// Stretches of a chunk that is stored as it is: where each begins and ends.
    Runs(Vec<(u64, u64)>),
    /// The index of a shard.
    Index,
    /// Inner chunks of a shard.
    Inner(Vec<Piece>),
}

/// An inner chunk within an answer.
struct Piece {
    chunk: Vec<u64>,
    number: usize,
    targets: Targets,
    answer: usize,
    start: usize,
    len: usize,
}

impl ChunkRead {
    /// The key whose bytes are wanted.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its number in the plan.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Whether the index of a shard is wanted, and parts of the shard will be next.
    pub fn wants_index(&self) -> bool {
        matches!(self.stage, Stage::Index)
    }

    /// The bytes that are wanted, to be given to [`feed`](Self::feed) in this order.
    pub fn wants(&self) -> &[Want] {
        &self.wants
    }

    /// About how many bytes the chunk has when decoded.
    pub fn size_hint(&self) -> u64 {
        self.targets.len().saturating_mul(self.array.chain().size() as u64)
    }

    /// The number of its array in the batch.
    pub fn part(&self) -> usize {
        self.part
    }

    /// The name by which those who read by way of a cache want the same; `None` without a cache.
    pub fn flight(&self) -> Option<&str> {
        self.loading.as_ref().map(|loading| loading.flight.as_str())
    }

    /// Whether what is wanted follows from an index that was kept: if it cannot be had, the value was
    /// replaced, perhaps.
    pub fn assumed(&self) -> bool {
        self.assumed.is_some()
    }

    /// Whether the version of the answers is of use.
    pub fn versioned(&self) -> bool {
        self.loading.is_some() || self.array.indexed("").is_some() && self.chain().shard().is_some()
    }

    /// Uses the index that was kept, if there is one: answers will tell whether it is still right.
    fn assume(&mut self) -> Result<()> {
        let array = Arc::clone(&self.array);
        let (Stage::Index, None) = (&self.stage, &self.loading) else { return Ok(()) };
        let (Some(name), Some(sharding)) = (array.indexed(&self.key), array.chain().shard()) else {
            return Ok(());
        };
        let shape = &array.form(&self.chunk)?.shape;
        let counts = sharding.counts(shape)?;
        let kept = runtime::indexes().get(Shard::Named(name), &sharding.layout(&counts));
        let Some(Known::Of(version, index)) = kept else { return Ok(()) };
        let asked = self.wants.clone();
        if self.want_inner(sharding, shape, &index, &Version::Unknown)? {
            // Nothing would be asked for, and so nothing would tell whether that is right.
            (self.stage, self.wants) = (Stage::Index, asked);
        } else {
            self.assumed = Some(version);
            trace::saw(Phase::Kept, 1, 0);
        }
        Ok(())
    }

    /// Whether answers are of another version than the index that was assumed: then this wants the index.
    fn assumed_wrongly(&mut self, version: &Version) -> Result<bool> {
        let Some(assumed) = self.assumed.take() else { return Ok(false) };
        if *version == Version::Tag(assumed) {
            return Ok(false);
        }
        if let (Some(name), Some(sharding)) = (self.array.indexed(&self.key), self.chain().shard()) {
            let counts = sharding.counts(&self.array.form(&self.chunk)?.shape)?;
            runtime::indexes().forget(Shard::Named(name), &sharding.layout(&counts));
        }
        self.begin()?;
        Ok(true)
    }

    fn chain(&self) -> &Arc<Chain> {
        self.array.chain()
    }

    /// An error of this chunk.
    fn placed(&self, error: Error) -> Error {
        error.with_key(&self.key).with_chunk(&self.chunk).with_array(self.part)
    }

    /// The same as `begin`, by way of the cache: what is kept is put into its place.
    fn begin_cached(&mut self, whole: bool) -> Result<()> {
        let array = Arc::clone(&self.array);
        let Some(cached) = array.cached() else { return Err(Error::internal("there is no cache")) };
        let (name, due) = match self.loading.take() {
            Some(loading) => (loading.name, loading.due),
            None => (cached.name_of(&self.key), cached.chunks.due_before(cached.opened)),
        };
        let reading = || Arc::new(cached.chunks.begin(&name));
        let status = if whole { Status::New } else { cached.chunks.status(&name, due) };
        if status == (Status::Due { versioned: false }) {
            // Nobody can say whether it is still the same.
            cached.chunks.confirm(&name, &Version::Unknown, Instant::now());
        }
        let fresh =
            status == Status::Fresh && cached::read_all_kept(&array, cached, &name, due, &self.chunk, &self.targets)?;
        let (reading, time) = (reading(), Instant::now());
        let number = self.first_inner()?;
        let flight = format!("plan\0{}\0{}\0{number}\0{name}", cached.chunks.number(), cached.layout);
        self.loading = Some(Loading { name, due, reading, time, flight });
        let index = || self.index_wanted();
        (self.stage, self.wants) = match (status, index()?) {
            _ if fresh => (Stage::Done, Vec::new()),
            (Status::Due { versioned: true }, _) => (Stage::Check, vec![Want::Range(0, 1)]),
            (_, Some(want)) if !whole => (Stage::Index, vec![want]),
            _ => (Stage::Whole, vec![Want::Whole]),
        };
        Ok(())
    }

    /// The number of the first inner chunk that is wanted; 0 if there are none.
    fn first_inner(&self) -> Result<usize> {
        let Some(sharding) = self.chain().shard() else { return Ok(0) };
        let form = self.array.form(&self.chunk)?;
        let cut = self.targets.cut(&sharding.grid(&form.shape)?)?;
        Ok(if cut.is_empty() { 0 } else { read::number(&cut.chunk(0), &sharding.counts(&form.shape)?) })
    }

    /// The bytes of the index, if the value is a shard that is read in part.
    fn index_wanted(&self) -> Result<Option<Want>> {
        let array = &self.array;
        let Some(sharding) = array.chain().shard() else { return Ok(None) };
        if self.targets.cover(&array.grid().valid(&self.chunk)) {
            return Ok(None);
        }
        let len = sharding.index_len(&sharding.counts(&array.form(&self.chunk)?.shape)?)? as u64;
        Ok(Some(if sharding.index_at_end() { Want::Suffix(len) } else { Want::Range(0, len) }))
    }

    /// The value, of which `object` was found, as the cache has it.
    fn value(&self, version: &Version, object: Option<Arc<dyn Object>>) -> Option<Arc<Value>> {
        let (cached, loading) = (self.array.cached()?, self.loading.as_ref()?);
        let reading = (Arc::clone(&loading.reading), loading.time);
        Some(Value::given(&self.array, cached, &self.key, loading.due, reading, version.clone(), object))
    }

    /// Takes an answer by way of the cache; `None` if what is wanted is the same as without one.
    fn take_cached(&mut self, answers: &[Option<Arc<dyn Object>>], version: &Version) -> Result<Option<bool>> {
        let array = Arc::clone(&self.array);
        let Some(loading) = &self.loading else { return Ok(None) };
        let found = answers.first().cloned().flatten();
        let version = if found.is_none() && matches!(self.stage, Stage::Whole | Stage::Index | Stage::Check) {
            &Version::Absent
        } else {
            version
        };
        if let (Stage::Check, Some(cached)) = (&self.stage, array.cached()) {
            cached.chunks.confirm(&loading.name, version, loading.time);
            self.begin_cached(false)?;
            return Ok(Some(matches!(self.stage, Stage::Done)));
        }
        let whole = matches!(self.stage, Stage::Whole) || found.is_none() && matches!(self.stage, Stage::Index);
        if !whole {
            return Ok(None);
        }
        match self.value(version, found) {
            Some(value) => value.read(&self.chunk, &self.targets, Exec::Here).map(|()| Some(true)),
            None => Ok(None),
        }
    }

    fn begin(&mut self) -> Result<()> {
        let array = Arc::clone(&self.array);
        let chain = array.chain();
        let form = array.form(&self.chunk)?;
        (self.stage, self.wants) = match self.index_wanted()? {
            Some(want) => (Stage::Index, vec![want]),
            None if chain.raw() && !self.targets.cover(&array.grid().valid(&self.chunk)) => {
                let runs = self.targets.runs(&form.strides, chain.size(), array.coalesce().gap)?;
                let wants = runs.iter().map(|&(start, end)| Want::Range(start, end)).collect();
                (Stage::Runs(runs), wants)
            }
            _ => (Stage::Whole, vec![Want::Whole]),
        };
        Ok(())
    }

    /// Takes the bytes that were wanted, `None` for a value that is not there. Returns whether the
    /// chunk is done; if not, more is [wanted](Self::wants).
    pub fn feed(&mut self, answers: Vec<Option<Arc<dyn Object>>>) -> Result<bool> {
        self.feed_version(answers, &Version::Unknown)
    }

    /// The same, of answers of which the version is known: for what is read by way of a cache.
    pub fn feed_version(&mut self, answers: Vec<Option<Arc<dyn Object>>>, version: &Version) -> Result<bool> {
        let fed = self.plan.begin_feeding(self.number);
        fed.and_then(|_fed| self.take(answers, version)).map_err(|e| self.placed(e))
    }

    fn take(&mut self, answers: Vec<Option<Arc<dyn Object>>>, version: &Version) -> Result<bool> {
        if answers.len() != self.wants.len() {
            return Err(Error::internal("as many answers as questions").expected(self.wants.len(), answers.len()));
        }
        if self.assumed_wrongly(version)? {
            return Ok(false);
        }
        if let Some(done) = self.take_cached(&answers, version)? {
            return Ok(done);
        }
        let array = Arc::clone(&self.array);
        let Some(answers) = answers.into_iter().collect::<Option<Vec<_>>>() else {
            return if matches!(self.stage, Stage::Inner(_)) {
                Err(Error::corrupt("the shard disappeared while it was read"))
            } else {
                self.targets.fill(array.absent()?).map(|()| true)
            };
        };
        for (want, answer) in self.wants.iter().zip(&answers) {
            check_length(*want, answer.size())?;
        }
        let form = array.form(&self.chunk)?;
        match (&self.stage, self.chain().shard()) {
            (Stage::Done, _) => Ok(true),
            (Stage::Whole, _) => {
                for object in &answers {
                    self.targets.read(self.chain(), &form, object, Exec::Here)?;
                }
                Ok(true)
            }
            (Stage::Runs(runs), _) => {
                let (start, end) = (runs.first().map_or(0, |r| r.0), runs.last().map_or(0, |r| r.1));
                let mut bytes = Scratch::of((end - start) as usize)?;
                for (&(from, to), answer) in runs.iter().zip(&answers) {
                    answer.read_at(0, &mut bytes[(from - start) as usize..(to - start) as usize])?;
                }
                self.targets.scatter(&bytes, &form.strides, start as usize)?;
                Ok(true)
            }
            (Stage::Index, Some(sharding)) => {
                let sharding = Arc::clone(sharding);
                match answers.first() {
                    Some(index) => self.take_index(&sharding, &form.shape, index, version),
                    None => Err(Error::internal("no answer to the question for an index")),
                }
            }
            (Stage::Inner(pieces), Some(sharding)) => {
                let form = sharding.form()?;
                let value = self.value(version, None);
                for piece in pieces {
                    let place = || -> Result<()> {
                        let answer = answers.get(piece.answer);
                        let answer = answer.ok_or_else(|| Error::internal("an inner chunk without an answer"))?;
                        let inner = SubObject::new(Arc::clone(answer), piece.start as u64, piece.len as u64)?;
                        let inner: Arc<dyn Object> = Arc::new(inner);
                        if let Some(value) = &value {
                            return value.read_inner(sharding, piece.number, inner, &piece.targets);
                        }
                        piece.targets.read(sharding.chain(), &form, &inner, Exec::Here)
                    };
                    place().map_err(|e| e.with_inner(&piece.chunk))?;
                }
                Ok(true)
            }
            _ => Err(Error::internal("a shard's stage in an array without shards")),
        }
    }

    /// Knows the index: asks for the inner chunks that are there, near ones together.
    fn take_index(
        &mut self,
        sharding: &Arc<Sharding>,
        shape: &[u64],
        stored: &Arc<dyn Object>,
        version: &Version,
    ) -> Result<bool> {
        let counts = sharding.counts(shape)?;
        let stored = if stored.bytes().is_some() {
            Stored::Lent(Arc::clone(stored))
        } else {
            let mut copied = Scratch::of(sharding.index_len(&counts)?)?;
            stored.read_at(0, &mut copied)?;
            Stored::Own(copied)
        };
        // How long the shard is nobody said; a range beyond its end will come back short.
        let index = sharding.parse_index(&counts, stored, u64::MAX, false)?;
        if let (Some(name), Version::Tag(tag)) = (self.array.indexed(&self.key), version) {
            let known = Known::Of(tag.clone(), Arc::new(index.compact()?));
            runtime::indexes().keep(Shard::Named(name), sharding.layout(&counts), known);
        }
        self.want_inner(sharding, shape, &index, version)
    }

    /// Asks for the inner chunks that are there, near ones together; `true` if nothing is to be asked.
    fn want_inner(
        &mut self,
        sharding: &Arc<Sharding>,
        shape: &[u64],
        index: &Index,
        version: &Version,
    ) -> Result<bool> {
        let counts = sharding.counts(shape)?;
        let cut = self.targets.cut(&sharding.grid(shape)?)?;
        index.check_overlap(cut.numbers(&counts))?;
        let form = sharding.form()?;
        let limit = sharding.chain().limit(&form) as u64;
        let value = self.value(version, None);
        let mut found: Vec<(u64, u64, usize)> = Vec::new();
        for i in 0..cut.len() {
            let chunk = cut.chunk(i);
            let number = read::number(&chunk, &counts);
            if let Some(value) = &value
                && value.read_kept_inner(sharding, number, &form, &self.targets.inner(&cut, i).1)?
            {
                continue;
            }
            let entry: Entry = index.get(number).map_err(|e| e.with_inner(&chunk))?;
            match entry {
                None => {
                    if let Some(value) = &value {
                        value.absent_inner(number)?;
                    }
                    self.targets.inner(&cut, i).1.fill(sharding.chain().fill().bytes())?;
                }
                Some((_, len)) if len > limit => {
                    return Err(Error::corrupt("the shard index lists an inner chunk longer than any can be")
                        .expected(format_args!("at most {limit} bytes"), format_args!("{len} bytes"))
                        .with_inner(&chunk));
                }
                Some((offset, len)) => found.push((offset, len, i)),
            }
        }
        if found.is_empty() {
            return Ok(true);
        }
        found.sort_unstable();
        let coalesce = self.array.coalesce();
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        let mut pieces = Vec::with_capacity(found.len());
        for (offset, len, i) in found {
            let end = offset + len;
            match ranges.last_mut() {
                Some(last) if offset <= last.1.saturating_add(coalesce.gap) && end - last.0 <= coalesce.most => {
                    last.1 = last.1.max(end);
                }
                _ => ranges.push((offset, end)),
            }
            let start = (offset - ranges.last().map_or(0, |range| range.0)) as usize;
            let (chunk, targets) = self.targets.inner(&cut, i);
            let number = read::number(&chunk, &counts);
            pieces.push(Piece { chunk, number, targets, answer: ranges.len() - 1, start, len: len as usize });
        }
        self.wants = ranges.iter().map(|&(start, end)| Want::Range(start, end)).collect();
        self.stage = Stage::Inner(pieces);
        Ok(false)
    }
}

fn check_length(want: Want, found: u64) -> Result<()> {
    let expected = match want {
        Want::Whole => return Ok(()),
        Want::Range(start, end) => end - start,
        Want::Suffix(n) => n,
    };
    if found == expected {
        return Ok(());
    }
    let what = match want {
        Want::Whole => "the value".to_owned(),
        Want::Range(start, end) => format!("bytes {start} to {end}"),
        Want::Suffix(n) => format!("the last {n} bytes"),
    };
    Err(Error::corrupt(format!("the store's answer to the question for {what} has the wrong length"))
        .expected(format_args!("{expected} bytes"), format_args!("{found} bytes")))
}

/// A write, chunk by chunk.
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Arc;
/// use zarr_engine::array::{Array, Coalesce, How};
/// use zarr_engine::codec::chain::{Chain, Link};
/// use zarr_engine::element::{Fill, Swap};
/// use zarr_engine::grid::{Axis, Grid};
/// use zarr_engine::key::KeyEncoding;
/// use zarr_engine::object::Object;
/// use zarr_engine::plan::WritePlan;
/// use zarr_engine::selection::{AxisMap, Region};
/// use zarr_engine::strided::View;
///
/// let grid = Grid(vec![Axis::regular(2, 4)?]);
/// let chain = Chain::new(vec![Link::Bytes(Swap::None)], 1, &Fill::new(&[9])?)?;
/// let array = Arc::new(Array::new(String::new(), grid, KeyEncoding::Default('/'), chain, true, Coalesce::default())?);
///
/// let mut store = HashMap::from([("c/0".to_owned(), vec![1, 2])]);
/// let data = Arc::new(vec![5, 6, 7]);
/// // SAFETY: the owner keeps the memory, and nobody writes to it.
/// let view = unsafe { View::new(data.as_ptr(), &[3], &[1], 1, data.clone())? };
///
/// let region = Region::Box(vec![AxisMap::Range { start: 1, step: 1, count: 3, at: 0 }]);
/// let plan = WritePlan::new(array, &region, view, How::default())?;
/// while let Some(chunk) = plan.next()? {
///     // Only a chunk of which something survives need be read before.
///     let current = store.get(chunk.key()).filter(|_| !chunk.full());
///     let current = current.map(|bytes| Arc::new(bytes.clone()) as Arc<dyn Object>);
///     match chunk.encode(current.as_ref(), false)? {
///         Some(bytes) => store.insert(chunk.key().to_owned(), bytes),
///         None => store.remove(chunk.key()),
///     };
/// }
/// assert_eq!(store["c/0"], [1, 5]);
/// assert_eq!(store["c/1"], [6, 7]);
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub struct WritePlan {
    array: Arc<Array>,
    split: Split,
    view: View,
    how: How,
    next: AtomicUsize,
}

impl WritePlan {
    /// Plans to write `view` to `region`.
    pub fn new(array: Arc<Array>, region: &Region, view: View, how: How) -> Result<Arc<Self>> {
        array.check(region, &view)?;
        let split = region.split(array.grid())?;
        Ok(Arc::new(Self { array, split, view, how, next: AtomicUsize::new(0) }))
    }

    /// The number of chunks.
    pub fn len(&self) -> usize {
        self.split.len()
    }

    /// Whether nothing is to be written.
    pub fn is_empty(&self) -> bool {
        self.split.is_empty()
    }

    /// Whether the chunks are stored as they are: writing them is copying.
    pub fn raw(&self) -> bool {
        self.array.chain().raw()
    }

    /// The next chunk that nobody has taken yet.
    pub fn next(self: &Arc<Self>) -> Result<Option<ChunkWrite>> {
        let i = self.next.fetch_add(1, Ordering::Relaxed);
        if i >= self.split.len() {
            return Ok(None);
        }
        trace::saw(Phase::Value, 1, 0);
        let (chunk, region) = self.split.piece(i);
        let key = self.array.key(&chunk)?;
        let used = self.how.used(self.array.grid().valid(&chunk), &self.array.grid().size(&chunk));
        let full = region.covers(&used);
        Ok(Some(ChunkWrite { plan: Arc::clone(self), key, full, chunk, region, used }))
    }
}

/// The write of one stored value.
pub struct ChunkWrite {
    plan: Arc<WritePlan>,
    key: String,
    chunk: Vec<u64>,
    region: Region,
    used: Vec<u64>,
    full: bool,
}

impl ChunkWrite {
    /// The key that is to be replaced.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Whether nothing of the current value survives: then nobody need read it.
    pub fn full(&self) -> bool {
        self.full
    }

    /// The bytes that come from the caller.
    pub fn size_hint(&self) -> u64 {
        self.region.len().saturating_mul(self.plan.array.chain().size() as u64)
    }

    /// The new value, or `None` if the key should go: it would hold only fill values. With `keep`
    /// there is always a value.
    pub fn encode(&self, current: Option<&Arc<dyn Object>>, keep: bool) -> Result<Option<Vec<u8>>> {
        let encode = || -> Result<Option<Vec<u8>>> {
            let array = &self.plan.array;
            let form = array.form(&self.chunk)?;
            let old = if self.full { None } else { current };
            let parts = write::chunk(
                array.chain(),
                &form,
                &self.used,
                old,
                &self.region,
                &self.plan.view,
                keep || self.plan.how.write_empty,
                Exec::Here,
            )?;
            parts.map(|parts| join(parts, old)).transpose()
        };
        encode().map_err(|e| e.with_key(&self.key).with_chunk(&self.chunk))
    }
}
