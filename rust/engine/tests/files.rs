//! Promises of local files: values are whole, keys stay below the root, errors say what and where.

#![allow(clippy::unwrap_used)]

use std::io::IoSliceMut;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use zarr_engine::cancel::{Cancel, Context};
use zarr_engine::error::Kind;
use zarr_engine::files::{Files, check_key};
use zarr_engine::object::{Object, Part, Sink, Source};

mod support;

use support::{Directory, errno, leftovers, replaces_in_one_step};

#[test]
fn what_is_written_is_read() {
    let directory = Directory::new();
    for files in directory.kinds() {
        let mut buf = vec![9; 10];
        for len in [0usize, 1, 4095, 4096, 4097, 300_000] {
            let value: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
            files.write("a/b c/ü.0", &value).unwrap();
            assert!(files.read_all("a/b c/ü.0", Some(len), &mut buf).unwrap());
            assert_eq!(buf, value);
            assert_eq!(files.get("a/b c/ü.0", 0, None).unwrap().unwrap(), value);
            let file = files.open("a/b c/ü.0").unwrap().unwrap();
            assert_eq!(file.size(), len as u64);
            let mut whole = vec![0; len];
            file.read_at(0, &mut whole).unwrap();
            assert_eq!(whole, value);
        }
        files.delete("a/b c/ü.0").unwrap();
        assert!(files.open("a/b c/ü.0").unwrap().is_none());
        files.delete("a/b c/ü.0").unwrap();
    }
    assert!(leftovers(&directory.0).is_empty());
}

#[test]
fn ranges_are_cut_like_slices() {
    let directory = Directory::new();
    let files = directory.files();
    let value: Vec<u8> = (0..200).collect();
    files.write("a", &value).unwrap();
    for start in [-1000i64, -200, -199, -10, -1, 0, 1, 100, 199, 200, 1000, i64::MIN, i64::MAX] {
        for stop in [None, Some(0u64), Some(1), Some(150), Some(200), Some(201), Some(u64::MAX)] {
            let from = if start < 0 { 200u64.saturating_sub(start.unsigned_abs()) } else { start as u64 }.min(200);
            let to = stop.unwrap_or(200).min(200).max(from);
            let found = files.get("a", start, stop).unwrap().unwrap();
            assert_eq!(found, value[from as usize..to as usize], "{start}..{stop:?}");
        }
    }
}

#[test]
fn what_is_not_there_is_absent() {
    let directory = Directory::new();
    assert!(directory.files().hold().open("nothing/here").unwrap().is_none());
    for files in directory.kinds() {
        files.write("a/b", b"x").unwrap();
        let mut buf = vec![1, 2];
        for key in ["b", "a/c", "x/y/z", "a/b/c"] {
            assert!(files.open(key).unwrap().is_none(), "{key}");
            assert!(!files.read_all(key, None, &mut buf).unwrap());
            assert!(files.get(key, -4, None).unwrap().is_none());
            files.delete(key).unwrap();
        }
        assert_eq!(files.get("a/b", 0, None).unwrap().unwrap(), b"x");
    }
}

