//! Promises of the pool, whatever the jobs do.

#![allow(clippy::unwrap_used)]

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use zarr_engine::cancel::{Cancel, Context};
use zarr_engine::error::{Error, Kind, Result};
use zarr_engine::pool::{Job, Pool, apart};

fn job(f: impl Fn(usize, &Context<'_>) -> Result<()> + Send + Sync + 'static) -> Arc<Job> {
    Arc::new(f)
}

fn quietly<T>(f: impl FnOnce() -> T) -> T {
    static HOOK: Mutex<()> = Mutex::new(());
    let _one = HOOK.lock().unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let result = f();
    std::panic::set_hook(hook);
    result
}

/// Waits until `done`, for as long as a busy machine may take.
fn until(done: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > Duration::from_secs(20) {
            return false;
        }
        thread::sleep(Duration::from_micros(50));
    }
    true
}

#[test]
fn every_item_is_done_exactly_once_for_many_callers() {
    let pool = Arc::new(Pool::new(4));
    let callers: Vec<_> = (0..8)
        .map(|caller| {
            let pool = Arc::clone(&pool);
            thread::spawn(move || {
                let cancel = Cancel::new();
                let context = Context::new(&cancel);
                for round in 0..400 {
                    let n = (round * 7 + caller * 131) % 1001;
                    let grain = [0, 1, 2, 3, 16, 1000, 5000][round % 7];
                    let counts: Arc<Vec<AtomicUsize>> = Arc::new((0..n).map(|_| AtomicUsize::new(0)).collect());
                    let over = Arc::new(AtomicBool::new(false));
                    let (inner, late) = (Arc::clone(&counts), Arc::clone(&over));
                    let work = job(move |i, _| {
                        assert!(!late.load(Ordering::SeqCst), "the run is over");
                        inner[i].fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    });
                    pool.run(&context, n, grain, Arc::clone(&work)).unwrap();
                    over.store(true, Ordering::SeqCst);
                    assert_eq!(Arc::strong_count(&work), 1, "nobody holds the job");
                    assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
                }
            })
        })
        .collect();
    callers.into_iter().for_each(|caller| caller.join().unwrap());
}

#[test]
fn helpers_help() {
    let pool = Pool::new(3);
    let cancel = Cancel::new();
    for _ in 0..20 {
        let inside = Arc::new(AtomicUsize::new(0));
        let work = job(move |_, _| {
            inside.fetch_add(1, Ordering::SeqCst);
            if until(|| inside.load(Ordering::SeqCst) == 3) { Ok(()) } else { Err(Error::internal("alone")) }
        });
        pool.run(&Context::new(&cancel), 3, 1, work).unwrap();
    }
}

#[test]
fn one_item_runs_on_the_callers_thread() {
    let pool = Pool::new(4);
    let cancel = Cancel::new();
    let me = thread::current().id();
    let work = job(move |_, _| {
        assert_eq!(thread::current().id(), me);
        Ok(())
    });
    for (n, grain) in [(1, 1), (5, 5), (5, 100), (0, 1)] {
        pool.run(&Context::new(&cancel), n, grain, Arc::clone(&work)).unwrap();
    }
}

