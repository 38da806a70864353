"""Weeks until the monitor finds ages tilted by exp(0.15 z), after some quiet weeks, on the real file.

    STROKE_NB_DATA=... python benchmarks/drift_delay.py SIZE QUIET_WEEKS YEARS

Prints window size, quiet weeks, median and mean delay, mean and spread of age's score in the changed weeks, and age's weight.
Lorden's bound is 3.1 weeks at 200 people; an oracle that watches age alone needs 3.7.
"""
import sys

import numpy as np

from stroke_nb.cohort import load
from stroke_nb.drift import DriftMonitor
from stroke_nb.drift.streams import streams
from stroke_nb.simulation import simulate

REFERENCE, AGE = 4000, [stream.name for stream in streams(False)].index("age location")


def main(size: int, quiet: int, years: int):
    people = load().reset_index(drop=True)
    z = ((people.age - people.age.mean()) / people.age.std()).to_numpy()
    tilt = np.exp(0.15 * z) / np.exp(0.15 * z).sum()
    monitor, rng, delays, scores = DriftMonitor().fit(simulate(1000)), np.random.default_rng(3), [], []
    code, rows = monitor.encode(people), len(people)
    for year in range(years):
        monitor.records, monitor.restarts, monitor.details, monitor.seed = [], [], [], year
        monitor.begin(code.take(rng.integers(0, rows, REFERENCE)))
        for week in range(quiet): monitor.count(code.take(rng.integers(0, rows, size)), f"{week:04}")
        for week in range(quiet, quiet + 40):
            alarm = monitor.count(code.take(rng.choice(rows, size, p=tilt)), f"{week:04}")
            scores.append(monitor.details[-1][AGE])
            if alarm: break
        delays.append(week - quiet + 1)
    print(size, quiet, "median", np.median(delays), "mean", np.mean(delays), "z age", np.mean(scores), np.std(scores), streams(False)[AGE].weight)


if __name__ == "__main__": main(*map(int, sys.argv[1:]))
