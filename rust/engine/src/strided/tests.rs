use super::*;
use crate::selection::AxisMap;
use proptest::prelude::*;

fn view(data: &mut [u8], shape: &[usize], strides: &[isize], size: usize) -> Output {
    output(data, shape, strides, size).unwrap()
}

fn output(data: &mut [u8], shape: &[usize], strides: &[isize], size: usize) -> Result<Output> {
    // SAFETY: the tests' shapes and strides stay in `data`, which outlives the view.
    unsafe { Output::new(data.as_mut_ptr(), shape, strides, size, Arc::new(())) }
}

fn axis_map(extent: u64) -> impl Strategy<Value = AxisMap> {
    let range = (0..extent, 1..4u64).prop_flat_map(move |(start, step)| {
        (0..=(extent - start).div_ceil(step)).prop_map(move |count| AxisMap::Range { start, step, count, at: 0 })
    });
    let pairs = proptest::collection::vec(0..extent, 0..6)
        .prop_map(|v| AxisMap::Pairs(v.into_iter().enumerate().map(|(at, i)| (i, at as u64)).collect()));
    prop_oneof![range, pairs]
}

fn expand(map: &AxisMap) -> Vec<(u64, u64)> {
    match map {
        AxisMap::Range { start, step, count, at } => (0..*count).map(|i| (start + i * step, at + i)).collect(),
        AxisMap::Pairs(pairs) => pairs.clone(),
    }
}

proptest! {
    /// Every copy equals the element-by-element definition, whatever the loops merge into.
    #[test]
    fn scatter_and_gather_equal_their_definition(
        maps in (axis_map(5), axis_map(7), axis_map(4)),
        size in prop_oneof![Just(1usize), Just(2), Just(3), Just(4), Just(8), Just(16)],
        fortran in any::<bool>(),
    ) {
        let maps = [maps.0, maps.1, maps.2];
        let region = Region::Box(maps.to_vec());
        let out_shape = region.view_shape();
        let chunk_shape = [5u64, 7, 4];
        let n = 140 * size;
        let chunk: Vec<u8> = (0..n).map(|i| (i * 31 % 251) as u8 + 1).collect();
        let s = size as isize;
        let strides = if fortran { vec![s, 5 * s, 35 * s] } else { strides_of(&chunk_shape, size).unwrap() };
        let out_strides = strides_of(&out_shape, size).unwrap();
        let out_len = region.len() as usize * size;
        let mut out = vec![0; out_len];
        let shape: Vec<usize> = out_shape.iter().map(|&n| n as usize).collect();
        view(&mut out, &shape, &out_strides, size).scatter(&region, &chunk, &strides, 0).unwrap();
        let mut expected = vec![0; out_len];
        for &(a, x) in &expand(&maps[0]) {
            for &(b, y) in &expand(&maps[1]) {
                for &(c, z) in &expand(&maps[2]) {
                    let from = (a as isize * strides[0] + b as isize * strides[1] + c as isize * strides[2]) as usize;
                    let to = (x as isize * out_strides[0] + y as isize * out_strides[1] + z as isize * out_strides[2]) as usize;
                    expected[to..to + size].copy_from_slice(&chunk[from..from + size]);
                }
            }
        }
        prop_assert_eq!(&out, &expected);
        // Gathering what was scattered gives back the selected elements and no others.
        let mut back = vec![0; n];
        view(&mut out, &shape, &out_strides, size).gather(&region, &mut back, &strides).unwrap();
        for (i, (&got, &was)) in back.iter().zip(&chunk).enumerate() {
            prop_assert!(got == was || got == 0, "byte {}", i);
        }
        // The runs hold exactly the bytes that are needed (gap 0), in order.
        let runs = runs_of(&region, &strides, size, 0).unwrap();
        let wanted = (0..n).filter(|&i| runs.iter().any(|&(a, b)| (a..b).contains(&(i as u64)))).count();
        let mut distinct: Vec<_> = back.iter().enumerate().filter(|(_, b)| **b != 0).map(|p| p.0).collect();
        distinct.dedup();
        prop_assert_eq!(wanted, distinct.len());
    }
}

