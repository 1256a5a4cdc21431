"""The load generator and the measured server process, shared by the HTTP benchmarks.

Owns: signing requests, sending them at a given concurrency or rate, and reading a server's CPU
seconds. Has no opinion on: which server it is.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and as whom to call; an empty access key means unsigned."""

    host: str
    port: int
    path: str
    access_key: str = ""
    secret_key: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of requests took, seen from the client."""

    latencies_s: tuple[float, ...]
    wall_s: float

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return len(self.latencies_s) / self.wall_s

    def quantile_ms(self, share: float) -> float:
        """Give a quantile of the latency, in milliseconds."""
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def signed_headers(endpoint: Endpoint, body: bytes) -> dict[str, str]:
    """Build the headers of one call, with an SDK-HMAC-SHA256 signature where there is a key."""
    headers = {"Content-Type": "application/json", "Host": f"{endpoint.host}:{endpoint.port}"}
    if not endpoint.access_key:
        return headers
    headers["X-Sdk-Date"] = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    names = sorted(headers, key=str.lower)
    lines = "".join(f"{name.lower()}:{headers[name]}\n" for name in names)
    signed = ";".join(name.lower() for name in names)
    digest = hashlib.sha256(body).hexdigest()
    canonical = f"POST\n{endpoint.path}/\n\n{lines}\n{signed}\n{digest}"
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    to_sign = f"SDK-HMAC-SHA256\n{headers['X-Sdk-Date']}\n{hashed}"
    signature = hmac.new(endpoint.secret_key.encode(), to_sign.encode(), "sha256").hexdigest()
    headers["Authorization"] = (
        f"SDK-HMAC-SHA256 Access={endpoint.access_key}, SignedHeaders={signed}, "
        f"Signature={signature}"
    )
    return headers


def closed_loop(endpoint: Endpoint, bodies: Sequence[bytes], clients: int) -> Load:
    """Send all bodies, each client its next as soon as its last is answered."""
    return _run(endpoint, [(0.0, body) for body in bodies], clients)


def open_loop(endpoint: Endpoint, bodies: Sequence[bytes], per_second: float) -> Load:
    """Send bodies at a fixed rate; a latency counts from when its request was due."""
    due = [(1e-9 + index / per_second, body) for index, body in enumerate(bodies)]
    return _run(endpoint, due, 32)


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds that a process and its children have used, the kernel's share included."""
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        times = member.cpu_times()
        total += times.user + times.system
    return total


def _run(endpoint: Endpoint, calls: Sequence[tuple[float, bytes]], clients: int) -> Load:
    # Signed beforehand: the generator's own work must not crowd the server out.
    work: queue.SimpleQueue[tuple[float, bytes, dict[str, str]]] = queue.SimpleQueue()
    for due_s, body in calls:
        work.put((due_s, body, signed_headers(endpoint, body)))
    latencies: list[float] = []
    failures: list[str] = []
    origin = time.perf_counter()

    def client() -> None:
        connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=60)
        while True:
            try:
                due_s, body, headers = work.get_nowait()
            except queue.Empty:
                connection.close()
                return
            started = time.perf_counter()
            if due_s:
                time.sleep(max(0.0, origin + due_s - started))
                started = origin + due_s
            connection.request("POST", endpoint.path, body, headers)
            reply = connection.getresponse()
            answer = reply.read()
            if reply.status != http.HTTPStatus.OK:
                failures.append(f"{reply.status} {answer[:200]!r}")
            latencies.append(time.perf_counter() - started)

    _in_threads(client, clients)
    wall_s = time.perf_counter() - origin
    if failures or len(latencies) != len(calls):
        raise RuntimeError(f"{len(failures)} of {len(calls)} calls failed: {failures[:1]}")
    return Load(tuple(latencies), wall_s)


def _in_threads(run: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
