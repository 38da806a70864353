"""Rows, seconds, CPU and memory of counting, drift, scoring and validation at size, each in a process of its own.

python benchmarks/scale.py FOLDER [--rows 10000000] [--model models/champion] [--ways count drift score blanks catboost spark]
python benchmarks/scale.py FOLDER --rows 200000000 --ways drift same      half of the rows the reference, half the window
python benchmarks/scale.py FOLDER --rows 10000000 --ways count spark drift drift_spark
python benchmarks/scale.py FOLDER --rows 10000000 --ways validate
python benchmarks/scale.py FOLDER --rows 2000000 --ways evidently drift   half of the rows the reference, half the window
python benchmarks/scale.py FOLDER --rows 1000000 --ways train

FOLDER keeps the simulated people (Parquet files of a million rows, 11 bytes a row) for another run. From 10 million on the same
people come again under other ids: to simulate a million takes seconds, to read as many a tenth of one.
"""
import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

sys.path.pop(0)   # this folder: its coverage.py would stand for the package of that name, which numba imports
PIECE, DIFFERENT = 1_000_000, 10   # rows of a file, and files with people of their own


def people(folder: Path, rows: int, dropped=("stroke", "true_risk")) -> str:
    "A pattern of files with that many simulated people, made where they aren't there."
    import pandas as pd
    from stroke_nb.simulation import simulate
    folder.mkdir(parents=True, exist_ok=True)
    for part in range(-(-rows // PIECE)):
        path, n = folder / f"{part:04}.parquet", min(PIECE, rows - part * PIECE)
        if path.exists(): continue
        if part < DIFFERENT: frame = simulate(n, seed=1000 + part).drop(columns=[*dropped])
        else: frame = pd.read_parquet(folder / f"{part % DIFFERENT:04}.parquet").head(n)
        ids = range(2 * part * PIECE, 2 * (part * PIECE + n), 2)   # ids with gaps name people, not rows
        frame.assign(id=ids).to_parquet(folder / "part", index=False, row_group_size=262_144)
        (folder / "part").rename(path)
    return str(folder / "*.parquet")


def count(source: str, **_) -> dict:
    "One pass without a model: levels, pairs, quality, who is there."
    from stroke_nb.scale import count_window
    return dict(digest=count_window(source).digest)


def halves(source: str) -> tuple[str, str]:
    "Reference and window: the files with even numbers, and with odd ones."
    return tuple(source.replace("*", f"*[{digits}]") for digits in ("02468", "13579"))


def found(current, data, state: Path, engine: str, conf=()):
    "The drift job's own look without a model."
    from stroke_nb.drift.job import look
    state.unlink(missing_ok=True)
    return look(str(current), data=str(data), model="none", state=str(state), window_id="2026-01", engine=engine, conf=conf).require()


def drift(source: str, out: str, **_) -> dict:
    "A look without a model, one pass over each half: quality, who is there, evidence, verdict, the state written."
    state, (even, odd) = Path(out, "state.npz"), halves(source)
    begin = time.perf_counter()
    seen = found(odd, even, state, "stream")
    took = (time.perf_counter() - begin) / 2   # one pass over the reference, one over as many rows of the window
    return dict(seconds_a_pass=round(took, 1), verdict=seen.verdict, evidence=float(seen.result.evidence),
                digest=seen.quality.counts.digest, state_bytes=state.stat().st_size)


def same(source: str, out: str, **_) -> dict:
    "300,000 of the rows, half of them the reference: in memory and in pieces the same verdict, evidence and counts?"
    import pandas as pd
    from glob import glob
    paths = []
    for name, half in zip(("reference", "window"), halves(source)):
        paths.append(Path(out, f"{name}.parquet"))
        pd.read_parquet(sorted(glob(half))[0]).head(150_000).to_parquet(paths[-1], index=False)
    seen = {engine: found(paths[1], paths[0], Path(out, "state-same.npz"), engine) for engine in ("memory", "stream")}
    about = {(one.verdict, float(one.result.evidence), one.quality.counts.digest) for one in seen.values()}
    return dict(same=len(about) == 1, about=sorted(about))


def evidently(source: str, **_) -> dict:
    "Evidently's presets, data summary and data drift, on the same files: read by pandas, written as a page."
    from glob import glob

    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset, DataSummaryPreset
    even, odd = (pd.concat(map(pd.read_parquet, sorted(glob(half)))) for half in halves(source))
    numbers = ["age", "avg_glucose_level", "bmi"]
    others = [name for name in even if name not in (*numbers, "id")]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=others)
    yes_no = {name: {0: "no", 1: "yes"} for name in others if pd.api.types.is_numeric_dtype(even[name])}   # no floats
    def typed(half): return half.assign(**{name: half[name].map(words) for name, words in yes_no.items()}).astype(
        {name: object for name in others})
    now, usual = (Dataset.from_pandas(typed(half), data_definition=definition) for half in (odd, even))
    Report([DataSummaryPreset(), DataDriftPreset()]).run(now, usual).save_html(os.devnull)
    return {}


def judged(source: str, engine: str, model: str, out: str):
    "The validation job's own work."
    from stroke_nb.model import RiskModel
    from stroke_nb.scale.labelled import judge, people_to_judge
    return judge(people_to_judge(source, engine=engine)[0], RiskModel.load(model), True, Path(out, "run"))


def validate(rows: int, out: str, model: str, **_) -> dict:
    "Validate labelled people in pieces; then 200,000 of them in pieces and in memory, held against the error that is stated."
    import pandas as pd
    from stroke_nb.validation.cross_validation import PERFORMANCE
    source = people(Path(out, f"labelled{rows}"), rows, ["true_risk"])
    begin, cpu = time.perf_counter(), time.process_time()
    whole = judged(source, "stream", model, out)
    took, work, memory = time.perf_counter() - begin, time.process_time() - cpu, round(peak() / 1e9, 2)
    few = Path(out, "labelled-few.parquet")
    pd.read_parquet(source.replace("*", "0000")).head(200_000).to_parquet(few, index=False)
    held, counted = (judged(str(few), engine, model, out).result for engine in ("memory", "stream"))
    errors = stated_errors(few, model, PERFORMANCE, 20_000)
    off = {name: abs(value - held["metrics"][name]["value"]) / errors[name][0] for name, (_, value) in errors.items()}
    return dict(
        validating_seconds=round(took, 1), validating_cpu=round(work, 1), validating_gigabytes=memory, verdict=whole.result["verdict"],
        same_verdict=held["verdict"] == counted["verdict"], largest_part_of_stated_error=round(max(off.values()), 3),
        **{name: whole.result["metrics"][name] for name in ("auroc", "observed_expected_ratio", "calibration_slope", "ici")},
    )


def stated_errors(path: Path, model: str, metrics, rows: int) -> dict:
    "Each metric's stated error, and its value, where rows stand for ten people each."
    from stroke_nb.model import RiskModel
    from stroke_nb.scale.labelled import count_labelled
    counts, _ = count_labelled(path, RiskModel.load(model))
    errors, crowd = counts.errors(metrics, rows), counts.crowd(rows)
    return {metric.__name__: (errors[metric.__name__], metric(crowd.y, crowd.p)) for metric in metrics}


def score(source: str, out: str, model: str, **_) -> dict:
    "Score and write Parquet."
    from stroke_nb.model import RiskModel
    from stroke_nb.scale.scoring import score_table
    rows = score_table(source, Path(out, "scored.parquet"), RiskModel.load(model))
    Path(out, "scored.parquet").unlink()
    return dict(scored=rows)


def blanks(source: str, out: str, model: str, **_) -> dict:
    "Score people a tenth of whom have no glucose, beside those who lack other values."
    from glob import glob

    import numpy as np
    import pandas as pd
    folder = Path(out, "blanks")
    folder.mkdir(exist_ok=True)
    for path in sorted(glob(source)):
        frame = pd.read_parquet(path)
        frame.loc[np.arange(len(frame)) % 10 == 0, "avg_glucose_level"] = None
        frame.to_parquet(folder / Path(path).name, index=False, row_group_size=262_144)
    begin = time.perf_counter()
    return score(str(folder / "*.parquet"), out, model) | dict(scoring_seconds=round(time.perf_counter() - begin, 1))


def train(rows: int, out: str, **_) -> dict:
    "The training job's own work on simulated people, beside the simulator's truth."
    from stroke_nb.cohort import load
    from stroke_nb.simulation import simulate
    from stroke_nb.validation.discrimination import auroc
    from stroke_nb.validation.plan import TrainingPlan
    from stroke_nb.validation.training import train as train_on
    people, path = simulate(rows, seed=77), Path(out, f"train{rows}.parquet")
    path.parent.mkdir(parents=True, exist_ok=True)
    people.drop(columns="true_risk").to_parquet(path, index=False)
    truth = auroc(people.stroke, people.true_risk)
    del people
    begin = time.perf_counter()
    numbers = train_on(load(path), TrainingPlan(cache=str(Path(out, f"cache{rows}"))), Path(out, "run")).result["metrics"]
    took, truths = round(time.perf_counter() - begin), dict(auroc=truth, observed_expected_ratio=1.0, calibration_slope=1.0)
    covers = {name: numbers[name]["low"] <= value <= numbers[name]["high"] for name, value in truths.items()}
    return dict(training_seconds=took, true_auroc=round(truth, 4), covers=covers, **{name: numbers[name] for name in truths})


def catboost(source: str, model: str, **_) -> dict:
    "What scoring is held against: CatBoost's predict and the linear half on an encoded matrix, no reading or writing."
    import numpy as np
    from stroke_nb.arithmetic import encode_codes
    from stroke_nb.fields import FIELDS, INPUTS
    from stroke_nb.model import RiskModel
    from stroke_nb.scale.columns import column_of
    from stroke_nb.scale.sources import pieces_of
    from stroke_nb.scale.window import renamed, values_of
    batch = renamed(next(pieces_of(source)).batch)
    columns = {name: column_of(batch.column(name), FIELDS[name]) for name in INPUTS}
    values = values_of(columns, len(batch))
    encoded = encode_codes(np.ascontiguousarray(values[~np.isnan(values).any(axis=1)]))
    estimator = RiskModel.load(model).fitted_.estimator
    start, cpu, rows = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() < start + 10:
        estimator.predict_proba(encoded)
        rows += len(encoded)
    return dict(rate=round(rows / (time.perf_counter() - start)), rate_of_cpu=round(rows / (time.process_time() - cpu)))


EXECUTORS = ["spark.master=local-cluster[2,1,1024]", "spark.ui.enabled=false", "spark.executor.memory=1g"]


def spark(source: str, **_) -> dict:
    "The same counts by Spark, two executors of one core each on this machine."
    from stroke_nb.scale import count_window
    from stroke_nb.scale.spark import read_spark
    return dict(digest=count_window(read_spark(source, EXECUTORS)).digest)


def drift_spark(source: str, out: str, **_) -> dict:
    "What `drift` does, by Spark: the same verdict, evidence and counts?"
    even, odd = halves(source)
    seen = found(odd, even, Path(out, "state-spark.npz"), "spark", EXECUTORS)
    return dict(verdict=seen.verdict, evidence=float(seen.result.evidence), digest=seen.quality.counts.digest)


WAYS = dict(
    count=count, drift=drift, same=same, evidently=evidently, score=score, blanks=blanks, validate=validate, catboost=catboost,
    spark=spark, drift_spark=drift_spark, train=train,
)


def measured(way: str, **given) -> dict:
    "Run one way in a process of its own."
    command = [sys.executable, __file__, given["out"], "--way", way, "--given", json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode: return dict(way=way, failed=done.stderr.strip().splitlines()[-1][:300])
    return json.loads(done.stdout.splitlines()[-1])


def peak() -> int:
    "Most bytes of memory that this process took; `ru_maxrss` would hold its parent's, too."
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) * 1024


def one(way: str, given: dict) -> None:
    "What a process of its own does and prints."
    start = time.perf_counter()
    found = WAYS[way](**given)
    use = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps(dict(
        way=way, rows=given["rows"], seconds=round(time.perf_counter() - start, 1),
        cpu=round(sum(part.ru_utime + part.ru_stime for part in use), 1),
        gigabytes=round(peak() / 1e9, 2), **found,
    )))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--model", default="models/champion")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["count", "drift", "score", "blanks", "catboost"])
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--given", type=json.loads)
    args = parser.parse_args()
    if args.way: one(args.way, args.given)
    else:
        source = people(Path(args.folder, str(args.rows)), args.rows) if set(args.ways) - {"train", "validate"} else ""
        print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
        given = dict(source=source, out=args.folder, model=args.model, rows=args.rows)
        for way in args.ways: print(measured(way, **given), flush=True)
