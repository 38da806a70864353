"""Does a person's interval hold their true risk? On simulated files, where true risks are known.

    python benchmarks/interval.py draw interval_trials --trials 80     # one file of people after the other; again: what is missing
    python benchmarks/interval.py judge interval_trials                # the table of nbs/docs/interval_benchmark.txt

Each trial draws a file from `stroke_nb.simulation.simulate`, fits the default model and its refits to it, and takes the
intervals of 2,000 other people. In half of the trials the true risks are of a shape that the model has (straight lines in
log-odds), in the other half smoking, work and one interaction matter more than the model expects.

The rules, on the same trials: the middle of the refits; with the uncertainty of calibration (from cross-validated risks),
wider by a factor or a constant; the posterior of a spline model with a normal prior of variance C, at risks of its own or at
the model's, alone, with refits, and with the variance between the blend's halves; a factor for each age band; Venn-Abers.
Where a rule has a number of its own (C, a factor, a constant), it is chosen on one half of the trials and judged on the
other (the least at which 95 % are held, and 93 % at each size); the table has the mean of the two. "built" is what
`RiskModel.predict_interval` gives, with the C that these choices led to (`model.uncertainty.PRIOR`).
"""
import argparse
import os
from functools import cached_property
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import StratifiedKFold

from stroke_nb.arithmetic import average, encode_codes, expit, logit
from stroke_nb.model import RiskModel
from stroke_nb.model.features import decode
from stroke_nb.model.fitting import refit, Refits
from stroke_nb.model.uncertainty import learn_spread, Posterior, PRIOR
from stroke_nb.schema import validate
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


def drawn(seed: int, sizes: tuple) -> tuple:
    "The people of a trial and 2,000 others, of one world."
    n, world = sizes[seed % len(sizes)], seed // len(sizes) % 2
    people, others = simulate(n, seed=seed), simulate(2000, seed=50_000 + seed)
    if world: people, others = other_world(people, seed), other_world(others, 50_000 + seed)
    return people, others, n, world


def draw(folder: Path, trials: int, refits: int, sizes: tuple) -> None:
    "What takes long, of the trials that are not there yet: the model, its refits, and risks by models of other folds."
    folder.mkdir(exist_ok=True)
    for seed in range(trials):
        path = folder / f"{seed:04d}.npz"
        if path.exists(): continue
        people = drawn(seed, sizes)[0]
        y = people.stroke.to_numpy()
        RiskModel(refits=0, seed=seed).fit(people, y).save(path.with_suffix(""))
        logits = refit("catboost", validate(people), y, refits, seed, jobs=1).logits
        np.savez_compressed(path, logits=logits, held_out=held_out_log_odds(people, y, seed))


class Records:
    "Complete records of people, and whose each is."
    def __init__(self, model, people):
        self.codes, self.rows = model.fitted_.plausible.complete(validate(people))
        self.full, self.encoded = decode(self.codes), encode_codes(self.codes)
        self.z = model.fitted_.logit(self.full)
        self.weight = 1 / np.bincount(self.rows)[self.rows]

    def mean(self, values) -> np.ndarray: return average(values, self.rows)


def own_posterior(people, y, others: Records, seed: int, C: float) -> np.ndarray:
    "Posterior variance at the risks of a spline logistic regression of its own, where others ask the model's risks."
    own = Records(RiskModel("logistic", refits=0, seed=seed, params={"C": C}).fit(people, y), people)
    return others.mean(Posterior(C).fit(own.full, own.z, own.weight).variance(others.full))


