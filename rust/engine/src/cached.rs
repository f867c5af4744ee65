//! Reading by way of a cache of decoded chunks.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::array::Array;
use crate::cache::chunks::{Chunks, Found, Kept, Reading, Status, Version};
use crate::cancel::{Cancel, Context};
use crate::codec::chain::{Chain, Form};
use crate::codec::{Serializer, Spec};
use crate::error::Result;
use crate::exec::Exec;
use crate::object::{Object, SubObject};
use crate::read;
use crate::reserve::{push, repeated};
use crate::runtime;
use crate::selection::Region;
use crate::shard::{Index, Sharding};
use crate::strided::Output;
use crate::targets::{Cut, Targets};

/// A cache, as one array uses it.
#[derive(Debug, Clone)]
pub struct Use {
    /// The cache.
    pub chunks: Arc<Chunks>,
    /// The beginning of the names of the array's values, before their keys.
    pub place: String,
    /// The number of the array's layout in the cache.
    pub layout: u64,
    /// When the array was opened.
    pub opened: Instant,
    /// The code in which chunks are kept whose elements stand in a table of one operation; `None` if
    /// they are kept as they are decoded.
    pub table: Option<Arc<dyn Serializer>>,
}

/// The bits that the number of an inner chunk takes, and how many levels of shards can be told apart.
const BITS: u32 = 27;
const LEVELS: u32 = 4;

/// Finds the value of a key.
pub type Open = Box<dyn Fn() -> Result<Option<Arc<dyn Object>>> + Send + Sync>;

/// The read of one stored value.
pub struct Value {
    array: Arc<Array>,
    cached: Use,
    name: String,
    due: Option<Instant>,
    /// The version that the value is certain to have now, if that is known without asking.
    expected: Option<Version>,
    open: Open,
    opened: Mutex<Option<Arc<Opened>>>,
    /// The state of the value of which chunks were used first, and whether others were, too.
    state: AtomicU64,
    mixed: AtomicU64,
}

/// The value, as it was when it was opened.
struct Opened {
    reading: Arc<Reading>,
    time: Instant,
    version: Version,
    object: Option<Arc<dyn Object>>,
}

/// Chunks of a state that nobody else knows of.
const OWN: u64 = u64::MAX;

