//! Whatever the codecs, the grid and the way in: an array reads and writes as one large box does.

#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use zarr_engine::array::{Array, Coalesce, How};
use zarr_engine::cancel::{Cancel, Context};
use zarr_engine::codec::chain::{Chain, Link};
use zarr_engine::codec::crc32c::Crc32c;
use zarr_engine::codec::deflate::Gzip;
use zarr_engine::codec::delta::Delta;
use zarr_engine::codec::zstd::Zstd;
use zarr_engine::element::{Fill, Swap};
use zarr_engine::error::{Kind, Result};
use zarr_engine::exec::Exec;
use zarr_engine::grid::{Axis, Grid};
use zarr_engine::key::KeyEncoding;
use zarr_engine::object::{Object, Part, Sink, Source, join};
use zarr_engine::plan::{ReadPlan, Want, WritePlan};
use zarr_engine::runtime;
use zarr_engine::selection::{AxisMap, Indices, Mask, Points, Region};
use zarr_engine::shard::{Order, Sharding};
use zarr_engine::strided::{Output, View};

const SIZE: usize = 4;

/// Values, and whether they are said to share what they have in common.
#[derive(Default)]
struct Memory(Mutex<HashMap<String, Arc<Vec<u8>>>>, bool);

/// Bytes that are not handed out whole, as those of a file.
struct Unseen(Arc<Vec<u8>>, bool);

impl Object for Unseen {
    fn size(&self) -> u64 {
        self.0.size()
    }
    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        self.0.read_at(offset, dst)
    }
    fn shares(&self) -> bool {
        self.1
    }
}

impl Source for Memory {
    fn open(&self, key: &str) -> Result<Option<Arc<dyn Object>>> {
        Ok(self.0.lock().unwrap().get(key).map(|bytes| Arc::new(Unseen(Arc::clone(bytes), self.1)) as _))
    }
}

impl Sink for Memory {
    fn put(&self, key: &str, parts: Vec<Part>, old: Option<&Arc<dyn Object>>, _guarded: bool) -> Result<bool> {
        self.0.lock().unwrap().insert(key.to_owned(), Arc::new(join(parts, old)?));
        Ok(true)
    }
    fn delete(&self, key: &str, _guarded: bool) -> Result<()> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
}

fn fill() -> Fill {
    Fill::new(&7u32.to_le_bytes()).unwrap()
}

fn zstd() -> Link {
    Link::Outer(Arc::new(Zstd::new(1, true).unwrap()))
}

fn index(at: usize) -> Chain {
    let absent = Fill::new(&[0xff; 8]).unwrap();
    let crc = Link::Outer(Arc::new(Crc32c::new().unwrap()));
    let links = match at {
        0 => vec![Link::Bytes(Swap::None)],
        1 => vec![Link::Bytes(Swap::Every(8)), crc],
        _ => vec![Link::Transpose(vec![2, 0, 1]), Link::Bytes(Swap::None), crc],
    };
    Chain::new(links, 3, &absent).unwrap()
}

fn shard(inner: &[u64], links: Vec<Link>, kind: usize) -> Link {
    let order = [Order::Lexicographic, Order::Colexicographic, Order::Morton][kind % 3];
    let chain = Chain::new(links, 2, &fill()).unwrap();
    Link::Shard(Sharding::new(inner.to_vec(), chain, index(kind % 3), kind.is_multiple_of(2), order).unwrap())
}

const KINDS: usize = 12;

/// Chains of all kinds, for chunks of 6 x 8.
fn links(kind: usize) -> Vec<Link> {
    let transpose = || Link::Transpose(vec![1, 0]);
    let delta = || Link::Filter(Arc::new(Delta::new("<u4").unwrap()));
    match kind {
        0 => vec![Link::Bytes(Swap::None)],
        1 => vec![Link::Bytes(Swap::None), zstd()],
        2 => vec![transpose(), Link::Bytes(Swap::Every(4)), Link::Outer(Arc::new(Gzip::new(1).unwrap())), zstd()],
        3 => vec![transpose(), Link::Bytes(Swap::None)],
        4 => vec![delta(), Link::Bytes(Swap::None), zstd()],
        5 => vec![delta(), transpose(), Link::Bytes(Swap::None)],
        6 => vec![shard(&[3, 4], vec![Link::Bytes(Swap::None)], 0)],
        7 => vec![shard(&[2, 8], vec![Link::Bytes(Swap::None), zstd()], 1)],
        8 => vec![shard(&[3, 2], vec![transpose(), Link::Bytes(Swap::None), zstd()], 2)],
        9 => vec![shard(&[6, 4], vec![shard(&[2, 2], vec![Link::Bytes(Swap::None), zstd()], 1)], 0)],
        10 => vec![shard(&[3, 4], vec![Link::Bytes(Swap::None), zstd()], 2), zstd()],
        _ => vec![transpose(), shard(&[4, 3], vec![Link::Bytes(Swap::None)], 1)],
    }
}

