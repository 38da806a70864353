"""The same numbers before and after a change of the code: outputs of one version, held against those of another.

    PYTHONPATH=OLD python benchmarks/golden.py take FOLDER       what the version in the folder OLD computes
    python benchmarks/golden.py compare FOLDER                   what this one computes beside it, and what it opens of what OLD saved

Taken are: `stroke-nb reports` (metrics, verdicts and reasons of train, validate and drift), `score` with blanks, `/predict` and
`/explain` of a running service, the calculator's words, three windows of drift and outcomes, and a prediction log. Compared to the last
digit; ids, times and durations are left out. `--without-training` takes the models from FOLDER and makes no reports (a minute).
STROKE_NB_DATA names the data, else the simulated cohort serves.
"""
import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

CLI = [sys.executable, "-c", "from stroke_nb.cli import app; app()"]
PASSING = {"id", "time", "request_id", "latency_ms", "started", "finished", "run_id", "prediction_id", "uptime_seconds"}


def plain(value):
    "Without what differs from call to call."
    if isinstance(value, dict): return {key: plain(item) for key, item in value.items() if key not in PASSING}
    return [plain(item) for item in value] if isinstance(value, list) else value


def stroke_nb(*words, cwd):
    done = subprocess.run([*CLI, *map(str, words)], cwd=cwd, capture_output=True, text=True)
    if done.returncode: raise SystemExit(f"stroke-nb {' '.join(map(str, words))} ended with {done.returncode}:\n{done.stderr[-2000:]}")


def reports(place: Path) -> dict:
    "Numbers of the three reports; leaves models/champion."
    stroke_nb("reports", cwd=place)
    results = [json.loads(path.read_text()) for path in sorted(place.glob("reports/*/*/result.json"))]
    return {run["job"]: {name: run[name] for name in ("metrics", "verdict", "reasons", "data")} for run in results}


def people(n: int):
    from stroke_nb.cohort import simulate
    frame = simulate(n, seed=11).drop(columns=["stroke", "true_risk"])
    for row, name in enumerate(["age", "bmi", "hypertension", "smoking_status", "gender"] * 4): frame.loc[5 * row, name] = None
    return frame


def scores(place: Path, model: Path) -> list:
    "Risks and intervals of a file with blanks."
    import pandas as pd
    people(300).to_csv(place / "in.csv", index=False)
    stroke_nb("score", place / "in.csv", place / "out.csv", "--model", model, cwd=place)
    return json.loads(pd.read_csv(place / "out.csv").to_json(orient="split", double_precision=15))


