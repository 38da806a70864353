"""The drift job beside what its Evidently pages take alone, in turns in one run.

    [STROKE_NB_DATA=...] python benchmarks/drift_job.py [--rounds 5] [--people 500]

- evidently: a process that reads the same two files with pandas, imports Evidently and writes its data summary and data drift as one page
- job: `stroke-nb run drift` on the window, with model, evidence, report and those pages
- job, no pages: the same with `-p evidently false`
"""
import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

ALONE = """
import sys
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataDriftPreset, DataSummaryPreset
usual, now = (pd.read_csv(path).drop(columns=["id", "stroke"], errors="ignore") for path in sys.argv[1:3])
numbers = ["age", "avg_glucose_level", "bmi"]
usual, now = (frame.assign(**{name: frame[name].astype(str) for name in frame.columns.difference(numbers)}) for frame in (usual, now))
definition = DataDefinition(numerical_columns=numbers, categorical_columns=list(usual.columns.difference(numbers)))
Report([DataSummaryPreset(), DataDriftPreset()]).run(*(Dataset.from_pandas(frame, data_definition=definition) for frame in (now, usual))).save_html(sys.argv[3])
"""


def seconds(command: list, folder: Path) -> float:
    begin = time.perf_counter()
    run = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True, env=os.environ | {"STROKE_NB_DATA": str(folder / "usual.csv")})
    if run.returncode not in (0, 3): sys.exit(f"{command}: {run.stdout}{run.stderr}")
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--people", type=int, default=500, help="in the window")
    options = parser.parse_args()
    from stroke_nb.cohort import load
    from stroke_nb.model import RiskModel
    from stroke_nb.fields import OUTCOME
    people = load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        window = people.sample(options.people, random_state=1)
        people.drop(window.index).to_csv(folder / "usual.csv", index=False), window.drop(columns=OUTCOME).to_csv(folder / "window.csv", index=False)
        RiskModel(refits=30).fit(people.drop(columns=[OUTCOME, "true_risk"], errors="ignore"), people[OUTCOME]).save(folder / "models" / "champion")
        job = [Path(sys.executable).with_name("stroke-nb"), "run", Path(__file__).parents[1] / "nbs/notebooks/drift.ipynb", "-p", "current", "window.csv", "-p", "state", "none"]
        cases = {"evidently": [sys.executable, "-c", ALONE, "usual.csv", "window.csv", "pages.html"], "job": job, "job, no pages": [*job, "-p", "evidently", "false"]}
        times = {case: [] for case in cases}
        for n in range(options.rounds + 1):
            for case, command in cases.items():
                took = seconds(command, folder)
                if n: times[case].append(took)   # the first round warms the disk
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Evidently {version('evidently')}; {len(people) - options.people:,} usual people, {options.people} in the window, {options.rounds} rounds")
    for case, seconds_taken in times.items():
        ratio = statistics.median(a / b for a, b in zip(seconds_taken, times["evidently"], strict=True))
        print(f"{case:14s} median {statistics.median(seconds_taken):5.1f} s ({min(seconds_taken):.1f} to {max(seconds_taken):.1f}), {ratio:.2f} times Evidently alone")


if __name__ == "__main__": main()
