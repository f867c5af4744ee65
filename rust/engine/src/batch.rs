//! Many selections of many arrays as one operation, in which each chunk is read and decoded once.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::array::Array;
use crate::error::{Error, Result};
use crate::exec::Exec;
use crate::object::Object;
use crate::reserve::reserve;
use crate::selection::Region;
use crate::strided::Output;
use crate::targets::{Cut, Target, Targets};
use crate::trace::{self, Phase};

/// A selection of an array, and where its elements go.
pub struct Job {
    /// The array.
    pub array: Arc<Array>,
    /// The elements of it.
    pub region: Region,
    /// Where to.
    pub view: Output,
}

/// The selections of one array, before they are cut.
struct Gathered {
    array: Arc<Array>,
    regions: Vec<Region>,
    views: Vec<Output>,
    jobs: Vec<usize>,
}

/// The selections of one array.
struct Part {
    array: Arc<Array>,
    cut: Cut,
    views: Vec<Output>,
    /// The number of each selection in the batch.
    jobs: Vec<usize>,
    /// The number of the first chunk in the batch.
    first: usize,
}

/// Selections, cut into the chunks that they want.
///
/// ```
/// use std::sync::Arc;
/// use zarr_engine::array::Array;
/// use zarr_engine::batch::{Batch, Job};
/// use zarr_engine::cancel::{Cancel, Context};
/// use zarr_engine::exec::Exec;
/// use zarr_engine::object::Object;
/// use zarr_engine::selection::{AxisMap, Region};
/// use zarr_engine::strided::Output;
///
/// let array = Arc::new(Array::from_json(
///     "",
///     r#"{
///         "zarr_format": 3, "node_type": "array", "shape": [4], "data_type": "uint8",
///         "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
///         "chunk_key_encoding": {"name": "default"}, "fill_value": 9, "codecs": ["bytes"]
///     }"#,
/// )?);
/// // Elements 0 to 2, and elements 1 to 3: both want some of both chunks.
/// let owners: Vec<Arc<Vec<u8>>> = (0..2).map(|_| Arc::new(vec![0; 3])).collect();
/// let job = |(start, owner): (usize, &Arc<Vec<u8>>)| {
///     let region = Region::Box(vec![AxisMap::Range { start: start as u64, step: 1, count: 3, at: 0 }]);
///     // SAFETY: the owner keeps the memory, and nothing else uses it for as long as there is a view.
///     let view = unsafe { Output::new(owner.as_ptr().cast_mut(), &[3], &[1], 1, owner.clone())? };
///     Ok(Job { array: array.clone(), region, view })
/// };
/// let jobs = owners.iter().enumerate().map(job).collect::<Result<_, zarr_engine::error::Error>>()?;
/// let batch = Arc::new(Batch::new(jobs)?);
/// assert_eq!(batch.len(), 2);
///
/// // A store with the second chunk only.
/// let open = |_, key: &str| Ok((key == "c/1").then(|| Arc::new(vec![7u8, 8]) as Arc<dyn Object>));
/// batch.read(open, true, 0..2, Exec::Pool(&Context::new(&Cancel::new())))?;
/// assert_eq!((batch.done(0), batch.done(1)), (vec![], vec![0, 1]));
/// drop(batch);
/// assert_eq!((&owners[0][..], &owners[1][..]), (&[9, 9, 7][..], &[9, 7, 8][..]));
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
pub struct Batch {
    parts: Vec<Part>,
    len: usize,
    cost: u64,
    /// How many chunks each selection still waits for.
    left: Vec<AtomicUsize>,
}

/// A chunk of a batch, and all that is wanted of it.
pub struct Wanted {
    /// The number of its array.
    pub part: usize,
    /// Its array.
    pub array: Arc<Array>,
    /// Its coordinates.
    pub chunk: Vec<u64>,
    /// Where its elements go.
    pub targets: Targets,
}

impl Batch {
    /// Puts selections together. Chunks come in the order of the first selection that wants them, for
    /// one array after the other.
    pub fn new(mut jobs: Vec<Job>) -> Result<Self> {
        keep_apart(&mut jobs);
        let mut numbers: HashMap<*const Array, usize> = HashMap::new();
        let mut parts: Vec<Gathered> = Vec::new();
        let mut cost = 0u64;
        for (number, Job { array, region, view }) in jobs.into_iter().enumerate() {
            let part = *numbers.entry(Arc::as_ptr(&array)).or_insert(parts.len());
            array.check(&region, &view).map_err(|e| e.with_array(part))?;
            cost = cost.saturating_add(region.len().saturating_mul(view.size() as u64));
            if part == parts.len() {
                parts.push(Gathered { array, regions: Vec::new(), views: Vec::new(), jobs: Vec::new() });
            }
            parts[part].regions.push(region);
            parts[part].views.push(view);
            parts[part].jobs.push(number);
        }
        let mut batch = Self { parts: Vec::new(), len: 0, cost, left: Vec::new() };
        let total = parts.iter().map(|part| part.jobs.len()).sum();
        reserve(&mut batch.left, total)?;
        batch.left.resize_with(total, AtomicUsize::default);
        for (number, Gathered { array, regions, views, jobs }) in parts.into_iter().enumerate() {
            let cut = Cut::new(regions.iter(), array.grid()).map_err(|e| e.with_array(number))?;
            for (&job, pieces) in jobs.iter().zip(cut.pieces()) {
                batch.left[job] = AtomicUsize::new(pieces);
            }
            let first = batch.len;
            batch.len = batch.len.saturating_add(cut.len());
            batch.parts.push(Part { array, cut, views, jobs, first });
        }
        Ok(batch)
    }

