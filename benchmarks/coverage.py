"""Do intervals hold the truth, and are corrected numbers true? On simulated people, whose true risks are known.

    python benchmarks/coverage.py --repetitions 300 [--parts fixed cross-validated optimism slope]

Each repetition draws 1,000 people from `stroke_nb.simulation.simulate` and asks of them
- fixed risks (true ones, and distorted ones): do DeLong's and the bootstrap's intervals hold the AUROC and O/E
  of the whole population?
- a plain logistic regression: does its cross-validated interval hold what the model truly does for new people?
- the same after optimism correction from bootstrap refits of the whole pipeline: value and interval.
And every tenth fits the default and the splines to 5,110 people: do their risks have slope 1 against the true risk?
The truth is taken over 30,000 other people with their true risks as weights, so that no luck of outcomes is in it.
"""
import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")   # two processes share two cores

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from tqdm import tqdm

from stroke_nb.simulation import simulate
from stroke_nb.validation.calibration import calibration_slope, fit_logistic, observed_expected_ratio
from stroke_nb.validation.discrimination import auroc, auroc_interval
from stroke_nb.validation.bootstrap import evaluate
from stroke_nb.model import RiskModel
from stroke_nb.arithmetic import expit, logit
from stroke_nb.model import refit   # scipy's own expit and logit do not travel to other processes from a script
from stroke_nb.validation.cross_validation import cross_validate, performance
from stroke_nb.validation.instability import optimism

PARTS = ("fixed", "cross-validated", "optimism", "slope")
METRICS = (auroc, observed_expected_ratio, calibration_slope)


def truth(p, risk) -> dict:
    "AUROC, O/E and slope of risks `p` in a world whose true risks are `risk`: expectations over outcomes."
    order = np.argsort(p, kind="stable")
    case, other = risk[order], 1 - risk[order]
    x = logit(p)
    _, slope = fit_logistic(np.column_stack([np.ones(len(p)), x]), risk)[0]
    return dict(auroc=np.sum(case * (np.cumsum(other) - other / 2)) / (case.sum() * other.sum()),
                observed_expected_ratio=risk.sum() / p.sum(), calibration_slope=slope)


def holds(rows, what, frame, true) -> None:
    "Note for each metric the error, whether its interval holds the truth, and how wide that is."
    for metric, row in frame.iterrows():
        value = row["corrected"] if "corrected" in row else row["value"]
        rows.append(dict(what=what, metric=metric, error=value - true[metric],
                         holds=row.low <= true[metric] <= row.high, width=row.high - row.low))


def fixed(rows, people, world) -> None:
    "Risks that no one fitted to these people."
    for what, bend in {"fixed, true risks": lambda z: z, "fixed, distorted": lambda z: 0.3 + 0.7 * z}.items():
        p, q = (expit(bend(logit(f.true_risk.to_numpy()))) for f in (people, world))
        y, true = people.stroke.to_numpy(), truth(q, world.true_risk.to_numpy())
        holds(rows, what, evaluate(y, p, METRICS[:2], n_boot=500), true)
        holds(rows, what + ", DeLong", pd.DataFrame([auroc_interval(y, p)], index=["auroc"]), true)


def fitted(rows, people, world, parts, refits, seed) -> None:
    "A model fitted to these people, judged by cross-validation and by optimism correction."
    y, model = people.stroke.to_numpy(), RiskModel("linear", refits=0).fit(people, people.stroke)
    true = truth(model.predict_proba(world)[:, 1], world.true_risk.to_numpy())
    p = model.predict_proba(people)[:, 1]
    if "cross-validated" in parts:
        cv = cross_validate(["linear"], people, y, folds=10, repeats=1, seed=seed, jobs=1, progress=False)
        scores = performance(cv, "linear", 500, metrics=METRICS, thresholds=()).head(len(METRICS))
        holds(rows, "cross-validated", scores, true)
    if "optimism" in parts:
        again = refit("linear", people, y, n=refits, seed=seed, jobs=1)
        holds(rows, "optimism-corrected", optimism(again, y, p, METRICS), true)
    for metric in METRICS:
        rows.append(dict(what="apparent", metric=metric.__name__, error=metric(y, p) - true[metric.__name__]))


def repetition(seed, people, parts, refits, world) -> list[dict]:
    "All questions of one draw of people."
    rows, drawn = [], simulate(people, seed=1000 + seed)
    if "fixed" in parts: fixed(rows, drawn, world)
    fitted(rows, drawn, world, parts, refits, seed)
    if "slope" in parts and seed % 10 == 0:
        drawn = simulate(5110, seed=100_000 + seed)
        for kind in ("catboost", "logistic"):
            p = RiskModel(kind, refits=0).fit(drawn, drawn.stroke).predict_proba(world)[:, 1]
            slope = truth(p, world.true_risk.to_numpy())["calibration_slope"]
            rows.append(dict(what=f"true slope of {kind}, 5,110 people", metric="calibration_slope", error=slope - 1))
    return rows


def table(rows) -> pd.DataFrame:
    "Mean error and coverage, each with its Monte-Carlo standard error."
    groups = pd.DataFrame(rows).groupby(["what", "metric"], sort=False)
    n, cover = groups.error.size(), groups.holds.apply(lambda h: h.dropna().astype(float).mean())
    return pd.DataFrame({"n": n, "mean error": groups.error.mean(), "± mc": groups.error.std() / np.sqrt(n),
                         "coverage": cover, "± mc ": np.sqrt(cover * (1 - cover) / n),
                         "mean width": groups.width.mean()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=300)
    parser.add_argument("--first", type=int, default=0, help="number of the first repetition, which decides its draw")
    parser.add_argument("--people", type=int, default=1000, help="in each repetition")
    parser.add_argument("--refits", type=int, default=60, help="bootstrap refits behind the optimism correction")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    chosen = parser.parse_args()
    world = simulate(30_000, seed=999)
    seeds = range(chosen.first, chosen.first + chosen.repetitions)
    tasks = (delayed(repetition)(seed, chosen.people, chosen.parts, chosen.refits, world) for seed in seeds)
    parallel = Parallel(n_jobs=chosen.jobs, return_as="generator_unordered")
    rows = []
    try:
        for part in tqdm(parallel(tasks), total=chosen.repetitions): rows += part
    finally:   # Ctrl-C shows what there is
        if rows: print(table(rows).round(4).to_string())
