//! All that is wanted of one chunk, by one selection or by many: the chunk is fetched and decoded
//! once, and its elements are copied to all their places.

use std::sync::Arc;

use crate::codec::chain::{Chain, Form};
use crate::error::{Error, Result};
use crate::exec::Exec;
use crate::grid::Grid;
use crate::object::{APART, Object, SubObject, left_out, stretch};
use crate::read;
use crate::reserve::reserve;
use crate::scratch::Scratch;
use crate::selection::{Region, Split};
use crate::shard::{Entry, Index, Sharding};
use crate::strided::{Output, runs_of};

/// Which elements of a chunk go where.
#[derive(Clone)]
pub struct Target {
    /// The elements.
    pub region: Region,
    /// Where they go.
    pub view: Output,
}

/// The targets of one chunk: one at least.
#[derive(Clone)]
pub struct Targets(Vec<Target>);

impl From<Vec<Target>> for Targets {
    fn from(targets: Vec<Target>) -> Self {
        Self(targets)
    }
}

impl From<Target> for Targets {
    fn from(target: Target) -> Self {
        Self(vec![target])
    }
}

impl Targets {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Target> {
        self.0.iter()
    }

    /// The only target, where there is one.
    pub fn single(&self) -> Option<&Target> {
        match self.0.as_slice() {
            [target] => Some(target),
            _ => None,
        }
    }

    /// The number of elements in all places.
    pub fn len(&self) -> u64 {
        self.0.iter().fold(0, |n, target| n.saturating_add(target.region.len()))
    }

    /// Whether no element is wanted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether one of the targets takes every element of a box of these extents.
    pub fn cover(&self, extents: &[u64]) -> bool {
        self.0.iter().any(|target| target.region.covers(extents))
    }

    /// Copies elements from `chunk`, laid out by `strides` and without its first `skip` bytes.
    pub fn scatter(&self, chunk: &[u8], strides: &[isize], skip: usize) -> Result<()> {
        self.0.iter().try_for_each(|target| target.view.scatter(&target.region, chunk, strides, skip))
    }

    /// Writes `element` to all places.
    pub fn fill(&self, element: &[u8]) -> Result<()> {
        self.0.iter().try_for_each(|target| target.view.fill(&target.region, element))
    }

    /// The runs of bytes that are taken from a chunk laid out by `strides`, each byte once, those
    /// joined that are at most `gap` bytes apart.
    pub fn runs(&self, strides: &[isize], size: usize, gap: u64) -> Result<Vec<(u64, u64)>> {
        let mut all = Vec::new();
        for target in &self.0 {
            let runs = runs_of(&target.region, strides, size, gap)?;
            reserve(&mut all, runs.len())?;
            all.extend(runs);
        }
        if self.0.len() > 1 {
            all.sort_unstable();
            all.dedup_by(|next, last| {
                let near = next.0 <= last.1.saturating_add(gap);
                if near {
                    last.1 = last.1.max(next.1);
                }
                near
            });
        }
        Ok(all)
    }

    /// Cuts the targets along the grid of a shard.
    pub fn cut(&self, grid: &Grid) -> Result<Cut> {
        Cut::new(self.0.iter().map(|target| &target.region), grid)
    }

    /// The targets of the inner chunk number `i` of a cut of these, and its coordinates.
    pub fn inner(&self, cut: &Cut, i: usize) -> (Vec<u64>, Self) {
        let (chunk, regions) = cut.piece(i);
        let target = |(number, region): (usize, Region)| Target { region, view: self.0[number].view.clone() };
        (chunk, Self(regions.into_iter().map(target).collect()))
    }

    /// Reads one stored chunk, or a shard, to all places.
    pub fn read(&self, chain: &Arc<Chain>, form: &Form, object: &Arc<dyn Object>, exec: Exec<'_>) -> Result<()> {
        if let Some(Target { region, view }) = self.single() {
            return read::chunk(chain, form, object, region, view, exec);
        }
        if let Some(sharding) = chain.shard() {
            return self.read_shard(sharding, &form.shape, object, exec);
        }
        if let Some(bytes) = object.bytes() {
            return self.place(chain, form, bytes);
        }
        if chain.raw() {
            read::check_raw(form, object.size())?;
            return self.read_runs(&self.runs(&form.strides, chain.size(), read::FILE_GAP)?, form, &**object);
        }
        let len = read::stored_len(chain, form, object.size())?;
        if self.part(chain, form, &**object)? {
            return Ok(());
        }
        let mut buffer = Scratch::of(len.saturating_add(APART))?;
        self.place_whole(chain, form, stretch(&**object, 0, len, &mut buffer)?)
    }