#[test]
fn keys_stay_below_the_root() {
    let directory = Directory::new();
    std::fs::write(directory.0.join("secret"), b"s").unwrap();
    let bad = ["", "/", "/a", "a/", "a//b", ".", "..", "../secret", "a/../../secret", "a/./b", "a/..", "a\0b", "./a"];
    for files in directory.kinds() {
        let mut buf = Vec::new();
        for key in bad {
            let error = check_key(key).unwrap_err();
            assert_eq!(error.kind(), Kind::Config);
            assert!(error.to_string().contains(&format!("{key:?}")), "{error}");
            for error in [
                files.open(key).map(|_| ()).unwrap_err(),
                files.read_all(key, None, &mut buf).map(|_| ()).unwrap_err(),
                files.get(key, 0, None).map(|_| ()).unwrap_err(),
                files.write(key, b"x").unwrap_err(),
                files.write_exclusive(key, b"x").map(|_| ()).unwrap_err(),
                files.delete(key).unwrap_err(),
            ] {
                assert_eq!(error.kind(), Kind::Config);
            }
        }
        // Names that only look odd.
        let only_elsewhere: &[_] = if cfg!(windows) { &[] } else { &["...", "a.", "..a/b..", "C:\\x", "CON"] };
        for key in [".a", "..a/b", "a b", "~"].iter().chain(only_elsewhere) {
            files.write(key, key.as_bytes()).unwrap();
            assert_eq!(files.get(key, 0, None).unwrap().unwrap(), key.as_bytes());
        }
    }
    assert_eq!(std::fs::read(directory.0.join("secret")).unwrap(), b"s");
}

#[test]
fn a_value_that_is_too_long_is_refused_before_it_is_read() {
    let directory = Directory::new();
    let files = directory.files();
    files.write("k", &[1; 101]).unwrap();
    let mut buf = Vec::new();
    let error = files.read_all("k", Some(100), &mut buf).unwrap_err();
    assert_eq!(error.kind(), Kind::Corrupt);
    let said = error.to_string();
    assert!(said.contains("at most 100 bytes") && said.contains("found 101 bytes") && said.contains("\"k\""), "{said}");
    assert_eq!(buf.capacity(), 0);
    // A hole of a terabyte is a file, too.
    std::fs::File::create(directory.0.join("root/hole")).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(files.read_all("hole", Some(1 << 20), &mut buf).unwrap_err().kind(), Kind::Corrupt);
    assert_eq!(files.get("hole", -3, None).unwrap().unwrap(), [0; 3]);
}

#[test]
fn a_file_that_is_cut_or_grows_meanwhile() {
    let directory = Directory::new();
    let files = directory.files();
    files.write("k", &[7; 10_000]).unwrap();
    let path = directory.0.join("root/k");
    let file = files.open("k").unwrap().unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(4_000).unwrap();
    let mut buf = Vec::new();
    file.read_all(None, &mut buf).unwrap();
    assert_eq!(buf, [7; 4_000]);
    for error in [
        file.read_at(3_999, &mut [0; 2]).unwrap_err(),
        file.append_at(0, 5_000, &mut buf).unwrap_err(),
        file.read_vectored_at(3_000, &mut [IoSliceMut::new(&mut [0; 1001])]).unwrap_err(),
        Object::read_rows(&file, 3_000, &mut [&mut [0; 500], &mut [0; 501]]).unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::Corrupt);
        assert!(error.to_string().contains("4000 bytes in all"), "{error}");
    }
    let file = files.open("k").unwrap().unwrap();
    std::fs::write(&path, [8; 20_000]).unwrap();
    file.read_all(None, &mut buf).unwrap();
    assert_eq!(buf, [8; 20_000]);
    let file = files.open("k").unwrap().unwrap();
    std::fs::write(&path, [8; 30_000]).unwrap();
    assert_eq!(file.read_all(Some(20_000), &mut buf).unwrap_err().kind(), Kind::Corrupt);
}

