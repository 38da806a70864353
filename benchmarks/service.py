"""Three services side by side, each one process on one core, asked from another core, in one run.

    [STROKE_NB_DATA=...] python benchmarks/service.py [--model models/champion] [--rounds 3] [--seconds 5] [--rate 100] [--shortcuts]

- ours: `stroke-nb serve`, checked input, interval, and every answer durable in its SQLite log (one fsync a commit) before it leaves
- pandas: plain FastAPI with pydantic, one CatBoost of 300 trees asked through a DataFrame of one row; no interval, no log, nothing durable
- reference: plain FastAPI doing per request what reference 2 does: a pyfunc model asked through a DataFrame, and an MLflow run with
  parameters and a metric, in MLflow's own SQLite store

The services stay up together and are asked in turns, so that a busy moment hits all alike. Throughput is a closed loop: so many callers, each
asks again when it is answered. Latency is an open loop: requests are due at fixed times, whether or not earlier ones are answered, and are timed
from when they were due. The reference can't follow 100 requests a second, so its latency is that of one caller.
With `taskset`, services run on core 0 and the callers on core 1; fsync on this disk is measured beside them, as no durable answer is faster.
"""
import argparse
import asyncio
import itertools
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path

PERSON = dict(gender="Female", age=67, hypertension=0, heart_disease=1, ever_married="Yes", work_type="Private", residence_type="Urban",
              avg_glucose_level=227.4, bmi=36.2, smoking_status="formerly smoked")
# a service that scores a record once when it comes twice at one moment shouldn't gain from callers who all send the same
PEOPLE = [PERSON | dict(age=40 + n % 43, bmi=20 + n % 17, avg_glucose_level=60 + n / 4) for n in range(600)]
WORDS = ("gender", "ever_married", "work_type", "residence_type", "smoking_status")


# what the two others do

def person_model():
    from pydantic import BaseModel, create_model
    return create_model("Person", __base__=BaseModel, **{name: (str if name in WORDS else float, ...) for name in PERSON})


def pandas_app(folder: Path):
    "CatBoost through pandas, nothing kept."
    import pandas as pd
    from catboost import CatBoostClassifier
    from fastapi import FastAPI
    app, model, Person = FastAPI(), CatBoostClassifier().load_model(str(folder / "plain.cbm")), person_model()

    @app.post("/predict")
    def predict(person: Person): return {"risk": float(model.predict_proba(pd.DataFrame([person.model_dump()]))[0, 1])}
    return app


def reference_app(folder: Path):
    "A pyfunc model, and an MLflow run a request."
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    import mlflow
    import pandas as pd
    from fastapi import FastAPI
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("predictions")
    app, model, Person = FastAPI(), mlflow.pyfunc.load_model(str(folder / "pyfunc")), person_model()

    @app.post("/predict")
    def predict(person: Person):
        found = model.predict(pd.DataFrame([person.model_dump()]))
        with mlflow.start_run(run_name="prediction"):
            mlflow.log_params(person.model_dump())
            mlflow.log_metric("prediction", float(found[0]))
        return {"prediction": float(found[0])}
    return app


# our own service without its shortcuts: what each gives

SHORTCUTS = {
    "unbatched": """
from stroke_nb.service import answers, batching
async def score(self, lineup, request): return answers.score_request(lineup, request)
batching.MicroBatcher.score = score
""",
    "routed": """
from stroke_nb.service import middleware
with_routes = middleware.RequestLogMiddleware.__init__
middleware.RequestLogMiddleware.__init__ = lambda self, app, direct_routes: with_routes(self, app, {})
""",
}


