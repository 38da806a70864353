"""Alarms over a year, side by side: false alarms, share of changes found, windows until found.

    STROKE_NB_DATA=... python benchmarks/drift.py [--years 200] [--evidently-years 5] [--windows 50 100 200 500] [--looks 52]
        [--shifts clean age ...] [--methods monitor ks ...] [--data real simulated] [--risk] [--seed 1]

A year is a reference and `--looks` windows. Rows of both are drawn with replacement (a bootstrap: the real file has 5,110 rows, a year
of windows of 500 needs 26,000) from the real file, and from 20,000 people of the simulated cohort; drawn so, a clean year has no change
in it whatever. A shift is put on all people once, and every window of a shifted year is drawn from the shifted ones, from the first
window on. All methods see the same rows, and each stops at its first alarm:

- monitor: `stroke_nb.drift.DriftMonitor`, budget 0.05 a year; without a model, so that all see the same ten columns (`--risk` adds one)
- evidently_any, evidently_half: the real Evidently, `DataDriftPreset()` as it comes, on any column or on half of them; at half a second and
  more a window it gets the first `--evidently-years` of the years only
- bonferroni: Kolmogorov-Smirnov for numbers, chi-square for the rest (missing is a level, levels under 1 % join the commonest),
  0.05 shared among columns and looks
- psi: population stability index above 0.2 in any column, tenths of the reference for numbers, missing a bin of its own
- gate: `stroke_nb.drift.quality`, which no statistic comes after; it is asked about mmol/L only, the other shifts leave values lawful
- outcomes: `stroke_nb.drift.OutcomeMonitor`, the one that sees outcomes, on the clean years and on strokes removed; outcomes are drawn
  from the risks (simulated: the true ones; real: a fitted spline model's), so that the risks are calibrated

Intervals are 95 %: Clopper-Pearson for shares of years, order statistics for medians; they are the Monte-Carlo error.
"""
import argparse
import os
import platform
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
from scipy.stats import beta, binom, chi2_contingency, ks_2samp

from stroke_nb.cohort import load
from stroke_nb.simulation import simulate, true_risk
from stroke_nb.drift import DriftMonitor, OutcomeMonitor, quality
from stroke_nb.drift.plots import evidently_types
from stroke_nb.model import RiskModel
from stroke_nb.fields import FIELDS, INPUTS, NUMBERS, OUTCOME

REFERENCE = 4088   # four fifths of the real file
OTHERS = [name for name in INPUTS if name not in NUMBERS]


class SimulatedRisk:
    "The risk of the simulated world as a model."
    def predict_proba(self, X):
        p = true_risk(X.assign(bmi=X.bmi.fillna(29)))
        return np.column_stack([1 - p, p])


def some(people, share, rng): return rng.random(len(people)) < share

def unknown_smoking(people, points, rng):
    known = people.smoking_status != "Unknown"
    return people.assign(smoking_status=people.smoking_status.mask(known & some(people, points / known.mean(), rng), "Unknown"))

def more_hypertension(people, rng):
    healthy = people.hypertension == 0
    return people.assign(hypertension=people.hypertension.mask(healthy & some(people, 0.1 / healthy.mean(), rng), 1.0))


def tilted(people, rng):
    z = (people.age - people.age.mean()) / people.age.std()
    return people.sample(len(people), replace=True, weights=np.exp(0.15 * z), random_state=rng, ignore_index=True)


SHIFTS = {
    "clean": ("no change", lambda people, rng: people),
    "age": ("age + 3 years", lambda people, rng: people.assign(age=people.age + 3)),
    "tilt": ("ages tilted by exp(0.15 z)", tilted),
    "glucose": ("glucose x 1.10", lambda people, rng: people.assign(avg_glucose_level=people.avg_glucose_level * 1.1)),
    "bmi": ("BMI 20 % extra missing", lambda people, rng: people.assign(bmi=people.bmi.mask(some(people, 0.2, rng)))),
    "smoking10": ("unknown smoking + 10 points", lambda people, rng: unknown_smoking(people, 0.1, rng)),
    "smoking30": ("unknown smoking + 30 points", lambda people, rng: unknown_smoking(people, 0.3, rng)),
    "hypertension": ("hypertension 10 -> 20 %", more_hypertension),
    "mmol": ("mmol/L in 10 % of rows", lambda people, rng: people.assign(
        avg_glucose_level=people.avg_glucose_level.mask(some(people, 0.1, rng), people.avg_glucose_level / 18.016))),
    "dependence": ("age permuted, margins alike", lambda people, rng: people.assign(age=rng.permutation(people.age.to_numpy()))),
    "strokes": ("two of three strokes removed", lambda people, rng: people),
}


class Population:
    "People to draw from, shifted and not, in the forms that the methods read."
    def __init__(self, kind: str, shift: str, monitor: DriftMonitor, rng):
        people = (load() if kind == "real" else simulate(20_000, seed=5)).reset_index(drop=True)
        self.frame = people[list(INPUTS)]
        self.shifted = SHIFTS[shift][1](self.frame, rng)
        self.risk = (RiskModel("logistic", refits=0).fit(self.frame, people[OUTCOME]).predict_proba(self.frame)[:, 1]
                     if kind == "real" else people.true_risk.to_numpy())
        self.before, self.now = monitor.encode(self.frame), monitor.encode(self.shifted)
        self.shift = shift