fn array(kind: usize, shape: [u64; 2], varying: bool) -> Arc<Array> {
    let axis = |size: u64, extent: u64| {
        // Sharded chunks have one shape; the others may differ along the first dimension.
        if varying && kind < 6 && size == 6 {
            Axis::varying(&[6, 1, 4, 6, 20], extent).unwrap()
        } else {
            Axis::regular(size, extent).unwrap()
        }
    };
    let grid = Grid(vec![axis(6, shape[0]), axis(8, shape[1])]);
    let chain = Chain::new(links(kind), 2, &fill()).unwrap();
    let coalesce = Coalesce { gap: 16, most: 200 };
    Arc::new(Array::new("a/".into(), grid, KeyEncoding::Default('/'), chain, true, coalesce).unwrap())
}

/// A view of `data` as the region's box. The tests keep `data` until they are done with it.
fn view(data: &mut [u32], region: &Region) -> Output {
    let shape: Vec<usize> = region.view_shape().iter().map(|&n| n as usize).collect();
    let mut strides = vec![SIZE as isize; shape.len()];
    for i in (1..shape.len()).rev() {
        strides[i - 1] = strides[i] * shape[i].max(1) as isize;
    }
    // SAFETY: `data` has as many elements as the region, in C order, and outlives the view.
    unsafe { Output::new(data.as_mut_ptr().cast(), &shape, &strides, SIZE, Arc::new(())).unwrap() }
}

/// The places in the array of the elements of a region, in the order of its view.
fn places(region: &Region, columns: u64) -> Vec<usize> {
    let expand = |map: &AxisMap| -> Vec<u64> {
        match map {
            AxisMap::Range { start, step, count, .. } => (0..*count).map(|i| start + i * step).collect(),
            AxisMap::Pairs(pairs) => pairs.iter().map(|p| p.0).collect(),
        }
    };
    match region {
        Region::Box(axes) => {
            let (rows, cols) = (expand(&axes[0]), expand(&axes[1]));
            rows.iter().flat_map(|r| cols.iter().map(move |c| (r * columns + c) as usize)).collect()
        }
        Region::Points(points) => {
            points.listed().unwrap().iter().map(|(at, _)| (at[0] * columns + at[1]) as usize).collect()
        }
        Region::Mask(mask) => mask.listed().iter().map(|(at, _)| (at[0] * columns + at[1]) as usize).collect(),
    }
}

fn axis(extent: u64) -> impl Strategy<Value = AxisMap> {
    let range = (0..extent, 1..4u64, any::<bool>()).prop_flat_map(move |(start, step, all)| {
        let most = (extent - start).div_ceil(step);
        (1..=most).prop_map(move |count| {
            if all {
                AxisMap::Range { start: 0, step: 1, count: extent, at: 0 }
            } else {
                AxisMap::Range { start, step, count, at: 0 }
            }
        })
    });
    let pairs = proptest::collection::vec(0..extent, 1..6)
        .prop_map(|v| AxisMap::Pairs(v.into_iter().enumerate().map(|(at, i)| (i, at as u64)).collect()));
    prop_oneof![4 => range, 1 => pairs]
}

fn points(points: &[(u64, u64)], shape: [u64; 2]) -> Region {
    let (rows, columns): (Vec<i64>, Vec<i64>) = points.iter().map(|p| (p.0 as i64, p.1 as i64)).unzip();
    Region::Points(Points::new(vec![Box::new(rows), Box::new(columns)], &shape).unwrap())
}

fn region(shape: [u64; 2]) -> impl Strategy<Value = Region> {
    let boxes = (axis(shape[0]), axis(shape[1])).prop_map(|(a, b)| Region::Box(vec![a, b]));
    let points = proptest::collection::vec((0..shape[0], 0..shape[1]), 1..120).prop_map(move |mut points| {
        points.truncate(if points.len() % 3 == 0 { 120 } else { 12 });
        self::points(&points, shape)
    });
    let n = (shape[0] * shape[1]) as usize;
    let mask = (proptest::collection::vec(any::<bool>(), n), any::<bool>()).prop_map(move |(chosen, all)| {
        let chosen: Vec<u8> = chosen.iter().map(|&one| u8::from(one || all)).collect();
        Region::Mask(Mask::new(&shape, |start, out| out.copy_from_slice(&chosen[start..start + out.len()])).unwrap())
    });
    prop_oneof![4 => boxes, 2 => points, 2 => mask]
}

