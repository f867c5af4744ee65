"""Small programs; what each prints is the same with zarr-python and here.

A program is what stands between two lines that begin with ``# --``; the rest of that line is its name.
Each runs in names of its own, in an empty folder that is its working directory. ``show`` prints values,
the names of types, and the errors and warnings of a call.
"""

# -- open_group: what a call returns, and how it prints
g = zarr.open_group(zarr.storage.MemoryStore(), mode="w")
show(g, type(g), g.name, g.path, g.basename, g.read_only, g.attrs, dict(g.attrs), len(g), list(g))
show(g.metadata, g.store_path.path, type(g.store_path), type(g.store), g.synchronizer if hasattr(g, "synchronizer") else None)
show(type(g.info), str(g.info).splitlines())
# -- open: modes of a missing array
for mode in ("r", "r+", "a", "w", "w-", "x", None, 3):
    kw = {} if mode is None else {"mode": mode}
    show(mode, tried(lambda: zarr.open("a.zarr", **kw)))
    shutil.rmtree("a.zarr", ignore_errors=True)
# -- open_group: modes of a missing group
for mode in ("r", "r+", "a", "w", "w-", "x"):
    show(mode, tried(lambda: zarr.open_group("a.zarr", mode=mode)))
    shutil.rmtree("a.zarr", ignore_errors=True)
# -- open_array: modes of a missing array
for mode in ("r", "r+", "a", "w", "w-", "x"):
    show(mode, tried(lambda: zarr.open_array("a.zarr", mode=mode)))
    show(mode, tried(lambda: zarr.open_array("a.zarr", mode=mode, shape=(4,), dtype="i4")))
    shutil.rmtree("a.zarr", ignore_errors=True)
# -- open: modes of an existing array
for mode in ("r", "r+", "a", "w-", "w"):
    zarr.create_array("a.zarr", shape=(4,), dtype="i4", overwrite=True)[:] = 7
    show(mode, tried(lambda: zarr.open("a.zarr", mode=mode)))
    show(mode, tried(lambda: zarr.open("a.zarr", mode=mode, shape=(3,), dtype="i2")))
    zarr.create_array("a.zarr", shape=(4,), dtype="i4", overwrite=True)[:] = 7
    show(mode, tried(lambda: zarr.open_array("a.zarr", mode=mode)[...]))
    show(mode, tried(lambda: zarr.open_group("a.zarr", mode=mode)))
# -- open: modes of an existing group
for mode in ("r", "r+", "a", "w-", "w"):
    zarr.open_group("a.zarr", mode="w", attributes={"x": 1})
    show(mode, tried(lambda: zarr.open("a.zarr", mode=mode)))
    show(mode, tried(lambda: dict(zarr.open_group("a.zarr", mode=mode).attrs)))
    zarr.open_group("a.zarr", mode="w", attributes={"x": 1})
    show(mode, tried(lambda: zarr.open_array("a.zarr", mode=mode)))
# -- open: zarr_format
zarr.create_array("v2", shape=(4,), dtype="i4", zarr_format=2)
zarr.create_array("v3", shape=(4,), dtype="i4", zarr_format=3)
for f in (2, 3, None):
    for p in ("v2", "v3"):
        show(f, p, tried(lambda: zarr.open_array(p, mode="r", zarr_format=f).metadata.zarr_format))
        show(f, p, tried(lambda: zarr.open_group(p, mode="r", zarr_format=f)))
        show(f, p, tried(lambda: zarr.open(p, mode="r", zarr_format=f)))
show(tried(lambda: zarr.open_array("v3", zarr_format=4)))
show(tried(lambda: zarr.open_group("vx", zarr_format=4)))
# -- stores: what is taken, and what is not
for x in (None, {}, "s", pathlib.Path("p"), zarr.storage.MemoryStore(), zarr.storage.LocalStore("l")):
    g = zarr.open_group(x, mode="a")
    show(type(g.store), g.store.read_only, g.store_path.path, g.path)
for x in (3, 3.5, [1], object, b"bytes"):
    show(tried(lambda: zarr.open_group(x, mode="a"), words=0))
# -- stores: path=
store = zarr.storage.MemoryStore()
g = zarr.open_group(store, path="a/b", mode="w")
show(g.path, g.name, sorted(store._store_dict))
sp = zarr.storage.StorePath(store, "a/b")
show(zarr.open_group(sp, mode="r").path, str(sp).split("/")[-2:], repr(sp).split("(")[0], sp == sp, (sp / "c").path)
show(zarr.open_group(sp, path="x", mode="w").path)
g = zarr.group(store, path="/q/")
show(g.path, g.name, g["/"] if "/" in g else "no root")
# -- StorePath: methods
store = zarr.storage.MemoryStore()
sp = zarr.storage.StorePath(store, "a")
buf = zarr.core.buffer.default_buffer_prototype().buffer.from_bytes(b"abc")
show(run(sp.set(buf)), run(sp.get()).to_bytes(), run(sp.exists()), run(sp.delete()), run(sp.exists()), run(sp.get()))
show(sp.store is store, sp.read_only, sp == zarr.storage.StorePath(store, "a"), sp == 3, hash(sp) is not None if type(sp).__hash__ else None)
show(run(sp.set_if_not_exists(buf)), run(sp.is_empty()), run(sp.delete_dir()))
# -- Array: properties
for fmt in (2, 3):
    a = zarr.create_array(zarr.storage.MemoryStore(), name="x/y", shape=(10, 6), chunks=(4, 3), dtype="f4", zarr_format=fmt, attributes={"u": 1}, fill_value=2.5)
    for p in ("shape chunks shards dtype ndim size itemsize nbytes fill_value order name path basename read_only cdata_shape nchunks "
              "nchunks_initialized compressors filters serializer attrs store_path metadata dimension_names").split():
        show(p, tried(lambda: getattr(a, p)))
    show(tried(lambda: a.compressor), tried(lambda: a.nbytes_stored()), tried(lambda: len(a)), tried(lambda: a.T), tried(lambda: list(a)[:0]))
    show(a, str(a), type(a.attrs), type(a.metadata), type(a.store), type(a._async_array), type(a.fill_value))
    show(a.read_chunk_sizes, a.write_chunk_sizes, a.config if hasattr(a, "config") else None)
    show(str(a.info).splitlines(), type(a.info))
    show(str(a.info_complete()).splitlines())
    show(bool(a), a == a, a == 3, tried(lambda: hash(a) is not None), tried(lambda: float(a)))