#[test]
fn outside_is_refused() {
    let mut out = vec![0u8; 4];
    let v = view(&mut out, &[4], &[1], 1);
    let region = Region::Box(vec![AxisMap::Range { start: 0, step: 1, count: 5, at: 0 }]);
    assert!(v.scatter(&region, &[0; 8], &[1], 0).is_err());
    let region = Region::Box(vec![AxisMap::Range { start: 6, step: 1, count: 3, at: 0 }]);
    assert!(v.scatter(&region, &[0; 8], &[1], 0).is_err());
    let region = Region::Box(vec![AxisMap::Pairs(vec![(0, u64::MAX)])]);
    assert!(v.scatter(&region, &[0; 8], &[1], 0).is_err());
    assert!(v.scatter(&Region::all(&[2, 2]), &[0; 8], &[2, 1], 0).is_err());
    assert!(output(&mut [0; 4], &[2, 2], &[0, 1], 1).is_err(), "it overlaps itself");
    assert!(output(&mut [0; 4], &[2, 2], &[1, 2], 1).is_ok());
}

#[test]
fn rows_follow_the_source() {
    let mut out: Vec<u8> = vec![0; 4 * 2000];
    let v = view(&mut out, &[4, 2000], &[2000, 1], 1);
    let maps = |at, count| {
        Region::Box(vec![
            AxisMap::Range { start: 1, step: 1, count: 2, at: 1 },
            AxisMap::Range { start: 0, step: 1, count, at },
        ])
    };
    let rows =
        v.rows(&maps(2, 600), &[600, 1], |first, rows| (first, rows.iter().map(|r| r.len()).collect::<Vec<_>>()));
    assert_eq!(rows.unwrap().unwrap(), (600, vec![600, 600]));
    assert!(v.rows(&maps(2, 600), &[700, 1], |_, _| ()).unwrap().is_none(), "not one run");
    assert!(v.rows(&maps(2, 60), &[60, 1], |_, _| ()).unwrap().is_none(), "short rows");
    assert!(v.in_place(&maps(2, 600), &[600, 1], 1200, |_| ()).unwrap().is_none());
    let whole = v.in_place(&Region::all(&[4, 2000]), &[2000, 1], 8000, |run| run.len());
    assert_eq!(whole.unwrap(), Some(8000));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Chunks that are placed together, past the cache, are placed as each by itself.
    #[test]
    fn what_is_placed_together_equals_what_is_placed_one_by_one(
        size in prop_oneof![Just(1usize), Just(2), Just(3), Just(4), Just(8), Just(16)],
        (planes, rows) in (1..4u64, 1..20u64),
        row in prop_oneof![Just(16u64), Just(32), 1..200u64],
        last in 1..200u64,
        count in 2..9u64,
        base in 0..70usize,
        gap in 0..3usize,
        apart in proptest::bool::weighted(0.1),
    ) {
        const LARGE: usize = 17 << 20;
        let (shape, last) = ([planes, rows, row], last.min(row));
        let strides = strides_of(&shape, size).unwrap();
        let chunks: Vec<Vec<u8>> = (0..count as usize)
            .map(|k| (0..shape.iter().product::<u64>() as usize * size).map(|i| (i * 31 + k * 7) as u8 | 1).collect())
            .collect();
        let width = (row * count) as usize + gap;
        let out_shape = [planes as usize + 1, rows as usize, width];
        // So far apart that it is a large view, of which little is touched.
        let plane = (LARGE / planes as usize) as isize;
        let out_strides = [plane, (width * size) as isize, size as isize];
        let region = |k: u64| {
            let n = if k + 1 == count { last } else { row };
            let at = k * row + u64::from(apart && k + 1 == count && gap > 0);
            let [a, b] = [planes, rows].map(|count| AxisMap::Range { start: 0, step: 1, count, at: 0 });
            Region::Box(vec![a, b, AxisMap::Range { start: 0, step: 1, count: n, at }])
        };
        let regions: Vec<Region> = (0..count).map(region).collect();
        let pieces: Vec<(&Region, &[u8])> = regions.iter().zip(&chunks).map(|(r, c)| (r, c.as_slice())).collect();
        let mut memory = [vec![0u8; LARGE + (width * rows as usize) * size + 128], Vec::new()];
        memory[1] = memory[0].clone();
        let [together, alone] = &mut memory;
        let done = view(&mut together[base..], &out_shape, &out_strides, size).scatter_beside(&pieces, &strides).unwrap();
        let alone_view = view(&mut alone[base..], &out_shape, &out_strides, size);
        prop_assert!(alone_view.is_large());
        for (region, chunk) in &pieces {
            alone_view.scatter(region, chunk, &strides, 0).unwrap();
        }
        let bytes = ((count - 1) * row + last) as usize * size;
        let beside = cfg!(target_arch = "x86_64") && !(apart && gap > 0) && (256..=4096).contains(&bytes);
        // A copy has no loop over one element: rows of one are copied by themselves.
        let single = last == 1 || (planes, rows) == (1, 1);
        prop_assert!(!beside || done || single, "these are side by side");
        prop_assert!(!done || *together == *alone);
    }
}
