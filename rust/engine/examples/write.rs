//! Makes an array of 1000 x 1000 numbers in a local directory, in compressed chunks.
//!
//! cargo run --example write -- DIRECTORY

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
    "data_type": "int32",
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [100, 100]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
    "fill_value": 0,
    "codecs": [
        {"name": "bytes", "configuration": {"endian": "little"}},
        {"name": "zstd", "configuration": {"level": 1, "checksum": false}}
    ]
}"#;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: write DIRECTORY")?;
    let files = Arc::new(Files::new(directory, false)?);
    if !files.write_exclusive("zarr.json", DOCUMENT.as_bytes())? {
        return Err("there is an array or a group already".into());
    }
    let array = Arc::new(Array::from_json("", DOCUMENT)?);
    let sink: Arc<dyn Sink> = files.clone();
    let numbers = (0..1_000_000i32).flat_map(i32::to_ne_bytes).collect();
    array.write_bytes(&sink, &Region::all(&array.shape()), numbers)?;

    // Chunks of which a part is written are read, changed and written again.
    let row = AxisMap::Range { start: 500, step: 1, count: 1, at: 0 };
    let columns = AxisMap::Range { start: 0, step: 1, count: 1000, at: 0 };
    array.write_bytes(&sink, &Region::Box(vec![row, columns]), vec![0xff; 4000])?;
    Ok(())
}