# -- Array: shards
a = zarr.create_array({}, shape=(16, 16), chunks=(4, 4), shards=(8, 8), dtype="i2")
show(a.chunks, a.shards, a.nchunks, a.cdata_shape, a.serializer, a.compressors, a.filters, a.metadata.chunk_grid)
show(a.read_chunk_sizes, a.write_chunk_sizes, a.nchunks_initialized, str(a.info).splitlines())
show(tried(lambda: zarr.create_array({}, shape=(16, 16), chunks=(4, 4), shards=(6, 8), dtype="i2")))
show(tried(lambda: zarr.create_array({}, shape=(16, 16), chunks=(4, 4), shards=(8, 8), dtype="i2", zarr_format=2)))
a[:5, :5] = 1
show(a.nchunks_initialized, sorted(a.store._store_dict))
# -- Array: scalars, zero dimensions, iteration
a = zarr.array(np.int32(5))
show(a[()], type(a[()]), a[...], tried(lambda: int(a)), tried(lambda: float(a)), tried(lambda: complex(a)), a.shape, a.chunks, tried(lambda: len(a)), tried(lambda: list(a)))
b = zarr.array(np.arange(4))
show(list(b), len(b), b[1], type(b[1]), b[-1], tried(lambda: b[4]), tried(lambda: b[-5]), tried(lambda: int(b)), tried(lambda: b["x"]), np.asarray(b), 2 in b)
show(tried(lambda: bool(zarr.array(np.arange(4)))), b[...].dtype, b[::2], tried(lambda: b[::-1]), tried(lambda: b[1.5]), tried(lambda: b[0, 0]))
show(b[[0, 2]], tried(lambda: b[[True, False, True, True]]), b[np.array([True, False, True, True])], tried(lambda: b[np.array([True, False])]), b[b[:] > 1])
# -- Array: two dimensions, mistakes
a = zarr.array(np.arange(12).reshape(3, 4), chunks=(2, 2))
show(a[1], a[:, 1], a[..., -1], a[1:1], a[5:], tried(lambda: a[3]), tried(lambda: a[0, 0, 0]), tried(lambda: a[0, 4]), tried(lambda: a["f"]), tried(lambda: a[{}]))
show(a[[0, 2], [1, 3]], a[[0, 2]], a[:, [0, 3]], tried(lambda: a[[0, 1, 2], [1, 3]]), tried(lambda: a[[0, 5]]))
show(a.oindex[[0, 2], [1, 3]], a.oindex[[0, 2], 1:], a.oindex[[True, False, True]], tried(lambda: a.oindex[[True, False]]), tried(lambda: a.oindex[1.5]), tried(lambda: a.oindex[[0, 7]]))
show(a.vindex[[0, 2], [1, 3]], tried(lambda: a.vindex[[0, 1], :]), tried(lambda: a.vindex[0:2, 0:2]), a.vindex[a[:] > 6], tried(lambda: a.vindex[[0], [9]]))
show(a.blocks[0, 0], a.blocks[1], a.blocks[-1, -1], tried(lambda: a.blocks[3, 3]), tried(lambda: a.blocks[[0]]), tried(lambda: a.blocks[::2]))
show(a.get_basic_selection(slice(0, 1)), a.get_orthogonal_selection(([0], [1])), a.get_coordinate_selection(([0], [1])), a.get_mask_selection(a[:] > 9), a.get_block_selection((0, 0)))
# -- Array: setting
a = zarr.zeros((4, 4), chunks=(2, 2), dtype="i4", store={})
a[0] = 1; a[:, 0] = [5, 6, 7, 8]; a[1:3, 1:3] = np.ones((2, 2), "f8") * 2.7
show(a[:])
for v in ([1, 2, 3], np.zeros((3, 3)), "x", None, [[1, 2]], 3.9, 2**40, np.nan):
    show(tried(lambda: a.__setitem__((slice(None), slice(None)), v)))
    show(tried(lambda: a.__setitem__(0, v)))
a.oindex[[0, 3], [0, 3]] = 9; a.vindex[[1, 2], [1, 2]] = [3, 4]; a.blocks[1, 1] = 0
show(a[:], tried(lambda: a.set_basic_selection(5, 1)), tried(lambda: a.__setitem__("f", 1)), tried(lambda: a.set_mask_selection(a[:] > 5, 1)), a[:])
show(tried(lambda: a.set_coordinate_selection(([0, 1], [0]), 4)), tried(lambda: a.set_orthogonal_selection(([0, 9], 1), 4)))
# -- Array: read-only
a = zarr.create_array("ro", shape=(4,), dtype="i4", chunks=(2,)); r = zarr.open_array("ro", mode="r")
show(r.read_only, tried(lambda: r.__setitem__(0, 1)), tried(lambda: r.resize((8,))), tried(lambda: r.append([1])), tried(lambda: r.attrs.update(a=1)), tried(lambda: r.attrs.put({})))
g = zarr.open_group("ro2", mode="w"); g.create_group("x"); r = zarr.open_group("ro2", mode="r")
show(r.read_only, tried(lambda: r.create_group("y")), tried(lambda: r.create_array("z", shape=1, dtype="i1")), tried(lambda: r.__delitem__("x")), tried(lambda: r.attrs.update(a=1)), tried(lambda: r.require_group("x")), tried(lambda: r.require_group("n")))
# -- Array: resize, append
a = zarr.create_array({}, shape=(4, 3), dtype="i4", chunks=(2, 2), fill_value=-1)
a[:] = 5
show(a.resize((6, 3)), a.shape, a[:], a.append(np.ones((1, 3), "i4")), a.shape, a.append(np.ones((7, 1), "i4"), axis=1), a.shape, a[:])
show(tried(lambda: a.resize(3)), tried(lambda: a.resize((1, 2, 3))), tried(lambda: a.append(np.ones((2, 2)))), tried(lambda: a.append([1])), tried(lambda: a.resize((-1, 2))), a.resize((1, 1)), a[:])
# -- Array: attributes
a = zarr.create_array({}, shape=(4,), dtype="i4", attributes={"a": 1})
show(a.attrs, dict(a.attrs), a.attrs.asdict(), type(a.attrs.asdict()), "a" in a.attrs, a.attrs.get("q"), tried(lambda: a.attrs["q"]), len(a.attrs), a.attrs == {"a": 1})
a.attrs["b"] = [1, 2, {"c": None}]; a.attrs.update({"t": (1, 2)}, z=1.5)
show(dict(a.attrs), a.attrs["t"], a.attrs.pop("a"), a.attrs.setdefault("s", 4), tried(lambda: a.attrs.__delitem__("nope")), list(a.attrs), list(a.attrs.items()))
show(a.attrs.put({"only": 1}), dict(a.attrs), a.update_attributes({"more": 2}), dict(a.attrs), a.attrs.clear(), dict(a.attrs), a.attrs.refresh() if hasattr(a.attrs, "refresh") else None)
for v in (np.int64(3), np.float32(1.5), np.arange(3), object(), {1, 2}, b"x", float("nan"), float("inf"), datetime.date(2020, 1, 1), np.datetime64("2020-01-01"), {1: 2}, np.bool_(True)):
    show(type(v), tried(lambda: a.attrs.__setitem__("v", v)), tried(lambda: zarr.open_array(a.store).attrs.get("v")))
    a = zarr.create_array({}, shape=(4,), dtype="i4")
# -- Array: mistakes when creating
ca = lambda **kw: zarr.create_array({}, **{"shape": (4,), "dtype": "i4", **kw})
for kw in (dict(shape=(-1,)), dict(shape="x"), dict(shape=None), dict(dtype="nope"), dict(dtype=None), dict(chunks=(0,)), dict(chunks=(2, 2)), dict(chunks=-1), dict(chunks="x"),
           dict(chunks=(2.5,)), dict(fill_value="x"), dict(fill_value=1.5), dict(fill_value=2**40), dict(order="Q"), dict(zarr_format=1), dict(zarr_format="3"), dict(compressors="nope"),
           dict(compressors={"name": "nope"}), dict(filters="nope"), dict(serializer="x"), dict(dimension_names=("a", "b")), dict(dimension_names=("a",), zarr_format=2), dict(dimension_names="a"),
           dict(shards=(3,), chunks=(2,)), dict(attributes=3), dict(config={"order": "Q"}), dict(config={"nope": 1}), dict(name=3), dict(chunk_key_encoding="x"), dict(chunk_key_encoding={"name": "default", "separator": "x"}),
           dict(data=np.arange(3)), dict(shape=4), dict(shape=(4.0,)), dict(shape=np.int64(4)), dict(shape=[4]), dict(chunks=3), dict(chunks=True), dict(chunks=False), dict(chunks=(9,)),
           dict(serializer=zarr.codecs.BytesCodec(), zarr_format=2), dict(filters=[zarr.codecs.BytesCodec()]), dict(compressors=[zarr.codecs.TransposeCodec(order=(0,))]), dict(bogus=1)):
    show(kw, tried(lambda: ca(**kw)), tried(lambda: ca(**kw).chunks))