#[test]
fn vectored_reads_fill_every_buffer() {
    let directory = Directory::new();
    let files = directory.files();
    let value: Vec<u8> = (0..300_000u32).map(|i| (i * 7 % 253) as u8).collect();
    files.write("k", &value).unwrap();
    let file = files.open("k").unwrap().unwrap();
    for lens in
        [vec![], vec![0], vec![0; 3000], vec![5, 0, 0, 7], vec![100; 2500], vec![1; 5000], vec![0, 1, 0, 299_000, 0]]
    {
        let total: usize = lens.iter().sum();
        for offset in [0usize, 1, 999] {
            let mut memory: Vec<Vec<u8>> = lens.iter().map(|&len| vec![0; len]).collect();
            let mut slices: Vec<_> = memory.iter_mut().map(|part| IoSliceMut::new(part)).collect();
            file.read_vectored_at(offset as u64, &mut slices).unwrap();
            assert_eq!(memory.concat(), value[offset..offset + total]);
            memory.iter_mut().for_each(|part| part.fill(0));
            let mut rows: Vec<_> = memory.iter_mut().map(Vec::as_mut_slice).collect();
            file.read_rows(offset as u64, &mut rows).unwrap();
            assert_eq!(memory.concat(), value[offset..offset + total]);
        }
    }
    let mut buf = b"kept".to_vec();
    for reserve in [0, 10_000] {
        buf.truncate(4);
        buf.reserve(reserve);
        file.append_at(100, 50, &mut buf).unwrap();
        file.append_at(0, 0, &mut buf).unwrap();
        file.append_at(299_990, 10, &mut buf).unwrap();
        assert_eq!(buf, [b"kept", &value[100..150], &value[299_990..]].concat());
    }
    assert!(file.append_at(u64::MAX, 1, &mut buf).is_err());
    assert!(file.append_at(1, u64::MAX, &mut buf).is_err());
    assert!(file.read_at(u64::MAX, &mut [0]).is_err());
}

/// Wherever the rows are in memory: some processors are spared slow copies to some places.
#[test]
fn rows_are_read_alike_to_every_place_in_memory() {
    const PAGE: usize = 4096;
    let directory = Directory::new();
    let files = directory.files();
    let value: Vec<u8> = (0..400_000u32).map(|i| (i * 31 % 251) as u8).collect();
    files.write("a", &value).unwrap();
    let file = files.open("a").unwrap().unwrap();
    let mut memory = vec![0; value.len() + 4 * PAGE];
    let page = memory.as_ptr().align_offset(PAGE);
    for offset in [0, 1, 16, 100, PAGE, 70_000] {
        for place in [0, 1, 15, 16, 17, 31, 32, 100, PAGE - 16, PAGE - 1] {
            for lengths in [&[1, 31][..], &[5000], &[300_000], &[4096, 4096, 8192], &[0, 3, 140_000, 0, 131_072, 9, 0]]
            {
                let total: usize = lengths.iter().sum();
                memory.fill(7);
                let mut rest = &mut memory[page + place..][..total + lengths.len()];
                let mut rows = Vec::new();
                for &len in lengths {
                    let (row, next) = rest.split_at_mut(len);
                    rows.push(row);
                    rest = &mut next[1..];
                }
                file.read_rows(offset as u64, &mut rows).unwrap();
                assert_eq!(rows.concat(), value[offset..offset + total], "{offset} {place} {lengths:?}");
                let beside = memory[..page + place].iter().chain(&memory[page + place + total + lengths.len()..]);
                assert!(beside.into_iter().all(|&byte| byte == 7));
            }
        }
    }
    let mut row = vec![0; value.len()];
    assert!(file.read_rows(1, &mut [&mut row[..]]).is_err());
}