/// Answers what a plan wants, as a store would.
fn answer(memory: &Memory, key: &str, wants: &[Want]) -> Vec<Option<Arc<dyn Object>>> {
    let value = memory.0.lock().unwrap().get(key).cloned();
    wants
        .iter()
        .map(|want| {
            let bytes = value.as_deref()?;
            let part = match *want {
                Want::Whole => bytes.clone(),
                Want::Range(start, end) => bytes[start as usize..end as usize].to_vec(),
                Want::Suffix(n) => bytes[bytes.len() - n as usize..].to_vec(),
            };
            Some(Arc::new(part) as Arc<dyn Object>)
        })
        .collect()
}

fn read_by_plan(array: &Arc<Array>, memory: &Memory, region: &Region, view: Output) -> Result<()> {
    let plan = ReadPlan::new(Arc::clone(array), region.clone(), view)?;
    while let Some(mut chunk) = plan.next()? {
        loop {
            let answers = answer(memory, chunk.key(), chunk.wants());
            if chunk.feed(answers)? {
                break;
            }
        }
    }
    Ok(())
}

fn write_by_plan(array: &Arc<Array>, memory: &Memory, region: &Region, view: &View, how: How) -> Result<()> {
    let plan = WritePlan::new(Arc::clone(array), region, view.clone(), how)?;
    while let Some(chunk) = plan.next()? {
        let current = memory.0.lock().unwrap().get(chunk.key()).cloned();
        let current = current.map(|bytes| Arc::new(bytes.to_vec()) as Arc<dyn Object>);
        let current = if chunk.full() { None } else { current };
        match chunk.encode(current.as_ref(), false)? {
            Some(bytes) => memory.0.lock().unwrap().insert(chunk.key().to_owned(), Arc::new(bytes)),
            None => memory.0.lock().unwrap().remove(chunk.key()),
        };
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Every way of reading and writing agrees with a plain box.
    #[test]
    fn an_array_is_one_large_box(
        (shape, steps) in ([1..20u64, 1..20u64]).prop_flat_map(|shape| {
            let step = (region(shape), any::<bool>(), any::<bool>(), any::<bool>());
            (Just(shape), proptest::collection::vec(step, 1..6))
        }),
        kind in 0..KINDS,
        varying in any::<bool>(),
        shares in any::<bool>(),
    ) {
        let array = array(kind, shape, varying);
        let memory = Arc::new(Memory(Mutex::default(), shares));
        let sink: Arc<dyn Sink> = memory.clone();
        let mut model = vec![7u32; (shape[0] * shape[1]) as usize];
        let cancel = Cancel::new();
        let context = Context::new(&cancel);
        let mut next = 1000u32;
        for (region, write_empty, by_plan, fills) in steps {
            let places = places(&region, shape[1]);
            let mut value: Vec<u32> = places.iter().map(|_| { next += 1; if fills { 7 } else { next } }).collect();
            for (&place, &v) in places.iter().zip(&value) {
                model[place] = v;
            }
            let how = How { write_empty, may_grow: fills };
            let source = view(&mut value, &region);
            if by_plan {
                write_by_plan(&array, &memory, &region, &source, how).unwrap();
            } else {
                let locks = runtime::locks();
                array.write(|_| Arc::clone(&sink), &region, &source, how, (&locks, "m"), Exec::Pool(&context)).unwrap();
            }
            for wanted in [region, Region::all(&shape)] {
                let expected: Vec<u32> = self::places(&wanted, shape[1]).iter().map(|&p| model[p]).collect();
                let mut whole = vec![0u32; expected.len()];
                let out = view(&mut whole, &wanted);
                let from = Arc::clone(&memory);
                array.read(|_| move |_, key: &str| from.open(key), &wanted, &out, Exec::Pool(&context)).unwrap();
                prop_assert_eq!(&whole, &expected);
                whole.fill(0);
                // From bytes that are in memory already, on this thread alone.
                let from = Arc::clone(&memory);
                let open = |_| move |_: usize, key: &str| {
                    Ok(from.0.lock().unwrap().get(key).map(|b| Arc::new(b.to_vec()) as Arc<dyn Object>))
                };
                array.read(open, &wanted, &out, Exec::Here).unwrap();
                prop_assert_eq!(&whole, &expected);
                whole.fill(0);
                read_by_plan(&array, &memory, &wanted, view(&mut whole, &wanted)).unwrap();
                prop_assert_eq!(&whole, &expected);
            }
        }
    }
}

/// A generator of test input: xorshift, seeded.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

/// Indices that are others whenever they are read, and outside of the array at times.
struct Restless(Mutex<Random>, u64, usize);

impl Indices for Restless {
    fn len(&self) -> usize {
        self.2
    }

    fn read(&self, _: usize, out: &mut [i64]) {
        let mut random = self.0.lock().unwrap();
        for out in out {
            let index = random.below(self.1 as usize) as i64;
            *out = match random.below(4000) {
                0 => i64::MIN,
                1 => self.1 as i64,
                2 => i64::MAX,
                n if n % 2 == 0 => index - self.1 as i64,
                _ => index,
            };
        }
    }
}

/// Somebody changes the indices of points while they are read and written: then these are some of the
/// array's elements, or an error says that they are not.
#[test]
fn points_that_change_meanwhile_are_points_of_the_array() {
    let shape = [19u64, 13];
    for kind in 0..KINDS {
        let array = array(kind, shape, false);
        let memory = Arc::new(Memory(Mutex::default(), kind % 2 == 0));
        let sink: Arc<dyn Sink> = memory.clone();
        let (all, locks) = (Region::all(&shape), runtime::locks());
        let mut values: Vec<u32> = (1000..1000 + 19 * 13).collect();
        let write = |region: &Region, values: &mut [u32]| {
            let view = view(values, region);
            array.write(|_| Arc::clone(&sink), region, &view, How::default(), (&locks, "m"), Exec::Here)
        };
        let read = |region: &Region, out: &mut [u32]| {
            let (view, from) = (view(out, region), Arc::clone(&memory));
            array.read(|_| move |_, key: &str| from.open(key), region, &view, Exec::Here)
        };
        write(&all, &mut values).unwrap();
        let mut outcomes = [0, 0];
        for round in 0..200u64 {
            let n = [1, 40, 700][round as usize % 3];
            let axis = |seed: u64, extent| Box::new(Restless(Mutex::new(Random(seed)), extent, n)) as Box<dyn Indices>;
            let axes = vec![axis(2 * round + 1, shape[0]), axis(0x9e37_79b9 + round, shape[1])];
            let region = Region::Points(Points::new(axes, &shape).unwrap());
            let mut out = vec![1u32; n];
            let done = if round % 2 == 0 { read(&region, &mut out) } else { write(&region, &mut vec![5; n]) };
            match done {
                Ok(()) => outcomes[0] += 1,
                Err(error) => {
                    assert_eq!(error.kind(), Kind::Selection, "{error:?}");
                    outcomes[1] += 1;
                }
            }
            let sound = |value: &u32| *value == 5 || (1000..1000 + 19 * 13).contains(value);
            assert!(out.iter().all(|value| *value == 1 || sound(value)));
            let mut now = vec![0; values.len()];
            read(&all, &mut now).unwrap();
            assert!(now.iter().zip(&values).all(|(now, was)| now == was || *now == 5), "a value that nobody wrote");
        }
        assert!(outcomes.iter().all(|&n| n > 0), "{outcomes:?}");
    }
}

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let n = bytes.len();
        match random.below(6) {
            0 if n > 0 => bytes[random.below(n)] ^= 1 << random.below(8),
            1 if n > 0 => bytes.truncate(random.below(n)),
            2 => bytes.extend((0..random.below(40)).map(|i| i as u8)),
            // Where an index is: eight bytes of a number.
            3 if n > 84 => {
                let at = n - 84 + random.below(10) * 8;
                let number =
                    [0, 1, u64::MAX, u64::MAX - 1, n as u64, 1 << 40, random.below(300) as u64][random.below(7)];
                bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
            }
            4 if n > 16 => {
                let (from, to) = (random.below(n - 8), random.below(n - 8));
                bytes.copy_within(from..from + 8, to);
            }
            _ if n > 0 => bytes[random.below(n)] = random.below(256) as u8,
            _ => {}
        }
    }
}

