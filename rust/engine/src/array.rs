//! An array, compiled: grid, keys, codecs. Reads and writes whatever a selection asks for.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use crate::cache::chunks::{Version, Writing};
use crate::cached::{Use, Value};
use crate::cancel::{Cancel, Context};
use crate::codec::Spec;
use crate::codec::chain::{Chain, Form, bytes_of};
use crate::error::{Error, Kind, Result};
use crate::exec::Exec;
use crate::grid::Grid;
use crate::key::KeyEncoding;
use crate::locks::{Guard, Locks};
use crate::object::{Object, Sink, Source};
use crate::pool::apart;
use crate::read;
use crate::reserve::{repeated, reserve};
use crate::runtime::{self, Own};
use crate::selection::{Region, Split};
use crate::strided::{Output, View, strides_of};
use crate::targets::{Target, Targets};
use crate::trace::{self, Phase};
use crate::write;

/// The cost of a chunk besides its bytes (to open a file, look up a key), as bytes of copying.
pub(crate) const CHUNK_COST: u64 = 8 << 10;

/// How stored values are read where requests cost more than bytes.
#[derive(Debug, Clone, Copy)]
pub struct Coalesce {
    /// Ranges at most this far apart become one request …
    pub gap: u64,
    /// … of at most this many bytes.
    pub most: u64,
}

impl Default for Coalesce {
    /// Values that suit a store beyond a network.
    fn default() -> Self {
        Self { gap: 1 << 20, most: 16 << 20 }
    }
}

/// How elements are written.
#[derive(Debug, Clone, Copy, Default)]
pub struct How {
    /// Whether chunks are stored that hold only fill values.
    pub write_empty: bool,
    /// Whether somebody may be making the array longer: then what a chunk holds beyond the end of
    /// the array as we know it is theirs, and is kept.
    pub may_grow: bool,
}

impl How {
    /// The part of a chunk of shape `size` that holds elements, if `valid` of it is in the array as we
    /// know it: a write that covers this part leaves nothing of the chunk, and none of an inner chunk.
    pub fn used(self, valid: Vec<u64>, size: &[u64]) -> Vec<u64> {
        if self.may_grow { size.to_vec() } else { valid }
    }
}

/// A selection that was checked, cut into chunks.
#[derive(Debug)]
pub struct Pieces {
    split: Split,
    cost: u64,
}

/// A compiled array: frozen, shared by all who read and write it.
///
/// ```
/// use zarr_engine::array::{Array, Coalesce};
/// use zarr_engine::codec::chain::{Chain, Link};
/// use zarr_engine::element::{Fill, Swap};
/// use zarr_engine::grid::{Axis, Grid};
/// use zarr_engine::key::KeyEncoding;
///
/// let grid = Grid(vec![Axis::regular(4, 10)?]);
/// let chain = Chain::new(vec![Link::Bytes(Swap::None)], 1, &Fill::new(&[0; 2])?)?;
/// let array = Array::new("a/".into(), grid, KeyEncoding::Default('/'), chain, true, Coalesce::default())?;
/// assert_eq!((array.shape(), array.key(&[2])?), (vec![10], "a/c/2".to_owned()));
/// # Ok::<(), zarr_engine::error::Error>(())
/// ```
#[derive(Debug)]
pub struct Array {
    prefix: String,
    grid: Grid,
    keys: KeyEncoding,
    chain: Arc<Chain>,
    /// For grids whose chunks all have one shape.
    uniform: Option<Form>,
    /// Whether an absent chunk is read as fill values; else it is an error.
    missing_ok: bool,
    coalesce: Coalesce,
    cached: Option<Use>,
    /// The beginning of the names of shards in somebody's store that tells versions apart.
    indexed: Option<String>,
}

impl Array {
    /// Puts an array together; fails if its parts contradict each other.
    pub fn new(
        prefix: String,
        grid: Grid,
        keys: KeyEncoding,
        chain: Chain,
        missing_ok: bool,
        coalesce: Coalesce,
    ) -> Result<Self> {
        let uniform = grid.uniform().map(|shape| chain.form(&shape)).transpose()?;
        Ok(Self {
            prefix,
            grid,
            keys,
            chain: Arc::new(chain),
            uniform,
            missing_ok,
            coalesce,
            cached: None,
            indexed: None,
        })
    }

    /// The same array, read by way of a cache.
    pub fn with_cache(mut self, cached: Use) -> Self {
        self.cached = Some(cached);
        self
    }

    /// The same array, in a store that tells the versions of a value apart: the indexes of its shards are
    /// kept, by names that begin with `place`.
    pub fn with_kept_indexes(mut self, place: String) -> Self {
        self.indexed = Some(place);
        self
    }