#[test]
fn readers_see_whole_values_while_writers_replace_them() {
    if !replaces_in_one_step() {
        return;
    }
    let directory = Directory::new();
    let files = Arc::new(directory.files());
    // The value says its own length in every byte.
    let value = |n: u8| vec![n; 1000 + 997 * usize::from(n)];
    files.write("a/k", &value(0)).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2u8)
        .map(|w| {
            let files = Arc::clone(&files);
            thread::spawn(move || (0..200u8).for_each(|i| files.write("a/k", &value(i / 2 * 2 + w)).unwrap()))
        })
        .collect();
    let readers: Vec<_> = (0..3)
        .map(|r| {
            let (files, over) = (if r == 0 { Arc::new(files.hold()) } else { Arc::clone(&files) }, Arc::clone(&over));
            thread::spawn(move || {
                let mut buf = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    assert!(files.read_all("a/k", None, &mut buf).unwrap(), "it is never absent");
                    assert_eq!(buf, value(buf[0]));
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    over.store(true, Ordering::Relaxed);
    readers.into_iter().for_each(|reader| reader.join().unwrap());
    assert!(leftovers(&directory.0).is_empty());
}

#[test]
fn an_open_file_keeps_its_value() {
    let directory = Directory::new();
    let files = directory.files();
    files.write("k", b"old").unwrap();
    let file = files.open("k").unwrap().unwrap();
    files.write("k", b"newer").unwrap();
    let mut buf = Vec::new();
    file.read_all(None, &mut buf).unwrap();
    assert_eq!(buf, b"old");
    files.delete("k").unwrap();
    file.read_all(None, &mut buf).unwrap();
    assert_eq!(buf, b"old");
}

#[test]
fn one_of_many_exclusive_writers_wins() {
    let directory = Directory::new();
    for (round, files) in directory.kinds().into_iter().enumerate() {
        let files = Arc::new(files);
        for key in 0..20 {
            let key = format!("x{round}/{key}");
            let writers: Vec<_> = (0..6u8)
                .map(|w| {
                    let (files, key) = (Arc::clone(&files), key.clone());
                    thread::spawn(move || files.write_exclusive(&key, &[w; 5000]).unwrap())
                })
                .collect();
            let won: Vec<_> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
            assert_eq!(won.iter().filter(|&&won| won).count(), 1);
            let winner = won.iter().position(|&won| won).unwrap() as u8;
            assert_eq!(files.get(&key, 0, None).unwrap().unwrap(), [winner; 5000]);
            assert!(!files.write_exclusive(&key, b"late").unwrap());
        }
    }
    assert!(leftovers(&directory.0).is_empty());
}

#[test]
fn directorys_are_made_once_by_many() {
    let directory = Directory::new();
    let files = Arc::new(directory.files());
    for round in 0..20 {
        let writers: Vec<_> = (0..6)
            .map(|w| {
                let files = Arc::clone(&files);
                thread::spawn(move || files.write(&format!("a{round}/b/c/d/{w}"), b"x").unwrap())
            })
            .collect();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    }
    assert_eq!(std::fs::read_dir(directory.0.join("root/a19/b/c/d")).unwrap().count(), 6);
}

#[test]
fn a_failed_write_names_the_key_and_leaves_nothing() {
    let directory = Directory::new();
    for files in directory.kinds() {
        files.write("dir/file", b"x").unwrap();
        let old: Arc<dyn Object> = Arc::new(b"short".to_vec());
        let beyond = vec![Part::New(b"abc".to_vec()), Part::Old { offset: 3, len: 10 }];
        let cut = files.put("dir/put", beyond.clone(), Some(&old), false).unwrap_err();
        assert_eq!(cut.kind(), Kind::Corrupt);
        assert_eq!(files.put("dir/put", beyond, None, false).unwrap_err().kind(), Kind::Internal);
        let is_directory = [files.write("dir", b"y").unwrap_err(), files.write_exclusive("dir", b"y").unwrap_err()];
        let below_file = files.write("dir/file/below", b"y").unwrap_err();
        let too_long = files.write(&format!("dir/{}", "n".repeat(300)), b"y").unwrap_err();
        for error in &is_directory {
            assert_eq!(errno(error), Some(21), "EISDIR: {error}");
            assert!(error.to_string().contains("\"dir\""), "{error}");
        }
        // ENOTDIR; Windows says that there is no such path.
        assert_eq!(errno(&below_file), Some(if cfg!(windows) { 17 } else { 20 }), "{below_file}");
        assert!(below_file.to_string().contains("\"dir/file/below\""), "{below_file}");
        if cfg!(windows) {
            assert_eq!(too_long.kind(), Kind::Config, "{too_long}");
        } else {
            // ENAMETOOLONG has a number of its own in each system.
            let expected = if cfg!(target_vendor = "apple") { 63 } else { 36 };
            assert_eq!(errno(&too_long), Some(expected), "{too_long}");
        }
        assert!(files.open("dir/put").unwrap().is_none());
        assert_eq!(files.get("dir/file", 0, None).unwrap().unwrap(), b"x");
    }
    assert!(leftovers(&directory.0).is_empty());
}

#[test]
fn parts_of_the_old_value_are_taken_over() {
    let directory = Directory::new();
    let files = directory.files();
    let value: Vec<u8> = (0..1_500_000u32).map(|i| (i % 251) as u8).collect();
    files.write("k", &value).unwrap();
    let in_memory: Arc<dyn Object> = Arc::new(value.clone());
    let cases: [&[(u64, u64)]; 9] = [
        &[],
        &[(0, 1_500_000)],
        &[(5, 0), (7, 1)],
        &[(100, 262_144), (0, 262_144)],
        &[(0, 100), (900_000, 600_000)],
        &[(1, 3), (2, 3)],
        // The bytes stay where they are: file systems that can do it let both files share them.
        &[(0, 1_000_000)],
        &[(10, 900_000), (900_020, 599_980)],
        &[(300_000, 1_200_000), (0, 0)],
    ];
    for (new_len, case) in [0usize, 3, 262_144, 1_000_000, 262_143, 10, 0, 10, 300_000].into_iter().zip(cases) {
        for source in [None, Some(&in_memory)] {
            let old = source.cloned().unwrap_or_else(|| Source::open(&files, "k").unwrap().unwrap());
            let (mut parts, mut expected) = (Vec::new(), Vec::new());
            for &(offset, len) in case {
                parts.extend([Part::New(vec![255; new_len]), Part::Old { offset, len }]);
                expected.resize(expected.len() + new_len, 255);
                expected.extend_from_slice(&value[offset as usize..(offset + len) as usize]);
            }
            files.put("copy", parts, Some(&old), true).unwrap();
            assert_eq!(files.get("copy", 0, None).unwrap().unwrap(), expected);
        }
    }
}

#[test]
fn no_bytes_are_made_up_where_the_old_value_was_cut() {
    let directory = Directory::new();
    let files = directory.files();
    files.write("other", b"as it was").unwrap();
    for (old, offset, len) in [(900_000, 0, 800_000), (900_000, 100_000, 800_000), (50, 10, 40)] {
        files.write("k", &vec![7; old]).unwrap();
        let object = Source::open(&files, "k").unwrap().unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(directory.0.join("root/k")).unwrap();
        file.set_len(old as u64 / 2).unwrap();
        let parts = vec![Part::Old { offset, len }, Part::New(vec![1; 10])];
        let error = files.put("other", parts, Some(&object), true).unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt, "{error}");
        assert_eq!(files.get("other", 0, None).unwrap().unwrap(), b"as it was");
        assert_eq!(leftovers(&directory.0), Vec::<PathBuf>::new());
    }
}

#[test]
fn a_directory_that_is_replaced_during_an_operation_is_written_to() {
    let directory = Directory::new();
    let files = directory.files();
    files.write("old", b"x").unwrap();
    let held = files.hold();
    std::fs::remove_dir_all(directory.0.join("root")).unwrap();
    held.write("a/k", b"1").unwrap();
    held.write("l", b"2").unwrap();
    assert_eq!(files.get("a/k", 0, None).unwrap().unwrap(), b"1");
    assert_eq!(files.get("l", 0, None).unwrap().unwrap(), b"2");
    assert_eq!(files.get("old", 0, None).unwrap(), None);
}

#[test]
fn a_relative_root_stays_where_it_was() {
    let files = Files::new("some/directory", false).unwrap();
    let absolute = std::env::current_dir().unwrap().join("some/directory");
    let shown = format!("{:?}", absolute.components().collect::<PathBuf>());
    let shown = shown.trim_matches('"');
    assert!(format!("{files:?}").contains(shown), "{files:?} {shown}");
}

#[test]
fn what_one_claims_another_waits_for() {
    let directory = Directory::new();
    for files in directory.kinds() {
        files.write("k", b"old").unwrap();
        let claimed = files.claim("k", None).unwrap().unwrap();
        let cancel = Cancel::new();
        let stop = cancel.clone();
        let impatient = thread::spawn(move || {
            thread::sleep(Duration::from_millis(20));
            stop.cancel();
        });
        let kept_waiting = files.claim("k", Some(&Context::new(&cancel))).unwrap_err();
        assert_eq!(kept_waiting.kind(), Kind::Cancelled);
        impatient.join().unwrap();
        assert!(files.claim("other", None).unwrap().is_none());
        drop(claimed);
        assert_eq!(files.claim("k", None).unwrap().unwrap().size(), 3);
        assert!(!files.unlocked());
    }
}

#[test]
fn whoever_waited_for_a_value_gets_the_new_one() {
    if !replaces_in_one_step() {
        return;
    }
    const EACH: u64 = 200;
    let directory = Directory::new();
    for files in directory.kinds() {
        files.delete("n").unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..EACH {
                        loop {
                            let old = Sink::claim(&files, "n", None).unwrap();
                            let count = old.as_ref().map_or(0, |old| {
                                let mut bytes = [0; 8];
                                old.read_at(0, &mut bytes).unwrap();
                                u64::from_le_bytes(bytes)
                            });
                            let next = vec![Part::New((count + 1).to_le_bytes().to_vec())];
                            if files.put("n", next, old.as_ref(), true).unwrap() {
                                break;
                            }
                        }
                    }
                });
            }
        });
        let count = files.get("n", 0, None).unwrap().unwrap();
        assert_eq!(count, (4 * EACH).to_le_bytes());
    }
}