impl Value {
    /// The value of `key`, found by `open`, of an array that reads by way of a cache.
    pub fn new(
        array: &Arc<Array>,
        cached: &Use,
        key: &str,
        due: Option<Instant>,
        expected: Option<Version>,
        open: Open,
    ) -> Arc<Self> {
        let (array, cached) = (Arc::clone(array), cached.clone());
        let name = cached.name_of(key);
        let (opened, state, mixed) = (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
        Arc::new(Self { array, cached, name, due, expected, open, opened, state, mixed })
    }

    /// Reads `chunk` to all its places.
    pub fn read(self: &Arc<Self>, chunk: &[u64], targets: &Targets, exec: Exec<'_>) -> Result<()> {
        self.recheck()?;
        let form = self.array.form(chunk)?;
        let root = Arc::new(Node { value: Arc::clone(self), path: 0, level: 0, origin: Origin::Value });
        root.read(self.array.chain(), &form, targets, exec)?;
        if self.mixed.load(Ordering::Relaxed) == 0 {
            return Ok(());
        }
        // The value was replaced meanwhile: all that is read is to be of one state.
        match (self.open)()? {
            None => targets.fill(self.array.absent()?),
            Some(object) => targets.read(self.array.chain(), &form, &object, exec),
        }
    }

    /// Reads inner chunk `number` of the value, which is a shard, from the stored bytes of it.
    pub fn read_inner(
        self: &Arc<Self>,
        sharding: &Sharding,
        number: usize,
        object: Arc<dyn Object>,
        targets: &Targets,
    ) -> Result<()> {
        let origin = Origin::Given(object);
        let node = Arc::new(Node { value: Arc::clone(self), path: number as u128, level: 1, origin });
        node.read(sharding.chain(), &sharding.form()?, targets, Exec::Here)
    }

    /// The same of an inner chunk that is kept; says whether it is.
    pub fn read_kept_inner(&self, sharding: &Sharding, number: usize, form: &Form, targets: &Targets) -> Result<bool> {
        if sharding.chain().shard().is_some() {
            return Ok(false);
        }
        match self.get(number as u128, form.nbytes) {
            Some((Kept::Bytes(bytes), _)) => {
                targets.scatter(&self.cached.elements(&bytes, form)?, &form.strides, 0).map(|()| true)
            }
            Some((Kept::Absent, _)) => targets.fill(sharding.chain().fill().bytes()).map(|()| true),
            None => Ok(false),
        }
    }

    /// Keeps that inner chunk `number` of the value, which is a shard, is absent.
    pub fn absent_inner(&self, number: usize) -> Result<()> {
        let opened = self.opened()?;
        let place = (self.cached.layout, number as u128);
        self.cached.chunks.missed();
        self.cached.chunks.insert(&opened.reading, &opened.version, opened.time, place, Kept::Absent);
        Ok(())
    }

    /// The same value, as it was read by somebody else: what began it, and what was found.
    pub fn given(
        array: &Arc<Array>,
        cached: &Use,
        key: &str,
        due: Option<Instant>,
        reading: (Arc<Reading>, Instant),
        version: Version,
        object: Option<Arc<dyn Object>>,
    ) -> Arc<Self> {
        let ((reading, time), again) = (reading, object.clone());
        let value = Self::new(array, cached, key, due, None, Box::new(move || Ok(again.clone())));
        cached.chunks.confirm_version(&value.name, &version, time);
        let opened = Arc::new(Opened { reading, time, version, object });
        *value.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
        value
    }

    /// Finds out whether what is kept is still what is stored, if that must be looked at.
    fn recheck(&self) -> Result<()> {
        if self.expected.is_none() && matches!(self.cached.chunks.status(&self.name, self.due), Status::Due { .. }) {
            let opened = self.opened()?;
            self.cached.chunks.confirm(&self.name, &opened.version, opened.time);
        }
        Ok(())
    }

    /// Opens the value, once.
    fn opened(&self) -> Result<Arc<Opened>> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = &*opened {
            return Ok(Arc::clone(opened));
        }
        let (reading, time) = (Arc::new(self.cached.chunks.begin(&self.name)), Instant::now());
        let object = (self.open)()?;
        let version = Version::of(object.as_ref());
        let fresh = Arc::new(Opened { reading, time, version, object });
        *opened = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Notes of which state of the value a chunk is.
    fn saw(&self, state: u64) {
        if let Err(before) = self.state.compare_exchange(0, state, Ordering::Relaxed, Ordering::Relaxed)
            && before != state
        {
            self.mixed.store(1, Ordering::Relaxed);
        }
    }

    /// The chunk, if it is kept. That it is absent is no answer where that is an error.
    fn get(&self, path: u128, nbytes: usize) -> Option<Found> {
        let found = self.cached.chunks.get(&self.name, self.due, self.expected.as_ref(), (self.cached.layout, path));
        found.filter(|(kept, _)| match kept {
            Kept::Absent => self.array.missing_ok(),
            Kept::Bytes(bytes) => self.cached.fits(bytes, nbytes),
        })
    }
}

impl Use {
    /// Whether kept bytes can be those of a chunk of `nbytes`.
    fn fits(&self, kept: &[u8], nbytes: usize) -> bool {
        self.table.is_some() || kept.len() == nbytes
    }

    /// The elements of a kept chunk.
    fn elements<'a>(&self, kept: &'a [u8], form: &Form) -> Result<Cow<'a, [u8]>> {
        let Some(table) = &self.table else { return Ok(Cow::Borrowed(kept)) };
        let mut elements = repeated(0u8, form.nbytes)?;
        table.decode(&spec(form), kept, &mut elements)?;
        Ok(Cow::Owned(elements))
    }

    /// The form in which the elements of a chunk are kept.
    fn kept(&self, elements: &Arc<Vec<u8>>, form: &Form) -> Result<Kept> {
        let Some(table) = &self.table else { return Ok(Kept::Bytes(Arc::clone(elements))) };
        let mut kept = Vec::new();
        table.encode(&spec(form), elements, &mut kept)?;
        kept.shrink_to_fit();
        Ok(Kept::Bytes(Arc::new(kept)))
    }

    /// The name of the value of `key`.
    pub fn name_of(&self, key: &str) -> String {
        let mut name = String::with_capacity(self.place.len() + key.len());
        name.push_str(&self.place);
        name.push_str(key);
        name
    }
}

