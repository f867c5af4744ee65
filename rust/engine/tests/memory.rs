//! Buffers and tables that are kept between operations stay within one budget, whatever threads there are.

#![cfg(feature = "codecs")]
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Barrier};
use std::thread;

use zarr_engine::cancel::{Cancel, Context};
use zarr_engine::codec::BytesCodec;
use zarr_engine::codec::chain::{Chain, Link};
use zarr_engine::codec::deflate::Gzip;
use zarr_engine::codec::zstd::Zstd;
use zarr_engine::element::{Fill, Swap};
use zarr_engine::exec::Exec;
use zarr_engine::object::{Object, Part, join};
use zarr_engine::scratch::{BUDGET, Scratch, kept};
use zarr_engine::selection::Region;
use zarr_engine::shard::{Order, Sharding};
use zarr_engine::strided::{Output, View};
use zarr_engine::{read, write};

const THREADS: usize = 48;

/// Bytes that compress, but not to nothing.
fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| ((i * i) >> 7) as u8).collect()
}

#[test]
fn threads_keep_no_more_than_the_budget_together() {
    const { assert!(BUDGET <= 64 << 20) };
    let before = kept();
    let (all, done) = (Arc::new(Barrier::new(THREADS + 1)), Arc::new(Barrier::new(THREADS + 1)));
    let threads: Vec<_> = (0..THREADS)
        .map(|i| {
            let (all, done) = (Arc::clone(&all), Arc::clone(&done));
            thread::spawn(move || {
                let data = bytes(1 << 18);
                let codecs: [Box<dyn BytesCodec>; 4] = [
                    Box::new(Zstd::new(3, false).unwrap()),
                    Box::new(Zstd::new(12, true).unwrap()),
                    Box::new(Gzip::new(1).unwrap()),
                    Box::new(Gzip::new(9).unwrap()),
                ];
                for codec in codecs {
                    let (mut stored, mut back) = (Vec::new(), vec![0; data.len()]);
                    codec.encode(&data, &mut stored).unwrap();
                    codec.decode_exact(&stored, &mut back).unwrap();
                    assert!(back == data);
                }
                for len in [100, 10_000, 200_000, (1 + i) << 19] {
                    drop(Scratch::of(len).unwrap());
                }
                all.wait();
                done.wait();
            })
        })
        .collect();
    all.wait();
    // All threads are alive, and none works.
    let most = kept();
    assert!(most > before, "something is kept");
    assert!(most <= BUDGET, "{most} bytes are kept");
    done.wait();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(kept() < most, "what ended threads kept is given back");
}

/// A shard that is being written takes the bytes of its encoded inner chunks, and not those that they
/// might have had; what is read from it afterwards is what was written.
#[test]
fn encoded_inner_chunks_stand_close_together() {
    const INNER: u64 = 100_000;
    const COUNT: u64 = 64;
    let links = |codec| vec![Link::Bytes(Swap::None), Link::Outer(codec)];
    let fill = Fill::new(&[0]).unwrap();
    let inner = Chain::new(links(Arc::new(Zstd::new(1, false).unwrap())), 1, &fill).unwrap();
    let index = Chain::new(vec![Link::Bytes(Swap::None)], 2, &Fill::new(&[255; 8]).unwrap()).unwrap();
    let sharding = Arc::new(Sharding::new(vec![INNER], inner, index, true, Order::Lexicographic).unwrap());
    let shape = [INNER * COUNT];
    // Every second byte is as good as random.
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    let data: Vec<u8> = (0..shape[0]).map(|i| if i % 2 == 0 { next() } else { 7 }).collect();
    let data = Arc::new(data);
    let region = Region::all(&shape);
    // SAFETY: the view's owner is the data.
    let view = unsafe { View::new(data.as_ptr(), &[data.len()], &[1], 1, data.clone()).unwrap() };
    let cancel = Cancel::new();
    let context = Context::new(&cancel);
    for exec in [Exec::Here, Exec::Pool(&context)] {
        let parts = write::shard(&sharding, &shape, &shape, None, &region, &view, false, exec).unwrap().unwrap();
        let (mut buffers, mut stored, mut kept) = (Vec::new(), 0, 0);
        for part in &parts {
            stored += part.size() as usize;
            if let Part::Shared(buffer, _) = part
                && !buffers.contains(&Arc::as_ptr(buffer))
            {
                buffers.push(Arc::as_ptr(buffer));
                kept += buffer.len();
            }
        }
        assert!(stored < data.len() * 7 / 10 && stored > data.len() / 2, "{stored}");
        assert!(buffers.len() > 1 && buffers.len() < 16, "{}", buffers.len());
        assert!(kept <= stored, "{kept} bytes for {stored}");
        let object: Arc<dyn Object> = Arc::new(join(parts, None).unwrap());
        let mut back = vec![0; data.len()];
        // SAFETY: nothing else uses `back` while there is the view.
        let output = unsafe { Output::new(back.as_mut_ptr(), &[data.len()], &[1], 1, Arc::new(())).unwrap() };
        read::shard(&sharding, &shape, &object, &region, &output, exec).unwrap();
        drop(output);
        assert!(back == *data);
    }
}
