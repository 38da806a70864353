"""Faults of the service on real processes, with every answered prediction counted against the log.

    python benchmarks/faults.py [--minutes 30] [--clients 12] [--against FOLDER [--rounds 20]]

One service on SQLite and one on a PostgreSQL of its own (Debian's package) take turns, twice each. Clients ask all the time, a fifth
of them with batches; faults come one after the other in random order: the service killed, the server stopped, killed, frozen, read-only, its
connections ended, its table locked, the file locked or on a frozen disk (root only), the write-ahead log or the spool removed, connections that send
half a request. After each one the benchmark waits until the service says that it is well and nothing waits in its spool. At the end it drains what
waits, and counts: an answered id that isn't in the log is lost, one that is there more than once is twice.
With `--against`, another checkout of this repository, the latency of both at 100 requests a second is taken in turns first (4 minutes).
"""
import argparse
import asyncio
import contextlib
import json
import math
import os
import platform
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import psutil

import service   # the benchmark beside this one
from stroke_nb.predictions import PredictionLog
from stroke_nb.tests.live_service import Live, wait_for
from stroke_nb.tests.postgres import Postgres, programs

SPOOL = "predictions.spool"


# callers

class Load(threading.Thread):
    "Clients that ask until the end and note every answered id."
    def __init__(self, port: int, clients: int, seed: int):
        super().__init__(daemon=True)
        self.port, self.clients, self.random = port, clients, random.Random(seed)
        self.answered, self.times, self.statuses, self.over = [], [], Counter(), False

    def run(self): asyncio.run(self.ask_all())

    async def ask_all(self): await asyncio.gather(*(self.ask() for _ in range(self.clients)))

    def body(self) -> bytes:
        people = [service.PEOPLE[self.random.randrange(len(service.PEOPLE))] for _ in range(self.random.choice((1, 1, 1, 1, 100)))]
        return json.dumps(people[0] if len(people) == 1 else dict(records=people)).encode()

    async def ask(self):
        while not self.over:
            try: await self.ask_on_one_connection()
            except (OSError, asyncio.IncompleteReadError):   # the service was killed, or closed the connection
                self.statuses["no answer"] += 1
                await asyncio.sleep(0.1)

    async def ask_on_one_connection(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)
        with contextlib.closing(writer):
            while not self.over:
                body, begin = self.body(), time.perf_counter()
                writer.write(service.request(body))
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length:")[2].split()[0])
                answer, status = await reader.readexactly(length), int(head[9:12])
                self.statuses[status] += 1
                if status == 200:
                    found = json.loads(answer)
                    if len(body) < 1000: self.times.append(time.perf_counter() - begin)
                    self.answered += [one["prediction_id"] for one in found.get("predictions", [found])]
                elif b"connection: close" in head: return
                else: await asyncio.sleep(0.05)


# a service and its faults

class Site:
    "A service with its log; what can happen to it; what has."
    def __init__(self, folder: Path, database: str):
        folder.mkdir(parents=True)
        self.folder, self.database, self.done = folder, database, Counter()
        self.live = Live(folder, database=database).wait(120)

    def restart(self) -> None:
        "Start a killed service again on the same port."
        with open(self.live.output, "ab") as file:
            self.live.process = subprocess.Popen(
                self.live.process.args, cwd=self.folder, env=self.environment, stdout=file, stderr=subprocess.STDOUT
            )

    @property
    def environment(self) -> dict:
        return os.environ | {"STROKE_NB_SERVICE": json.dumps(dict(rate=1e5, burst=10**6, watch=0.2)), "STROKE_NB_PERSON_KEY": "a secret of the tests"}

    @contextlib.contextmanager
    def killed(self):
        self.live.stop(signal.SIGKILL)
        yield
        self.restart()

    @contextlib.contextmanager
    def half_requests(self):
        connections = _half_requests(self.live.port, 300)
        yield
        for connection in connections: connection.close()

    def is_well(self) -> bool:
        try: health = self.live.ask("/health").json
        except OSError: return False
        return health["status"] == "ok" and health["spool_entries"] == 0

    def state(self) -> str:
        "What the service says of itself, and its last words."
        try: says = json.dumps(self.live.ask("/health").json)
        except OSError as error: says = str(error)
        return f"{says}\n" + "".join(Path(self.live.output).read_text(errors="replace").splitlines(keepends=True)[-30:])

    def play(self, faults: dict, seconds: float, chance: random.Random) -> None:
        "One fault after the other, in random order and all about equally often, for so long."
        end, names = time.monotonic() + seconds, []
        while time.monotonic() < end:
            names = names or chance.sample(sorted(faults), len(faults))
            fault = names.pop()
            with faults[fault](): time.sleep(chance.uniform(0.5, 5))
            self.done[fault] += 1
            try: wait_for(self.is_well, 120)
            except AssertionError: sys.exit(f"not well 120 s after {fault}, load {os.getloadavg()[0]:.0f}: {self.state()}")
            time.sleep(chance.uniform(0.2, 1))