class Monitor:
    def __init__(self, world, rows, year, monitor):
        self.world, self.monitor = world, monitor
        monitor.records, monitor.restarts, monitor.details, monitor.seed = [], [], [], year
        monitor.begin(world.before.take(rows))

    def alarm(self, rows, look): return self.monitor.count(self.world.now.take(rows), f"{look:04d}")


class Evidently:
    "Evidently's own verdict, from its own report."
    def __init__(self, world, rows, year, looks):
        from evidently import DataDefinition
        self.world, self.definition = world, DataDefinition(numerical_columns=list(NUMBERS), categorical_columns=OTHERS)
        self.reference, self.shares = self._dataset(world.frame.iloc[rows]), {}

    def _dataset(self, frame):
        from evidently import Dataset
        return Dataset.from_pandas(evidently_types(frame.reset_index(drop=True), list(INPUTS)), data_definition=self.definition)

    def share(self, rows, look) -> float:
        "Share of drifted columns."
        from evidently import Report
        from evidently.presets import DataDriftPreset
        if look not in self.shares:
            run = Report([DataDriftPreset()]).run(self._dataset(self.world.shifted.iloc[rows]), self.reference)
            self.shares[look] = next(metric["value"]["share"] for metric in run.dict()["metrics"] if "DriftedColumnsCount" in str(metric))
        return self.shares[look]


class Rule:
    "A rule on Evidently's share of drifted columns."
    def __init__(self, evidently, least): self.evidently, self.least = evidently, least
    def alarm(self, rows, look): return self.evidently.share(rows, look) >= self.least - 1e-9


class Bonferroni:
    def __init__(self, world, rows, year, looks):
        self.world, self.level = world, 0.05 / looks / len(INPUTS)
        self.numbers = {name: world.frame[name].to_numpy()[rows] for name in NUMBERS}
        self.counts = {name: levels(world.frame, name)[rows] for name in OTHERS}
        self.shifted = {name: levels(world.shifted, name) for name in OTHERS}

    def _p(self, name, rows) -> float:
        if name in NUMBERS:
            usual, now = self.numbers[name], self.world.shifted[name].to_numpy()[rows]
            return ks_2samp(usual[~np.isnan(usual)], now[~np.isnan(now)], method="asymp").pvalue
        table = np.array([np.bincount(codes, minlength=9) for codes in (self.counts[name], self.shifted[name][rows])])
        rare = table[0] < 0.01 * len(self.counts[name])   # chi-square does not hold for rare levels: they join the commonest
        table[:, table[0].argmax()] += table[:, rare].sum(axis=1)
        table = table[:, ~rare]
        return chi2_contingency(table, correction=False).pvalue if table.shape[1] > 1 else 1.0

    def alarm(self, rows, look): return min(self._p(name, rows) for name in INPUTS) < self.level


def levels(frame, name) -> np.ndarray:
    "Level of each row, missing the last."
    field = FIELDS[name]
    if field.kind == "binary": return frame[name].fillna(2).to_numpy().astype(int)
    codes = pd.Categorical(frame[name], categories=field.categories).codes
    return np.where(codes < 0, len(field.categories), codes)


class Psi:
    def __init__(self, world, rows, year, looks):
        edges = {name: np.unique(np.nanquantile(world.frame[name].to_numpy()[rows], np.linspace(0.1, 0.9, 9))) for name in NUMBERS}
        def bins(frame, name):
            if name not in NUMBERS: return levels(frame, name)
            values = frame[name].to_numpy()
            return np.where(np.isnan(values), 10, np.searchsorted(edges[name], values))
        self.now = {name: bins(world.shifted, name) for name in INPUTS}
        self.usual = {name: self._shares(bins(world.frame, name)[rows]) for name in INPUTS}

    @staticmethod
    def _shares(codes): return np.maximum(np.bincount(codes, minlength=11) / len(codes), 1e-4)   # 1e-4: the usual floor of empty bins

    def alarm(self, rows, look):
        now = {name: self._shares(codes[rows]) for name, codes in self.now.items()}
        return any(((now[name] - usual) * np.log(now[name] / usual)).sum() > 0.2 for name, usual in self.usual.items())


class Gate:
    def __init__(self, world, rows, year, looks): self.world = world
    def alarm(self, rows, look): return not quality(self.world.shifted.iloc[rows]).ok


class Outcomes:
    def __init__(self, world, rows, year, looks, size):
        self.world, self.rng = world, np.random.default_rng([year, 99])
        self.monitor = OutcomeMonitor(records_per_year=looks * size)

    def alarm(self, rows, look):
        risk = self.world.risk[rows]
        y = self.rng.random(len(rows)) < risk
        if self.world.shift == "strokes": y &= self.rng.random(len(rows)) < 1 / 3
        return self.monitor.update(y, risk, f"{look:04d}").alarm


