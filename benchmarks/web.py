"""Reading 256 MiB in chunks of 1 MiB from a web server on this machine, by several libraries.

    python -m benchmarks.web --peers .envs/peers/bin/python

nginx serves the files, so that the client is the limit rather than the server. Each measurement is
a process of its own, which opens and reads the array three times; they take turns, and the best
counts. The first of the three is shown, too: it pays for modules that are imported late, threads
and connections. The environment of the others needs obstore beside them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NGINX = """
daemon off; master_process off; pid {root}/pid; error_log stderr crit; {user}
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
    client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
    server {{ listen 127.0.0.1:{port}; root {root}/served; }}
}}
"""

MAKE = """
import sys, numpy as np, zarr
values = np.random.default_rng(0).integers(0, 4096, (256, 1 << 19), "uint16")
for name, compressors in (("raw", None), ("zstd", zarr.codecs.ZstdCodec(level=1))):
    zarr.create_array(f"{sys.argv[1]}/{name}", data=values, chunks=(1, 1 << 19),
                      compressors=compressors)
"""

BEGIN = """
import sys, time, resource
url = sys.argv[1]
"""
END = """
times = []
for _ in range(3):
    start = time.perf_counter()
    values = read()
    times.append(time.perf_counter() - start)
    assert values.shape == (256, 1 << 19) and int(values[255, -1]) == int(sys.argv[2])
    del values
print(min(times), times[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
OURS = """
import zarr, obstore.store
from zarr.storage import ObjectStore
store = ObjectStore(obstore.store.HTTPStore.from_url(url, client_options={"allow_http": True}))
def read():
    return zarr.open_array(store, mode="r")[:]
"""
TENSORSTORE = """
import tensorstore
spec = {"driver": "zarr3", "kvstore": {"driver": "http", "base_url": url}}
def read():
    return tensorstore.open(spec, open=True).result().read().result()
"""
ENGINES = {
    "zarr": (False, OURS),
    "zarr-python + obstore": (True, OURS),
    "zarr-python + obstore, 64 requests": (
        True,
        "import zarr; zarr.config.set({'async.concurrency': 64})" + OURS,
    ),
    "zarrs-python": (
        True,
        "import zarr, zarrs\n"
        "zarr.config.set({'codec_pipeline.path': 'zarrs.ZarrsCodecPipeline'})" + OURS,
    ),
    "TensorStore": (True, TENSORSTORE),
}


def serve(root: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start a web server."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    (root / "conf").write_text(NGINX.format(root=root, port=port, user="user root;"))
    process = subprocess.Popen([program, "-c", str(root / "conf"), "-p", str(root)])
    time.sleep(1)
    return process, f"http://127.0.0.1:{port}"


def measure(python: str, program: str, url: str, last: int) -> tuple[float, ...] | str:
    """Seconds, those of the first read, and MiB of one process, or why there are none."""
    code = BEGIN + program + END
    command = [python, "-c", code, url, str(last)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["failed"])[-1][:100]
    return tuple(map(float, done.stdout.split()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=".envs/peers/bin/python")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json")
    options = parser.parse_args()
    best: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        subprocess.run([sys.executable, "-c", MAKE, str(root / "served")], check=True)
        read = "import sys, zarr; print(zarr.open_array(sys.argv[1], mode='r')[255, -1])"
        command = [sys.executable, "-c", read, str(root / "served" / "raw")]
        last = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        server, address = serve(root)
        try:
            for case in ("raw", "zstd"):
                found = best.setdefault(case, {})
                for _ in range(options.rounds):
                    for name, (peer, program) in ENGINES.items():
                        python = options.peers if peer else sys.executable
                        result = measure(python, program, f"{address}/{case}", last)
                        old = found.get(name)
                        if old is None or (isinstance(old, tuple) and result < old):
                            found[name] = result
                print(f"\n{case}: seconds, first read, peak MiB, times ours")
                for name, result in found.items():
                    if isinstance(result, str):
                        print(f"  {name:36} {result}")
                        continue
                    ratio = result[0] / found["zarr"][0]
                    first, memory = result[1:]
                    print(f"  {name:36} {result[0]:6.3f} {first:6.3f} {memory:6.0f} {ratio:6.2f}")
        finally:
            server.kill()
            server.wait()
    if options.json:
        Path(options.json).write_text(json.dumps(best))


if __name__ == "__main__":
    main()