def _half_requests(port: int, count: int) -> list:
    import socket
    opened = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(count)]
    for n, connection in enumerate(opened):
        connection.sendall(b"POST /pre" if n % 2 else service.request(json.dumps(service.PERSON).encode())[:-5])
    return opened


def sqlite_faults(site: Site, disk: Path | None) -> dict:
    path = Path(site.database.removeprefix("sqlite:///"))

    @contextlib.contextmanager
    def locked():
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield

    @contextlib.contextmanager
    def log_removed():
        Path(f"{path}-wal").unlink(missing_ok=True)
        yield

    @contextlib.contextmanager
    def frozen():
        subprocess.run(["fsfreeze", "--freeze", disk], check=True)
        try: yield
        finally: subprocess.run(["fsfreeze", "--unfreeze", disk], check=True)

    faults = {"killed": site.killed, "file locked": locked, "write-ahead log removed": log_removed, "half requests": site.half_requests}
    return faults | ({"disk frozen": frozen} if disk else {})


def postgres_faults(site: Site, server: Postgres) -> dict:
    @contextlib.contextmanager
    def stopped(mode: str):
        server.stop(mode)
        yield
        server.start()

    @contextlib.contextmanager
    def spool_removed():
        with stopped("fast"):
            time.sleep(1)
            shutil.rmtree(site.folder / SPOOL)
            yield

    @contextlib.contextmanager
    def table_locked():
        words = ["psql", "--dbname", server.url, "--quiet", "--command", "BEGIN; LOCK TABLE predictions; SELECT pg_sleep(6); COMMIT"]
        with subprocess.Popen([programs() / words[0], *words[1:]], stdout=subprocess.DEVNULL): yield

    @contextlib.contextmanager
    def connections_ended():
        server.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'")
        yield

    return {
        "killed": site.killed, "server stopped": lambda: stopped("fast"), "server killed": lambda: stopped("immediate"),
        "server frozen": server.frozen, "read-only": server.read_only, "connections ended": connections_ended,
        "table locked": table_locked, "spool removed": spool_removed, "half requests": site.half_requests,
    }


@contextlib.contextmanager
def own_disk(folder: Path):
    "A small disk that may be frozen; None where that can't be had."
    image = folder.with_suffix(".img")
    folder.mkdir()
    with open(image, "wb") as file: file.truncate(2 * 2**30)
    mounted = os.geteuid() == 0 and all(
        subprocess.run(words, capture_output=True).returncode == 0
        for words in (["mkfs.ext4", "-q", image], ["mount", "-o", "loop", image, folder])
    )
    try: yield folder if mounted else None
    finally:
        if mounted: subprocess.run(["umount", "--lazy", folder], check=True)


# counting

def count(database: str, spool: Path, load: Load) -> dict:
    "Answered ids against the log, after what waits was drained."
    with PredictionLog(database, spool) as log:
        log.drain()
        with log.database.reading() as connection: rows = Counter(connection.exec_driver_sql("SELECT id FROM predictions").scalars())
    answered = Counter(load.answered)
    lost = sum(id not in rows for id in answered)
    return dict(answers=len(load.answered), rows=rows.total(), lost=lost, twice=sum(rows[id] > 1 for id in answered) + sum(n > 1 for n in answered.values()))


def percentile(times: list[float], share: float) -> float:   # milliseconds
    return 1000 * sorted(times)[min(len(times) - 1, int(share * len(times)))] if times else float("nan")


def trial(name: str, site: Site, faults: dict, seconds: float, clients: int, seed: int) -> dict:
    "A service under faults for so long, and its line."
    load = Load(site.live.port, clients, seed)
    load.start()
    site.play(faults, seconds, random.Random(seed))
    load.over = True
    load.join(120)
    site.live.stop()
    found = count(site.database, site.folder / SPOOL, load) | dict(faults=site.done.total())
    times = load.times
    print(f"\n{name}: {found['faults']} faults in {seconds / 60:.1f} min: " + ", ".join(f"{n} {fault}" for fault, n in sorted(site.done.items())))
    print(f"  answered {found['answers']:,} predictions, rows {found['rows']:,}, lost {found['lost']}, twice {found['twice']}")
    print(f"  singles: p50 {percentile(times, .5):.1f}, p99 {percentile(times, .99):.1f}, longest {percentile(times, 1):.0f} ms; statuses {dict(load.statuses)}", flush=True)
    return found


