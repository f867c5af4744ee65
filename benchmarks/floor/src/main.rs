//! What reading or writing an array costs at least: the same system calls, the same codec and one
//! copy to its place, on as many threads; no keys, plans, locks or checks.
//!
//! `floor read|write DIRECTORY THREADS CODEC ROWS COLUMNS CHUNK_ROWS CHUNK_COLUMNS [SHARD_ROWS SHARD_COLUMNS]`
//! prints the best time of several runs in milliseconds. The array is float32 in C order. The
//! files that it writes stay, empty: after deleting files, making new ones is slow.

use std::fs::{self, File};
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use zarr_engine::codec::BytesCodec;
use zarr_engine::codec::blosc::Blosc;
use zarr_engine::codec::deflate::Gzip;
use zarr_engine::codec::zstd::Zstd;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const RUNS: usize = 5;
/// Rows of at least so many bytes are read and written from and to where they are.
const LONG_ROW: usize = 1024;

/// Two buffers of a thread.
type Scratch = (Vec<u8>, Vec<u8>);

struct Job {
    codec: Option<Box<dyn BytesCodec>>,
    columns: usize,
    chunk: (usize, usize),
    shard: Option<(usize, usize)>,
    /// Number of stored values down and across.
    grid: (usize, usize),
}

impl Job {
    /// The file of a value, below the current directory.
    fn path(&self, run: &str, value: usize) -> PathBuf {
        format!("{run}c/{}/{}", value / self.grid.1, value % self.grid.1).into()
    }

    fn values(&self) -> usize {
        self.grid.0 * self.grid.1
    }

    fn in_place(&self) -> bool {
        self.codec.is_none() && self.chunk.1 * 4 >= LONG_ROW
    }

    fn chunk_bytes(&self) -> usize {
        self.chunk.0 * self.chunk.1 * 4
    }

    /// Takes back what was written, which else goes to the disk while the next run is timed.
    fn empty(&self, run: &str) -> Result<(), Failure> {
        (0..self.values()).try_for_each(|value| Ok(File::create(self.path(run, value))?.set_len(0)?))
    }

    /// The stretches of one stored value, and the first row and column of the chunk in each.
    fn stretches(&self, value: usize, file: &File, len: u64) -> Result<Vec<(u64, usize, usize, usize)>, Failure> {
        let size = self.shard.unwrap_or(self.chunk);
        let (top, left) = (value / self.grid.1 * size.0, value % self.grid.1 * size.1);
        let Some(shard) = self.shard else { return Ok(vec![(0, len as usize, top, left)]) };
        let across = shard.1 / self.chunk.1;
        let n = shard.0 / self.chunk.0 * across;
        let mut index = vec![0; n * 16];
        file.read_exact_at(&mut index, len - (n as u64 * 16 + 4))?;
        let number = |at: usize| -> Result<u64, Failure> { Ok(u64::from_le_bytes(index[at..at + 8].try_into()?)) };
        (0..n)
            .map(|i| {
                let (row, column) = (top + i / across * self.chunk.0, left + i % across * self.chunk.1);
                Ok((number(i * 16)?, number(i * 16 + 8)? as usize, row, column))
            })
            .collect()
    }

    fn read(&self, value: usize, out: &Out, scratch: &mut Scratch) -> Result<(), Failure> {
        let file = File::open(self.path("", value))?;
        if self.in_place() && self.shard.is_none() {
            return self.read_rows(value, &file, out);
        }
        let len = file.metadata()?.len();
        for (offset, bytes, row, column) in self.stretches(value, &file, len)? {
            scratch.0.resize(bytes.max(scratch.0.len()), 0);
            file.read_exact_at(&mut scratch.0[..bytes], offset)?;
            let decoded = match &self.codec {
                None => &scratch.0,
                Some(codec) => {
                    scratch.1.resize(self.chunk_bytes(), 0);
                    codec.decode_exact(&scratch.0[..bytes], &mut scratch.1)?;
                    &scratch.1
                }
            };
            for (i, line) in decoded[..self.chunk_bytes()].chunks(self.chunk.1 * 4).enumerate() {
                out.put(((row + i) * self.columns + column) * 4, line);
            }
        }
        Ok(())
    }

    /// Reads the rows of a chunk to where they belong.
    fn read_rows(&self, value: usize, mut file: &File, out: &Out) -> Result<(), Failure> {
        let (top, left) = (value / self.grid.1 * self.chunk.0, value % self.grid.1 * self.chunk.1);
        let place = |row| ((top + row) * self.columns + left) * 4;
        let rows = (0..self.chunk.0).map(|row| out.row(place(row), self.chunk.1 * 4));
        let mut rows: Vec<_> = rows.map(IoSliceMut::new).collect();
        let mut rest = rows.as_mut_slice();
        while !rest.is_empty() {
            let n = file.read_vectored(rest)?;
            if n == 0 {
                return Err("a file is too short".into());
            }
            IoSliceMut::advance_slices(&mut rest, n);
        }
        Ok(())
    }

    fn write(&self, run: &str, value: usize, data: &[u8], scratch: &mut Scratch) -> Result<(), Failure> {
        let path = self.path(run, value);
        let temporary = path.with_extension("partial");
        let mut file = match File::create(&temporary) {
            Ok(file) => file,
            Err(_) => {
                fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
                File::create(&temporary)?
            }
        };
        if self.in_place() && self.shard.is_none() {
            self.write_rows(value, &mut file, data)?;
        } else {
            self.write_chunks(value, &mut file, data, scratch)?;
        }
        drop(file);
        Ok(fs::rename(temporary, path)?)
    }