show(tried(lambda: zarr.create_array({})), tried(lambda: zarr.create_array({}, shape=3)), tried(lambda: zarr.create_array({}, dtype="i4")))
# -- create: the parameters of v2
c = lambda **kw: zarr.create(**{"shape": (4,), "dtype": "i4", **kw})
for kw in (dict(), dict(zarr_format=2), dict(zarr_format=2, compressor=None), dict(zarr_format=3, compressor=None), dict(dimension_separator="/", zarr_format=2), dict(dimension_separator="/"),
           dict(order="F", zarr_format=2), dict(order="F"), dict(chunks=2), dict(chunks=False), dict(fill_value=3), dict(fill_value=None), dict(codecs=[zarr.codecs.BytesCodec()]),
           dict(codecs=[zarr.codecs.BytesCodec()], zarr_format=2), dict(chunk_shape=(2,)), dict(chunk_key_encoding=("v2", ".")), dict(overwrite=True), dict(write_empty_chunks=True),
           dict(dimension_names=["x"]), dict(attributes={"a": 1}), dict(filters=[{"id": "delta", "dtype": "i4"}], zarr_format=2), dict(bogus=3), dict(path="p")):
    show(kw, tried(lambda: c(**kw).metadata.to_dict()), tried(lambda: c(**kw).order))
# -- create: exists
zarr.create_array("e", shape=1, dtype="i1")
show(tried(lambda: zarr.create_array("e", shape=1, dtype="i1")), tried(lambda: zarr.create("e", shape=1)) if False else 0, tried(lambda: zarr.create(shape=1, store="e")), tried(lambda: zarr.create_group("e")), tried(lambda: zarr.group("e")))
zarr.create_group("f")
show(tried(lambda: zarr.create_array("f", shape=1, dtype="i1")), tried(lambda: zarr.create_group("f")), tried(lambda: zarr.group("f")), tried(lambda: zarr.create_group("f", overwrite=True, attributes={"a": 1})))
g = zarr.open_group("f"); g.create_array("a", shape=1, dtype="i1"); g.create_group("b")
show(tried(lambda: g.create_array("a", shape=1, dtype="i1")), tried(lambda: g.create_group("b")), tried(lambda: g.create_array("b", shape=1, dtype="i1")), tried(lambda: g.create_group("a")), tried(lambda: g.create_array("a", shape=2, dtype="i1", overwrite=True)))
show(tried(lambda: g.require_array("a", shape=2, dtype="i1")), tried(lambda: g.require_array("a", shape=3, dtype="i1")), tried(lambda: g.require_array("a", shape=2, dtype="f8")), tried(lambda: g.require_array("b", shape=2, dtype="i1")), tried(lambda: g.require_group("a")), tried(lambda: g.require_group("b")), tried(lambda: g.require_array("n", shape=2, dtype="i1")))
show(tried(lambda: g.require_array("a", shape=2, dtype="i2")), tried(lambda: g.require_array("a", shape=2, dtype="i2", exact=True)))
# -- Group: a mapping
g = zarr.group(); g.create_array("a", shape=(3,), dtype="i4"); g.create_group("b/c"); g["b"].create_array("d", shape=1, dtype="f4")
show(sorted(g), len(g), "a" in g, "b/c" in g, "b/d" in g, "z" in g, g["b/c"].path, g["b"]["d"].path, tried(lambda: g["z"]), tried(lambda: g["b/z"]), g.get("z"), g.get("z", 3), g.get("a"))
show(sorted(g.keys()), sorted(k for k, _ in g.arrays()), sorted(k for k, _ in g.groups()), sorted(g.array_keys()), sorted(g.group_keys()), len(list(g.array_values())), len(list(g.group_values())), type(g.keys()), type(g.arrays()), type(g.members()))
show([(k, type(v)) for k, v in sorted(g.members(max_depth=None), key=lambda kv: kv[0])], sorted(k for k, _ in g.members(max_depth=0)), tried(lambda: g.members(max_depth=-1)), g.nmembers(), g.nmembers(max_depth=None))
show(tried(lambda: g.__delitem__("z")), tried(lambda: g.__delitem__("b")), sorted(g), tried(lambda: g.__getitem__(3)), tried(lambda: g["a/x"]), tried(lambda: g["a"]["x"]))
g["n"] = np.arange(3); g["s"] = 5 if False else np.arange(2)
show(sorted(g), g["n"][:], tried(lambda: g.__setitem__("n", np.arange(9))), g["n"].shape, tried(lambda: g.__setitem__("q", "text")), tried(lambda: g.__setitem__("q", [1, 2])))
show(tried(lambda: g.items()), tried(lambda: g.values()), tried(lambda: g.pop("n")), tried(lambda: g.visit(print)), tried(lambda: g.attrs_), tried(lambda: g.foo), g == g, g == zarr.open_group(g.store), g != zarr.group())
show(tried(lambda: g.contains_item("n")), tried(lambda: iter(g)), bool(g), bool(zarr.group()))
show(g.update_attributes({"x": 1}), dict(g.attrs), tried(lambda: g.move("a", "a2")), str(g.tree()).splitlines(), repr(type(g.tree())))
# -- Group: making arrays
g = zarr.group()
show(g.create_array("a", shape=(4, 4), dtype="f4", chunks=(2, 2)), g.zeros(name="z", shape=2), g.ones(name="o", shape=2), g.empty(name="e", shape=2), g.full(name="f", shape=2, fill_value=3)[:])
show(g.zeros_like(name="zl", data=g["a"]), g.ones_like(name="ol", data=g["a"]), g.empty_like(name="el", data=g["a"]), g.full_like(name="fl", data=g["a"], fill_value=2)[0, 0])
show(tried(lambda: g.create_dataset("ds", shape=3, dtype="i4")), tried(lambda: g.require_dataset("ds", shape=3, dtype="i4")), tried(lambda: g.create("c", shape=3)), tried(lambda: g.create_array("d", data=np.arange(3))), tried(lambda: g.create_array("d2", data=np.arange(3), shape=3)), tried(lambda: g.create_array("d3", data=np.arange(3), dtype="f4")))
show(tried(lambda: g.create_array("", shape=3, dtype="i4")), tried(lambda: g.create_array("x", shape=3, dtype="i4", compressor=None)), tried(lambda: g.array("ar", data=np.arange(3), shape=3, dtype="i8")), tried(lambda: g.create_array("k", shape=3, dtype="i4", compressors=None).compressors), tried(lambda: g.create_array("k2", shape=3, dtype="i4", bogus=None)), sorted(g))
# -- Group: consolidated
for fmt in (2, 3):
    s = zarr.storage.MemoryStore(); g = zarr.group(s, zarr_format=fmt); g.create_array("a", shape=(3,), dtype="i4"); g.create_group("b").create_array("c", shape=1, dtype="i2")
    show(tried(lambda: zarr.open_consolidated(s)), tried(lambda: zarr.open_group(s, use_consolidated=True)))
    c = zarr.consolidate_metadata(s)
    show(c, type(c.metadata.consolidated_metadata), sorted(c.metadata.consolidated_metadata.metadata), sorted(s._store_dict))
    o = zarr.open_consolidated(s); show(o, sorted(o), o["b/c"], o["b"], o["b"].metadata.consolidated_metadata is not None, zarr.open_group(s, use_consolidated=False).metadata.consolidated_metadata)
    show(json.dumps(o.metadata.to_dict(), default=str, sort_keys=True)); show(str(o.info).splitlines())
    show(sorted(k for k, _ in o.members(max_depth=None)), o.nmembers(), len(o), tried(lambda: o["zz"]))
