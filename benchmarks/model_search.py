"""How the default model was chosen: candidates side by side by cross-validated log loss, and the cost of choosing.

    STROKE_NB_DATA=... python benchmarks/model_search.py [--repeats 3] [--outer 5]

First table: every candidate in the same repeated ten folds, difference in log loss from the default with its
standard error, and what the rule chooses: the simplest candidate whose log loss is within one standard error of
the best's, person by person.
Second: nested cross-validation. In each outer fold the rule chooses anew, and the choice is scored on people that
had no say in it.
"""
import argparse
import os
import platform
import time

import numpy as np
from joblib import Parallel, delayed

from stroke_nb.cohort import folds, load
from stroke_nb.validation.calibration import calibration_slope, observed_expected_ratio
from stroke_nb.validation.discrimination import auroc
from stroke_nb.model import KINDS
from stroke_nb.model.fitting import fit
from stroke_nb.fields import OUTCOME
from stroke_nb.schema import validate

# from simple to flexible: kind and its parameters
CANDIDATES = {
    "age alone": ("age_only", {}),
    "straight lines, C 0.03": ("linear", dict(C=0.03)),
    "straight lines": ("linear", {}),
    "splines, C 0.03": ("logistic", dict(C=0.03)),
    "splines": ("logistic", {}),
    "blend, depth 1": ("catboost", dict(depth=1)),
    "blend, 100 trees": ("catboost", dict(iterations=100)),
    "blend, heavier ridge on leaves": ("catboost", dict(l2_leaf_reg=30)),
    "blend (the default)": ("catboost", {}),
    "blend, 400 trees": ("catboost", dict(iterations=400)),
    "blend, depth 3": ("catboost", dict(depth=3)),
    "trees alone": ("trees", {}),
    "trees alone, depth 3": ("trees", dict(depth=3)),
    "trees alone, depth 4": ("trees", dict(depth=4)),
    "forest": ("forest", {}),
}
DEFAULT = "blend (the default)"


def left_out(name, X, y, train, test):
    kind, params = CANDIDATES[name]
    return fit(KINDS[kind], X.iloc[train], y[train], 0, params).risk(X.iloc[test])


def loss(y, p): return -np.log(np.where(y == 1, p, 1 - p))


def out_of_fold(X, y, n_folds, seed, jobs=2):
    "Risk of each person by each candidate fitted to the other folds; name -> shape (n,)."
    tasks = [(name, train, test) for train, test in folds(y, n_folds, seed) for name in CANDIDATES]
    done = Parallel(n_jobs=jobs)(delayed(left_out)(name, X, y, train, test) for name, train, test in tasks)
    risks = {name: np.empty(len(y)) for name in CANDIDATES}
    for (name, _, test), p in zip(tasks, done): risks[name][test] = p
    return risks


def simplest_within_one_error(losses):
    "The first candidate whose loss is within a standard error of the best's; `losses` has each person's by candidate."
    best = min(losses, key=lambda name: losses[name].mean())
    gaps = {name: loss - losses[best] for name, loss in losses.items()}
    return next(name for name, gap in gaps.items() if gap.mean() <= gap.std(ddof=1) / np.sqrt(len(gap)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--outer", type=int, default=5)
    options, begin = parser.parse_args(), time.perf_counter()
    cohort = load()
    X, y = validate(cohort), cohort[OUTCOME].to_numpy()
    print(f"{cohort.attrs['source']}, {len(y)} people, {int(y.sum())} strokes; "
          f"Python {platform.python_version()}, {os.cpu_count()} cores")
    repeats = [out_of_fold(X, y, 10, seed) for seed in range(options.repeats)]
    losses = {name: np.mean([loss(y, risks[name]) for risks in repeats], axis=0) for name in CANDIDATES}
    print(f"\n{'candidate':32s} {'AUROC':>7s} {'log loss':>9s} {'- default':>10s} {'error':>8s} {'O/E':>6s} "
          f"{'slope':>6s}")
    for name in CANDIDATES:
        order, ratio, slope = (np.mean([metric(y, risks[name]) for risks in repeats])
                               for metric in (auroc, observed_expected_ratio, calibration_slope))
        gap = losses[name] - losses[DEFAULT]
        error = gap.std(ddof=1) / np.sqrt(len(y))
        print(f"{name:32s} {order:7.4f} {losses[name].mean():9.5f} {gap.mean():+10.5f} {error:8.5f} {ratio:6.3f} "
              f"{slope:6.3f}")
    print(f"the rule chooses: {simplest_within_one_error(losses)}")
    chosen, ruled = [], np.empty(len(y))
    for train, test in folds(y, options.outer, seed=100):
        inner = out_of_fold(X.iloc[train].reset_index(drop=True), y[train], 5, seed=200)
        name = simplest_within_one_error({name: loss(y[train], p) for name, p in inner.items()})
        chosen.append(name)
        ruled[test] = left_out(name, X, y, train, test)
    print(f"\nin the outer folds it chose: {'; '.join(chosen)}")
    print(f"nested: AUROC {auroc(y, ruled):.4f}, log loss {loss(y, ruled).mean():.5f}, "
          f"O/E {observed_expected_ratio(y, ruled):.3f}, slope {calibration_slope(y, ruled):.3f}")
    print(f"{time.perf_counter() - begin:.0f} s")


if __name__ == "__main__": main()
