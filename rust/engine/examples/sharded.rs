//! Makes an array in a local directory whose files hold 100 chunks each, and reads one of these.
//!
//! cargo run --example sharded -- DIRECTORY

use std::error::Error;
use std::sync::Arc;

use zarr_engine::array::Array;
use zarr_engine::files::Files;
use zarr_engine::object::Sink;
use zarr_engine::selection::{AxisMap, Region};

const DOCUMENT: &str = r#"{
    "zarr_format": 3,
    "node_type": "array",
    "shape": [1000, 1000],
    "data_type": "uint16",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [500, 500]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0,
    "codecs": [{
        "name": "sharding_indexed",
        "configuration": {
            "chunk_shape": [50, 50],
            "codecs": [
                {"name": "bytes", "configuration": {"endian": "little"}},
                {"name": "blosc", "configuration": {
                    "cname": "zstd", "clevel": 5, "shuffle": "shuffle", "typesize": 2, "blocksize": 0
                }}
            ],
            "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
            "index_location": "end"
        }
    }]
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: sharded DIRECTORY")?;
    let files = Arc::new(Files::new(directory, false)?);
    if !files.write_exclusive("zarr.json", DOCUMENT.as_bytes())? {
        return Err("there is an array or a group already".into());
    }
    let array = Arc::new(Array::from_json("", DOCUMENT)?);
    let sink: Arc<dyn Sink> = files.clone();
    let numbers = (0..1_000_000u32).flat_map(|i| (i as u16).to_ne_bytes()).collect();
    array.write_bytes(&sink, &Region::all(&array.shape()), numbers)?;

    // Of the shard only its index and this chunk are read.
    let range = |start| AxisMap::Range { start, step: 1, count: 50, at: 0 };
    let chunk = array.read_bytes(&files, &Region::Box(vec![range(600), range(150)]))?;
    let first = chunk.first_chunk().copied().map(u16::from_ne_bytes);
    println!("{} bytes, the first number is {first:?}", chunk.len());
    Ok(())
}
