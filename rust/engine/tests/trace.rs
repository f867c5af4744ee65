//! The counts while somebody watches. One test, since the counts are those of the process.

use std::sync::Arc;

use zarr_engine::array::{Array, Coalesce};
use zarr_engine::codec::chain::{Chain, Link};
use zarr_engine::element::{Fill, Swap};
use zarr_engine::files::Files;
use zarr_engine::grid::{Axis, Grid};
use zarr_engine::key::KeyEncoding;
use zarr_engine::object::Sink;
use zarr_engine::selection::{AxisMap, Region};
use zarr_engine::trace::{self, Count, Phase, Watch};

fn counts() -> Vec<Count> {
    trace::PHASES.iter().map(|&(phase, _)| trace::count(phase)).collect()
}

#[test]
fn a_watch_counts_what_is_done_and_nothing_is_counted_without_one() {
    let root = std::env::temp_dir().join(format!("zarr-engine-{}-trace", std::process::id()));
    let grid = Grid(vec![Axis::regular(1000, 4000).unwrap()]);
    let chain = Chain::new(vec![Link::Bytes(Swap::None)], 1, &Fill::new(&[0]).unwrap()).unwrap();
    let (keys, coalesce) = (KeyEncoding::Default('/'), Coalesce::default());
    let array = Arc::new(Array::new(String::new(), grid, keys, chain, true, coalesce).unwrap());
    let files = Arc::new(Files::new(&root, false).unwrap());
    let sink: Arc<dyn Sink> = files.clone();
    let first = Region::Box(vec![AxisMap::Range { start: 0, step: 1, count: 2000, at: 0 }]);

    array.write_bytes(&sink, &first, vec![7; 2000]).unwrap();
    assert_eq!(counts(), vec![Count::default(); trace::PHASES.len()], "nobody watches");

    let watch = Watch::begin();
    array.write_bytes(&sink, &first, vec![7; 2000]).unwrap();
    let stored = trace::count(Phase::Store);
    assert_eq!((stored.times, stored.bytes), (2, 2000));
    assert!(stored.nanos > 0);

    let all = array.read_bytes(&files, &Region::all(&[4000])).unwrap();
    assert_eq!(all, [vec![7; 2000], vec![0; 2000]].concat());
    assert_eq!(trace::count(Phase::Value).times, 2 + 4);
    assert_eq!(trace::count(Phase::Open).times, 4);
    assert_eq!(trace::count(Phase::Load).bytes, 2000);
    assert_eq!((trace::count(Phase::Fill).times, trace::count(Phase::Fill).bytes), (2, 2000));

    // A phase within another one counts for itself.
    let before = (trace::count(Phase::Decode), trace::count(Phase::Load));
    let pause = std::time::Duration::from_millis(2);
    trace::timed(Phase::Decode, 10, || trace::timed(Phase::Load, 5, || std::thread::sleep(pause)));
    let after = (trace::count(Phase::Decode), trace::count(Phase::Load));
    assert!(after.1.nanos - before.1.nanos >= 2_000_000);
    assert!(after.0.nanos - before.0.nanos < after.1.nanos - before.1.nanos);
    let span = *trace::spans(0).iter().rfind(|span| span.phase == Phase::Decode).unwrap();
    assert!(span.nanos >= 2_000_000 && span.bytes == 10 && span.start <= trace::now());

    // Of many short operations all are counted, and some are timed, which stand for the others.
    let before = trace::count(Phase::Place);
    let spin = || {
        let start = std::time::Instant::now();
        while start.elapsed() < std::time::Duration::from_micros(5) {}
    };
    for _ in 0..1000 {
        trace::whole(Phase::Read, || trace::timed(Phase::Place, 3, spin));
    }
    let after = trace::count(Phase::Place);
    assert_eq!((after.times - before.times, after.bytes - before.bytes), (1000, 3000));
    assert!(after.nanos - before.nanos > 900 * 5_000);

    drop(watch);
    let last = counts();
    array.read_bytes(&files, &first).unwrap();
    assert_eq!(counts(), last, "nobody watches any more");
    assert_eq!(trace::kept(), 0);
    std::fs::remove_dir_all(root).unwrap();
}