# -- functions: creation
for f in (zarr.zeros, zarr.ones, zarr.empty):
    a = f((3, 2), chunks=(2, 2), dtype="i2"); show(a, a.fill_value, a[:] if f is not zarr.empty else 0, a.metadata.zarr_format)
show(zarr.full((2,), 7)[:], zarr.full((2,), fill_value=7, dtype="i4")[:], zarr.array([1, 2])[:], zarr.array([[1.5]]).dtype, zarr.zeros(3).dtype, zarr.ones(3).fill_value)
b = zarr.array(np.arange(4, dtype="i2"), chunks=(2,))
show(zarr.zeros_like(b), zarr.ones_like(b)[:], zarr.empty_like(b), zarr.full_like(b, fill_value=3)[:], zarr.zeros_like(np.zeros((3, 3), "f4")), zarr.zeros_like(b, chunks=(4,)).chunks, zarr.open_like(b, path="ol", store="ol.zarr"))
show(zarr.from_array({}, data=b), zarr.from_array({}, data=np.arange(6), chunks=(3,))[:], zarr.from_array({}, data=b, write_data=False)[:], tried(lambda: zarr.from_array({}, data=[1, 2])))
show(zarr.array(["a", "bb"])[:], zarr.array(["a", "bb"]).dtype, zarr.array(np.array(["a", "bb"], dtype=object), dtype="str")[:] if False else 0, zarr.array([True])[:], zarr.array([b"ab"]).dtype)
# -- functions: save and load
x = np.arange(4)
show(zarr.save("s1", x), zarr.load("s1"), zarr.save("s2", x, x), zarr.save("s3", a=x, b=x), zarr.save_array("s4", x), zarr.save_group("s5", x, k=x), sorted(zarr.open_group("s5")), sorted(zarr.open_group("s3")), sorted(zarr.open_group("s2")))
show(tried(lambda: zarr.save("s6")), tried(lambda: zarr.save_array("s7", 3)), tried(lambda: zarr.save_array("s8", [1, 2])), tried(lambda: zarr.load("nothing")), tried(lambda: zarr.save_group("s9")), tried(lambda: zarr.save_array("s1", x + 1)), zarr.load("s1"))
show(tried(lambda: zarr.tree(zarr.open_group("s3"))), str(zarr.open_group("s3").tree()), tried(lambda: zarr.open_group("s3").tree(level=0)), tried(lambda: zarr.print_debug_info) is not None)
# -- create_hierarchy and create_nodes
from zarr.core.group import GroupMetadata
s = zarr.storage.MemoryStore()
nodes = dict(zarr.create_hierarchy(store=s, nodes={"a": GroupMetadata(), "a/b": zarr.zeros(3).metadata, "c": GroupMetadata(attributes={"x": 1})}))
show({k: type(v) for k, v in sorted(nodes.items())}, sorted(s._store_dict), tried(lambda: dict(zarr.create_hierarchy(store=s, nodes={"a": GroupMetadata()}))), tried(lambda: dict(zarr.create_hierarchy(store=s, nodes={"a/b/c": GroupMetadata()}))))
show(tried(lambda: dict(zarr.create_hierarchy(store=s, nodes={"q": GroupMetadata(zarr_format=2), "r": GroupMetadata(zarr_format=3)}))), tried(lambda: dict(zarr.create_hierarchy(store=s, nodes={"q": 3}))))
# -- GroupMetadata
m = GroupMetadata = zarr.core.group.GroupMetadata
show(m(), m(zarr_format=2), m(attributes={"a": 1}).to_dict(), m(zarr_format=2, attributes={"a": 1}).to_dict(), m.from_dict({"zarr_format": 3, "node_type": "group", "attributes": {}}), m() == m(), tried(lambda: m(zarr_format=4)), tried(lambda: m.from_dict({"zarr_format": 3, "node_type": "array"})), tried(lambda: m.from_dict({})))
show({k: json.loads(v.to_bytes()) for k, v in m(attributes={"a": 1}).to_buffer_dict(zarr.core.buffer.default_buffer_prototype()).items()}, {k: json.loads(v.to_bytes()) for k, v in m(zarr_format=2).to_buffer_dict(prototype=zarr.core.buffer.default_buffer_prototype()).items()})
show(m().consolidated_metadata, m().node_type, m().attributes, tried(lambda: setattr(m(), "attributes", {})))
# -- ArrayV3Metadata
from zarr.core.metadata.v3 import ArrayV3Metadata
a = zarr.create_array({}, shape=(4, 4), chunks=(2, 2), dtype="f4", dimension_names=("x", "y"), attributes={"a": 1}, fill_value=np.nan)
m = a.metadata
show(m, m.to_dict(), json.loads(m.to_buffer_dict(zarr.core.buffer.default_buffer_prototype())["zarr.json"].to_bytes()), m.data_type, m.dtype, m.chunk_grid, m.chunk_key_encoding, m.codecs, m.fill_value, m.dimension_names, m.attributes, m.storage_transformers, m.node_type, m.zarr_format, m.shape, m.ndim)
show(m.encode_chunk_key((0, 1)), ArrayV3Metadata.from_dict(m.to_dict()) == m, tried(lambda: ArrayV3Metadata.from_dict({})), tried(lambda: ArrayV3Metadata.from_dict({**m.to_dict(), "extra": 1})), tried(lambda: ArrayV3Metadata.from_dict({**m.to_dict(), "zarr_format": 2})), tried(lambda: ArrayV3Metadata.from_dict({**m.to_dict(), "node_type": "group"})), tried(lambda: m.chunks), tried(lambda: m.shards), tried(lambda: setattr(m, "shape", 3)))
show(m.update_shape((8, 8)).shape if hasattr(m, "update_shape") else 0, m.update_attributes({"z": 1}).attributes if hasattr(m, "update_attributes") else 0, type(m.codecs), [type(c) for c in m.codecs])
n = ArrayV3Metadata(shape=(4,), data_type=zarr.dtype.Int32(), chunk_grid={"name": "regular", "configuration": {"chunk_shape": (2,)}}, chunk_key_encoding={"name": "default"}, fill_value=0, codecs=[{"name": "bytes", "configuration": {"endian": "little"}}], attributes=None, dimension_names=None)
show(n, n.to_dict(), tried(lambda: ArrayV3Metadata(shape=(4,), data_type=zarr.dtype.Int32(), chunk_grid={"name": "regular", "configuration": {"chunk_shape": (2, 2)}}, chunk_key_encoding={"name": "default"}, fill_value=0, codecs=[{"name": "bytes"}], attributes=None, dimension_names=None)))
show(tried(lambda: ArrayV3Metadata(shape=(4,), data_type=zarr.dtype.Int32(), chunk_grid={"name": "regular", "configuration": {"chunk_shape": (2,)}}, chunk_key_encoding={"name": "default"}, fill_value=0, codecs=[], attributes=None, dimension_names=None)), tried(lambda: ArrayV3Metadata(shape=(4,), data_type=zarr.dtype.Int32(), chunk_grid={"name": "regular", "configuration": {"chunk_shape": (2,)}}, chunk_key_encoding={"name": "default"}, fill_value=0, codecs=[{"name": "bytes"}], attributes=None, dimension_names=("a", "b"))))
show(zarr.create_array({}, shape=(4,), chunks=(2,), shards=(4,), dtype="i1").metadata.to_dict())
# -- ArrayV2Metadata
from zarr.core.metadata.v2 import ArrayV2Metadata
m = zarr.create_array({}, shape=(4, 4), chunks=(2, 2), dtype="f4", zarr_format=2, attributes={"a": 1}, fill_value=np.nan).metadata
show(m, m.to_dict(), {k: json.loads(v.to_bytes()) for k, v in m.to_buffer_dict(zarr.core.buffer.default_buffer_prototype()).items()}, m.dtype, m.chunks, m.shards, m.order, m.filters, m.compressor, m.dimension_separator, m.fill_value, m.attributes, m.zarr_format, m.encode_chunk_key((0, 1)), tried(lambda: m.chunk_grid), tried(lambda: m.dimension_names))
n = ArrayV2Metadata(shape=(4,), dtype=zarr.dtype.Int16(), chunks=(2,), fill_value=0, order="C")
show(n, n.to_dict(), ArrayV2Metadata.from_dict({"zarr_format": 2, "shape": [4], "chunks": [2], "dtype": "<i2", "fill_value": None, "order": "C", "filters": None, "compressor": {"id": "zlib", "level": 1}}).to_dict(), tried(lambda: ArrayV2Metadata.from_dict({})), tried(lambda: ArrayV2Metadata(shape=(4,), dtype=zarr.dtype.Int16(), chunks=(2, 2), fill_value=0, order="C")), tried(lambda: ArrayV2Metadata(shape=(4,), dtype=zarr.dtype.Int16(), chunks=(2,), fill_value=0, order="Q")))
# -- codecs: as dictionaries, and back
cs = [zarr.codecs.BytesCodec(), zarr.codecs.BytesCodec(endian="big"), zarr.codecs.BytesCodec(endian=None), zarr.codecs.BloscCodec(), zarr.codecs.BloscCodec(cname="lz4", clevel=3, shuffle="bitshuffle", typesize=4, blocksize=0), zarr.codecs.ZstdCodec(), zarr.codecs.ZstdCodec(level=5, checksum=True),
      zarr.codecs.GzipCodec(), zarr.codecs.GzipCodec(level=9), zarr.codecs.TransposeCodec(order=(1, 0)), zarr.codecs.Crc32cCodec(), zarr.codecs.VLenUTF8Codec(), zarr.codecs.VLenBytesCodec(), zarr.codecs.ShardingCodec(chunk_shape=(2, 2)), zarr.codecs.ShardingCodec(chunk_shape=(2,), index_location="start")]