    /// Decodes the stored bytes `src` of a chunk to all places.
    pub fn place(&self, chain: &Chain, form: &Form, src: &[u8]) -> Result<()> {
        if let Some(Target { region, view }) = self.single() {
            return read::place(chain, form, src, region, view);
        }
        read::stored_len(chain, form, src.len() as u64)?;
        if chain.raw() {
            read::check_raw(form, src.len() as u64)?;
            return self.scatter(src, &form.strides, 0);
        }
        if self.part(chain, form, &src)? { Ok(()) } else { self.place_whole(chain, form, src) }
    }

    fn place_whole(&self, chain: &Chain, form: &Form, src: &[u8]) -> Result<()> {
        let mut decoded = Scratch::of(form.nbytes)?;
        read::decode(chain, form, src, &mut decoded)?;
        self.scatter(&decoded, &form.strides, 0)
    }

    fn read_runs(&self, runs: &[(u64, u64)], form: &Form, object: &dyn Object) -> Result<()> {
        let (Some(&(start, _)), Some(&(_, end))) = (runs.first(), runs.last()) else { return Ok(()) };
        let mut buffer = Scratch::of((end - start) as usize + APART)?;
        let skip = left_out(start, &buffer);
        let bytes = &mut buffer[skip..];
        for &(from, to) in runs {
            object.read_at(from, &mut bytes[(from - start) as usize..(to - start) as usize])?;
        }
        self.scatter(bytes, &form.strides, start as usize)
    }

    /// Decodes only what is wanted, if it is little; `false` if it is not, or the codecs cannot.
    fn part(&self, chain: &Chain, form: &Form, src: &dyn Object) -> Result<bool> {
        let runs = || self.runs(&form.strides, chain.size(), read::PART_GAP);
        let Some(ranges) = read::few_of(form, self.len().saturating_mul(chain.size() as u64), runs)? else {
            return Ok(false);
        };
        let (Some(&(start, _)), Some(&(_, end))) = (ranges.first(), ranges.last()) else { return Ok(true) };
        let mut bytes = Scratch::of((end - start) as usize)?;
        let done = read::decode_ranges(chain, form, src, &ranges, &mut bytes)?;
        if done {
            self.scatter(&bytes, &form.strides, start as usize)?;
        }
        Ok(done)
    }

    fn read_shard(
        &self,
        sharding: &Arc<Sharding>,
        shape: &[u64],
        object: &Arc<dyn Object>,
        exec: Exec<'_>,
    ) -> Result<()> {
        let counts = sharding.counts(shape)?;
        let cut = self.cut(&sharding.grid(shape)?)?;
        let index = read::index(sharding, &counts, object, Some((cut.len(), &mut cut.numbers(&counts))))?;
        index.check_overlap(cut.numbers(&counts))?;
        let form = sharding.form()?;
        let (n, bytes) = (cut.len(), (form.nbytes as u64).saturating_mul(cut.len() as u64));
        let (targets, object) = (self.clone(), Arc::clone(object));
        let read = ShardRead { sharding: Arc::clone(sharding), form, counts, cut, index, object, targets };
        exec.run(n, bytes, move |i, exec| {
            let (chunk, targets) = read.targets.inner(&read.cut, i);
            read.inner(&chunk, &targets, exec).map_err(|e| e.with_inner(&chunk))
        })
    }
}

/// The things that threads share that read inner chunks of one shard.
struct ShardRead {
    sharding: Arc<Sharding>,
    form: Form,
    counts: Vec<u64>,
    cut: Cut,
    index: Arc<Index>,
    object: Arc<dyn Object>,
    targets: Targets,
}

impl ShardRead {
    fn inner(&self, chunk: &[u64], targets: &Targets, exec: Exec<'_>) -> Result<()> {
        let entry: Entry = self.index.get(read::number(chunk, &self.counts))?;
        let chain = self.sharding.chain();
        let Some((offset, len)) = entry else { return targets.fill(chain.fill().bytes()) };
        let object: Arc<dyn Object> = Arc::new(SubObject::new(Arc::clone(&self.object), offset, len)?);
        targets.read(chain, &self.form, &object, exec)
    }
}