/// The chunk, as a serializer is told of it: all its elements, one after the other in memory.
fn spec(form: &Form) -> Spec {
    let count: u64 = form.shape.iter().product();
    Spec { shape: vec![count], size: form.nbytes / usize::try_from(count.max(1)).unwrap_or(usize::MAX) }
}

/// A stored value, or a chunk in one, which may be a shard itself.
struct Node {
    value: Arc<Value>,
    path: u128,
    level: u32,
    origin: Origin,
}

/// Where stored bytes come from.
enum Origin {
    /// They are all of the value.
    Value,
    /// A shard, in which they have this number.
    Shard(Arc<Shard>, usize),
    /// They are here.
    Given(Arc<dyn Object>),
}

/// A shard of which some inner chunks are read.
struct Shard {
    node: Arc<Node>,
    sharding: Arc<Sharding>,
    counts: Vec<u64>,
    targets: Targets,
    cut: Cut,
    index: Mutex<Option<Arc<Index>>>,
}

impl Node {
    /// The stored bytes, if there are any.
    fn object(&self) -> Result<Option<Arc<dyn Object>>> {
        let (shard, number) = match &self.origin {
            Origin::Value => return Ok(self.value.opened()?.object.clone()),
            Origin::Given(object) => return Ok(Some(Arc::clone(object))),
            Origin::Shard(shard, number) => (shard, number),
        };
        let Some(object) = shard.node.object()? else { return Ok(None) };
        match shard.index(&object)?.get(*number)? {
            None => Ok(None),
            Some((offset, len)) => Ok(Some(Arc::new(SubObject::new(object, offset, len)?))),
        }
    }

    fn read(self: &Arc<Self>, chain: &Arc<Chain>, form: &Form, targets: &Targets, exec: Exec<'_>) -> Result<()> {
        let most = self.value.cached.chunks.most();
        match chain.shard() {
            Some(sharding) if self.level < LEVELS => self.read_shard(sharding, &form.shape, targets, exec),
            // A chunk that is too large to be kept is read as if there were no cache.
            shard if shard.is_some() || self.value.cached.table.is_none() && form.nbytes as u64 > most => {
                self.value.cached.chunks.missed();
                self.value.saw(OWN);
                match self.object()? {
                    None => self.fill(chain, targets),
                    Some(object) => targets.read(chain, form, &object, exec),
                }
            }
            _ => {
                let (elements, state) = self.chunk(chain, form, exec)?;
                self.value.saw(state);
                match elements {
                    None => self.fill(chain, targets),
                    Some(elements) => targets.scatter(&elements, &form.strides, 0),
                }
            }
        }
    }

    fn fill(&self, chain: &Chain, targets: &Targets) -> Result<()> {
        if self.value.array.missing_ok() {
            return targets.fill(chain.fill().bytes());
        }
        // In a shard that is there, chunks may be absent.
        match self.value.opened()?.object {
            None => targets.fill(self.value.array.absent()?),
            Some(_) => targets.fill(chain.fill().bytes()),
        }
    }