for c in cs:
    d = c.to_dict(); show(c, d, type(c), type(c).from_dict(d) == c, c.is_fixed_size, tried(lambda: hash(c) is not None), tried(lambda: pickle.loads(pickle.dumps(c)) == c))
# -- codecs: mistakes
for f in (lambda: zarr.codecs.BloscCodec(cname="x"), lambda: zarr.codecs.BloscCodec(clevel=10), lambda: zarr.codecs.BloscCodec(clevel="x"), lambda: zarr.codecs.BloscCodec(shuffle="x"), lambda: zarr.codecs.BloscCodec(typesize=0), lambda: zarr.codecs.BloscCodec(blocksize=-1), lambda: zarr.codecs.GzipCodec(level=10), lambda: zarr.codecs.GzipCodec(level="x"),
          lambda: zarr.codecs.ZstdCodec(level=23), lambda: zarr.codecs.ZstdCodec(level=-200000), lambda: zarr.codecs.ZstdCodec(checksum=3), lambda: zarr.codecs.BytesCodec(endian="x"), lambda: zarr.codecs.TransposeCodec(order="C"), lambda: zarr.codecs.TransposeCodec(order=(0, 0)), lambda: zarr.codecs.TransposeCodec(order=(0, "a")), lambda: zarr.codecs.ShardingCodec(chunk_shape=(0,)),
          lambda: zarr.codecs.ShardingCodec(chunk_shape=(2,), index_location="x"), lambda: zarr.codecs.BytesCodec.from_dict({"name": "x"}), lambda: zarr.codecs.GzipCodec.from_dict({"name": "gzip"}), lambda: zarr.codecs.BloscCodec.from_dict({"name": "blosc"}), lambda: zarr.codecs.ZstdCodec.from_dict({"name": "zstd", "configuration": {"levl": 1}}), lambda: zarr.codecs.BloscCodec(shuffle=1), lambda: zarr.codecs.BloscCodec(shuffle=zarr.codecs.BloscShuffle.shuffle), lambda: zarr.codecs.BloscShuffle.from_int(2)):
    show(tried(f))
# -- codecs: numcodecs
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import zarr.codecs.numcodecs as zn
    for c in (zn.Zlib(level=1), zn.Zstd(level=3), zn.LZ4(), zn.LZMA(), zn.BZ2(level=2), zn.GZip(level=2), zn.Blosc(cname="lz4", clevel=2), zn.Shuffle(elementsize=4), zn.Delta(dtype="i4"), zn.FixedScaleOffset(offset=0, scale=10, dtype="f8", astype="i2"), zn.Quantize(digits=3, dtype="f4"), zn.BitRound(keepbits=4), zn.PackBits(), zn.AsType(encode_dtype="f4", decode_dtype="f8"), zn.CRC32(), zn.Adler32(), zn.Fletcher32(), zn.JenkinsLookup3()):
        d = c.to_dict(); show(c, d, type(c).from_dict(d) == c, c.codec_name, c.codec_config)
# -- data types
import zarr.dtype as zd
for z in (zd.Bool(), zd.Int8(), zd.Int32(endianness="big"), zd.UInt64(), zd.Float32(), zd.Float64(endianness="big"), zd.Complex64(), zd.Complex128(), zd.FixedLengthUTF32(length=4), zd.NullTerminatedBytes(length=3), zd.RawBytes(length=5), zd.VariableLengthUTF8(), zd.VariableLengthBytes(), zd.DateTime64(unit="s", scale_factor=10), zd.TimeDelta64(unit="ns", scale_factor=1), zd.Structured(fields=(("a", zd.Int8()), ("b", zd.Float32())))):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        show(z, type(z), z.to_native_dtype(), z.default_scalar(), tried(lambda: z.to_json(zarr_format=2)), tried(lambda: z.to_json(zarr_format=3)), tried(lambda: z.item_size), getattr(z, "endianness", None), z._zarr_v3_name, type(z).from_native_dtype(z.to_native_dtype()) == z, z == z, hash(z) == hash(z))
        show(tried(lambda: z.to_json_scalar(z.default_scalar(), zarr_format=3)), tried(lambda: z.to_json_scalar(z.default_scalar(), zarr_format=2)), tried(lambda: z.cast_scalar("x")), tried(lambda: z.cast_scalar(1)), tried(lambda: z.from_json_scalar(z.to_json_scalar(z.default_scalar(), zarr_format=3), zarr_format=3)), tried(lambda: z.from_json_scalar({}, zarr_format=3)))
