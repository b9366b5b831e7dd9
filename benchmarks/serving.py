"""How fast lists are published and looked up, and what they cost in Redis: `python -m benchmarks.serving --help`

In: how many customers of which published depth. Out: benchmarks/results/serving.json. Lists are made, Redis is an
embedded one of its own with default settings, the API runs as it is deployed, in one process, its log in a file. It is
measured side by side with `http.bare_api` on the same server and on a plain one, and with itself without that log and
with sample and rate limit, turn by turn, so that a noisy machine slows all: what counts are the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import redis

from benchmarks.http.load import Load, get_request, post_request, put_load
from benchmarks.planted_lists import planted_lists
from benchmarks.publishing import DATASET, publish_and_measure
from benchmarks.quality import RESULTS_DIR
from serving.connection.embedded_redis import EmbeddedRedis

CONNECTIONS = 16
ASKED_CUSTOMERS = 10_000
BATCH = 100
BARE_KEY = "body"
APIS = {
    "api": {},
    "unlogged": {"LOG_REQUESTS": "off"},
    "sampled": {"SAMPLE_DIR": "sample", "RATE_LIMIT": "1000000"},
}
"""Settings of the APIs that are measured; without any it is the default one."""
BARE_SERVERS = {"bare": "fast", "bare_plain": "plain"}
START_SECONDS = 30.0


def measure_lookups(
    ports: dict[str, int], bodies: dict[str, list[bytes]], seconds: float, rounds: int
) -> dict[str, Any]:
    """Ask the APIs and the bare handlers in turn; return each and the median ratios of a round."""
    loads: dict[str, list[Load]] = {name: [] for name in ports}
    for name, port in ports.items():
        put_load(port, bodies[name], 1.0, CONNECTIONS)  # first requests open connections and fill caches
    for _ in range(rounds):
        for name, port in ports.items():
            loads[name].append(put_load(port, bodies[name], seconds, CONNECTIONS))
    return {
        **{name: _summary(each) for name, each in loads.items()},
        "throughput_ratio": _median_ratio(loads["api"], loads["bare"], lambda load: load.per_second),
        "p99_ratio": _median_ratio(loads["api"], loads["bare"], lambda load: load.milliseconds(99)),
        "throughput_ratio_to_plain": _median_ratio(loads["api"], loads["bare_plain"], lambda load: load.per_second),
        "throughput_ratio_of_logging": _median_ratio(loads["api"], loads["unlogged"], lambda load: load.per_second),
        "p99_ratio_of_logging": _median_ratio(loads["api"], loads["unlogged"], lambda load: load.milliseconds(99)),
        "throughput_ratio_of_sampling": _median_ratio(loads["sampled"], loads["api"], lambda load: load.per_second),
    }


def measure_batches(port: int, rows: Sequence[int], seconds: float) -> dict[str, Any]:
    """Ask for many customers at once, one request after the other."""
    starts = range(0, len(rows) - BATCH + 1, BATCH)
    asked = ([f"{row:064x}" for row in rows[start : start + BATCH]] for start in starts)
    bodies = (json.dumps({"customer_ids": customer_ids}).encode() for customer_ids in asked)
    load = put_load(port, [post_request("/recommendations", body) for body in bodies], seconds, connections=1)
    return {"customers": BATCH, **_summary([load])}


def _summary(loads: Sequence[Load]) -> dict[str, float]:
    return {
        "per_second": statistics.median(load.per_second for load in loads),
        **{f"p{each}_ms": statistics.median(load.milliseconds(each) for load in loads) for each in (50, 99)},
        "body_bytes": sum(load.body_bytes for load in loads) / sum(len(load.latencies) for load in loads),
    }


def _median_ratio(loads: Sequence[Load], others: Sequence[Load], measure: Callable[[Load], float]) -> float:
    return statistics.median(measure(load) / measure(other) for load, other in zip(loads, others, strict=True))


@contextmanager
def running(command: Sequence[str], port: int, log: Path, **environment: str) -> Iterator[None]:
    """Run a server until the block ends; it listens when the block begins, and logs into a file.

    Raises:
        RuntimeError: when it ends, or does not listen in time.
    """
    with log.open("wb") as stderr:
        process = subprocess.Popen([sys.executable, "-m", *command], env={**os.environ, **environment}, stderr=stderr)
    try:
        _wait_for(port, process)
        yield
    except RuntimeError as error:
        raise RuntimeError(f"{error}: {log.read_text()}") from error
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _wait_for(port: int, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"{' '.join(map(str, process.args))} does not listen on port {port}")


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Publish, start the servers, and measure."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = EmbeddedRedis(folder / "redis")
        url = server.ensure_running()
        stack.callback(server.stop)
        client = stack.enter_context(redis.Redis.from_url(url))
        results = {
            "publishing": publish_and_measure(url, planted_lists(options.customers, options.k, options.purchases))
        }
        ports = {name: free_port() for name in (*APIS, *BARE_SERVERS)}
        for name, settings in APIS.items():
            environment = {"REDIS_URL": url, "DATASET": DATASET, "PORT": str(ports[name]), **settings}
            if "SAMPLE_DIR" in settings:
                environment["SAMPLE_DIR"] = str(folder / settings["SAMPLE_DIR"])
            stack.enter_context(running(["serving"], ports[name], folder / f"{name}.log", **environment))
        for name, server in BARE_SERVERS.items():
            bare = ["benchmarks.http.bare_api", str(ports[name]), url, server]
            stack.enter_context(running(bare, ports[name], folder / f"{name}.log"))
        paths = [f"/recommendations/{row:064x}" for row in _asked_rows(options.customers)]
        client.set(BARE_KEY, b"x" * _body_bytes(ports["api"], paths[0]))
        requests = {name: [get_request(path) for path in paths] for name in APIS} | {
            name: [get_request(f"/{BARE_KEY}")] for name in BARE_SERVERS
        }
        results["lookups"] = measure_lookups(ports, requests, options.seconds, options.rounds)
        results["batches"] = measure_batches(ports["api"], _asked_rows(options.customers), options.seconds)
    return results


def _asked_rows(customers: int) -> list[int]:
    return np.random.default_rng(8).permutation(customers)[:ASKED_CUSTOMERS].tolist()


def _body_bytes(port: int, path: str) -> int:
    load = put_load(port, [get_request(path)], 0.1, connections=1)
    return round(load.body_bytes / len(load.latencies))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the results."""
    options = _parser().parse_args(arguments)
    results = measure(options)
    print(json.dumps(results, indent=2))
    RESULTS_DIR.mkdir(parents=True, exist_ok=True)
    (RESULTS_DIR / "serving.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description="Publish made lists and look them up.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--customers", type=int, default=1_371_980, help="with a list each; H&M has as many")
    parser.add_argument("--k", type=int, default=24, help="published depth")
    parser.add_argument("--purchases", type=int, default=4, help="of each customer")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each turn")
    parser.add_argument("--rounds", type=int, default=20, help="turns of each; many short ones meet the same noise")
    return parser


if __name__ == "__main__":
    sys.exit(main())