class Trial:
    "One file of people, its model and refits, and 2,000 others whose true risks are known."
    def __init__(self, path: Path, sizes: tuple):
        seed = int(path.stem)
        people, others, self.n, self.world = drawn(seed, sizes)
        stored, model = np.load(path), RiskModel.load(path.with_suffix(""))
        self.y, self.held_out = people.stroke.to_numpy(), stored["held_out"]
        self.age, self.true = others.age.to_numpy(), logit(others.true_risk.to_numpy())
        own, self.others = Records(model, people), Records(model, others)
        self.z = logit(self.others.mean(expit(self.others.z)))
        self.between = np.maximum(self.others.mean(self.others.z**2) - self.others.mean(self.others.z)**2, 0)
        spread = learn_spread(own.codes, own.z, stored["logits"][:, own.rows].std(axis=0, ddof=1), seed)
        learned = spread.predict(np.column_stack([self.others.encoded, self.others.z]))
        self.refits = self.others.mean(np.exp(learned) ** 2)
        line, trees = model.fitted_.estimator.halves(self.others.encoded)
        self.halves = self.others.mean(((line - trees) / 2) ** 2)
        self.posterior = Posterior().fit(own.full, own.z, own.weight)
        self.design = np.vstack([block.toarray() for block in self.posterior.designs(self.others.full)])
        self.own_posterior = {C: own_posterior(people, self.y, self.others, seed, C) for C in (0.1, 1.0)}
        model.fit_interval(people, Refits(np.empty((0, 0)), stored["logits"]))
        self.built = model.predict_interval(others)

    def told(self, C: float) -> np.ndarray:
        "Posterior variance at the model's risks, with a prior of variance C."
        precision = np.diag([1e-6, *[1 / C] * (self.design.shape[1] - 1)])
        covariance = np.linalg.inv(self.posterior.information_ + precision)
        return self.others.mean(((self.design @ covariance) * self.design).sum(axis=1))

    @cached_property
    def calibration(self) -> np.ndarray:
        "Variance, at each other person's log-odds, of intercept and slope fitted to held-out log-odds."
        design = np.column_stack([np.ones(len(self.y)), self.held_out])
        p = expit(design @ fit_logistic(design, self.y)[0])
        covariance = np.linalg.inv(design.T @ (design * (p * (1 - p))[:, None]))
        at = np.column_stack([np.ones(len(self.z)), self.z])
        return np.einsum("ij,jk,ik->i", at, covariance, at)


def venn_abers(one: Trial, grid: int = 40) -> tuple[np.ndarray, np.ndarray]:
    "Inductive Venn-Abers (Vovk & Petej 2014) on held-out log-odds: risks if the person had no event and if they had."
    points = np.quantile(one.z, np.linspace(0, 1, grid))
    ends = []
    for outcome in (0, 1):
        fits = [IsotonicRegression(out_of_bounds="clip").fit(np.append(one.held_out, point), np.append(one.y, outcome))
                .predict([point])[0] for point in points]
        ends.append(np.interp(one.z, points, fits))
    return tuple(logit(np.clip(end, 1e-6, 1 - 1e-6)) for end in ends)


FACTORS, PRIORS = np.arange(0.05, 4.01, 0.05), np.arange(0.02, 1.01, 0.02)
# each rule's variance of a person's log-odds, what a blank adds aside, by the number that it has of its own, if any
RULES = {
    "95 % of refits": (lambda one, k: one.refits, None),
    "with calibration": (lambda one, k: one.refits + one.calibration, None),
    "with calibration, wider": (lambda one, k: k**2 * (one.refits + one.calibration), FACTORS),
    "with calibration and a constant": (lambda one, k: one.refits + one.calibration + k**2, FACTORS),
    "posterior of a spline model, C = 0.1": (lambda one, k: one.own_posterior[0.1], None),
    "posterior of a spline model, C = 1": (lambda one, k: one.own_posterior[1.0], None),
    "posterior": (lambda one, k: one.told(k), PRIORS),
    "posterior and refits": (lambda one, k: one.told(k) + one.refits, PRIORS),
    "posterior and halves": (lambda one, k: np.maximum(one.told(k) + one.halves, one.refits), PRIORS),
}


def measured(trials: list[Trial], ends) -> pd.DataFrame:
    "Coverage and width of each trial, where `ends` gives low and high log-odds of its people."
    rows = []
    for one in trials:
        low, high = ends(one)
        inside = (low <= one.true) & (one.true <= high)
        bands = np.digitize(one.age, (45, 65))
        rows.append(dict(n=one.n, world=one.world, held=inside.mean(), log_odds=np.mean(high - low),
                         points=np.mean(expit(high) - expit(low)))
                    | {f"band {band}": inside[bands == band].mean() for band in range(3)})
    return pd.DataFrame(rows)