/// Where shards share what stays with those that they replace, it stays where it is, and a shard that
/// is changed again and again takes little more room than one that is written at once.
#[test]
fn shards_that_share_bytes_with_their_past_stay_small() {
    let (shape, inner) = ([64u64, 64], [8u64, 8]);
    let links = vec![shard(&inner, vec![Link::Bytes(Swap::None), zstd()], 0)];
    let grid = Grid(shape.iter().map(|&n| Axis::regular(n, n).unwrap()).collect());
    let coalesce = Coalesce { gap: 16, most: 200 };
    let chain = Chain::new(links, 2, &fill()).unwrap();
    let array = Array::new("a/".into(), grid, KeyEncoding::Default('/'), chain, true, coalesce).unwrap();
    let (array, memory) = (Arc::new(array), Arc::new(Memory(Mutex::default(), true)));
    let sink: Arc<dyn Sink> = memory.clone();
    let cancel = Cancel::new();
    let (context, locks) = (Context::new(&cancel), runtime::locks());
    let write = |region: &Region, value: &mut [u32]| {
        let (source, exec) = (view(value, region), Exec::Pool(&context));
        array.write(|_| Arc::clone(&sink), region, &source, How::default(), (&locks, "s"), exec).unwrap();
        memory.0.lock().unwrap()["a/c/0/0"].to_vec()
    };
    let mut random = Random(42);
    let mut model: Vec<u32> = (0..64 * 64).map(|_| random.below(1 << 20) as u32).collect();
    let mut before = write(&Region::all(&shape), &mut model);
    let mut stayed = 0;
    for _ in 0..200 {
        let (row, column, bits) = (random.below(8) as u64 * 8, random.below(8) as u64 * 8, random.below(32));
        let mut value: Vec<u32> = (0..64).map(|_| random.below(1 << bits) as u32).collect();
        for (i, &v) in value.iter().enumerate() {
            model[(row as usize + i / 8) * 64 + column as usize + i % 8] = v;
        }
        let range = |start| AxisMap::Range { start, step: 1, count: 8, at: 0 };
        let region = Region::Box(vec![range(row), range(column)]);
        let after = write(&region, &mut value);
        let same = before.iter().zip(&after).filter(|(a, b)| a == b).count();
        stayed += usize::from(same > before.len() / 2);
        before = after;
        memory.0.lock().unwrap().remove("a/c/0/0");
        let least = write(&Region::all(&shape), &mut model).len();
        memory.0.lock().unwrap().insert("a/c/0/0".into(), Arc::new(before.clone()));
        assert!(before.len() <= least + least / 3 + 4, "{} bytes instead of {least}", before.len());
        let mut whole = vec![0u32; 64 * 64];
        let (out, from) = (view(&mut whole, &Region::all(&shape)), Arc::clone(&memory));
        array.read(|_| move |_, key: &str| from.open(key), &Region::all(&shape), &out, Exec::Pool(&context)).unwrap();
        assert_eq!(whole, model);
    }
    assert!(stayed > 150, "{stayed}");
}