    fn read_shard(
        self: &Arc<Self>,
        sharding: &Arc<Sharding>,
        shape: &[u64],
        targets: &Targets,
        exec: Exec<'_>,
    ) -> Result<()> {
        let counts = sharding.counts(shape)?;
        let cut = targets.cut(&sharding.grid(shape)?)?;
        let (form, n) = (sharding.form()?, cut.len());
        let bytes = (form.nbytes as u64).saturating_mul(n as u64);
        let (node, sharding, targets) = (Arc::clone(self), Arc::clone(sharding), targets.clone());
        let shard = Arc::new(Shard { node, sharding, counts, targets, cut, index: Mutex::default() });
        exec.run(n, bytes, move |i, exec| {
            let (chunk, targets) = shard.targets.inner(&shard.cut, i);
            let number = read::number(&chunk, &shard.counts);
            let node = Arc::new(Node {
                value: Arc::clone(&shard.node.value),
                path: shard.node.path << BITS | number as u128,
                level: shard.node.level + 1,
                origin: Origin::Shard(Arc::clone(&shard), number),
            });
            node.read(shard.sharding.chain(), &form, &targets, exec).map_err(|e| e.with_inner(&chunk))
        })
    }

    /// The elements of the chunk, if it is stored, and the state that they are of: those that are kept,
    /// or else they are read now, by one reader for all who want them.
    fn chunk(&self, chain: &Arc<Chain>, form: &Form, exec: Exec<'_>) -> Result<(Option<Arc<Vec<u8>>>, u64)> {
        let (value, cached) = (&self.value, &self.value.cached);
        if let Some(found) = value.get(self.path, form.nbytes) {
            return self.found(found, form);
        }
        let (locks, never) = (runtime::locks(), Cancel::new());
        let flight = format!("chunk\0{}\0{}\0{}\0{}", cached.chunks.number(), cached.layout, self.path, value.name);
        let deaf = Context::new(&never);
        let flight = locks.lock(&flight, exec.context().unwrap_or(&deaf))?;
        value.recheck()?;
        if let Some(found) = value.get(self.path, form.nbytes) {
            drop(flight);
            return self.found(found, form);
        }
        cached.chunks.missed();
        let opened = value.opened()?;
        let elements = match self.object()? {
            None if opened.object.is_none() && !value.array.missing_ok() => return Ok((None, OWN)),
            None => None,
            Some(object) => Some(Arc::new(decoded(chain, form, &object, exec)?)),
        };
        let kept = elements.as_ref().map_or(Ok(Kept::Absent), |elements| cached.kept(elements, form))?;
        let place = (cached.layout, self.path);
        let state = cached.chunks.insert(&opened.reading, &opened.version, opened.time, place, kept);
        Ok((elements, state.unwrap_or(OWN)))
    }

    fn found(&self, (kept, state): Found, form: &Form) -> Result<(Option<Arc<Vec<u8>>>, u64)> {
        let elements = match kept {
            Kept::Absent => None,
            Kept::Bytes(bytes) => match self.value.cached.elements(&bytes, form)? {
                Cow::Owned(elements) => Some(Arc::new(elements)),
                Cow::Borrowed(_) => Some(bytes),
            },
        };
        Ok((elements, state))
    }
}

impl Shard {
    fn index(&self, object: &Arc<dyn Object>) -> Result<Arc<Index>> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = &*index {
            return Ok(Arc::clone(index));
        }
        let wanted = || self.cut.numbers(&self.counts);
        let found = read::index(&self.sharding, &self.counts, object, Some((self.cut.len(), &mut wanted())))?;
        found.check_overlap(wanted())?;
        *index = Some(Arc::clone(&found));
        Ok(found)
    }
}

/// All of a chunk.
fn decoded(chain: &Arc<Chain>, form: &Form, object: &Arc<dyn Object>, exec: Exec<'_>) -> Result<Vec<u8>> {
    let mut data = repeated(0u8, form.nbytes)?;
    Output::with(&mut data, &form.shape, &form.strides, chain.size(), |whole| {
        read::chunk(chain, form, object, &Region::all(&form.shape), whole, exec)
    })?;
    Ok(data)
}

