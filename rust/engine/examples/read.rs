//! Prints the first elements of an array in a local directory, whoever made it.
//!
//! cargo run --example read -- DIRECTORY

use std::error::Error;
use std::sync::Arc;

use zarr_engine::array::Array;
use zarr_engine::files::Files;
use zarr_engine::selection::{AxisMap, Region};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: read DIRECTORY")?;
    let files = Arc::new(Files::new(directory, false)?);
    let document = files.get("zarr.json", 0, None)?.ok_or("there is no zarr.json")?;
    let array = Arc::new(Array::from_json("", str::from_utf8(&document)?)?);

    // At most three indices of each dimension.
    let first = |&extent: &u64| AxisMap::Range { start: 0, step: 1, count: extent.min(3), at: 0 };
    let region = Region::Box(array.shape().iter().map(first).collect());
    let bytes = array.read_bytes(&files, &region)?;

    println!("shape {:?}, of which {:?} are read", array.shape(), region.view_shape());
    for element in bytes.chunks_exact(array.chain().size()) {
        println!("{element:02x?}");
    }
    Ok(())
}