METHODS = ("monitor", "evidently_any", "evidently_half", "bonferroni", "psi", "gate", "outcomes")


def watchers(names, world, rows, year, looks, size, monitor) -> dict:
    "A method's state at the start of a year, by name."
    evidently = Evidently(world, rows, year, looks) if any(name.startswith("evidently") for name in names) else None
    start = dict(monitor=lambda: Monitor(world, rows, year, monitor), evidently_any=lambda: Rule(evidently, 1 / len(INPUTS)), evidently_half=lambda: Rule(evidently, 0.5),
                bonferroni=lambda: Bonferroni(world, rows, year, looks), psi=lambda: Psi(world, rows, year, looks),
                gate=lambda: Gate(world, rows, year, looks), outcomes=lambda: Outcomes(world, rows, year, looks, size))
    return {name: start[name]() for name in names}


def seeing(methods, shift, year, evidently_years):
    "Methods with something to see in this year."
    if shift == "strokes": return [name for name in methods if name == "outcomes"]
    return [name for name in methods if not (name == "outcomes" and shift != "clean") and not (name == "gate" and shift != "mmol")
            and not (name.startswith("evidently") and year >= evidently_years)]


def first_alarms(world, names, year, looks, size, monitor, seed) -> dict[str, float]:
    "Window of the first alarm of each method in one year, infinite where there is none."
    rng = np.random.default_rng([seed, year, size])
    n = len(world.frame)
    watching = watchers(names, world, rng.integers(0, n, REFERENCE), year, looks, size, monitor)
    first = dict.fromkeys(names, np.inf)
    for look in range(1, looks + 1):
        rows = rng.integers(0, n, size)
        for name in list(watching):
            if watching[name].alarm(rows, look): first[name] = look; del watching[name]
        if not watching: break
    return first


def share_words(hits: int, n: int) -> str:
    low = beta.ppf(0.025, hits, n - hits + 1) if hits else 0
    high = beta.ppf(0.975, hits + 1, n - hits) if hits < n else 1
    return f"{hits / n:.3f} ({low:.3f} to {high:.3f})"


def median_words(first: np.ndarray, looks: int) -> str:
    "Median with the order statistics that hold it with 95 %; a year without alarm counts as later than its end."
    def look_text(value): return f"{value:g}" if np.isfinite(value) else f">{looks}"
    ordered, n = np.sort(first), len(first)
    low = int(binom.ppf(0.025, n, 0.5))
    middle = ordered[(n - 1) // 2:n // 2 + 1]
    return f"{look_text(middle.mean() if np.isfinite(middle).all() else np.inf)} ({look_text(ordered[max(low - 1, 0)])} to {look_text(ordered[min(n - low, n - 1)])})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--years", type=int, default=200)
    parser.add_argument("--evidently-years", type=int, default=5)
    parser.add_argument("--windows", type=int, nargs="+", default=[50, 100, 200, 500])
    parser.add_argument("--shifts", nargs="+", choices=SHIFTS, default=list(SHIFTS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--data", nargs="+", choices=["real", "simulated"], default=["real", "simulated"] if "STROKE_NB_DATA" in os.environ else ["simulated"])
    parser.add_argument("--looks", type=int, default=52)
    parser.add_argument("--risk", action="store_true", help="the monitor watches the simulated world's risk too")
    parser.add_argument("--seed", type=int, default=1)
    options, begin = parser.parse_args(), time.perf_counter()
    if "real" in options.data and "STROKE_NB_DATA" not in os.environ: parser.error("--data real: name the file by STROKE_NB_DATA")
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, Evidently {version('evidently')}; {options.looks} looks a year, seed {options.seed}"
          f"{', risk watched' if options.risk else ''}")
    print(f"{'data':10s} {'change':29s} {'window':>6s} {'method':15s} {'years':>5s} {'years with an alarm (95 %)':>27s} {'median look of first alarm':>27s} {'s':>6s}", flush=True)
    for kind in options.data:
        monitor = DriftMonitor(SimulatedRisk() if options.risk else None, looks_per_year=options.looks)
        monitor.fit(simulate(1000))   # sets up what every year's `begin` replaces
        for shift in options.shifts:
            world = Population(kind, shift, monitor, np.random.default_rng([options.seed, list(SHIFTS).index(shift)]))
            for size in options.windows:
                start = time.perf_counter()
                years = [first_alarms(world, seeing(options.methods, shift, year, options.evidently_years), year, options.looks, size, monitor, options.seed)
                         for year in range(options.years)]
                for name in options.methods:
                    first = np.array([year[name] for year in years if name in year])
                    if not len(first): continue
                    print(f"{kind:10s} {SHIFTS[shift][0]:29s} {size:6d} {name:15s} {len(first):5d} {share_words(int(np.isfinite(first).sum()), len(first)):>27s} "
                          f"{median_words(first, options.looks):>27s} {time.perf_counter() - start:6.0f}", flush=True)
    print(f"{time.perf_counter() - begin:.0f} s")


if __name__ == "__main__": main()