#[test]
fn a_value_is_exchanged_while_it_is_what_it_was() {
    let directory = Directory::new();
    let cancel = Cancel::new();
    let context = Context::new(&cancel);
    for files in directory.kinds() {
        files.delete("k").unwrap();
        let exchange = |bytes: Option<&[u8]>, version| files.exchange("k", bytes, version, &context).unwrap();
        let version = || files.open("k").unwrap().map(|file| file.version());
        assert!(exchange(None, None), "there is none, and shall be none");
        assert!(exchange(Some(b"a"), None));
        assert!(!exchange(Some(b"b"), None), "there is one");
        let first = version();
        // Files of one size, written in a row, whose numbers may be given anew.
        for _ in 0..100 {
            files.write("k", b"c").unwrap();
            assert_ne!(version(), first);
        }
        assert!(!exchange(Some(b"d"), first) && !exchange(None, first));
        assert!(exchange(Some(b"e"), version()));
        assert_eq!(files.get("k", 0, None).unwrap().unwrap(), b"e");
        assert!(exchange(None, version()));
        assert!(version().is_none());
        assert!(!exchange(None, first));
    }
}

#[test]
fn a_directory_that_was_deleted_is_not_made_again_by_what_is_written_into_it() {
    let directory = Directory::new();
    let files = directory.files();
    files.write("a/zarr.json", b"{}").unwrap();
    for within in [files.within("a/"), files.hold().within("a/"), files.within("a/").hold()] {
        within.write("a/c/0/1", b"chunk").unwrap();
        std::fs::remove_dir_all(directory.0.join("root/a")).unwrap();
        for key in ["a/c/0/2", "a/0.0"] {
            let error = within.write(key, b"chunk").unwrap_err();
            assert_eq!(error.kind(), Kind::Gone);
            assert!(error.to_string().contains(key));
        }
        assert!(!directory.0.join("root/a").exists());
        files.write("a/zarr.json", b"{}").unwrap(); // other writers may make it
        within.write("a/c/0/2", b"chunk").unwrap();
        assert_eq!(files.get("a/c/0/2", 0, None).unwrap().as_deref(), Some(&b"chunk"[..]));
    }
    let root = files.within("");
    std::fs::remove_dir_all(directory.0.join("root")).unwrap();
    assert_eq!(root.write("c/0", b"chunk").unwrap_err().kind(), Kind::Gone);
}

