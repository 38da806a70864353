"""The prediction log at size: N predictions in a PostgreSQL that this starts itself, a real service that goes on answering meanwhile.

    python benchmarks/log_at_size.py --rows 10000000 [--rate 20] [--seconds 20] [--sqlite 100000 300000 1000000]
    python benchmarks/log_at_size.py --migrate 10000000

- rows of three whole months before this one and of this one, evenly, by INSERT ... SELECT; a tenth have an outcome; people come back, 1.25 times on average
- window: the last seven days, and all rows as one window, counted by `count_window` from COPY, each in a process of its own (seconds, CPU, highest memory)
- export of the last seven days to Parquet
- retention: the oldest month, with its outcomes
- p99 of /predict, requests due at fixed times: before, and while each of these runs
- `--migrate`: `log migrate` of so many from one table (version 0002) to one a month, in PostgreSQL
- `--sqlite`: how long the week, and the retention of a month of so many predictions, take in SQLite, which other writers wait for

PostgreSQL has 1 GB of shared buffers here; all else is as Debian's package has it, fsync and synchronous commits included.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path

import psutil
from service import PEOPLE, Server, share

from stroke_nb.fields import BINARIES, INPUTS
from stroke_nb.moments import utc_now
from stroke_nb.predictions import PredictionLog
from stroke_nb.predictions.partitions import make_partitions, month_of

# ids and times rise together, as those of a service
ROWS = """
INSERT INTO predictions (id, time, model_version, model_sha256, role, served, record, inputs, imputed, risk, low, high, positive, latency_ms, caller, person, request_id, "row")
SELECT substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-7' || substr(random, 1, 3) || '-8' || substr(random, 4, 3) || '-' || substr(random, 7, 12), time, '2026-11-22', repeat('0', 64), 'champion', true,
       '{record}', (SELECT inputs FROM people WHERE people.n = mod(row_number, {people})), '[]', .05, .02, .11, false, 2.5, 'ward', md5((random_person)::text), 'r' || row_number, 0
FROM (SELECT row_number, time, lpad(to_hex((extract(epoch FROM time) * 1000)::bigint), 12, '0') AS hex, md5(row_number::text || 'x') AS random, floor(random() * {persons}) AS random_person
      FROM (SELECT n AS row_number, timestamptz '{begin}' + n * interval '{step} microseconds' AS time FROM generate_series({first}::bigint, {last}::bigint) AS n) AS made) AS coded
