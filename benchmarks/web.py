"""Reading and writing 256 MiB in chunks of 1 MiB at a server on this machine, by several libraries.

    python -m benchmarks.web --peers .envs/peers/bin/python

nginx serves the files, by HTTP and as the objects of a bucket: it answers the requests of S3 for
single objects and does not look at their signatures. A server that does all of S3 takes longer for
an object than any of these clients, so that it would be measured in their place. Each measurement
is a process of its own, which opens the array and reads or writes it several times; they take
turns, and the best counts. The first time is shown, too: it pays for modules that are imported
late, threads and connections. Client and server share the CPUs of this machine: what a client
spends of them by itself says how it fares where the server is elsewhere. The environment of the
others needs obstore and s3fs beside them.
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

from benchmarks.processes import environment
from benchmarks.web_clients import BEGIN, CASES, ENDS, Case

NGINX = """
daemon off; worker_processes 2; pid {root}/pid; error_log stderr crit; user root;
events {{ worker_connections 1024; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
    client_body_temp_path {root}/body; proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi; uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;
    client_max_body_size 0; client_body_buffer_size 2m;
    server {{
        listen 127.0.0.1:{port} reuseport; root {root}/served;
        dav_methods PUT DELETE; create_full_put_path on; add_header ETag '"one"' always;
        error_page 404 @missing;
        default_type application/octet-stream;
        location = /bucket {{
            default_type application/xml;
            return 200 "<?xml version='1.0'?><ListBucketResult></ListBucketResult>";
        }}
        location @missing {{
            default_type application/xml;
            return 404 "<?xml version='1.0'?><Error><Code>NoSuchKey</Code></Error>";
        }}
    }}
}}
"""

MAKE = """
import sys, numpy as np, zarr
values = np.random.default_rng(0).integers(0, 4096, (256, 1 << 19), "uint16")
for name, compressors in (("raw", None), ("zstd", zarr.codecs.ZstdCodec(level=1))):
    for what, data in (("read", values), ("write", None)):
        array = zarr.create_array(
            f"{sys.argv[1]}/{what}-{name}", shape=values.shape, dtype=values.dtype,
            chunks=(1, 1 << 19), compressors=compressors,
        )
        if data is not None:
            array[:] = data
print(values[255, -1])
"""
LAST = "import sys, zarr; print(zarr.open_array(sys.argv[1], mode='r')[255, -1])"


def serve(root: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start a web server."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    (root / "conf").write_text(NGINX.format(root=root, port=port))
    process = subprocess.Popen([program, "-c", str(root / "conf"), "-p", str(root)])
    time.sleep(1)
    return process, f"http://127.0.0.1:{port}"


def run(python: str, code: str, *arguments: str) -> list[str]:
    """The output of a process, or the reason why there is none."""
    command = [python, "-c", code, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=environment()
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["failed"])[-1][:100])
    return done.stdout.split()


def measure(python: str, program: str, case: Case, address: str, last: str) -> list[float] | str:
    """Seconds, those of the first time and of CPU, and MiB of a process, or why there are none."""
    name = f"{case.does}-{case.codec}"
    try:
        code = BEGIN + program + ENDS[case.does]
        return [float(word) for word in run(python, code, address, name, last)]
    except RuntimeError as error:
        return str(error)


def report(case: Case, found: dict[str, list[float] | str]) -> None:
    """Print what was measured in one case."""
    what = "seconds, first time, CPU seconds, peak MiB, times ours"
    print(f"\n{case.does}, {case.codec}, {case.service}: {what}")
    ours = found["zarr"]
    for name, result in found.items():
        if isinstance(result, str):
            print(f"  {name:36} {result}")
            continue
        ratio = result[0] / ours[0] if isinstance(ours, list) else float("nan")
        best, first, spent, memory = result
        row = f"{best:6.3f} {first:6.3f} {spent:6.3f} {memory:6.0f} {ratio:6.2f}"
        print(f"  {name:36} {row}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=".envs/peers/bin/python")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="cases whose name has this: 'read http', 'zstd' ...")
    parser.add_argument("--json")
    options = parser.parse_args()
    best: dict[str, dict[str, list[float] | str]] = {}
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        (last,) = run(sys.executable, MAKE, str(root / "served" / "bucket"))
        server, address = serve(root)
        try:
            for case in CASES:
                if options.only and options.only not in case.name:
                    continue
                found = best.setdefault(case.name, {})
                for _ in range(options.rounds):
                    for name, (peer, program) in case.clients.items():
                        python = options.peers if peer else sys.executable
                        result = measure(python, program, case, address, last)
                        if case.does == "write" and isinstance(result, list):
                            written = root / "served" / "bucket" / f"write-{case.codec}"
                            assert run(sys.executable, LAST, str(written)) == [last], name
                            shutil.rmtree(written / "c")
                        old = found.get(name)
                        if isinstance(old, list) and isinstance(result, list):
                            result = list(map(min, old, result))
                        if not isinstance(old, str):
                            found[name] = result
                report(case, found)
        finally:
            server.terminate()
            server.wait()
    if options.json:
        Path(options.json).write_text(json.dumps(best))


if __name__ == "__main__":
    main()