    /// The name of the shard of `key`, if its index is kept.
    pub fn indexed(&self, key: &str) -> Option<Box<str>> {
        self.indexed.as_ref().map(|place| format!("{place}{key}").into())
    }

    /// The cache by way of which it is read.
    pub fn cached(&self) -> Option<&Use> {
        self.cached.as_ref()
    }

    /// Whether an absent chunk is read as fill values.
    pub fn missing_ok(&self) -> bool {
        self.missing_ok
    }

    /// The shape of the array.
    pub fn shape(&self) -> Vec<u64> {
        self.grid.0.iter().map(crate::grid::Axis::extent).collect()
    }

    /// The grid of stored chunks.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// The codecs.
    pub fn chain(&self) -> &Arc<Chain> {
        &self.chain
    }

    /// How requests are joined.
    pub fn coalesce(&self) -> Coalesce {
        self.coalesce
    }

    /// The key of `chunk`.
    pub fn key(&self, chunk: &[u64]) -> Result<String> {
        self.keys.encode(&self.prefix, chunk)
    }

    /// The beginning of all keys of the array: its path, with a slash behind it.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The facts about `chunk` that the chain must know.
    pub fn form(&self, chunk: &[u64]) -> Result<Cow<'_, Form>> {
        match &self.uniform {
            Some(form) => Ok(Cow::Borrowed(form)),
            None => Ok(Cow::Owned(self.chain.form(&self.grid.size(chunk))?)),
        }
    }

    /// Checks `region` against the array and `view` against the region.
    pub fn check(&self, region: &Region, view: &View) -> Result<()> {
        region.check(&self.shape())?;
        let wanted = region.view_shape();
        let found: Vec<u64> = view.shape().iter().map(|&n| n as u64).collect();
        if wanted != found {
            return Err(Error::new(Kind::Selection, "the buffer does not have the shape of the selection")
                .expected(format_args!("{wanted:?}"), format_args!("{found:?}")));
        }
        if view.size() != self.chain.size() {
            return Err(Error::new(Kind::Selection, "the buffer does not have elements of the array's size")
                .expected(self.chain.size(), view.size()));
        }
        Ok(())
    }

    /// The value of every element of an absent chunk.
    pub fn absent(&self) -> Result<&[u8]> {
        if self.missing_ok {
            Ok(self.chain.fill().bytes())
        } else {
            Err(Error::new(Kind::Missing, "the chunk is not in the store"))
        }
    }

    fn cost(&self, region: &Region, split: &Split) -> u64 {
        let bytes = region.len().saturating_mul(self.chain.size() as u64);
        bytes.saturating_add(CHUNK_COST.saturating_mul(split.len() as u64))
    }

    /// The pieces that are read of each chunk, of a `region` that goes to `view`.
    pub fn pieces(&self, region: &Region, view: &View) -> Result<Pieces> {
        self.check(region, view)?;
        let split = region.split(&self.grid)?;
        let cost = self.cost(region, &split);
        Ok(Pieces { split, cost })
    }

    /// About how many bytes reading `pieces` from memory costs, if it copies them and does nothing else.
    pub fn copies(&self, pieces: &Pieces) -> Option<u64> {
        self.chain.raw().then_some(pieces.cost)
    }

    /// The keys of all chunks of `pieces`, in their order.
    pub fn keys(&self, pieces: &Pieces) -> Result<Vec<String>> {
        let mut keys = Vec::new();
        reserve(&mut keys, pieces.split.len())?;
        for i in 0..pieces.split.len() {
            keys.push(self.key(&pieces.split.chunk(i))?);
        }
        Ok(keys)
    }

    /// Reads `region` into `view`. `source` is told how many values there are, and gives a function
    /// that finds the value of a key, which is given the number of the key as well.
    pub fn read<Open>(
        self: &Arc<Self>,
        source: impl FnOnce(usize) -> Open,
        region: &Region,
        view: &Output,
        exec: Exec<'_>,
    ) -> Result<()>
    where
        Open: Fn(usize, &str) -> Result<Option<Arc<dyn Object>>> + Send + Sync + 'static,
    {
        self.read_pieces(source, self.pieces(region, view)?, view, false, exec)
    }

    /// Reads `pieces`, which were made for `view`, into it. `found`: the values were found already, and
    /// asking for them costs nothing.
    pub fn read_pieces<Open>(
        self: &Arc<Self>,
        source: impl FnOnce(usize) -> Open,
        pieces: Pieces,
        view: &Output,
        found: bool,
        exec: Exec<'_>,
    ) -> Result<()>
    where
        Open: Fn(usize, &str) -> Result<Option<Arc<dyn Object>>> + Send + Sync + 'static,
    {
        let Pieces { split, cost } = pieces;
        let open = source(split.len());
        let n = split.len();
        trace::saw(Phase::Value, n as u64, 0);
        let (array, view) = (Arc::clone(self), view.clone());
        if let Some(cached) = &self.cached {
            let (due, open) = (cached.chunks.due_before(cached.opened), Arc::new(open));
            return exec.run(n, cost, move |i, exec| {
                let (chunk, region) = split.piece(i);
                let key = array.key(&chunk)?;
                let targets = Target { region, view: view.clone() }.into();
                let find = {
                    let (open, key) = (Arc::clone(&open), key.clone());
                    move || open(i, &key)
                };
                let read = array.read_chunk(find, found, due, (&chunk, &key), &targets, exec);
                read.map_err(|e| e.with_key(&key).with_chunk(&chunk))
            });
        }
        exec.run(n, cost, move |i, exec| {
            let (chunk, region) = split.piece(i);
            let key = array.key(&chunk)?;
            let read = || read_one(&array, open(i, &key)?, &chunk, &region, &view, exec);
            read().map_err(|e| e.with_key(&key).with_chunk(&chunk))
        })
    }

    /// Reads one chunk, or shard, to all its places. `find` gives the value of its key. `found`: the value
    /// was found already, and asking for it costs nothing. Chunks that a cache looked at before `due`
    /// are looked at again.
    pub fn read_chunk<Find>(
        self: &Arc<Self>,
        find: Find,
        found: bool,
        due: Option<Instant>,
        (chunk, key): (&[u64], &str),
        targets: &Targets,
        exec: Exec<'_>,
    ) -> Result<()>
    where
        Find: Fn() -> Result<Option<Arc<dyn Object>>> + Send + Sync + 'static,
    {
        if let Some(cached) = &self.cached {
            let expected = if found { Some(Version::of(find()?.as_ref())) } else { None };
            // Nothing would tell a value without a version from another one that somebody puts there.
            if expected != Some(Version::Unknown) {
                let value = Value::new(self, cached, key, due, expected, Box::new(find));
                return value.read(chunk, targets, exec);
            }
        }
        match find()? {
            None => targets.fill(self.absent()?),
            Some(object) => targets.read(&self.chain, &*self.form(chunk)?, &object, exec),
        }
    }

    /// Writes `view` to `region`. `sink` is told how many values there are, and gives the store. A chunk
    /// that is covered only in part is read, changed and written while its lock is held: that of its
    /// key, behind `lock`.
    #[allow(clippy::too_many_arguments)]
    pub fn write(
        self: &Arc<Self>,
        sink: impl FnOnce(usize) -> Arc<dyn Sink>,
        region: &Region,
        view: &View,
        how: How,
        locks: (&Arc<Own<Locks>>, &str),
        exec: Exec<'_>,
    ) -> Result<()> {
        self.check(region, view)?;
        let split = region.split(&self.grid)?;
        let (n, cost) = (split.len(), self.cost(region, &split).saturating_mul(4));
        trace::saw(Phase::Value, n as u64, 0);
        let (array, sink, view) = (Arc::clone(self), sink(n), view.clone());
        let (locks, prefix) = (Arc::clone(locks.0), locks.1.to_owned());
        exec.run(n, cost, move |i, exec| {
            let (chunk, region) = split.piece(i);
            let key = array.key(&chunk)?;
            let _told = Writing(|| format!("{prefix}/{key}"));
            let write = || -> Result<()> {
                let form = array.form(&chunk)?;
                let used = how.used(array.grid.valid(&chunk), &form.shape);
                let full = region.covers(&used);
                let guard = if full { None } else { Some(lock(&locks, &format!("{prefix}/{key}"), exec)?) };
                let done = loop {
                    let old = if full { None } else { sink.claim(&key, exec.context())? };
                    let parts =
                        write::chunk(&array.chain, &form, &used, old.as_ref(), &region, &view, how.write_empty, exec)?;
                    let done = match parts {
                        Some(parts) => sink.put(&key, parts, old.as_ref(), !full)?,
                        // A value that another process made since is not ours to remove.
                        None if !full && old.is_none() => true,
                        None => sink.delete(&key, !full).map(|()| true)?,
                    };
                    // Or another process made a value where there was none: it is a part of that now.
                    if done {
                        break Ok(());
                    }
                };
                drop(guard);
                done
            };
            write().map_err(|e| e.with_key(&key).with_chunk(&chunk))
        })
    }

    /// The elements of `region`, in C order: of the array, or of the points.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use zarr_engine::array::Array;
    /// use zarr_engine::files::Files;
    /// use zarr_engine::object::Sink;
    /// use zarr_engine::selection::{AxisMap, Region};
    ///
    /// # let directory = std::env::temp_dir().join(format!("zarr-engine-{}-read", std::process::id()));
    /// let array = Arc::new(Array::from_json(
    ///     "",
    ///     r#"{
    ///         "zarr_format": 3, "node_type": "array", "shape": [4], "data_type": "uint8",
    ///         "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
    ///         "chunk_key_encoding": {"name": "default"}, "fill_value": 0, "codecs": ["bytes"]
    ///     }"#,
    /// )?);
    /// let files = Arc::new(Files::new(&directory, false)?);
    /// let sink: Arc<dyn Sink> = files.clone();
    /// array.write_bytes(&sink, &Region::all(&[4]), vec![1, 2, 3, 4])?;
    ///
    /// let middle = Region::Box(vec![AxisMap::Range { start: 1, step: 1, count: 2, at: 0 }]);
    /// assert_eq!(array.read_bytes(&files, &middle)?, [2, 3]);
    /// # std::fs::remove_dir_all(directory).unwrap();
    /// # Ok::<(), zarr_engine::error::Error>(())
    /// ```
    pub fn read_bytes<S>(self: &Arc<Self>, source: &Arc<S>, region: &Region) -> Result<Vec<u8>>
    where
        S: Source + ?Sized + 'static,
    {
        region.check(&self.shape())?;
        let (shape, size) = (region.view_shape(), self.chain.size());
        let mut data = repeated(0, bytes_of(&Spec { shape: shape.clone(), size })?)?;
        let (source, cancel) = (Arc::clone(source), Cancel::new());
        let open = |_| move |_: usize, key: &str| source.open(key);
        Output::with(&mut data, &shape, &strides_of(&shape, size)?, size, |view| {
            self.read(open, region, view, Exec::Files(&Context::new(&cancel)))
        })?;
        Ok(data)
    }

    /// Writes `data`, elements in C order, to `region`. Chunks that would hold only fill values are
    /// removed.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use zarr_engine::array::Array;
    /// use zarr_engine::error::Kind;
    /// use zarr_engine::files::Files;
    /// use zarr_engine::object::Sink;
    /// use zarr_engine::selection::Region;
    ///
    /// # let directory = std::env::temp_dir().join(format!("zarr-engine-{}-write", std::process::id()));
    /// let array = Arc::new(Array::from_json(
    ///     "a",
    ///     r#"{
    ///         "zarr_format": 3, "node_type": "array", "shape": [4], "data_type": "uint8",
    ///         "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
    ///         "chunk_key_encoding": {"name": "default"}, "fill_value": 0, "codecs": ["bytes"]
    ///     }"#,
    /// )?);
    /// let files = Arc::new(Files::new(&directory, false)?);
    /// let sink: Arc<dyn Sink> = files.clone();
    /// let all = Region::all(&[4]);
    /// array.write_bytes(&sink, &all, vec![0, 0, 3, 4])?;
    /// // The first chunk would hold only fill values: it is not stored.
    /// assert_eq!(files.get("a/c/0", 0, None)?, None);
    /// assert_eq!(files.get("a/c/1", 0, None)?, Some(vec![3, 4]));
    /// assert_eq!(array.write_bytes(&sink, &all, vec![0; 3]).unwrap_err().kind(), Kind::Selection);
    /// # std::fs::remove_dir_all(directory).unwrap();
    /// # Ok::<(), zarr_engine::error::Error>(())
    /// ```
    pub fn write_bytes(self: &Arc<Self>, sink: &Arc<dyn Sink>, region: &Region, mut data: Vec<u8>) -> Result<()> {
        region.check(&self.shape())?;
        let (shape, size, cancel) = (region.view_shape(), self.chain.size(), Cancel::new());
        if data.len() != bytes_of(&Spec { shape: shape.clone(), size })? {
            return Err(Error::new(Kind::Selection, "the data do not have the size of the selection")
                .expected(format_args!("{shape:?} elements of {size} bytes"), format_args!("{} bytes", data.len())));
        }
        let locks = runtime::locks();
        Output::with(&mut data, &shape, &strides_of(&shape, size)?, size, |view| {
            let (context, how) = (Context::new(&cancel), How::default());
            self.write(|_| Arc::clone(sink), region, view, how, (&locks, ""), Exec::Files(&context))
        })
    }
}

fn read_one(
    array: &Array,
    found: Option<Arc<dyn Object>>,
    chunk: &[u64],
    region: &Region,
    view: &Output,
    exec: Exec<'_>,
) -> Result<()> {
    match found {
        None => view.fill(region, array.absent()?),
        Some(object) => read::chunk(&array.chain, &*array.form(chunk)?, &object, region, view, exec),
    }
}

fn lock<'a>(locks: &'a Locks, name: &str, exec: Exec<'_>) -> Result<Guard<'a>> {
    apart(|| match exec.context() {
        Some(context) => locks.lock(name, context),
        None => locks.lock(name, &Context::new(&Cancel::new())),
    })
}
