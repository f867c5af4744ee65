//! Promises of the table of locks.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use zarr_engine::cancel::{Cancel, Context};
use zarr_engine::error::{Error, Kind};
use zarr_engine::files::LockFile;
use zarr_engine::locks::Locks;

fn lock(locks: &Locks, name: &str) {
    locks.acquire(name, &Context::new(&Cancel::new())).unwrap();
}

#[test]
fn one_at_a_time() {
    let locks = Arc::new(Locks::new());
    let inside: Arc<Vec<AtomicUsize>> = Arc::new((0..3).map(|_| AtomicUsize::new(0)).collect());
    let total = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..8)
        .map(|t| {
            let (locks, inside, total) = (Arc::clone(&locks), Arc::clone(&inside), Arc::clone(&total));
            thread::spawn(move || {
                let cancel = Cancel::new();
                for round in 0..500 {
                    let which = (round + t) % 3;
                    let guard = locks.lock(&format!("name {which}"), &Context::new(&cancel)).unwrap();
                    assert_eq!(inside[which].fetch_add(1, Ordering::SeqCst), 0);
                    total.fetch_add(1, Ordering::Relaxed);
                    inside[which].fetch_sub(1, Ordering::SeqCst);
                    drop(guard);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(total.load(Ordering::Relaxed), 4000);
}

#[test]
fn names_do_not_wait_for_each_other() {
    let locks = Locks::new();
    assert!(locks.try_lock("a"));
    assert!(locks.try_lock("b"));
    assert!(!locks.try_lock("a"));
    assert!(locks.unlock("a"));
    assert!(locks.try_lock("a"));
    assert!(locks.unlock("a") && locks.unlock("b"));
    assert!(!locks.unlock("a"), "it was not locked");
}

#[test]
fn any_thread_may_release() {
    let locks = Arc::new(Locks::new());
    lock(&locks, "a");
    let other = Arc::clone(&locks);
    thread::spawn(move || assert!(other.unlock("a"))).join().unwrap();
    assert!(locks.try_lock("a"));
}

#[test]
fn first_come_first_served_threads_and_callbacks_alike() {
    let locks = Arc::new(Locks::new());
    let order = Arc::new(Mutex::new(Vec::new()));
    lock(&locks, "a");
    let mut threads = Vec::new();
    for i in 0..12 {
        let (shared, seen) = (Arc::clone(&locks), Arc::clone(&order));
        if i % 2 == 0 {
            threads.push(thread::spawn(move || {
                lock(&shared, "a");
                seen.lock().unwrap().push(i);
                shared.unlock("a");
            }));
            // There is no way to see that a thread waits; this is long enough.
            thread::sleep(Duration::from_millis(60));
        } else {
            let queued = locks.enqueue(
                "a",
                Box::new(move || {
                    seen.lock().unwrap().push(i);
                    thread::spawn(move || shared.unlock("a"));
                }),
            );
            assert!(!queued);
        }
    }
    locks.unlock("a");
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    lock(&locks, "a");
    assert_eq!(*order.lock().unwrap(), (0..12).collect::<Vec<_>>());
}

#[test]
fn a_callback_may_use_the_table_and_release_at_once() {
    let locks = Arc::new(Locks::new());
    assert!(locks.enqueue("a", Box::new(|| panic!("it was free"))));
    let calls = Arc::new(AtomicUsize::new(0));
    for _ in 0..100 {
        let (shared, calls) = (Arc::clone(&locks), Arc::clone(&calls));
        let waiter = move || {
            calls.fetch_add(1, Ordering::SeqCst);
            assert!(!shared.try_lock("a"));
            assert!(shared.unlock("a"));
        };
        assert!(!locks.enqueue("a", Box::new(waiter)));
    }
    locks.unlock("a");
    assert_eq!(calls.load(Ordering::SeqCst), 100);
    assert!(locks.try_lock("a"));
}

#[test]
fn a_callback_that_panics_passes_the_lock_on() {
    let locks = Locks::new();
    lock(&locks, "a");
    let called = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&called);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    locks.enqueue("a", Box::new(|| panic!("no")));
    locks.enqueue("a", Box::new(move || flag.store(true, Ordering::SeqCst)));
    locks.unlock("a");
    std::panic::set_hook(hook);
    assert!(called.load(Ordering::SeqCst));
    assert!(!locks.try_lock("a"), "the second has it");
}

#[test]
fn whoever_waits_can_be_cancelled_and_interrupted() {
    let locks = Arc::new(Locks::new());
    lock(&locks, "a");
    let cancel = Cancel::new();
    let (shared, flag) = (Arc::clone(&locks), cancel.clone());
    let waiting = thread::spawn(move || shared.acquire("a", &Context::new(&flag)).unwrap_err().kind());
    thread::sleep(Duration::from_millis(30));
    cancel.cancel();
    assert_eq!(waiting.join().unwrap(), Kind::Cancelled);

    let cancel = Cancel::new();
    let tick = || Err(Error::config("interrupted"));
    let error = locks.lock("a", &Context::with_tick(&cancel, &tick)).unwrap_err();
    assert_eq!(error.to_string(), "interrupted");
    // Neither is in the way of others.
    locks.unlock("a");
    assert!(locks.try_lock("a"));
}

#[test]
fn nothing_is_lost_when_many_give_up() {
    let locks = Arc::new(Locks::new());
    let inside = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..8)
        .map(|t| {
            let (locks, inside) = (Arc::clone(&locks), Arc::clone(&inside));
            thread::spawn(move || {
                for round in 0..300u64 {
                    let cancel = Cancel::new();
                    let start = std::time::Instant::now();
                    let patience = Duration::from_micros((round * 37 + t * 11) % 300);
                    let tick = || if start.elapsed() > patience { Err(Error::config("enough")) } else { Ok(()) };
                    let Ok(guard) = locks.lock("a", &Context::with_tick(&cancel, &tick)) else { continue };
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    if round % 16 == 0 {
                        thread::sleep(Duration::from_millis(2));
                    }
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(guard);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(locks.try_lock("a"));
}

#[test]
fn a_tick_that_panics_leaves_the_queue() {
    let locks = Arc::new(Locks::new());
    lock(&locks, "a");
    let shared = Arc::clone(&locks);
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let waiting = thread::spawn(move || {
        let cancel = Cancel::new();
        let tick = || panic!("no");
        shared.acquire("a", &Context::with_tick(&cancel, &tick)).is_ok()
    });
    assert!(waiting.join().is_err());
    std::panic::set_hook(hook);
    locks.unlock("a");
    assert!(locks.try_lock("a"));
}

#[test]
fn a_file_is_locked_by_one_at_a_time() {
    let path = std::env::temp_dir().join(format!("zarr-turns-{}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    let name = path.join("lock");
    assert!(LockFile::open(&name, false).unwrap().is_none(), "it was not to be made");
    let one = LockFile::open(&name, true).unwrap().unwrap();
    let other = LockFile::open(&name, false).unwrap().unwrap();
    assert!(one.try_lock().unwrap());
    assert!(!other.try_lock().unwrap());
    // Its bytes and its name are not locked.
    std::fs::write(&name, b"bytes").unwrap();
    assert_eq!(std::fs::read(&name).unwrap(), b"bytes");
    one.unlock();
    assert!(other.try_lock().unwrap());
    assert!(!one.try_lock().unwrap());
    drop(other);
    assert!(one.try_lock().unwrap());
    std::fs::remove_file(&name).unwrap();
    drop(one);
    assert!(LockFile::open(&name, false).unwrap().is_none());
    assert!(LockFile::open(&path.join("none/lock"), true).is_err(), "there is no directory for it");
    std::fs::remove_dir_all(path).unwrap();
}