def answers(place: Path, model: Path) -> list:
    "Bodies of a running service."
    with socket.socket() as free: free.bind(("127.0.0.1", 0)); port = free.getsockname()[1]
    service = subprocess.Popen([*CLI, "serve", "--port", str(port), "--model", str(model), "--database", f"sqlite:///{place}/log.db"],
                               cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    def ask(path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body and json.dumps(body).encode(), {"Content-Type": "application/json"})
        try: return plain(json.load(urllib.request.urlopen(request, timeout=60)))
        except urllib.error.HTTPError as refusal: return [refusal.code, plain(json.load(refusal))]
    try:
        for _ in range(300):
            try: ask("/ready"); break
            except OSError: time.sleep(0.1)
        records = json.loads(people(40).drop(columns="id").to_json(orient="records", double_precision=15))
        bodies = [records[1], records[0] | dict(prevalence=0.018), dict(records=records), {}, dict(age=200), dict(age="old")]
        return [ask(path, body) for path in ("/predict", "/explain") for body in bodies] + [ask("/openapi.json")]
    finally:
        service.terminate()
        service.wait(30)


def calculator(model: Path) -> list:
    "The calculator's answer for twenty people."
    try: from stroke_nb.calculator.answer import as_scorer, summary
    except ModuleNotFoundError: from stroke_nb.calculator import as_scorer, summary
    records = json.loads(people(20).drop(columns="id").to_json(orient="records", double_precision=15))
    scorer = as_scorer(str(model))
    answers = [summary(scorer, record) for record in records if record["age"] and record["age"] >= 18]
    return [[str(part) for part in (answer, answer.place, answer.similar, answer.warnings)] for answer in answers]


def drift(place: Path, model: Path) -> list:
    "Evidence over three windows, the last of other people, and over their outcomes."
    from stroke_nb.cohort import simulate
    from stroke_nb.drift import DriftMonitor, OutcomeMonitor
    from stroke_nb.model import RiskModel
    champion = RiskModel.load(model)
    monitor, outcomes, rows = DriftMonitor(model=champion).fit(simulate(2000, seed=1)), OutcomeMonitor(), []
    for week in (1, 2, 3):
        window = simulate(400, seed=20 + week)
        if week == 3: window = window.assign(age=(window.age + 10).clip(upper=82))
        result = monitor.update(window, f"2026-W0{week}")
        known = outcomes.update(window.stroke, champion.predict_proba(window)[:, 1], f"2026-W0{week}")
        rows.append([result.alarm, result.evidence, result.words(), known.evidence, known.words(),
                     json.loads(result.to_frame().to_json(orient="split", double_precision=15))])
    monitor.save(place / "state.npz")
    outcomes.save(place / "state-outcomes.npz")
    return rows


def opened(folder: Path) -> list:
    "What saved things say when they are opened: models, states of drift, a prediction log."
    from stroke_nb.drift import DriftMonitor, OutcomeMonitor
    from stroke_nb.errors import DriftError
    from stroke_nb.model import RiskModel
    from stroke_nb.predictions import PredictionLog
    model = RiskModel.load(folder / "models/champion")
    risk, (low, high) = model.predict_proba(people(300))[:, 1], model.predict_interval(people(300))
    def state(load, *words):   # an older one opens, or is refused in words with the way out
        try: return json.loads(load(*words).history.to_json(double_precision=15))
        except DriftError as refusal: return str(refusal).partition(": ")[2]
    with tempfile.TemporaryDirectory() as copy:   # a newer version brings its tables up to date
        shutil.copy(folder / "log.db", copy)
        with PredictionLog(f"sqlite:///{copy}/log.db", spool=f"{copy}/spool") as log:
            log.migrate()
            window = log.window()
    states = [state(DriftMonitor.load, folder / "state.npz", model), state(OutcomeMonitor.load, folder / "state-outcomes.npz")]
    return [risk.tolist(), low.tolist(), high.tolist(), *states, len(window), window.risk.sum()]


def differences(before, now, at="") -> list[str]:
    "Where two outputs differ."
    if isinstance(before, dict) and isinstance(now, dict):
        return [line for key in sorted({*before, *now}) for line in differences(before.get(key), now.get(key), f"{at}.{key}")]
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        return [line for n, pair in enumerate(zip(before, now)) for line in differences(*pair, f"{at}[{n}]")]
    return [] if before == now else [f"{at}: {before!r:.150} -> {now!r:.150}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["take", "compare"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--without-training", action="store_true")
    asked = parser.parse_args()
    golden = asked.folder.resolve()
    place = golden if asked.what == "take" else Path(tempfile.mkdtemp())
    place.mkdir(parents=True, exist_ok=True)
    if os.environ.get("PYTHONPATH"): os.environ["PYTHONPATH"] = str(Path(os.environ["PYTHONPATH"]).resolve())
    import stroke_nb
    print("package", Path(stroke_nb.__file__).parent)
    trained = dict(reports=reports(place)) if not asked.without_training else {}
    model = (place if trained else golden) / "models/champion"
    now = trained | dict(score=scores(place, model), service=answers(place, model), calculator=calculator(model), drift=drift(place, model))
    now["opened"] = opened(golden)
    if asked.what == "take":
        (golden / "golden.json").write_text(json.dumps(now))
        return print("taken:", ", ".join(now))
    before, different = json.loads((golden / "golden.json").read_text()), 0
    for name in now:
        lines = differences(before[name], json.loads(json.dumps(now[name])), name)
        different += len(lines)
        print(f"{name}: {len(lines)} differ")
        for line in lines[:20]: print("  ", line)
    shutil.rmtree(place)
    sys.exit(1 if different else 0)


if __name__ == "__main__": main()