/// Damaged chunks and shards are errors that name the chunk, or values; never a panic, and never
/// more memory than the metadata justify (the address space of the test is the limit).
#[test]
fn damaged_values_end_in_errors() {
    let shape = [6, 8];
    let cancel = Cancel::new();
    let context = Context::new(&cancel);
    for kind in 0..KINDS {
        let array = array(kind, shape, false);
        let memory = Arc::new(Memory::default());
        let sink: Arc<dyn Sink> = memory.clone();
        let mut value: Vec<u32> = (0..48).map(|i| i * i).collect();
        let all = Region::all(&shape);
        let locks = runtime::locks();
        let source = view(&mut value, &all);
        array.write(|_| Arc::clone(&sink), &all, &source, How::default(), (&locks, "f"), Exec::Pool(&context)).unwrap();
        let sound = memory.0.lock().unwrap()["a/c/0/0"].to_vec();
        let part = Region::Box(vec![
            AxisMap::Range { start: 1, step: 2, count: 2, at: 0 },
            AxisMap::Range { start: 2, step: 1, count: 5, at: 0 },
        ]);
        let mut random = Random(0x9e37_79b9 + kind as u64);
        for round in 0..10_000 {
            let mut bytes = sound.clone();
            mutate(&mut bytes, &mut random);
            memory.0.lock().unwrap().insert("a/c/0/0".into(), Arc::new(bytes));
            let region = if round % 2 == 0 { &all } else { &part };
            let mut out = vec![0u32; region.len() as usize];
            let target = view(&mut out, region);
            let from = Arc::clone(&memory);
            let direct = array.read(|_| move |_, key: &str| from.open(key), region, &target, Exec::Here);
            let mut one = [5u32];
            let single = points(&[(1, 3)], [array.shape()[0], array.shape()[1]]);
            let change = view(&mut one, &single);
            let changed = write_by_plan(&array, &memory, &single, &change, How::default());
            for error in [direct.err(), changed.err()].into_iter().flatten() {
                assert!(matches!(error.kind(), Kind::Corrupt | Kind::TooLarge), "{error:?}");
                assert!(error.to_string().contains("a/c/0/0"), "{error}");
            }
        }
    }
}