def prepare(folder: Path, model: Path) -> Path:
    "The models of all three; ours is the champion, or a small one where there is none."
    from catboost import CatBoostClassifier
    from stroke_nb.cohort import load
    from stroke_nb.fields import INPUTS, OUTCOME
    from stroke_nb.schema import validate
    people = load()
    X, y = validate(people)[list(INPUTS)].copy(), people[OUTCOME]
    X[list(WORDS)] = X[list(WORDS)].astype(object).where(X[list(WORDS)].notna(), "Unknown").astype(str)
    plain = CatBoostClassifier(iterations=300, learning_rate=0.05, depth=6, cat_features=list(WORDS), thread_count=1, verbose=0, allow_writing_files=False).fit(X, y)
    plain.save_model(str(folder / "plain.cbm"))
    save_pyfunc(X, y, folder)
    if (model / "manifest.json").is_file(): return model.resolve()
    from stroke_nb.model import RiskModel
    RiskModel(refits=30).fit(people.drop(columns=[OUTCOME, "true_risk"], errors="ignore"), y).save(folder / "champion")
    return folder / "champion"


def save_pyfunc(X, y, folder: Path) -> None:
    "Reference 2's forest as a pyfunc model."
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    import mlflow.sklearn
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    numbers = [name for name in X if name not in WORDS]
    features = ColumnTransformer([("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers), ("words", OneHotEncoder(handle_unknown="ignore"), list(WORDS))])
    forest = make_pipeline(features, RandomForestClassifier(n_estimators=200, max_depth=10, min_samples_split=5, random_state=0)).fit(X, y)
    mlflow.sklearn.save_model(forest, str(folder / "pyfunc"), serialization_format="cloudpickle")


# services

def pinned(core: int, words: list) -> list:
    "A command on one core, where that can be had."
    return ["taskset", "-c", str(core), *words] if shutil.which("taskset") and os.cpu_count() > 1 else words


class Server:
    "A service in a process of its own."
    def __init__(self, name: str, port: int, words: list, folder: Path, ready: str):
        self.name, self.port, self.folder = name, port, folder
        begin = time.perf_counter()
        self.process = subprocess.Popen(pinned(0, words), cwd=folder, stdout=open(folder / f"{name}.txt", "w"), stderr=subprocess.STDOUT,
                                        env={key: value for key, value in os.environ.items() if not key.startswith("STROKE_NB_")} | {"STROKE_NB_SERVICE": json.dumps(dict(rate=1e6, burst=10**6, spool=f"{name}.spool"))})
        while not self.answers(ready):
            if self.process.poll() is not None: sys.exit(f"{name} ended: {(folder / f'{name}.txt').read_text()[-2000:]}")
            time.sleep(0.02)
        self.start = time.perf_counter() - begin

    def answers(self, path: str) -> bool:
        try: return urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5).status == 200
        except OSError: return False

    def status(self, body: bytes) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/predict", body, {"Content-Type": "application/json"})
        try: return urllib.request.urlopen(request, timeout=60).status
        except urllib.error.HTTPError as error: return error.code

    def stop(self) -> None:
        self.process.terminate()
        try: self.process.wait(20)
        except subprocess.TimeoutExpired: self.process.kill()

    def memory(self) -> float:  # MB
        import psutil
        return psutil.Process(self.process.pid).memory_info().rss / 2**20

    def load(self, **asked) -> dict:
        "What callers on the other core measure."
        done = subprocess.run(pinned(1, [sys.executable, __file__, "--load"]), input=json.dumps(dict(port=self.port, **asked)), stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout)


# callers

def request(body: bytes) -> bytes:
    return f"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def ask(reader, writer, data: bytes) -> int:  # status
    writer.write(data)
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    await reader.readexactly(length)
    return int(head[9:12])


async def closed_loop(port: int, bodies: list[bytes], seconds: float, callers: int) -> dict:
    "So many callers, each asking about somebody else as soon as it is answered."
    times, failed, end, turns = [], [], time.perf_counter() + seconds, itertools.cycle(bodies)
    async def call():
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
        while (begin := time.perf_counter()) < end:
            status = await ask(reader, writer, next(turns))
            (times if status == 200 else failed).append(time.perf_counter() - begin)
        writer.close()
    begin = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    return dict(rate=len(times) / (time.perf_counter() - begin), times=times, failed=len(failed))


async def open_loop(port: int, bodies: list[bytes], seconds: float, rate: float, callers: int = 64) -> dict:
    "Requests due at fixed times, timed from then."
    due, times, turns = asyncio.Queue(), [], itertools.cycle(bodies)
    async def call():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (moment := await due.get()) is not None:
            assert await ask(reader, writer, next(turns)) == 200
            times.append(time.perf_counter() - moment)
        writer.close()
    calls, begin = [asyncio.create_task(call()) for _ in range(callers)], time.perf_counter() + 0.2
    for n in range(int(rate * seconds)):
        if (wait := begin + n / rate - time.perf_counter()) > 0: await asyncio.sleep(wait)
        due.put_nowait(begin + n / rate)
    for _ in calls: due.put_nowait(None)
    await asyncio.gather(*calls)
    return dict(times=times)


def load(port: int, bodies: list[dict], seconds: float, callers: int = 1, rate: float | None = None) -> dict:
    requests = [request(json.dumps(body).encode()) for body in bodies]
    return asyncio.run(open_loop(port, requests, seconds, rate) if rate else closed_loop(port, requests, seconds, callers))


# the run

def fsync(folder: Path, n: int = 200) -> list[float]:
    "How long this disk takes to keep 4 kB."
    times = []
    with open(folder / "fsync", "wb", buffering=0) as file:
        for _ in range(n):
            file.write(b"x" * 4096)
            begin = time.perf_counter()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - begin)
    return times


PACE = "import time\nfor _ in range(40):\n    begin = time.perf_counter(); sum(n * n for n in range(500_000)); print(time.perf_counter() - begin)"


def pace() -> list[float]:
    "How long the services' core takes for the same loop again and again: a shared machine has fast and slow spells, which latencies follow."
    done = subprocess.run(pinned(0, [sys.executable, "-c", PACE]), stdout=subprocess.PIPE, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


def share(times: list[float], q: float) -> float:  # milliseconds
    return sorted(times)[min(int(q * len(times)), len(times) - 1)] * 1000


def measure(servers: dict, rounds: int, seconds: float, rate: float, batch: dict) -> dict:
    "All measurements, in turns."
    found = {name: dict(one=[], sixteen=[], sixty_four=[], alone=[], open=[], failed=0) for name in servers} | {"batch": [], "pace": []}
    for _ in range(rounds):
        for name, server in servers.items():
            alone = server.load(bodies=PEOPLE, seconds=seconds)
            found[name]["one"].append(alone["rate"])
            found[name]["alone"] += alone["times"]
            for key in ("sixteen", "sixty_four"):
                several = server.load(bodies=PEOPLE, seconds=seconds, callers=CALLERS[key])
                found[name][key].append(several["rate"])
                found[name]["failed"] += several["failed"]
            if name != "reference": found[name]["open"].append(server.load(bodies=PEOPLE, seconds=2 * seconds, rate=rate)["times"])
        found["batch"] += servers["ours"].load(bodies=[batch], seconds=seconds)["times"]
        found["pace"] += pace()
    return found


CALLERS = {"one": 1, "sixteen": 16, "sixty_four": 64}


def opened(rounds: list[list[float]], rate: float) -> str:
    "Latency of an open loop in words."
    if not rounds: return f"{rate:g}/s: can't follow"
    half, most = [share(times, 0.5) for times in rounds], [share(times, 0.99) for times in rounds]
    return f"{rate:g}/s: p50 {statistics.median(half):.1f} ms, p99 {statistics.median(most):.1f} ms (best round {min(half):.1f} and {min(most):.1f}, worst {max(half):.1f} and {max(most):.1f})"


def tell(servers: dict, found: dict, rate: float) -> None:
    "The figures and their ratios."
    for name, server in servers.items():
        mine = found[name]
        rates = "   ".join(f"{callers} callers {statistics.median(mine[key]):.0f}/s" for key, callers in CALLERS.items())
        print(f"{name}: start {server.start:.1f} s, {server.memory():.0f} MB; {rates}, {mine['failed']} failed; alone p50 {share(mine['alone'], 0.5):.1f} ms; {opened(mine['open'], rate)}")
    for other in servers.keys() - {"ours"}:
        ratios = {key: statistics.median(a / b for a, b in zip(found["ours"][key], found[other][key])) for key in CALLERS}
        best = statistics.median(max(found["ours"][key][n] for key in CALLERS) / max(found[other][key][n] for key in CALLERS) for n in range(len(found["ours"]["one"])))
        print(f"ours / {other}, throughput: " + ", ".join(f"{ratio:.1f} with {CALLERS[key]}" for key, ratio in ratios.items()) + f"; {best:.1f} at the best of each")
    print(f"ours, batch of 1,000: best {min(found['batch']) * 1000:.0f} ms, median {share(found['batch'], 0.5):.0f} ms, 95 of 100 within {share(found['batch'], 0.95):.0f} ms;"
          f" a fixed loop meanwhile: best {min(found['pace']) * 1000:.0f} ms, median {share(found['pace'], 0.5):.0f} ms")


def a_batch() -> dict:
    "A thousand people as they come: blanks as many as in the source."
    from stroke_nb.cohort import load
    from stroke_nb.schema import record, validate
    people = load()
    return dict(records=[record(row) for _, row in validate(people.sample(1000, random_state=0, replace=len(people) < 1000)).iterrows()])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/champion"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--shortcuts", action="store_true", help="ours without batching and without direct routes as well")
    parser.add_argument("--load", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--plain", nargs=3, help=argparse.SUPPRESS)   # name, folder, port
    asked = parser.parse_args()
    if asked.load:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        return print(json.dumps(load(**json.load(sys.stdin))))
    if asked.plain:
        import uvicorn
        app = dict(pandas=pandas_app, reference=reference_app)[asked.plain[0]](Path(asked.plain[1]))
        return uvicorn.run(app, port=int(asked.plain[2]), access_log=False, log_level="warning")
    with tempfile.TemporaryDirectory() as name: run(asked, Path(name))


def run(asked, folder: Path) -> None:
    model = prepare(folder, asked.model)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before; " + ", ".join(f"{name} {version(name)}" for name in ("fastapi", "uvicorn", "catboost", "mlflow")))
    waits = fsync(folder)
    print(f"fsync of 4 kB: p50 {share(waits, 0.5):.1f} ms, p99 {share(waits, 0.99):.1f} ms")
    plain = lambda name, port: [sys.executable, __file__, "--plain", name, str(folder), str(port)]
    serve = lambda name, port: ["serve", "--port", str(port), "--model", str(model), "--database", f"sqlite:///{folder}/{name}.db"]
    ours = [str(Path(sys.executable).with_name("stroke-nb")), *serve("log", 8401)]
    servers = {}
    try:
        servers["ours"] = Server("ours", 8401, ours, folder, "/ready")
        for port, name in ((8402, "pandas"), (8403, "reference")): servers[name] = Server(name, port, plain(name, port), folder, "/openapi.json")
        for n, name in enumerate(SHORTCUTS if asked.shortcuts else ()):
            code = f"{SHORTCUTS[name]}\nfrom stroke_nb.cli import app\napp({serve(name, 8404 + n)!r})"
            servers[name] = Server(name, 8404 + n, [sys.executable, "-c", code], folder, "/ready")
        for server in servers.values(): server.load(bodies=PEOPLE, seconds=1)   # warm
        tell(servers, measure(servers, asked.rounds, asked.seconds, asked.rate, a_batch()), asked.rate)
        huge = json.dumps(PERSON).replace("227.4", "1e400").encode()
        print("a number without end: " + ", ".join(f"{name} {server.status(huge)}" for name, server in servers.items()))
    finally:
        for server in servers.values(): server.stop()
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__": main()