    /// Writes the rows of a chunk from where they are.
    fn write_rows(&self, value: usize, file: &mut File, data: &[u8]) -> Result<(), Failure> {
        let (top, left) = (value / self.grid.1 * self.chunk.0, value % self.grid.1 * self.chunk.1);
        let place = |row| ((top + row) * self.columns + left) * 4;
        let rows = (0..self.chunk.0).map(|row| &data[place(row)..][..self.chunk.1 * 4]);
        let mut rows: Vec<_> = rows.map(IoSlice::new).collect();
        let mut rest = rows.as_mut_slice();
        while !rest.is_empty() {
            let n = file.write_vectored(rest)?;
            IoSlice::advance_slices(&mut rest, n);
        }
        Ok(())
    }

    /// Gathers, encodes and writes the chunks of a value.
    fn write_chunks(&self, value: usize, file: &mut File, data: &[u8], scratch: &mut Scratch) -> Result<(), Failure> {
        let size = self.shard.unwrap_or(self.chunk);
        let (top, left) = (value / self.grid.1 * size.0, value % self.grid.1 * size.1);
        let mut index = Vec::new();
        scratch.1.clear();
        for row in (top..top + size.0).step_by(self.chunk.0) {
            for column in (left..left + size.1).step_by(self.chunk.1) {
                let begin = scratch.1.len() as u64;
                let gathered = if self.codec.is_some() { &mut scratch.0 } else { &mut scratch.1 };
                if self.codec.is_some() {
                    gathered.clear();
                }
                for i in row..row + self.chunk.0 {
                    let at = (i * self.columns + column) * 4;
                    gathered.extend_from_slice(&data[at..at + self.chunk.1 * 4]);
                }
                if let Some(codec) = &self.codec {
                    codec.encode(&scratch.0, &mut scratch.1)?;
                }
                index.extend([begin, scratch.1.len() as u64 - begin].map(u64::to_le_bytes).concat());
            }
        }
        file.write_all(&scratch.1)?;
        if self.shard.is_some() {
            file.write_all(&index)?;
            file.write_all(&[0; 4])?;
        }
        Ok(())
    }
}

/// The output, written by several threads at disjoint places.
struct Out(*mut u8, usize);

// SAFETY: threads write disjoint rows.
unsafe impl Sync for Out {}

impl Out {
    #[expect(clippy::mut_from_ref, reason = "each row has one thread that takes it, once")]
    fn row(&self, at: usize, len: usize) -> &mut [u8] {
        assert!(at + len <= self.1);
        // SAFETY: in bounds, as just checked; rows of chunks are disjoint.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(at), len) }
    }

    fn put(&self, at: usize, line: &[u8]) {
        self.row(at, line.len()).copy_from_slice(line);
    }
}

fn on_threads(
    threads: usize,
    n: usize,
    work: impl Fn(usize, &mut Scratch) -> Result<(), Failure> + Sync,
) -> Result<(), Failure> {
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    // Threads that make files in one directory wait for each other: neighbours stay together.
    let grain = (n / 64).max(1);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut scratch = (Vec::new(), Vec::new());
                loop {
                    let first = next.fetch_add(grain, Ordering::Relaxed);
                    if first >= n {
                        return;
                    }
                    let done = (first..n.min(first + grain)).try_for_each(|i| work(i, &mut scratch));
                    if let (Err(error), Ok(mut failed)) = (done, failed.lock()) {
                        *failed = Some(error);
                        return;
                    }
                }
            });
        }
    });
    failed.into_inner()?.map_or(Ok(()), Err)
}

fn codec(name: &str) -> Result<Option<Box<dyn BytesCodec>>, Failure> {
    Ok(match name {
        "none" => None,
        "zstd" => Some(Box::new(Zstd::new(1, false)?)),
        "gzip" => Some(Box::new(Gzip::new(5)?)),
        "blosc" => Some(Box::new(Blosc::new("lz4", 5, 1, 4, 0)?)),
        other => return Err(format!("unknown codec {other}").into()),
    })
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, directory, threads, name, numbers @ ..] = arguments.as_slice() else {
        return Err("floor read|write DIRECTORY THREADS CODEC ROWS COLUMNS CHUNK_ROWS CHUNK_COLUMNS [SHARD…]".into());
    };
    let numbers: Vec<usize> = numbers.iter().map(|n| n.parse()).collect::<Result<_, _>>()?;
    let [rows, columns, chunk_rows, chunk_columns, shard @ ..] = numbers.as_slice() else {
        return Err("the shape of the array and of its chunks are needed".into());
    };
    let shard = if let [down, across] = shard { Some((*down, *across)) } else { None };
    let chunk = (*chunk_rows, *chunk_columns);
    let size = shard.unwrap_or(chunk);
    let grid = (rows / size.0, columns / size.1);
    let job = Job { codec: codec(name)?, columns: *columns, chunk, shard, grid };
    let threads = threads.parse()?;
    std::env::set_current_dir(directory)?;
    let mut data = vec![0u8; rows * columns * 4];
    if what == "write" {
        File::open("source.f32")?.read_exact(&mut data)?;
    }
    let mut best = f64::INFINITY;
    for run in 0..RUNS {
        let begin = Instant::now();
        if what == "write" {
            let run = format!("run-{run}/");
            on_threads(threads, job.values(), |i, scratch| job.write(&run, i, &data, scratch))?;
        } else {
            // The same memory each time: whether fresh pages must be zeroed is the caller's choice.
            let out = Out(data.as_mut_ptr(), data.len());
            on_threads(threads, job.values(), |i, scratch| job.read(i, &out, scratch))?;
        }
        best = best.min(begin.elapsed().as_secs_f64() * 1e3);
        if what == "write" {
            job.empty(&format!("run-{run}/"))?;
        }
    }
    println!("{best:.3}");
    Ok(())
}
