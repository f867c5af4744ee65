//! The index of a shard that is kept, or of which only some entries are read, is the index.

#![cfg(feature = "json")]
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use zarr_engine::array::Array;
use zarr_engine::error::Result;
use zarr_engine::object::{Identity, Object, Part, Sink, Source, join};
use zarr_engine::runtime;
use zarr_engine::selection::{AxisMap, Region};

/// The bytes of a file: they are not in memory, have an identity, and it is counted how many are read.
#[derive(Clone)]
struct File {
    bytes: Arc<Vec<u8>>,
    number: u64,
    read: Arc<AtomicU64>,
}

impl Object for File {
    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<()> {
        self.read.fetch_add(dst.len() as u64, Ordering::Relaxed);
        self.bytes.read_at(offset, dst)
    }
    fn identity(&self) -> Option<Identity> {
        let (number, size) = (self.number, self.size());
        Some(Identity { device: 1, number, size, modified: 1, changed: 1, start: 0, len: size })
    }
}

static NUMBERS: AtomicU64 = AtomicU64::new(0);

#[derive(Default)]
struct Store {
    files: Mutex<HashMap<String, File>>,
    read: Arc<AtomicU64>,
}

impl Store {
    /// How many bytes are read meanwhile.
    fn reads<T>(&self, f: impl FnOnce() -> T) -> (T, u64) {
        let before = self.read.load(Ordering::Relaxed);
        let done = f();
        (done, self.read.load(Ordering::Relaxed) - before)
    }
}

impl Source for Store {
    fn open(&self, key: &str) -> Result<Option<Arc<dyn Object>>> {
        Ok(self.files.lock().unwrap().get(key).map(|file| Arc::new(file.clone()) as _))
    }
}

impl Sink for Store {
    fn put(&self, key: &str, parts: Vec<Part>, old: Option<&Arc<dyn Object>>, _guarded: bool) -> Result<bool> {
        let (bytes, read) = (Arc::new(join(parts, old)?), Arc::clone(&self.read));
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        self.files.lock().unwrap().insert(key.to_owned(), File { bytes, number, read });
        Ok(true)
    }
    fn delete(&self, key: &str, _guarded: bool) -> Result<()> {
        self.files.lock().unwrap().remove(key);
        Ok(())
    }
}

fn sharded(elements: u64, at: &str, index_codecs: &str) -> Arc<Array> {
    let document = format!(
        r#"{{
            "zarr_format": 3, "node_type": "array", "shape": [{elements}], "data_type": "uint8",
            "chunk_grid": {{"name": "regular", "configuration": {{"chunk_shape": [{elements}]}}}},
            "chunk_key_encoding": {{"name": "default"}}, "fill_value": 0,
            "codecs": [{{"name": "sharding_indexed", "configuration": {{
                "chunk_shape": [2], "codecs": ["bytes"], "index_location": "{at}", "index_codecs": {index_codecs}
            }}}}]
        }}"#
    );
    Arc::new(Array::from_json("", &document).unwrap())
}

const LITTLE: &str = r#"{"name": "bytes", "configuration": {"endian": "little"}}"#;

fn codecs(kind: usize) -> String {
    match kind {
        0 => format!("[{LITTLE}]"),
        1 => format!(r#"[{LITTLE}, "crc32c"]"#),
        _ => r#"[{"name": "bytes", "configuration": {"endian": "big"}}, "crc32c"]"#.to_owned(),
    }
}

proptest! {
    #[test]
    fn what_is_read_is_what_was_written(
        kind in 0usize..3,
        at in prop_oneof![Just("start"), Just("end")],
        steps in proptest::collection::vec((0u64..600, 1u64..600, any::<bool>(), any::<u8>()), 1..20),
    ) {
        const ELEMENTS: u64 = 600;
        let (array, store) = (sharded(ELEMENTS, at, &codecs(kind)), Arc::new(Store::default()));
        let sink: Arc<dyn Sink> = store.clone();
        let mut model = vec![0u8; ELEMENTS as usize];
        for (start, count, writes, value) in steps {
            let count = count.min(ELEMENTS - start);
            let region = Region::Box(vec![AxisMap::Range { start, step: 1, count, at: 0 }]);
            let here = start as usize..(start + count) as usize;
            if writes {
                // Zeros are not stored: most of a shard may be absent.
                let value = if value < 128 { 0 } else { value };
                model[here.clone()].fill(value);
                array.write_bytes(&sink, &region, model[here].to_vec()).unwrap();
            } else {
                prop_assert_eq!(array.read_bytes(&store, &region).unwrap(), &model[here]);
            }
            let one = Region::Box(vec![AxisMap::Range { start, step: 1, count: 1, at: 0 }]);
            prop_assert_eq!(array.read_bytes(&store, &one).unwrap()[0], model[start as usize]);
        }
    }
}

#[test]
fn one_element_costs_the_same_whatever_the_number_of_inner_chunks() {
    for (kind, elements) in [(0, 20_000), (1, 20_000), (2, 20_000)] {
        let (array, store) = (sharded(elements, "end", &codecs(kind)), Arc::new(Store::default()));
        let sink: Arc<dyn Sink> = store.clone();
        array.write_bytes(&sink, &Region::all(&[elements]), vec![1; elements as usize]).unwrap();
        let one = |start| Region::Box(vec![AxisMap::Range { start, step: 1, count: 1, at: 0 }]);
        let (_, first) = store.reads(|| array.read_bytes(&store, &one(7)).unwrap());
        let (_, next) = store.reads(|| array.read_bytes(&store, &one(9_999)).unwrap());
        // An entry, if all of the index need not be checked, and the element.
        assert!(if kind == 0 { first <= 18 } else { first > 160_000 }, "{kind}: {first}");
        assert!(next <= if kind == 0 { 18 } else { 2 }, "{kind}: {next}");
    }
}

#[test]
fn a_shard_that_is_nearly_empty_takes_little_memory() {
    let (array, store) = (sharded(1 << 20, "start", &codecs(1)), Arc::new(Store::default()));
    let sink: Arc<dyn Sink> = store.clone();
    let one = Region::Box(vec![AxisMap::Range { start: 77, step: 1, count: 1, at: 0 }]);
    array.write_bytes(&sink, &one, vec![1]).unwrap();
    let array_again = sharded(1 << 20, "start", &codecs(1));
    let before = runtime::indexes().bytes();
    assert_eq!(array_again.read_bytes(&store, &one).unwrap(), [1]);
    // Other tests of this process keep indexes, too, but none of 8 MiB.
    assert!(runtime::indexes().bytes() < before + (4 << 20));
}
