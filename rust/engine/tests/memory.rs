//! Buffers and tables that are kept between operations stay within one budget, whatever threads there are.

#![cfg(feature = "codecs")]
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Barrier};
use std::thread;

use zarr_engine::codec::BytesCodec;
use zarr_engine::codec::deflate::Gzip;
use zarr_engine::codec::zstd::Zstd;
use zarr_engine::scratch::{BUDGET, Scratch, kept};

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