"""
OUTCOMES = "INSERT INTO outcomes (id, prediction_id, outcome, received) SELECT 'o' || id, id, 0, time + interval '30 days' FROM predictions WHERE mod(seq, 10) = 0"


def fill(connection, rows: int) -> None:
    "So many predictions up to now, in tables that are there."
    from stroke_nb.fields import RECORD
    from stroke_nb.simulation import simulate
    now = utc_now()
    begin = month_of(now, -3)
    step = (now - begin) / timedelta(microseconds=1) / rows
    people = simulate(5000, seed=1)[list(INPUTS)]
    texts = [json.dumps(person, separators=(",", ":")) for person in json.loads(people.astype(dict.fromkeys(BINARIES, int)).to_json(orient="records"))]
    connection.exec_driver_sql("CREATE TEMP TABLE people (n bigint PRIMARY KEY, inputs json)")
    with connection.connection.driver_connection.cursor() as cursor: cursor.executemany("INSERT INTO people VALUES (%s, %s)", list(enumerate(texts)))
    for first in range(1, rows + 1, 1_000_000):
        asked = dict(record=RECORD.sha256, people=len(texts), persons=int(rows / 1.25), begin=begin.isoformat(), step=step, first=first, last=min(first + 999_999, rows))
        connection.exec_driver_sql(ROWS.format(**asked))
        print(f"  {min(first + 999_999, rows):,} rows", flush=True)
    connection.exec_driver_sql(OUTCOMES)


def fill_months(log: PredictionLog, rows: int) -> None:
    "So many predictions in a log of this version."
    now = utc_now()
    with log.database.writing(limit=False) as connection:
        for later in range(-3, 1): make_partitions(connection, month_of(now, later))
        fill(connection, rows)
    with log.database.engine(limit=False).connect().execution_options(isolation_level="AUTOCOMMIT") as connection: connection.exec_driver_sql("VACUUM ANALYZE")


# what is measured, each in a process of its own

def count(log: PredictionLog, since: str) -> str:
    from stroke_nb.scale.window import count_window
    counts = count_window(log.queries.people(since or None))
    return f"{counts.rows:,} people"


def export(log: PredictionLog, since: str) -> str:
    with tempfile.TemporaryDirectory() as folder: return f"{log.export(Path(folder, 'week.parquet'), since):,} predictions"


def retain(log: PredictionLog, before: str) -> str:
    gone = log.retain(before)
    return f"{gone.predictions:,} predictions, {gone.outcomes:,} outcomes"


def migrate(log: PredictionLog, _: str) -> str: return f"from version {log.migrate()}"


def one(what: str, url: str, day: str) -> None:
    "Do it and print what it took."
    import resource
    import pyarrow.csv, pyarrow.json  # noqa: E401, F401 (not what is measured)
    import stroke_nb.scale.window  # noqa: F401
    with PredictionLog(url) as log, tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        cpu, begin = time.process_time(), time.perf_counter()
        words = dict(count=count, export=export, retain=retain, migrate=migrate)[what](log, day)
        print(json.dumps(dict(words=words, seconds=time.perf_counter() - begin, cpu=time.process_time() - cpu, memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)))


class Watch(threading.Thread):
    "CPU of a PostgreSQL's processes that begin from now on; the service's were there before."
    def __init__(self, server: int | None):   # its first process
        super().__init__(daemon=True)
        self.server = psutil.Process(server) if server else None
        self.before, self.seconds, self.ended = self.children(), {}, threading.Event()
        self.start()

    def children(self) -> set: return set(self.server.children()) if self.server else set()

    def run(self) -> None:
        while not self.ended.wait(0.1):
            for process in self.children() - self.before:
                try: spent = process.cpu_times()
                except psutil.NoSuchProcess: continue
                self.seconds[process.pid] = spent.user + spent.system

    def end(self) -> float:
        self.ended.set()
        self.join()
        return sum(self.seconds.values())


def measured(what: str, url: str, day: str, server: Server | None = None, rate: float = 0, seconds: float = 0,
             postmaster: int | None = None) -> None:
    "Print what it took, and how long requests took before and meanwhile."
    usual = share(server.load(bodies=PEOPLE, seconds=seconds, rate=rate)["times"], .99) if server else 0
    watch = Watch(postmaster)
    process = subprocess.Popen([sys.executable, __file__, "--one", what, url, day], stdout=subprocess.PIPE, text=True)
    times = []
    while server and (process.poll() is None or not times): times += server.load(bodies=PEOPLE, seconds=3, rate=rate)["times"]
    found = json.loads(process.communicate()[0])
    p99 = f"; p99 {share(times, .99):.1f} ms of {len(times):,} requests meanwhile, {usual:.1f} before, load {os.getloadavg()[0]:.0f}" if times else ""
    print(f"{what} {day or 'of all'}: {found['words']} in {found['seconds']:.1f} s ({found['cpu']:.1f} s of CPU, {watch.end():.1f} in PostgreSQL), {found['memory']:.2f} GB{p99}", flush=True)


def in_postgresql(rows: int, rate: float, seconds: float, folder: Path) -> None:
    from stroke_nb.model import RiskModel
    from stroke_nb.simulation import simulate
    from stroke_nb.tests.postgres import Postgres
    people = simulate(5000, seed=1)
    RiskModel("logistic", refits=20).fit(people[list(INPUTS)], people.stroke).save(folder / "champion")
    postgres = Postgres(shared_buffers="1GB", max_wal_size="8GB")
    server = None
    try:
        with PredictionLog(postgres.url) as log:
            begin = time.perf_counter()
            log.migrate()
            fill_months(log, rows)
            print(f"{rows:,} predictions made in {time.perf_counter() - begin:.0f} s", flush=True)
        words = [sys.executable, "-c", "from stroke_nb.cli.main import app; app()", "serve", "--port", "8123", "--model", str(folder / "champion"), "--database", postgres.url]
        server = Server("service", 8123, words, folder, "/ready")
        server.load(bodies=PEOPLE, seconds=5, rate=rate)   # warm
        postmaster = int((postgres.folder / "data" / "postmaster.pid").read_text().split()[0])
        week = f"{utc_now() - timedelta(days=7):%Y-%m-%d}"
        for what, day in (("count", week), ("count", ""), ("export", week), ("retain", f"{month_of(utc_now(), -2):%Y-%m-%d}")):
            measured(what, postgres.url, day, server, rate, seconds, postmaster)
        again = server.load(bodies=PEOPLE, seconds=seconds, rate=rate)["times"]
        print(f"p99 of /predict afterwards: {share(again, .99):.1f} ms; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    finally:
        if server: server.stop()
        postgres.remove()


def migrated(rows: int) -> None:
    "A log of version 0002, all in one table, brought to one of a table a month."
    import sqlalchemy as sa
    from alembic import command, config

    from stroke_nb.predictions.engines import parse_address
    from stroke_nb.tests.postgres import Postgres
    postgres = Postgres(shared_buffers="1GB", max_wal_size="8GB")
    try:
        engine = sa.create_engine(parse_address(postgres.url))
        def size(connection) -> str: return f"{connection.exec_driver_sql('SELECT pg_database_size(current_database())').scalar() / 1e9:.2f} GB"
        with engine.begin() as connection:
            settings = config.Config(attributes=dict(connection=connection))
            settings.set_main_option("script_location", "stroke_nb:migrations")
            command.upgrade(settings, "0002")
            fill(connection, rows)
        with engine.connect() as connection: print(f"{rows:,} predictions of version 0002, {size(connection)} on the disk", flush=True)
        postmaster = int((postgres.folder / "data" / "postmaster.pid").read_text().split()[0])
        measured("migrate", postgres.url, "", postmaster=postmaster)
        with engine.connect() as connection:
            months = dict(connection.exec_driver_sql("SELECT tableoid::regclass::text, count(*) FROM predictions GROUP BY 1 ORDER BY 1").all())
            print(f"months {months}, {size(connection)} on the disk; load {os.getloadavg()[0]:.1f}", flush=True)
        assert sum(months.values()) == rows, months
        engine.dispose()
    finally: postgres.remove()


def in_sqlite(rows: int, folder: Path) -> None:
    "A file with so many predictions in each of two months."
    from stroke_nb.predictions import PredictionRow
    from stroke_nb.predictions.records import as_rows, new_ids
    from stroke_nb.moments import moment
    url = f"sqlite:///{folder}/log{rows}.db"
    now = utc_now()
    with PredictionLog(url) as log:
        log.migrate()
        [(_, values)] = as_rows(PredictionRow(model_version="1", model_sha256="0" * 64, inputs={name: PEOPLE[0].get(name) for name in INPUTS}, risk=.1, low=.05, high=.2))
        values = list(values)
        for month in (-1, 0):
            begin, step = month_of(now, month), timedelta(days=27) / rows
            for first in range(0, rows, 50_000):
                n = min(50_000, rows - first)
                times = [moment("time", begin + (first + row) * step) for row in range(n)]
                log.database.commit([("predictions", (id, at, *values[2:])) for id, at in zip(new_ids(n, begin.timestamp()), times)])
    for what, day in (("count", f"{month_of(now) + timedelta(days=20):%Y-%m-%d}"), ("retain", f"{month_of(now):%Y-%m-%d}")):
        measured(what, url, day)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=0)
    options.add_argument("--rate", type=float, default=20)
    options.add_argument("--seconds", type=float, default=20)
    options.add_argument("--migrate", type=int, default=0)
    options.add_argument("--sqlite", type=int, nargs="*", default=[])
    options.add_argument("--one", nargs=3)
    asked = options.parse_args()
    if asked.one: one(*asked.one)
    else:
        with tempfile.TemporaryDirectory() as place:
            if asked.migrate: migrated(asked.migrate)
            if asked.rows: in_postgresql(asked.rows, asked.rate, asked.seconds, Path(place))
            for size in asked.sqlite: in_sqlite(size, Path(place))