# -- data types: parsing
for v in ("int8", "i4", "<i4", ">f8", np.dtype("f4"), np.int16, int, float, str, bool, "U3", "S3", "V3", "M8[s]", "m8[ns]", "string", "O", object, "nope", None, 3, {"name": "int8"}, [("a", "i4")], np.dtype([("a", "i4"), ("b", "f4")]), bytes, complex, "float16", "bytes"):
    for fmt in (2, 3):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            show(v, fmt, tried(lambda: zd.parse_data_type(v, zarr_format=fmt)))
show(tried(lambda: zarr.core.dtype.get_data_type_from_native_dtype(np.dtype("i4"))), tried(lambda: zarr.dtype.data_type_registry.match_dtype(np.dtype("f8"))), tried(lambda: zarr.dtype.parse_dtype("i4", zarr_format=3)), tried(lambda: zarr.core.dtype.get_data_type_from_json("int8", zarr_format=3)))
# -- buffers
p = zarr.core.buffer.default_buffer_prototype(); B, N = p.buffer, p.nd_buffer
b = B.from_bytes(b"abcdef")
show(type(b), len(b), b.to_bytes(), b[1:3].to_bytes(), b.as_numpy_array(), b.as_array_like(), type(b.as_buffer_like()), (b + b).to_bytes(), b == B.from_bytes(b"abcdef"), b == b"abcdef", tried(lambda: b[0]), tried(lambda: B(np.zeros((2, 2), "u1"))), tried(lambda: B(np.zeros(2, "i4"))), tried(lambda: B.from_bytes("x")), B.create_zero_length().to_bytes(), b.combine([b]).to_bytes() if hasattr(b, "combine") else 0)
b = B.from_array_like(np.frombuffer(b"abcdef", "u1").copy()); b[0:2] = B.from_bytes(b"XY")
show(b.to_bytes(), B.from_array_like(np.frombuffer(b"qq", "u1").copy()).to_bytes(), B.from_buffer(b).to_bytes(), p, type(p), isinstance(b, zarr.abc.buffer.Buffer), zarr.core.buffer.numpy_buffer_prototype())
n = N.from_numpy_array(np.arange(6).reshape(2, 3))
show(type(n), n.shape, n.dtype, n.byteorder, n.as_numpy_array(), n.as_ndarray_like(), n[0], n.astype("f4").dtype, n.reshape((3, 2)).shape, n.reshape(-1).shape, n.transpose((1, 0)).shape, n.all_equal(3), n.copy().shape, len(n), n.as_scalar() if False else 0, n.squeeze((0,)).shape if False else 0, N.create(shape=(2,), dtype="i4", fill_value=7).as_numpy_array(), N.from_ndarray_like(np.zeros(2)).shape, tried(lambda: n.as_scalar()), n[0, 0].as_scalar() if hasattr(n[0, 0], "as_scalar") else n[0, 0])
n.fill(3); n[0] = 1
show(n.as_numpy_array(), N.empty((2,), "i4").shape)
# -- stores: memory and local
for s in (zarr.storage.MemoryStore(), zarr.storage.LocalStore("here")):
    buf = p = zarr.core.buffer.default_buffer_prototype(); v = p.buffer.from_bytes(b"0123456789")
    R, O, S = zarr.abc.store.RangeByteRequest, zarr.abc.store.OffsetByteRequest, zarr.abc.store.SuffixByteRequest
    run(s.set("a/b", v)); run(s.set("a/c/d", v)); run(s.set("e", v))
    show(run(s.get("a/b", p)).to_bytes(), run(s.get("a/b", p, byte_range=R(2, 4))).to_bytes(), run(s.get("a/b", p, O(7))).to_bytes(), run(s.get("a/b", p, S(2))).to_bytes(), run(s.get("zz", p)), run(s.exists("a/b")), run(s.exists("a")), run(s.getsize("a/b")), run(s.getsize_prefix("a")), tried(lambda: run(s.getsize("zz"))))
    show(run(s.get("a/b", p, R(5, 100))).to_bytes(), tried(lambda: run(s.get("a/b", p, R(20, 30)).__class__ and s.get("a/b", p, R(20, 30)))) , run(s.get("a/b", p, S(100))).to_bytes(), tried(lambda: run(s.get("a/b", p, (0, 2)))), tried(lambda: run(s.set("x", b"raw"))), tried(lambda: run(s.get("a", p))))
    show(sorted(collect(s.list())), sorted(collect(s.list_prefix("a"))), sorted(collect(s.list_prefix("a/"))), sorted(collect(s.list_dir(""))), sorted(collect(s.list_dir("a"))), sorted(collect(s.list_dir("a/"))), sorted(collect(s.list_dir("nope"))), run(s.is_empty("")), run(s.is_empty("a/c")), run(s.is_empty("q")))
    show([x and x.to_bytes() for x in run(s.get_partial_values(p, [("a/b", R(0, 1)), ("e", None)]))], run(s.set_if_not_exists("e", p.buffer.from_bytes(b"n"))), run(s.get("e", p)).to_bytes(), run(s.delete("e")), run(s.delete("e")), run(s.delete_dir("a/c")), sorted(collect(s.list())))
    show(s.supports_writes, s.supports_deletes, s.supports_listing, s.supports_partial_writes if hasattr(s, "supports_partial_writes") else 0, s.supports_consolidated_metadata, s.read_only, s._is_open, type(s.with_read_only(True)), s.with_read_only(True).read_only, tried(lambda: run(s.with_read_only(True).set("q", v))), tried(lambda: setattr(s, "read_only", True)), run(s.clear()), collect(s.list()))
    show(str(s).split(":")[0], repr(s).split("(")[0], s == s, s == 3, s.close(), s._is_open, tried(lambda: pickle.loads(pickle.dumps(s)) == s))