#[test]
fn a_run_inside_of_a_run_ends() {
    fn nest(pool: &Arc<Pool>, context: &Context<'_>, depth: usize, done: &Arc<AtomicUsize>) -> Result<()> {
        if depth == 0 {
            done.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let (inner, count) = (Arc::clone(pool), Arc::clone(done));
        pool.run(context, 6, 1, job(move |_, context| nest(&inner, context, depth - 1, &count)))
    }
    for threads in [1, 2, 3, 8] {
        let pool = Arc::new(Pool::new(threads));
        let callers: Vec<_> = (0..3)
            .map(|_| {
                let pool = Arc::clone(&pool);
                thread::spawn(move || {
                    let cancel = Cancel::new();
                    for _ in 0..20 {
                        let done = Arc::new(AtomicUsize::new(0));
                        nest(&pool, &Context::new(&cancel), 4, &done).unwrap();
                        assert_eq!(done.load(Ordering::Relaxed), 6usize.pow(4));
                    }
                })
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
    }
}

#[test]
fn a_panic_is_an_error_and_the_threads_survive_it() {
    let pool = Pool::new(3);
    let cancel = Cancel::new();
    let context = Context::new(&cancel);
    quietly(|| {
        for n in [1usize, 2, 50] {
            for at in [0, n - 1] {
                let work = job(move |i, _| {
                    if i == at {
                        panic!("item {i}");
                    }
                    Ok(())
                });
                let error = pool.run(&context, n, 1, Arc::clone(&work)).unwrap_err();
                assert_eq!(error.kind(), Kind::Internal);
                assert!(error.to_string().contains(&format!("item {at}")), "{error}");
                assert_eq!(Arc::strong_count(&work), 1);
            }
        }
    });
    let together = Arc::new(AtomicUsize::new(0));
    let work = job(move |_, _| {
        together.fetch_add(1, Ordering::SeqCst);
        assert!(until(|| together.load(Ordering::SeqCst) == 3));
        Ok(())
    });
    pool.run(&context, 3, 1, work).unwrap();
}

#[test]
fn the_first_error_is_told_and_stops_the_rest() {
    let pool = Pool::new(4);
    let cancel = Cancel::new();
    for _ in 0..50 {
        let begun = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&begun);
        let work = job(move |i, _| {
            count.fetch_add(1, Ordering::Relaxed);
            if i == 10 {
                return Err(Error::corrupt("ten"));
            }
            thread::sleep(Duration::from_micros(100));
            Ok(())
        });
        let error = pool.run(&Context::new(&cancel), 10_000, 1, Arc::clone(&work)).unwrap_err();
        assert_eq!(error.to_string(), "ten");
        assert_eq!(Arc::strong_count(&work), 1);
        assert!(begun.load(Ordering::Relaxed) < 5_000, "the others stopped");
    }
    assert!(!cancel.is_cancelled());
}

#[test]
fn cancelling_stops_after_the_items_that_run() {
    for threads in [1, 2, 4] {
        let pool = Pool::new(threads);
        for grain in [1, 64] {
            let cancel = Cancel::new();
            let after = Arc::new(AtomicUsize::new(0));
            let (flag, count) = (cancel.clone(), Arc::clone(&after));
            let work = job(move |i, _| {
                if flag.is_cancelled() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                if i == 20 {
                    flag.cancel();
                }
                Ok(())
            });
            let error = pool.run(&Context::new(&cancel), 1000, grain, Arc::clone(&work)).unwrap_err();
            assert_eq!(error.kind(), Kind::Cancelled);
            assert_eq!(Arc::strong_count(&work), 1);
            assert!(after.load(Ordering::Relaxed) < threads, "each thread may have been about to begin one");
        }
    }
}

#[test]
fn nothing_is_begun_that_was_cancelled_before() {
    let pool = Pool::new(2);
    let cancel = Cancel::new();
    cancel.cancel();
    for n in [1, 2, 100] {
        let error = pool.run(&Context::new(&cancel), n, 1, job(|_, _| panic!("begun"))).unwrap_err();
        assert_eq!(error.kind(), Kind::Cancelled);
    }
}

#[test]
fn what_the_job_holds_is_gone_when_the_run_returns() {
    struct Flag(Arc<AtomicUsize>, thread::ThreadId);
    impl Drop for Flag {
        fn drop(&mut self) {
            assert_eq!(thread::current().id(), self.1, "dropped by the caller");
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let pool = Pool::new(4);
    let cancel = Cancel::new();
    let dropped = Arc::new(AtomicUsize::new(0));
    for round in 0..2000 {
        let flag = Flag(Arc::clone(&dropped), thread::current().id());
        let work = job(move |i, _| {
            let _held = &flag;
            if round % 5 == 0 && i == 7 { Err(Error::config("seven")) } else { Ok(()) }
        });
        assert_eq!(
            pool.run(&Context::new(&cancel), 2 + round % 40, 1, work).is_err(),
            round % 5 == 0 && round % 40 >= 6
        );
        assert_eq!(dropped.load(Ordering::SeqCst), round + 1);
    }
}

#[test]
fn the_tick_is_heard_between_items_on_the_callers_thread() {
    let pool = Pool::new(3);
    let cancel = Cancel::new();
    let me = thread::current().id();
    let calls = Cell::new(0);
    let tick = || {
        assert_eq!(thread::current().id(), me);
        calls.set(calls.get() + 1);
        if calls.get() == 3 { Err(Error::config("interrupted")) } else { Ok(()) }
    };
    let start = Instant::now();
    let work = job(|_, _| {
        thread::sleep(Duration::from_millis(1));
        Ok(())
    });
    let error = pool.run(&Context::with_tick(&cancel, &tick), 100_000, 1, work).unwrap_err();
    assert_eq!(error.to_string(), "interrupted", "not: cancelled, as the helpers were");
    assert!(cancel.is_cancelled());
    assert!(start.elapsed() >= Duration::from_millis(60), "not more often than every 20 ms");
}

#[test]
fn the_tick_is_heard_while_waiting_for_a_helper() {
    let pool = Pool::new(2);
    let cancel = Cancel::new();
    let me = thread::current().id();
    let heard = Arc::new(AtomicBool::new(false));
    let tick = || {
        heard.store(true, Ordering::SeqCst);
        Err(Error::config("interrupted"))
    };
    let both = Arc::new(AtomicUsize::new(0));
    let stop = Arc::clone(&heard);
    let work = job(move |_, _| {
        both.fetch_add(1, Ordering::SeqCst);
        assert!(until(|| both.load(Ordering::SeqCst) == 2));
        // The caller is done at once and waits for the helper, which waits for the tick.
        assert!(thread::current().id() == me || until(|| stop.load(Ordering::SeqCst)));
        Ok(())
    });
    let error = pool.run(&Context::with_tick(&cancel, &tick), 2, 1, work).unwrap_err();
    assert_eq!(error.to_string(), "interrupted");
}

#[test]
fn the_tick_is_heard_in_a_run_inside_of_a_run() {
    let pool = Arc::new(Pool::new(2));
    let cancel = Cancel::new();
    let tick = || Err(Error::config("interrupted"));
    let inner = Arc::clone(&pool);
    let work = job(move |_, context| {
        let sleep = job(|_, _| {
            thread::sleep(Duration::from_millis(1));
            Ok(())
        });
        inner.run(context, 100_000, 1, sleep)
    });
    let error = pool.run(&Context::with_tick(&cancel, &tick), 1, 1, work).unwrap_err();
    assert_eq!(error.to_string(), "interrupted");
}

#[test]
fn the_number_of_threads_can_change() {
    let pool = Pool::new(1);
    let cancel = Cancel::new();
    let most = |pool: &Pool| {
        let names = Arc::new(Mutex::new(std::collections::HashSet::new()));
        let seen = Arc::clone(&names);
        let work = job(move |_, _| {
            seen.lock().unwrap().insert(thread::current().id());
            thread::sleep(Duration::from_millis(1));
            Ok(())
        });
        pool.run(&Context::new(&cancel), 200, 1, work).unwrap();
        names.lock().unwrap().len()
    };
    assert_eq!((pool.threads(), most(&pool)), (1, 1));
    pool.set_threads(4);
    assert_eq!((pool.threads(), most(&pool)), (4, 4));
    pool.set_threads(2);
    // Those that are too many may still be on their way out.
    assert!(until(|| most(&pool) == 2));
    pool.set_threads(0);
    assert_eq!(pool.threads(), 1);
    assert!(until(|| most(&pool) == 1));
}

#[test]
fn a_dropped_pool_leaves_no_threads() {
    let alive = || std::fs::read_dir("/proc/self/task").map(|tasks| tasks.count()).unwrap_or(0);
    let named = || {
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        tasks
            .filter(|task| std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "zarr-drop\n"))
            .count()
    };
    assert!(alive() > 0 || !cfg!(target_os = "linux"));
    // Threads inherit nothing from whoever started them, so rename them from the inside.
    let pool = Pool::new(3);
    let cancel = Cancel::new();
    let inside = Arc::new(AtomicUsize::new(0));
    let me = thread::current().id();
    let work = job(move |_, _| {
        inside.fetch_add(1, Ordering::SeqCst);
        assert!(until(|| inside.load(Ordering::SeqCst) == 3));
        if thread::current().id() != me {
            std::fs::write("/proc/thread-self/comm", "zarr-drop").ok();
        }
        Ok(())
    });
    pool.run(&Context::new(&cancel), 3, 1, work).unwrap();
    assert!(named() == 2 || !cfg!(target_os = "linux"));
    drop(pool);
    assert!(until(|| named() == 0));
}

/// Counts the threads that are inside of a job, and the most that were at once.
#[derive(Default)]
struct Inside {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Inside {
    fn enter<T>(&self, work: impl FnOnce() -> T) -> T {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let done = work();
        self.now.fetch_sub(1, Ordering::SeqCst);
        done
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }
}

/// As a file on a server far away.
fn wait_for_a_file() {
    thread::sleep(Duration::from_millis(5));
}

// Other systems do not say precisely enough for how long a thread computes.
#[cfg(unix)]
#[test]
fn threads_come_while_callers_wait_and_go_when_they_do_not() {
    let (pool, cancel) = (Pool::new(2), Cancel::new());
    pool.set_waiting(12);
    let inside = Arc::new(Inside::default());
    let counter = Arc::clone(&inside);
    let slow = job(move |_, _| {
        counter.enter(|| {
            wait_for_a_file();
            // All that were called come, sooner or later.
            if until(|| counter.most() >= 12) { Ok(()) } else { Err(Error::internal("nobody came")) }
        })
    });
    // The first items tell; after them each waits until all have come.
    let (first, seen) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&inside));
    let both = job(move |i, context| {
        if first.fetch_add(1, Ordering::SeqCst) < 4 {
            seen.enter(wait_for_a_file);
            return Ok(());
        }
        slow(i, context)
    });
    pool.run_waiting(&Context::new(&cancel), 64, 8, usize::MAX, both).unwrap();
    assert_eq!(inside.most(), 12, "as many as may wait");
    assert!(pool.waits());
    assert!(until(|| !pool.waits()), "they are asked for as long as somebody waits");
    assert!(until(|| pool.alive() <= 1), "and end then: {}", pool.alive());
}

#[test]
fn no_more_threads_wait_than_a_run_may_have() {
    let (pool, cancel) = (Pool::new(2), Cancel::new());
    pool.set_waiting(12);
    // Those who came for one run are there when the next begins.
    for (most, allowed) in [(1, 2), (100, 12), (3, 3), (5, 5), (1, 2)] {
        let inside = Arc::new(Inside::default());
        let counter = Arc::clone(&inside);
        let work = job(move |_, _| {
            counter.enter(wait_for_a_file);
            Ok(())
        });
        pool.run_waiting(&Context::new(&cancel), 64, 1, most, work).unwrap();
        assert!(inside.most() <= allowed, "{} threads where {allowed} may be", inside.most());
    }
}

#[test]
fn a_caller_that_computes_calls_no_further_threads() {
    let (pool, cancel) = (Pool::new(2), Cancel::new());
    pool.set_waiting(12);
    let work = job(|_, _| {
        let mut sum = 0u64;
        for i in 0..2_000_000u64 {
            sum = std::hint::black_box(sum.wrapping_add(i));
        }
        Ok(())
    });
    pool.run_waiting(&Context::new(&cancel), 64, 1, usize::MAX, work).unwrap();
    assert!(!pool.waits());
    // The other kind of waiting: more threads would wait for the same lock.
    let work = job(|_, _| {
        apart(wait_for_a_file);
        Ok(())
    });
    pool.run_waiting(&Context::new(&cancel), 16, 1, usize::MAX, work).unwrap();
    assert!(!pool.waits());
}