/// Regions that were cut along one grid: each chunk once, with the piece of each region in it.
pub enum Cut {
    /// Of one region, whose pieces are made on demand: there may be more than memory holds.
    One(Split),
    /// Of several regions.
    Many {
        /// Each region's own cut.
        splits: Vec<Split>,
        /// The region and the piece, those of each chunk next to each other.
        pieces: Vec<(u32, u64)>,
        /// Where the pieces of each chunk begin, and where the last ones end.
        starts: Vec<usize>,
    },
}

impl Cut {
    /// Cuts regions that lie in the grid. Chunks come in the order of the first region that wants them.
    pub fn new<'a>(regions: impl Iterator<Item = &'a Region>, grid: &Grid) -> Result<Self> {
        let mut splits: Vec<Split> = regions.map(|region| region.split(grid)).collect::<Result<_>>()?;
        if splits.len() == 1
            && let Some(split) = splits.pop()
        {
            return Ok(Cut::One(split));
        }
        let counts: Vec<u64> = grid.0.iter().map(|axis| axis.count().max(1)).collect();
        if counts.iter().try_fold(1u128, |n, &count| n.checked_mul(count.into())).is_none() {
            return Err(Error::config("the array has more chunks than can be numbered"));
        }
        let total = splits.iter().fold(0usize, |n, split| n.saturating_add(split.len()));
        // The chunk's number, the region and the piece; then also the first region that wants the chunk.
        let mut found: Vec<(u128, u32, u64)> = Vec::new();
        reserve(&mut found, total)?;
        for (region, split) in splits.iter().enumerate() {
            for piece in 0..split.len() {
                let number = |n: u128, (&count, &c): (&u64, &u64)| n * u128::from(count) + u128::from(c);
                let chunk = split.chunk(piece);
                found.push((counts.iter().zip(&chunk).fold(0, number), region as u32, piece as u64));
            }
        }
        found.sort_unstable();
        let mut groups: Vec<(u32, usize, usize)> = Vec::new();
        let mut start = 0;
        for group in found.chunk_by(|a, b| a.0 == b.0) {
            groups.push((group[0].1, start, start + group.len()));
            start += group.len();
        }
        groups.sort_unstable();
        let mut pieces = Vec::new();
        reserve(&mut pieces, total)?;
        let mut starts = vec![0];
        for &(_, from, to) in &groups {
            pieces.extend(found[from..to].iter().map(|&(_, region, piece)| (region, piece)));
            starts.push(pieces.len());
        }
        Ok(Cut::Many { splits, pieces, starts })
    }

    /// The number of chunks.
    pub fn len(&self) -> usize {
        match self {
            Cut::One(split) => split.len(),
            Cut::Many { starts, .. } => starts.len() - 1,
        }
    }

    /// Whether no chunk is wanted.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The coordinates of chunk number `i` of the cut.
    pub fn chunk(&self, i: usize) -> Vec<u64> {
        match self {
            Cut::One(split) => split.chunk(i),
            Cut::Many { splits, pieces, starts } => {
                let (region, piece) = pieces[starts[i]];
                splits[region as usize].chunk(piece as usize)
            }
        }
    }

    /// The same, and the piece of each region that wants some of it.
    pub fn piece(&self, i: usize) -> (Vec<u64>, Vec<(usize, Region)>) {
        match self {
            Cut::One(split) => {
                let (chunk, region) = split.piece(i);
                (chunk, vec![(0, region)])
            }
            Cut::Many { splits, pieces, starts } => {
                let here = &pieces[starts[i]..starts[i + 1]];
                let piece =
                    |&(region, piece): &(u32, u64)| (region as usize, splits[region as usize].piece(piece as usize).1);
                (self.chunk(i), here.iter().map(piece).collect())
            }
        }
    }

    /// The regions that want some of chunk number `i`.
    pub fn regions(&self, i: usize) -> impl Iterator<Item = usize> {
        let here = match self {
            Cut::One(_) => &[(0, 0)][..],
            Cut::Many { pieces, starts, .. } => &pieces[starts[i]..starts[i + 1]],
        };
        here.iter().map(|&(region, _)| region as usize)
    }

    /// The number of pieces of each region.
    pub fn pieces(&self) -> Vec<usize> {
        match self {
            Cut::One(split) => vec![split.len()],
            Cut::Many { splits, .. } => splits.iter().map(Split::len).collect(),
        }
    }

    /// The numbers of the chunks in C order, of a grid of `counts` chunks.
    pub fn numbers(&self, counts: &[u64]) -> impl Iterator<Item = usize> {
        (0..self.len()).map(|i| read::number(&self.chunk(i), counts))
    }
}