show(zarr.storage.MemoryStore() == zarr.storage.MemoryStore(), zarr.storage.MemoryStore({}) == zarr.storage.MemoryStore({}), zarr.storage.LocalStore("x") == zarr.storage.LocalStore("x"), zarr.storage.LocalStore("x").root, tried(lambda: zarr.storage.LocalStore(3)), tried(lambda: zarr.storage.MemoryStore("x")), tried(lambda: run(zarr.storage.LocalStore.open("nope", read_only=True))), tried(lambda: run(zarr.storage.LocalStore.open("nope2"))))
show(R(0, 1), O(3), S(2), R(0, 1) == R(0, 1), tried(lambda: R(3, 1)), tried(lambda: setattr(R(0, 1), "start", 3)))
# -- stores: zip, logging, wrapper
s = zarr.storage.ZipStore("z.zip", mode="w"); zarr.create_array(s, name="a", shape=(3,), dtype="i4")[:] = 5; s.close()
show(s, repr(s).split("(")[0], zarr.open_group("z.zip", mode="r") if False else 0, zarr.open_array(zarr.storage.ZipStore("z.zip", mode="r"), path="a")[:], tried(lambda: zarr.storage.ZipStore("z.zip", mode="r+")), tried(lambda: zarr.open_group(zarr.storage.ZipStore("none.zip", mode="r"), mode="r")), zarr.storage.ZipStore("z.zip").read_only, zarr.storage.ZipStore("z.zip", mode="a").read_only)
z = zarr.storage.ZipStore("z.zip", mode="r"); show(sorted(collect(z.list())), tried(lambda: run(z.set("q", v if False else zarr.core.buffer.default_buffer_prototype().buffer.from_bytes(b"1")))), z.supports_deletes, z.supports_writes)
l = zarr.storage.LoggingStore(zarr.storage.MemoryStore(), log_level="CRITICAL"); zarr.create_array(l, shape=3, dtype="i1")
show(type(l.counter), sorted(l.counter), str(l).split(":")[0], repr(l).split("(")[0])
w = zarr.storage.WrapperStore(zarr.storage.MemoryStore()); show(w, w == w, w.read_only, zarr.create_array(w, shape=3, dtype="i1")[:], str(w).split("-")[0]) if False else show(w.read_only, zarr.create_array(w, shape=3, dtype="i1")[:], str(w).split("-")[0])
# -- settings
show(zarr.config.get("default_zarr_format"), zarr.config.get("array.order"), zarr.config.get("array.write_empty_chunks"), zarr.config.get("async.concurrency"), zarr.config.get("async.timeout"), zarr.config.get("threading.max_workers"), tried(lambda: zarr.config.get("nope")), zarr.config.get("nope", 3), zarr.config.get("json_indent"), zarr.config.get("buffer"), zarr.config.get("codecs.bytes"), type(zarr.config), zarr.config.get("codec_pipeline.path").split(".")[-1], zarr.config.get("codec_pipeline.batch_size"), zarr.config.get("array.rectilinear_chunks"))
with zarr.config.set({"array.order": "F", "default_zarr_format": 2}):
    show(zarr.config.get("array.order"), zarr.zeros(3).metadata.zarr_format, zarr.zeros((3, 3), zarr_format=3).order, zarr.group().metadata.zarr_format)
show(zarr.config.get("array.order"), tried(lambda: zarr.config.set({"array.order": "Q"})) is not None, zarr.config.reset(), zarr.config.get("array.order"), sorted(zarr.config.defaults[0]) if hasattr(zarr.config, "defaults") else 0)
with zarr.config.set(default_zarr_format=2): show(zarr.config.get("default_zarr_format"))
zarr.config.set({"async": {"concurrency": 5}}); show(zarr.config.get("async.concurrency"), zarr.config.get("async")); zarr.config.reset()
show(sorted(zarr.config.get("codecs"))[:30], sorted(zarr.config.get("array")), sorted(zarr.config.get("codec_pipeline")), sorted(zarr.config.get("async")), sorted(zarr.config.get("threading")), tried(lambda: zarr.config.enable_gpu()) and 0, "array.order" in zarr.config, zarr.config.refresh(), zarr.config.pprint() if False else 0, type(zarr.config.to_dict()))
# -- registry
r = zarr.registry
show(r.get_codec_class("bytes"), r.get_codec_class("blosc"), tried(lambda: r.get_codec_class("nope")), r.get_buffer_class(), r.get_ndbuffer_class(), r.get_pipeline_class(), tried(lambda: r.get_numcodec({"id": "zlib", "level": 2})), tried(lambda: r.get_numcodec({"id": "nope"})), tried(lambda: r.get_chunk_key_encoding_class("default")), tried(lambda: r.get_chunk_key_encoding_class("x")))
from dataclasses import dataclass
class Mine(zarr.abc.codec.BytesBytesCodec):
    is_fixed_size = True
    def to_dict(self): return {"name": "mine"}
    @classmethod
    def from_dict(cls, data): return cls()
    def compute_encoded_size(self, n, spec): return n
    async def _encode_single(self, b, spec): return b
    async def _decode_single(self, b, spec): return b
show(r.register_codec("mine", Mine), r.get_codec_class("mine"))
a = zarr.create_array({}, shape=(4,), dtype="i4", compressors=[Mine()]); a[:] = 3; show(a[:], a.compressors is not None, a.metadata.to_dict()["codecs"])
# -- ArraySpec, ArrayConfig
from zarr.core.array_spec import ArraySpec, ArrayConfig
s = ArraySpec(shape=(2, 2), dtype=zarr.dtype.Int8(), fill_value=0, config=ArrayConfig(order="C", write_empty_chunks=False), prototype=zarr.core.buffer.default_buffer_prototype())
show(s, s.shape, s.ndim, s.order, s.dtype, s.fill_value, s.config, s.prototype, ArrayConfig.from_dict({"order": "F"}), tried(lambda: ArrayConfig.from_dict({"x": 1})), ArrayConfig.from_dict({}).to_dict() if hasattr(ArrayConfig, "to_dict") else 0, tried(lambda: ArrayConfig(order="Q", write_empty_chunks=False)), s == s, hash(s) == hash(s))
# -- chunk grids and key encodings
from zarr.core.chunk_grids import ChunkGrid
from zarr.core.chunk_key_encodings import DefaultChunkKeyEncoding, V2ChunkKeyEncoding
for e in (DefaultChunkKeyEncoding(), DefaultChunkKeyEncoding(separator="."), V2ChunkKeyEncoding(), V2ChunkKeyEncoding(separator="/")):
    show(e, e.to_dict(), e.encode_chunk_key((0, 1)), e.encode_chunk_key(()), e.decode_chunk_key(e.encode_chunk_key((3, 4))), e.name, e.separator)
show(tried(lambda: DefaultChunkKeyEncoding(separator="x")), tried(lambda: V2ChunkKeyEncoding.from_dict({"name": "v2"})), tried(lambda: DefaultChunkKeyEncoding.from_dict({"name": "v2"})))
from zarr.core.metadata.v3 import RegularChunkGridMetadata
c = RegularChunkGridMetadata(chunk_shape=(2, 3)); show(c, c.to_dict(), c.chunk_shape, c == RegularChunkGridMetadata.from_dict(c.to_dict()), tried(lambda: RegularChunkGridMetadata(chunk_shape=(0,))), tried(lambda: RegularChunkGridMetadata(chunk_shape=(-1,))))
g = ChunkGrid.from_sizes(array_shape=(10,), chunk_sizes=(4,)); show(g, type(g), tried(lambda: g.chunk_shape), tried(lambda: g.shape))
# -- errors: the tree
import zarr.errors as e
for n in sorted(n for n in dir(e) if isinstance(getattr(e, n), type)):
    if n in ("BaseZarrError", "ContainsGroupError", "ContainsArrayError", "ContainsArrayAndGroupError", "GroupNotFoundError", "ArrayNotFoundError", "NodeNotFoundError", "MetadataValidationError", "BoundsCheckError", "ArrayIndexError", "NegativeStepError", "VindexInvalidSelectionError", "ZarrUserWarning", "ZarrFutureWarning", "ZarrDeprecationWarning", "UnstableSpecificationWarning", "NodeTypeValidationError", "UnknownCodecError", "ReadOnlyError", "ZarrRuntimeWarning"):
        show(n, [b.__name__ for b in getattr(e, n).__mro__])