/// Reads `region` of an array if that is one element or a few of one chunk, and if the chunk is kept;
/// says whether it did. `value` finds what a key is certain to be now, where that can be told at once.
pub fn read_kept(
    array: &Array,
    cached: &Use,
    region: &Region,
    view: &Output,
    value: impl FnOnce(&str) -> Result<Option<Version>>,
) -> Result<bool> {
    let split = region.split(array.grid())?;
    if split.len() != 1 {
        return Ok(false);
    }
    let (chunk, mut region) = split.piece(0);
    let (mut chain, mut form) = (array.chain(), array.form(&chunk)?.into_owned());
    let (mut path, mut level) = (0u128, 0);
    while let Some(sharding) = chain.shard() {
        let split = region.split(&sharding.grid(&form.shape)?)?;
        if split.len() != 1 || level == LEVELS {
            return Ok(false);
        }
        let (inner, part) = split.piece(0);
        path = path << BITS | read::number(&inner, &sharding.counts(&form.shape)?) as u128;
        (chain, form, region, level) = (sharding.chain(), sharding.form()?, part, level + 1);
    }
    let key = array.key(&chunk)?;
    let expected = value(&key)?;
    if expected == Some(Version::Unknown) {
        return Ok(false);
    }
    let due = cached.chunks.due_before(cached.opened);
    let found = cached.chunks.get(&cached.name_of(&key), due, expected.as_ref(), (cached.layout, path));
    match found {
        Some((Kept::Bytes(bytes), _)) if cached.fits(&bytes, form.nbytes) => {
            view.scatter(&region, &cached.elements(&bytes, &form)?, &form.strides, 0).map(|()| true)
        }
        Some((Kept::Absent, _)) if array.missing_ok() => view.fill(&region, chain.fill().bytes()).map(|()| true),
        _ => Ok(false),
    }
}

/// As [`read_kept`], of any number of inner chunks of one stored value, of which all must be kept.
pub fn read_all_kept(
    array: &Array,
    cached: &Use,
    name: &str,
    due: Option<Instant>,
    chunk: &[u64],
    targets: &Targets,
) -> Result<bool> {
    let mut found = Vec::new();
    let find = Find { cached, name, due };
    if !find.all(array.chain(), &*array.form(chunk)?, targets, 0, 0, &mut found)? {
        return Ok(false);
    }
    let state = found.first().map(|piece| piece.state);
    if found.iter().any(|piece| Some(piece.state) != state || matches!(piece.kept, Kept::Absent) && !array.missing_ok())
    {
        return Ok(false);
    }
    cached.chunks.found(found.len() as u64);
    for piece in found {
        match piece.kept {
            Kept::Bytes(bytes) => {
                let elements = cached.elements(&bytes, &piece.form)?;
                piece.targets.scatter(&elements, &piece.form.strides, 0)?;
            }
            Kept::Absent => piece.targets.fill(array.chain().fill().bytes())?,
        }
    }
    Ok(true)
}

struct Find<'a> {
    cached: &'a Use,
    name: &'a str,
    due: Option<Instant>,
}

/// A kept chunk, and what of it is wanted.
struct Piece {
    kept: Kept,
    state: u64,
    targets: Targets,
    form: Form,
}

impl Find<'_> {
    /// Collects the chunks that `targets` want; `false` as soon as one of them is not kept.
    fn all(
        &self,
        chain: &Arc<Chain>,
        form: &Form,
        targets: &Targets,
        path: u128,
        level: u32,
        found: &mut Vec<Piece>,
    ) -> Result<bool> {
        let Some(sharding) = chain.shard() else {
            let kept = self.cached.chunks.peek(self.name, self.due, None, (self.cached.layout, path));
            let Some((kept, state)) = kept else { return Ok(false) };
            if matches!(&kept, Kept::Bytes(bytes) if !self.cached.fits(bytes, form.nbytes)) {
                return Ok(false);
            }
            push(found, Piece { kept, state, targets: targets.clone(), form: form.clone() })?;
            return Ok(true);
        };
        if level == LEVELS {
            return Ok(false);
        }
        let (counts, cut) = (sharding.counts(&form.shape)?, targets.cut(&sharding.grid(&form.shape)?)?);
        let form = sharding.form()?;
        for i in 0..cut.len() {
            let (inner, part) = targets.inner(&cut, i);
            let path = path << BITS | read::number(&inner, &counts) as u128;
            if !self.all(sharding.chain(), &form, &part, path, level + 1, found)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