def by_rule(rule: str, k: float):
    "Ends by one rule."
    def ends(one):
        half = Z * np.sqrt(RULES[rule][0](one, k) + one.between)
        return one.z - half, one.z + half
    return ends


def chosen(trials: list[Trial], rule: str) -> float:
    "The least number at which 95 % of true risks are held on average, and 93 % at each size; NaN where there is none."
    grid = RULES[rule][1]
    if grid is None: return np.nan
    for k in grid:
        frame = measured(trials, by_rule(rule, k))
        if frame.held.mean() >= 0.95 and frame.groupby("n").held.mean().min() >= 0.93: return float(k)
    return np.nan


def age_factors(trials: list[Trial]) -> np.ndarray:
    "For each age band the factor on refits' spread that holds 95 % of the true risks of these trials: conformal."
    ratio = np.concatenate([np.abs(one.true - one.z) / np.sqrt(one.refits + one.between) / Z for one in trials])
    band = np.concatenate([np.digitize(one.age, (45, 65)) for one in trials])
    return np.array([np.quantile(ratio[band == number], 0.95) for number in range(3)])


def by_age(factors: np.ndarray):
    "Ends by a factor for each age band."
    def ends(one):
        half = Z * np.sqrt(one.refits + one.between) * factors[np.digitize(one.age, (45, 65))]
        return one.z - half, one.z + half
    return ends


def summary(frame: pd.DataFrame, k) -> dict:
    "Of the trials of one rule: coverage by size, world and age, least and most of a trial, widths."
    by_size = frame.groupby("n").held.mean()
    by_world = frame.groupby("world").held.mean()
    return ({"number": k} | {f"{n:,}": share for n, share in by_size.items()}
            | {("own shape", "other shape")[world]: share for world, share in by_world.items()}
            | {label: frame[f"band {band}"].mean() for band, label in enumerate(("< 45", "45-64", "65+"))}
            | {"all": frame.held.mean(), "least": frame.held.min(), "most": frame.held.max(),
               "width, log-odds": frame.log_odds.mean(), "width, points": 100 * frame.points.mean()})


def judge(folder: Path, sizes: tuple) -> pd.DataFrame:
    "Coverage and width of each rule; one half of the trials chooses numbers for the other, and the other way round."
    trials = [Trial(path, sizes) for path in sorted(folder.glob("*.npz"))]
    half = np.arange(len(trials)) // (2 * len(sizes)) % 2
    halves = [[one for one, side in zip(trials, half) if side == number] for number in (0, 1)]
    rows = {}
    for rule in RULES:
        numbers = [chosen(side, rule) for side in halves]
        if RULES[rule][1] is not None and np.isnan(numbers).any():   # no number of the grid does it
            rows[rule] = {}
            continue
        frames = [measured(halves[1 - side], by_rule(rule, numbers[side])) for side in (0, 1)]
        rows[rule] = summary(pd.concat(frames), np.mean(numbers))
    rows["built"] = summary(measured(trials, lambda one: map(logit, one.built)), PRIOR)
    frames = [measured(halves[1 - side], by_age(age_factors(halves[side]))) for side in (0, 1)]
    rows["a factor for each age band"] = summary(pd.concat(frames), np.nan)
    rows["Venn-Abers"] = summary(measured(trials, venn_abers), np.nan)
    print(f"{len(trials)} files, 2,000 other people each; share of true risks held")
    return pd.DataFrame(rows).T.rename_axis(columns="rule")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("draw", "judge"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=80)
    parser.add_argument("--refits", type=int, default=20)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="people in a file, the same for both")
    asked = parser.parse_args()
    if asked.what == "draw": draw(asked.folder, asked.trials, asked.refits, tuple(asked.sizes))
    else:
        with pd.option_context("display.width", 250): print(judge(asked.folder, tuple(asked.sizes)).round(3).to_string(na_rep=""))