#[test]
fn a_copy_is_a_value_of_its_own() {
    let directory = Directory::new();
    let files = directory.files();
    let target = Files::new(directory.0.join("other/root"), false).unwrap();
    for len in [0usize, 1, 70_000, 1_000_000] {
        let value: Vec<u8> = (0..len).map(|i| (i * 31 % 251) as u8).collect();
        files.write("a/one", &value).unwrap();
        assert_eq!(files.copy("a/one", &target, "b/c/two").unwrap(), Some(len as u64));
        files.write("a/one", b"later").unwrap();
        assert_eq!(target.get("b/c/two", 0, None).unwrap().unwrap(), value);
    }
    assert_eq!(files.copy("a/none", &target, "b/c/three").unwrap(), None);
    assert_eq!(target.get("b/c/three", 0, None).unwrap(), None);
    assert_eq!(errno(&files.copy("a", &target, "b/c/three").unwrap_err()), Some(21), "it is a directory");
    assert!(leftovers(&directory.0).is_empty());
}

#[test]
fn a_directory_is_moved_as_a_whole_or_not_at_all() {
    let directory = Directory::new();
    let files = directory.files();
    let target = Files::new(directory.0.join("other"), false).unwrap();
    files.write("a/zarr.json", b"{}").unwrap();
    files.write("a/c/0/0", b"chunk").unwrap();
    target.write("there/c/0", b"kept").unwrap();
    assert!(!files.move_directory("a", &target, "there").unwrap(), "something is there");
    assert!(!files.move_directory("a", &target, "there/c/0").unwrap(), "a file is there");
    assert!(!files.move_directory("none", &target, "new").unwrap(), "there is nothing");
    assert!(!files.move_directory("a/zarr.json", &target, "new").unwrap(), "it is no directory");
    for place in ["../a", "", "a//b", "."] {
        assert!(files.move_directory("a", &target, place).is_err(), "{place:?} is no place in the store");
        assert!(files.move_directory(place, &target, "new").is_err(), "{place:?} is no place in the store");
    }
    assert_eq!(target.get("there/c/0", 0, None).unwrap().unwrap(), b"kept");
    assert_eq!(files.get("a/c/0/0", 0, None).unwrap().unwrap(), b"chunk");

    // Directories that a deletion has left are nothing.
    std::fs::create_dir_all(directory.0.join("other/new/place/c/0")).unwrap();
    assert!(files.move_directory("a", &target, "new/place").unwrap());
    assert_eq!(target.get("new/place/c/0/0", 0, None).unwrap().unwrap(), b"chunk");
    assert_eq!(target.get("new/place/zarr.json", 0, None).unwrap().unwrap(), b"{}");
    assert!(files.names("a").unwrap().is_none());
}

#[test]
fn directories_change_places_in_one_step_or_stay() {
    let directory = Directory::new();
    let files = directory.files();
    files.write("one/k", b"one").unwrap();
    files.write("two/k", b"two").unwrap();
    let swapped = files.swap_directories("one", &files, "two").unwrap();
    let (one, two) = if swapped { (b"two", b"one") } else { (b"one", b"two") };
    assert_eq!(files.get("one/k", 0, None).unwrap().unwrap(), one);
    assert_eq!(files.get("two/k", 0, None).unwrap().unwrap(), two);
    assert!(!files.swap_directories("one", &files, "none").unwrap());
    assert!(!files.swap_directories("one", &files, "two/k").unwrap());
}