@contextlib.contextmanager
def on_core(core: int):
    "What is started meanwhile runs on one core, where there are two."
    before = os.sched_getaffinity(0)
    if len(before) > 1: os.sched_setaffinity(0, {sorted(before)[core]})
    try: yield
    finally: os.sched_setaffinity(0, before)


def middle(values: list[float]) -> tuple[float, float, float]:   # median, and its 95 % interval by order statistics
    n, ordered = len(values), sorted(values)
    below = [sum(math.comb(n, k) for k in range(rank)) / 2**n for rank in range(1, n + 1)]   # that fewer than `rank` lie under the median
    rank = max((rank for rank in range(1, n + 1) if below[rank - 1] <= 0.025), default=1)
    return statistics.median(values), ordered[rank - 1], ordered[-rank]


def cpu_seconds(live: Live) -> float: return sum(psutil.Process(live.process.pid).cpu_times()[:2])


def compare(folder: Path, other: Path, rounds: int = 20, seconds: float = 6, rate: float = 100) -> None:
    """Latency at a fixed rate of this checkout and another one. A shared machine has fast and slow spells: rounds are short and take turns,
    who begins changes, both services have the same core and callers the other one, and what counts is the ratio of each pair of rounds."""
    bodies, here = [service.request(json.dumps(person).encode()) for person in service.PEOPLE], os.environ.get("PYTHONPATH", "")
    times, cpu = {"this one": [], "the other": []}, Counter()
    with contextlib.ExitStack() as stack:
        lives = {}
        for name, path in zip(times, (Path(__file__).resolve().parents[1], other.resolve()), strict=True):
            os.environ["PYTHONPATH"] = str(path)
            (folder / name).mkdir()
            with on_core(0): lives[name] = stack.enter_context(Live(folder / name))
        os.environ["PYTHONPATH"] = here
        with on_core(1):
            for turn in range(-1, rounds):   # the first pair warms up
                for name in sorted(lives, reverse=bool(turn % 2)):
                    before = cpu_seconds(lives[name])
                    found = asyncio.run(service.open_loop(lives[name].port, bodies, seconds, rate))["times"]
                    if turn < 0: continue
                    times[name].append(found)
                    cpu[name] += cpu_seconds(lives[name]) - before
    for name, parts in times.items():
        p50, p99 = (statistics.median(percentile(part, share) for part in parts) for share in (0.5, 0.99))
        shown = ", ".join(f"{percentile(part, .99):.1f}" for part in parts)
        each = 1000 * cpu[name] / sum(map(len, parts))
        print(f"{rate:g} requests a second, {name}: median over {rounds} rounds of p50 {p50:.1f}, of p99 {p99:.1f} ms ({shown}); CPU {each:.2f} ms a request")
    for share in (0.5, 0.99):
        pairs = zip(*times.values(), strict=True)
        ratio, low, high = middle([percentile(mine, share) / percentile(others, share) for mine, others in pairs])
        print(f"p{100 * share:g}, this one / the other, by pair of rounds: median {ratio:.2f} (95 %: {low:.2f} to {high:.2f})", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--clients", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--against", type=Path, help="another checkout, whose latency is compared first")
    parser.add_argument("--rounds", type=int, default=20, help="pairs of rounds of that comparison, six seconds each")
    asked = parser.parse_args()
    if programs() is None: sys.exit("no PostgreSQL here: install Debian's package postgresql")
    print(f"{time.strftime('%Y-%m-%d %H:%M')}, Python {platform.python_version()}, uvicorn {version('uvicorn')}, {os.cpu_count()} cores, "
          f"load average at the start {os.getloadavg()[0]:.1f}", flush=True)
    results, part = [], asked.minutes * 60 / 4
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if asked.against: compare(folder, asked.against, asked.rounds)
        for turn in range(2):
            seed = asked.seed + turn
            with own_disk(folder / f"disk {turn}") as disk:
                site = Site(folder / f"sqlite {turn}", f"sqlite:///{disk or folder}/log{turn}.db")
                results.append(trial("SQLite", site, sqlite_faults(site, disk), part, asked.clients, seed))
            server = Postgres()
            try:
                site = Site(folder / f"postgresql {turn}", server.url)
                results.append(trial("PostgreSQL", site, postgres_faults(site, server), part, asked.clients, seed))
            finally: server.remove()
    total = Counter()
    for found in results: total.update(found)
    print(f"\nfaults {total['faults']}, answers {total['answers']:,}, lost {total['lost']}, twice {total['twice']}")
    sys.exit(1 if total["lost"] or total["twice"] else 0)


if __name__ == "__main__": main()
