"""Does a person's interval hold their true risk? On simulated files, where true risks are known.

    python benchmarks/interval.py draw interval_trials --trials 38     # one file of people after the other; again: what is missing
    python benchmarks/interval.py judge interval_trials                # the table of nbs/docs/interval_benchmark.txt

Each trial draws a file from `stroke_nb.simulation.simulate`, fits the default model with its refits to it, and takes the
intervals of 2,000 other people. In half of the trials the true risks are of a shape that the model has (straight lines in
log-odds), in the other half smoking, work and one interaction matter more than the model expects. What could be done better
is judged on the same trials: with the uncertainty of calibration (from cross-validated risks), wider by a factor or a
constant, the posterior of a spline model, a factor for each age band, and Venn-Abers. Where a rule has numbers of its own (a factor, a
constant), these are chosen on one half of the trials and judged on the other.
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

from stroke_nb.arithmetic import average, expit, logit
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


def other_world(people, seed: int):
    "The same people where smoking, work and age with hypertension matter more than the default model expects."
    more = (0.4 * (people.smoking_status == "smokes") + 0.3 * (people.work_type == "Self-employed")
            - 0.3 * (people.work_type == "Govt_job") - 0.02 * (people.age - 60) * (people.hypertension == 1))
    risk = expit(logit(people.true_risk.to_numpy()) + more.to_numpy())
    return people.assign(true_risk=risk, stroke=(np.random.default_rng([7, seed]).random(len(people)) < risk) * 1.0)


def posterior_sd(people, y, others, seed: int, C: float) -> np.ndarray:
    "Posterior standard deviation of log-odds under a spline logistic regression with a normal prior (Nychka 1988)."
    model = RiskModel("logistic", refits=0, seed=seed, params={"C": C}).fit(people, y)
    fitted = model.fitted_
    def design(X):
        complete, rows = fitted.complete(X)
        return np.column_stack([np.ones(len(complete)), np.asarray(fitted.features.transform(complete), float)]), rows
    (x, owner), (at, rows) = design(people), design(others)
    p = expit(x @ np.append(fitted.estimator.intercept_, fitted.estimator.coef_))
    weight = p * (1 - p) / np.bincount(owner)[owner]
    prior = np.diag(np.append(1e-6, np.full(x.shape[1] - 1, 1 / C)))
    covariance = np.linalg.inv(x.T @ (x * weight[:, None]) + prior)
    return np.sqrt(average(np.einsum("ij,jk,ik->i", at, covariance, at), rows))


def trial(seed: int, refits: int) -> dict:
    "One file of people, its model, and 2,000 others."
    n, world = SIZES[seed % len(SIZES)], seed // len(SIZES) % 2
    people, others = simulate(n, seed=seed), simulate(2000, seed=50_000 + seed)
    if world: people, others = other_world(people, seed), other_world(others, 50_000 + seed)
    y = people.stroke.to_numpy()
    model = RiskModel(refits=refits, seed=seed, jobs=1).fit(people, people.stroke)
    low, high = map(logit, model.predict_interval(others))
    return dict(n=n, world=world, y=y, held_out=held_out_log_odds(people, y, seed), age=others.age.to_numpy(),
                z=logit(model.predict_proba(others)[:, 1]), sd=(high - low) / 2 / Z, true=logit(others.true_risk.to_numpy()),
                **{f"posterior_{C:g}": posterior_sd(people, y, others, seed, C) for C in (0.1, 1.0, 10.0)})


def draw(folder: Path, trials: int, refits: int) -> None:
    "The trials that are not there yet."
    folder.mkdir(exist_ok=True)
    for seed in range(trials):
        path = folder / f"{seed:04d}.npz"
        if not path.exists(): np.savez_compressed(path, **trial(seed, refits))


def calibration_sd(one: dict) -> np.ndarray:
    "Standard error, at each other person's log-odds, of intercept and slope fitted to held-out log-odds."
    z = one["held_out"]
    design = np.column_stack([np.ones(len(z)), z])
    p = expit(design @ fit_logistic(design, one["y"])[0])
    covariance = np.linalg.inv(design.T @ (design * (p * (1 - p))[:, None]))
    at = np.column_stack([np.ones(len(one["z"])), one["z"]])
    return np.sqrt(np.einsum("ij,jk,ik->i", at, covariance, at))


def venn_abers(one: dict, grid: int = 40) -> tuple[np.ndarray, np.ndarray]:
    "Inductive Venn-Abers (Vovk & Petej 2014) on held-out log-odds: risks if the person had no event and if they had."
    points = np.quantile(one["z"], np.linspace(0, 1, grid))
    ends = []
    for outcome in (0, 1):
        fits = [IsotonicRegression(out_of_bounds="clip").fit(np.append(one["held_out"], point), np.append(one["y"], outcome))
                .predict([point])[0] for point in points]
        ends.append(np.interp(one["z"], points, fits))
    return tuple(logit(np.clip(end, 1e-6, 1 - 1e-6)) for end in ends)


OWN_NUMBER = ("wider", "constant")


def standard_errors(one: dict, k: float) -> dict:
    "Standard error of each person's log-odds by each rule, where `k` is the rule's own number if it has one."
    if "calibration" not in one: one["calibration"] = calibration_sd(one)
    sd, calibration = one["sd"], one["calibration"]
    both = np.hypot(sd, calibration)
    return {
        "95 % of refits": sd,
        "with calibration": both,
        "with calibration, wider": k * both,
        "with calibration and a constant": np.hypot(both, k),
        "posterior, C = 0.1": one["posterior_0.1"],
        "posterior, C = 1": one["posterior_1"],
        "posterior, C = 10": one["posterior_10"],
        "posterior, C = 1, wider": k * one["posterior_1"],
        "refits and posterior, C = 1": np.hypot(sd, one["posterior_1"]),
    }


def measured(trials: list[dict], ends) -> pd.DataFrame:
    "Coverage and width of each trial, where `ends` gives low and high log-odds of its people."
    rows = []
    for one in trials:
        low, high = ends(one)
        inside = (low <= one["true"]) & (one["true"] <= high)
        bands = np.digitize(one["age"], (45, 65))
        rows.append(dict(n=int(one["n"]), world=int(one["world"]), held=inside.mean(), log_odds=np.mean(high - low),
                         points=np.mean(expit(high) - expit(low)))
                    | {f"band {band}": inside[bands == band].mean() for band in range(3)})
    return pd.DataFrame(rows)


def by_rule(rule: str, k: float):
    "Ends by one rule."
    return lambda one: tuple(one["z"] + side * Z * standard_errors(one, k)[rule] for side in (-1, 1))


def chosen(trials: list[dict], rule: str) -> float:
    "The least number at which 95 % of true risks are held on average."
    def held(k):
        return np.mean([np.mean(np.abs(one["true"] - one["z"]) <= Z * standard_errors(one, k)[rule]) for one in trials])
    return next((float(k) for k in np.arange(0, 4.01, 0.05) if held(k) >= 0.95), np.nan)


def age_factors(trials: list[dict]) -> np.ndarray:
    "For each age band the factor on refits' spread that holds 95 % of the true risks of these trials: conformal."
    ratio = np.concatenate([np.abs(one["true"] - one["z"]) / one["sd"] / Z for one in trials])
    band = np.concatenate([np.digitize(one["age"], (45, 65)) for one in trials])
    return np.array([np.quantile(ratio[band == number], 0.95) for number in range(3)])


def by_age(factors: np.ndarray):
    "Ends by a factor for each age band."
    def ends(one):
        half = Z * one["sd"] * factors[np.digitize(one["age"], (45, 65))]
        return one["z"] - half, one["z"] + half
    return ends


def summary(frame: pd.DataFrame, k) -> dict:
    "Of the trials of one rule: coverage by size, world and age, least and most of a trial, widths."
    by_size = frame.groupby("n").held.mean()
    by_world = frame.groupby("world").held.mean()
    return ({"number": k} | {f"{n:,}": share for n, share in by_size.items()}
            | {("own shape", "other shape")[world]: share for world, share in by_world.items()}
            | {label: frame[f"band {band}"].mean() for band, label in enumerate(("< 45", "45-64", "65+"))}
            | {"all": frame.held.mean(), "least": frame.held.min(), "width, log-odds": frame.log_odds.mean(),
               "width, points": 100 * frame.points.mean()})


def judge(folder: Path) -> pd.DataFrame:
    "Coverage and width of each rule; one half of the trials chooses numbers for the other, and the other way round."
    trials = [dict(np.load(path)) for path in sorted(folder.glob("*.npz"))]
    half = np.arange(len(trials)) // (2 * len(SIZES)) % 2
    halves = [[one for one, side in zip(trials, half) if side == number] for number in (0, 1)]
    rows = {}
    for rule in standard_errors(trials[0], 1.0):
        own = any(word in rule for word in OWN_NUMBER)
        numbers = [chosen(side, rule) if own else np.nan for side in halves]
        frames = [measured(halves[1 - side], by_rule(rule, numbers[side])) for side in (0, 1)]
        rows[rule] = summary(pd.concat(frames), np.mean(numbers))
    frames = [measured(halves[1 - side], by_age(age_factors(halves[side]))) for side in (0, 1)]
    rows["a factor for each age band"] = summary(pd.concat(frames), np.nan)
    rows["Venn-Abers"] = summary(measured(trials, venn_abers), np.nan)
    print(f"{len(trials)} files, 2,000 other people each; share of true risks held")
    return pd.DataFrame(rows).T


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("draw", "judge"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=38)
    parser.add_argument("--refits", type=int, default=20)
    asked = parser.parse_args()
    if asked.what == "draw": draw(asked.folder, asked.trials, asked.refits)
    else:
        with pd.option_context("display.width", 250): print(judge(asked.folder).round(3).to_string(na_rep=""))
