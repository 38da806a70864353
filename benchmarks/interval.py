"""Does a person's interval hold their true risk? On simulated files, where true risks are known.

    python benchmarks/interval.py draw interval_trials --minutes 9     # fits, one file of people after the other; again: more of them
    python benchmarks/interval.py judge interval_trials                # the table of nbs/docs/interval_benchmark.txt

Each trial draws a file from `stroke_nb.simulation.simulate`, fits the default model with its refits to it, and takes the
intervals of 2,000 other people. What could be done better is judged on the same trials: wider by a factor, with the
uncertainty of calibration (from cross-validated risks), both, with a constant, and by Venn-Abers. Where a trial's rule has
a number of its own (a factor, a constant), that is chosen on the even trials and judged on the odd ones.
"""
import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import StratifiedKFold

from stroke_nb.arithmetic import expit, logit
from stroke_nb.model import RiskModel
from stroke_nb.simulation import simulate
from stroke_nb.validation.calibration import fit_logistic

SIZES, Z = (1000, 2500, 5110, 10_000), 1.959963984540054


def held_out_log_odds(people, y, seed: int) -> np.ndarray:
    "Log-odds of each person from a model that has not seen them."
    z = np.empty(len(y))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=seed).split(people, y):
        model = RiskModel(refits=0, seed=seed).fit(people.iloc[train], y[train])
        z[test] = logit(model.predict_proba(people.iloc[test])[:, 1])
    return z


def trial(n: int, seed: int, refits: int) -> dict:
    "One file of n people, its model, and 2,000 others."
    people, others = simulate(n, seed=seed), simulate(2000, seed=50_000 + seed)
    y = people.stroke.to_numpy()
    model = RiskModel(refits=refits, seed=seed).fit(people, people.stroke)
    low, high = map(logit, model.predict_interval(others))
    return dict(n=n, y=y, held_out=held_out_log_odds(people, y, seed), z=logit(model.predict_proba(others)[:, 1]),
                sd=(high - low) / 2 / Z, centre=(high + low) / 2, true=logit(others.true_risk.to_numpy()))


def draw(folder: Path, minutes: float, refits: int) -> None:
    "Trials of each size in turn, until the time is over; those that are there already stay."
    folder.mkdir(exist_ok=True)
    end, seed = time.monotonic() + 60 * minutes, 0
    while time.monotonic() < end:
        path, n = folder / f"{seed:04d}.npz", SIZES[seed % len(SIZES)]
        if not path.exists(): np.savez_compressed(path, **trial(n, seed, refits))
        seed += 1


def calibration_sd(one: dict) -> np.ndarray:
    "Standard error, at each other person's log-odds, of intercept and slope fitted to held-out log-odds."
    z = one["held_out"]
    design = np.column_stack([np.ones(len(z)), z])
    p = expit(design @ fit_logistic(design, one["y"])[0])
    covariance = np.linalg.inv(design.T @ (design * (p * (1 - p))[:, None]))
    at = np.column_stack([np.ones(len(one["z"])), one["z"]])
    return np.sqrt(np.einsum("ij,jk,ik->i", at, covariance, at))


def venn_abers(one: dict, grid: int = 120) -> tuple[np.ndarray, np.ndarray]:
    "Inductive Venn-Abers (Vovk & Petej 2014) on held-out log-odds: risks if the person had no event and if they had."
    points = np.quantile(one["z"], np.linspace(0, 1, grid))
    ends = []
    for outcome in (0, 1):
        fits = [IsotonicRegression(out_of_bounds="clip").fit(np.append(one["held_out"], point), np.append(one["y"], outcome))
                .predict([point])[0] for point in points]
        ends.append(np.interp(one["z"], points, fits))
    return tuple(logit(np.clip(end, 1e-6, 1 - 1e-6)) for end in ends)


def half_widths(one: dict) -> dict:
    "Standard errors of each rule, from a number of its own."
    sd, calibration = one["sd"], calibration_sd(one)
    return {
        "95 % of refits": lambda k: sd,
        "wider by a factor": lambda k: k * sd,
        "with calibration": lambda k: np.hypot(sd, calibration),
        "with calibration, wider": lambda k: k * np.hypot(sd, calibration),
        "with a constant": lambda k: np.hypot(sd, k),
    }


def coverage(trials: list[dict], rule: str, k: float) -> pd.DataFrame:
    "Share of true risks held and width of each trial."
    rows = []
    for one in trials:
        half = Z * half_widths(one)[rule](k)
        held = np.abs(one["true"] - one["z"]) <= half
        rows.append((int(one["n"]), held.mean(), np.mean(2 * half),
                     np.mean(expit(one["z"] + half) - expit(one["z"] - half))))
    return pd.DataFrame(rows, columns=["n", "held", "log_odds", "points"])


def chosen(trials: list[dict], rule: str) -> float:
    "The least number at which 95 % of true risks are held on average."
    for k in np.arange(0, 4.01, 0.05):
        if coverage(trials, rule, k).held.mean() >= 0.95: return float(k)
    return np.nan


def judge(folder: Path) -> pd.DataFrame:
    "Coverage and width of each rule on the odd trials of each size."
    trials = [dict(np.load(path)) for path in sorted(folder.glob("*.npz"))]
    rounds = [int(number) for number in np.arange(len(trials)) // len(SIZES)]
    even, odd = ([one for one, number in zip(trials, rounds) if number % 2 == side] for side in (0, 1))
    rows = {}
    for rule in half_widths(odd[0]):
        k = chosen(even, rule) if "wider" in rule or "constant" in rule else np.nan
        frame = coverage(odd, rule, k)
        rows[rule] = summary(frame) | {"number": k}
    held = []
    for one in odd:
        low, high = venn_abers(one)
        held.append((int(one["n"]), ((low <= one["true"]) & (one["true"] <= high)).mean(), np.mean(high - low),
                     np.mean(expit(high) - expit(low))))
    rows["Venn-Abers"] = summary(pd.DataFrame(held, columns=["n", "held", "log_odds", "points"])) | {"number": np.nan}
    print(f"{len(odd)} trials judged, {len(even)} to choose on")
    return pd.DataFrame(rows).T


def summary(frame: pd.DataFrame) -> dict:
    "Of the trials of one rule: coverage by size, in all, least and most of a trial, widths."
    by_size = frame.groupby("n").held.mean()
    return {f"n={n}": share for n, share in by_size.items()} | {
        "all": frame.held.mean(), "least": frame.held.min(), "most": frame.held.max(),
        "width, log-odds": frame.log_odds.mean(), "width, points": 100 * frame.points.mean()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("draw", "judge"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--refits", type=int, default=60)
    asked = parser.parse_args()
    if asked.what == "draw": draw(asked.folder, asked.minutes, asked.refits)
    else: print(judge(asked.folder).round(3).to_string())