    /// The number of chunks.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is to be read.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The arrays, in the order in which they were met.
    pub fn arrays(&self) -> impl Iterator<Item = &Arc<Array>> {
        self.parts.iter().map(|part| &part.array)
    }

    /// The chunks of array number `part`.
    pub fn chunks_of(&self, part: usize) -> Range<usize> {
        let part = &self.parts[part];
        part.first..part.first + part.cut.len()
    }

    /// About how many bytes of copying it is to read so many of the chunks.
    pub fn cost(&self, chunks: usize) -> u64 {
        let of_each = self.cost / self.len.max(1) as u64;
        of_each.saturating_add(crate::array::CHUNK_COST).saturating_mul(chunks as u64)
    }

    fn part_of(&self, i: usize) -> (usize, &Part) {
        let part = self.parts.partition_point(|part| part.first <= i).saturating_sub(1);
        (part, &self.parts[part])
    }

    /// The number of the array of chunk number `i`.
    pub fn array_of(&self, i: usize) -> usize {
        self.part_of(i).0
    }

    /// The key of chunk number `i`.
    pub fn key(&self, i: usize) -> Result<String> {
        let (number, part) = self.part_of(i);
        part.array.key(&part.cut.chunk(i - part.first)).map_err(|e| e.with_array(number))
    }

    /// Chunk number `i`.
    pub fn chunk(&self, i: usize) -> Result<Wanted> {
        if i >= self.len {
            return Err(Error::internal(format!("chunk {i} is not in the plan")));
        }
        let (number, part) = self.part_of(i);
        let (chunk, regions) = part.cut.piece(i - part.first);
        let target = |(job, region): (usize, Region)| Target { region, view: part.views[job].clone() };
        let targets: Vec<Target> = regions.into_iter().map(target).collect();
        Ok(Wanted { part: number, array: Arc::clone(&part.array), chunk, targets: targets.into() })
    }

    /// Reads some of the chunks. `open` finds the value of a key, and is given the number of the chunk
    /// as well. `found`: the values were found already, and asking for them costs nothing.
    pub fn read<Open>(self: &Arc<Self>, open: Open, found: bool, chunks: Range<usize>, exec: Exec<'_>) -> Result<()>
    where
        Open: Fn(usize, &str) -> Result<Option<Arc<dyn Object>>> + Send + Sync + 'static,
    {
        trace::saw(Phase::Value, chunks.len() as u64, 0);
        let (batch, open) = (Arc::clone(self), Arc::new(open));
        exec.run(chunks.len(), self.cost(chunks.len()), move |i, exec| {
            let i = chunks.start + i;
            let Wanted { part, array, chunk, targets } = batch.chunk(i)?;
            let key = array.key(&chunk).map_err(|e| e.with_array(part))?;
            let due = array.cached().and_then(|cached| cached.chunks.due_before(cached.opened));
            let find = {
                let (open, key) = (Arc::clone(&open), key.clone());
                move || open(i, &key)
            };
            let read = array.read_chunk(find, found, due, (&chunk, &key), &targets, exec);
            read.map_err(|e| e.with_key(&key).with_chunk(&chunk).with_array(part))
        })
    }

    /// Notes, once, that chunk number `i` was read for good; the selections that are complete by it.
    pub fn done(&self, i: usize) -> Vec<usize> {
        let (_, part) = self.part_of(i);
        let jobs = part.cut.regions(i - part.first).map(|region| part.jobs[region]);
        jobs.filter(|&job| self.left[job].fetch_sub(1, Ordering::AcqRel) == 1).collect()
    }
}

/// Marks outputs that have bytes of others between their own.
fn keep_apart(jobs: &mut [Job]) {
    let mut order: Vec<(usize, usize, usize)> = Vec::with_capacity(jobs.len());
    for (i, job) in jobs.iter().enumerate() {
        let (low, high) = job.view.addresses();
        if low < high {
            order.push((low, high, i));
        }
    }
    order.sort_unstable();
    let mut mark = |i: usize| jobs[i].view = jobs[i].view.clone().among_others();
    let mut last: Option<(usize, usize)> = None;
    for (low, high, i) in order {
        if let Some((end, other)) = last
            && low < end
        {
            mark(other);
            mark(i);
        }
        if last.is_none_or(|(end, _)| end < high) {
            last = Some((high, i));
        }
    }
}