show(str(e.ContainsGroupError("m")), tried(lambda: str(e.ContainsGroupError("store", "path"))), str(e.ArrayNotFoundError("m")), tried(lambda: str(e.MetadataValidationError("a", "b", "c"))), str(e.BoundsCheckError("m")))
# -- helpers of zarr.core
from zarr.core.common import parse_named_configuration, parse_shapelike, product, concurrent_map, parse_order, parse_bool, ceildiv
show(parse_named_configuration({"name": "x", "configuration": {"a": 1}}), tried(lambda: parse_named_configuration({"name": "x"})), parse_named_configuration({"name": "x"}, require_configuration=False), tried(lambda: parse_named_configuration({"name": "x", "configuration": {}}, "y")), tried(lambda: parse_named_configuration({})), tried(lambda: parse_named_configuration(3)), tried(lambda: parse_named_configuration("x", "x", require_configuration=False)))
show(parse_shapelike(3), parse_shapelike([1, 2]), tried(lambda: parse_shapelike(-1)), tried(lambda: parse_shapelike("x")), tried(lambda: parse_shapelike(())), product((2, 3)), product(()), parse_order("C"), tried(lambda: parse_order("Q")), parse_bool(True), tried(lambda: parse_bool(1)), ceildiv(5, 2), run(concurrent_map([(1,), (2,)], double)))
from zarr.core.sync import sync, collect_aiterator, _collect_aiterator
show(sync(double(4)), zarr.core.indexing.is_integer(3), zarr.core.indexing.is_integer(True), zarr.core.indexing.is_integer(np.int8(1)), zarr.core.indexing.is_integer(1.0))
show(tried(lambda: run(zarr.storage._common.make_store_path("mk", path="a/b", mode="w"))), tried(lambda: run(zarr.storage._common.make_store_path(None))), tried(lambda: run(zarr.storage._common.make_store_path("nope", mode="r"))), tried(lambda: run(zarr.storage._common.make_store_path({}, storage_options={"a": 1}))), tried(lambda: run(zarr.storage._common.make_store_path("mk", storage_options={"a": 1}))), tried(lambda: run(zarr.storage._common.make_store_path(zarr.storage.MemoryStore(), mode="r").__class__ and zarr.storage._common.make_store_path(zarr.storage.MemoryStore(), mode="r")).store.read_only))
# -- the asynchronous face
async def body():
    a = await zarr.api.asynchronous.create_array({}, shape=(4,), dtype="i4", chunks=(2,))
    await a.setitem(slice(None), 5)
    show(a, type(a), await a.getitem(slice(0, 2)), await a.oindex.getitem(([0, 3],)), await a.vindex.getitem(([0, 3],)), a.shape, a.chunks, a.attrs, await a.nchunks_initialized(), await a.resize((6,)), a.shape, await a.update_attributes({"x": 1}), a.attrs, type(a.codec_pipeline))
    g = await zarr.api.asynchronous.open_group({}, mode="w", attributes={"x": 1})
    await g.create_array("a", shape=2, dtype="i1"); await g.create_group("b")
    show(g, type(g), g.attrs, await g.getitem("a"), sorted([k async for k, _ in g.members()]), sorted([k async for k in g.keys()]), await g.nmembers(), await g.contains("a"), await g.get("zz"), await g.get("zz", 3), (await g.require_group("b")).path, sorted([k async for k in g.array_keys()]), g.metadata, str(await g.tree()).splitlines())
    try: await g.getitem("zz")
    except Exception as error: show(type(error), str(error))
    await g.delitem("a"); show(await g.nmembers(), g.store_path.path, g.path, g.name, g.read_only)
run(body())
# -- pickling
a = zarr.create_array("pk", shape=(4,), dtype="i4"); a[:] = 2; b = pickle.loads(pickle.dumps(a)); show(b, b[:], a == b, a.store == b.store)
g = zarr.open_group("pg", mode="w"); show(pickle.loads(pickle.dumps(g)), pickle.loads(pickle.dumps(g)) == g); m = zarr.zeros(3, store={}); show(pickle.loads(pickle.dumps(m))[:], copy.copy(a)[:], copy.deepcopy(g))
# -- NumPy and an array
a = zarr.array(np.arange(6).reshape(2, 3))
show(np.asarray(a), np.array(a, dtype="f4"), np.sum(a), np.asarray(a).flags.writeable, tried(lambda: np.asarray(a, copy=False)), tried(lambda: a + 1), tried(lambda: a.sum()), tried(lambda: a.astype("f4")), np.array_equal(a, a[:]), a.__array__().shape, np.mean(a, axis=0), tried(lambda: np.stack([a, a]).shape))
# -- strings, dates and records
for d in (np.array(["a", "bbb"]), np.array([b"a", b"bbb"]), np.array(["2020-01-01", "NaT"], dtype="M8[D]"), np.array([1, 2], dtype="m8[s]"), np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f4")]), np.array(["x", "yy"], dtype=np.dtypes.StringDType()), np.array([True, False]), np.array([1 + 2j])):
    for fmt in (2, 3):
        a = zarr.create_array({}, data=d, zarr_format=fmt); show(d.dtype, fmt, a, a[:], a[:].dtype, a.fill_value, a.filters, a.serializer if fmt == 3 else 0, type(a[0]), a[0])
a = zarr.create_array({}, shape=3, dtype=str); a[:] = ["x", "yy", "z"]; show(a.dtype, a[:], a[1], type(a[1]), a.fill_value, tried(lambda: a.__setitem__(0, 3)), tried(lambda: a.__setitem__(0, None)), a[:])
a = zarr.create_array({}, shape=2, dtype=[("a", "i4"), ("b", "f4")]); a[:] = [(1, 2), (3, 4)]; show(tried(lambda: a["a"]), tried(lambda: a.get_basic_selection(slice(None), fields="a")), tried(lambda: a["q"]), a[0], type(a[0]))
# -- v2 compressors and filters
import numcodecs
for kw in (dict(compressors=None), dict(compressors="auto"), dict(compressors=numcodecs.Blosc()), dict(compressors=numcodecs.Zlib(3)), dict(compressors={"id": "gzip", "level": 2}), dict(filters=[numcodecs.Delta("i4")]), dict(filters=None), dict(compressors=())):
    a = zarr.create_array({}, shape=(4,), dtype="i4", zarr_format=2, **kw); a[:] = np.arange(4); show(kw, a.compressors, a.filters, a.metadata.to_dict()["compressor"], a.metadata.to_dict()["filters"], a[:])
for kw in (dict(compressors=None), dict(compressors="auto"), dict(compressors=zarr.codecs.BloscCodec(cname="zstd")), dict(compressors={"name": "gzip", "configuration": {"level": 2}}), dict(compressors=()), dict(filters=[zarr.codecs.TransposeCodec(order=(0,))]), dict(serializer={"name": "bytes", "configuration": {"endian": "big"}})):
    a = zarr.create_array({}, shape=(4,), dtype="i4", **kw); a[:] = np.arange(4); show(kw, a.compressors, a.filters, a.serializer, a[:])
# -- warnings and deprecated calls
show(tried(lambda: zarr.open_group("w1", mode="w", chunk_store={})), tried(lambda: zarr.open_array("w2", mode="w", shape=3, dtype="i4", zarr_version=2)), tried(lambda: zarr.group("w3", meta_array=np.zeros(1))), tried(lambda: zarr.create(shape=3, store="w4", order="F", zarr_format=3)), tried(lambda: zarr.open_group("w6", mode="w", cache_attrs=True)), tried(lambda: zarr.create(shape=3, store="w8", object_codec=None)), tried(lambda: zarr.open_consolidated("w1", use_consolidated=False)))
show(tried(lambda: zarr.create_array({}, shape=3, dtype="U4")), tried(lambda: zarr.storage.default_compressor), tried(lambda: zarr.storage.DirectoryStore), tried(lambda: zarr.Blosc), tried(lambda: zarr.nope), tried(lambda: zarr.hierarchy), tried(lambda: zarr.convenience), zarr.__version__.split("+")[0], zarr.__version__[0])
