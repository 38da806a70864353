"""The gate's operating table: how often it lets equal, better and worse challengers pass.

    python benchmarks/gate.py [--strokes 50 130 400] [--times 200] [--seed 1]     # about 4 minutes of CPU

A champion, an equal one of other people and age alone are fitted to simulated people; of all others the risks are drawn: the
champion again with something done to its log-odds. Each pair is judged many times by the rules of `stroke_nb.promotion.rules`, each
time on people drawn from 60,000 others, as many as hold so many strokes. Intervals come from influence functions instead of
resamples, which is what makes the table cheap; they are those of resamples but for chance. Policy: the defaults, but with too few
strokes asked for to count, so that 50 can be seen too; subgroups and the single thresholds are left out. `chain` is ten chances to
promote a challenger with a little more noise than the champion before it, with and without the first champion as an anchor.
"""
import argparse
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import beta

from stroke_nb.arithmetic import expit, logit
from stroke_nb.cohort import simulate
from stroke_nb.model import RiskModel
from stroke_nb.promotion.gate import anchor_rules
from stroke_nb.promotion.rules import metric_rules, Policy
from stroke_nb.validation.calibration import fit_logistic
from stroke_nb.validation.discrimination import auroc, auroc_difference

POLICY = Policy(thresholds=(0.02, 0.05, 0.1), events=10)


def fitted(kind, seed, n=5110):
    "A model of that kind from people of its own."
    people = simulate(n, seed=100 + seed)
    return RiskModel(kind, refits=0, seed=seed).fit(people.drop(columns=["stroke", "true_risk"]), people.stroke)


def levelled(z, y):
    "Log-odds with the intercept that makes observed and expected equal."
    return z + brentq(lambda a: expit(z + a).mean() - y.mean(), -5, 5)


def pairs_of(people):
    "Name of a pair -> whether the challenger is equal, better or worse, and both as log-odds; and those of age alone."
    y, rng = people.stroke.to_numpy(), np.random.default_rng(0)
    z = {name: levelled(logit(fitted(kind, seed).predict_proba(people)[:, 1]), y)
         for name, kind, seed in (("one", "catboost", 0), ("two", "catboost", 1), ("age", "age_only", 0))}
    one, truth = z["one"], logit(people.true_risk.to_numpy())
    right = levelled(one * np.exp(slope_moves(y, one)[0]), y)   # the champion with the calibration slope 1
    noisy = lambda size: levelled(one + rng.normal(0, size, len(y)), y)
    return z["age"], {
        "the same model": ("equal", one, one), "fitted to other people": ("equal", one, z["two"]),
        "noise of 0.2 in both": ("equal", noisy(0.2), noisy(0.2)),
        "champion 0.7 too low, put right": ("better", one - 0.7, one), "O/E from 1.6 to 1.3": ("better", one - 0.56, one - 0.32),
        "slope from 0.7 to 1": ("better", levelled(one / 0.7, y), one), "champion with noise of 0.7, without": ("better", noisy(0.7), one),
        "the truth itself": ("better", one, truth),
        "O/E 1.22": ("worse", one, one - 0.235), "O/E 1.35": ("worse", one, one - 0.36), "slope 0.8": ("worse", right, levelled(right / 0.8, y)),
        "slope 1.25": ("worse", right, levelled(right / 1.25, y)),
        "noise of 0.4": ("worse", one, noisy(0.4)), "noise of 0.7": ("worse", one, noisy(0.7)), "age alone": ("worse", one, z["age"]),
    }


def slope_moves(y, z):
    "Calibration slope in logs, and how much each person moves it."
    X = np.column_stack([np.ones(len(z)), z])
    coefficients, covariance = fit_logistic(X, y)
    moves = (X * (y - expit(X @ coefficients))[:, None]) @ covariance[1]
    return np.log(max(coefficients[1], 0.01)), moves * len(y) / max(coefficients[1], 0.01)


def paired(y, champion, challenger, rng, draws=400):
    "As `gate.paired` gives them: measures of both with the intervals that the rules look at."
    def row(values, moves, ratio):
        drawn = rng.multivariate_normal(values, np.cov(moves) / len(y) + 1e-12 * np.eye(2), draws, check_valid="ignore")
        distance, scale = (np.abs, np.exp) if ratio else (np.asarray, np.asarray)
        gaps = np.diff(distance(drawn), axis=1)[:, 0]
        return [*scale(values), *scale(np.quantile(drawn[:, 1], [0.025, 0.975])), np.diff(distance(values))[0], *np.quantile(gaps, [0.025, 0.975])]
    def benefit(p): return np.mean([(p >= t) * (y - (1 - y) * t / (1 - t)) for t in POLICY.thresholds], axis=0)
    both = (champion, challenger)
    order, before = auroc_difference(y, challenger, champion), auroc(y, champion)
    slopes, slopes_moved = zip(*(slope_moves(y, logit(p)) for p in both))
    benefits = [benefit(p) for p in both]
    rows = {
        "auroc": [before, before + order.value, np.nan, np.nan, *order],
        "observed_expected_ratio": row([np.log(y.mean() / p.mean()) for p in both], [y / y.mean() - p / p.mean() for p in both], True),
        "calibration_slope": row(slopes, slopes_moved, True),
        "net_benefit_mean": row([values.mean() for values in benefits], benefits, False),
    }
    names = ["champion", "challenger", "low", "high", "difference", "difference_low", "difference_high"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=names)


def verdict(y, champion, challenger, age, rng, first=None):
    "What the rules say together."
    worth = POLICY.lead_share * max(auroc(y, champion) - auroc(y, age), 0)
    rules = metric_rules(paired(y, champion, challenger, rng), POLICY, y.mean(), int(y.sum()), worth)
    verdicts = {rule["verdict"] for rule in rules + anchor_rules(y, champion, challenger, POLICY, age, first)}
    return next(word for word in ("refuse", "hold", "pass") if word in verdicts)


def share(k, n):
    "A share in percent with its interval (Clopper-Pearson)."
    low, high = beta.ppf(0.025, k, n - k + 1) if k else 0, beta.ppf(0.975, k + 1, n - k) if k < n else 1
    return f"{k / n:.0%} ({low:.0%} to {high:.0%})"


def chain(one, age, y, rng, strokes, times, is_anchored):
    "AUROC lost after ten chances to promote a slightly worse challenger, each time by other people."
    lost = []
    for _ in range(times):
        champion = one
        for _ in range(10):
            who, worse = rng.choice(len(y), int(strokes / y.mean()), replace=False), champion + rng.normal(0, 0.25, len(y))
            first = expit(one[who]) if is_anchored else None
            if verdict(y[who], expit(champion[who]), expit(worse[who]), expit(age[who]), rng, first) == "pass": champion = worse
        lost.append(auroc(y, expit(one)) - auroc(y, expit(champion)))
    return lost


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, nargs="+", default=[50, 130, 400])
    for name, default in (("times", 200), ("chains", 20), ("seed", 1)): parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    rng, people, start = np.random.default_rng(given.seed), simulate(60_000, seed=9), time.process_time()
    y, (age, pairs) = people.stroke.to_numpy(float), pairs_of(people)
    print(f"{given.times} times each, seed {given.seed}; champion's lead over age alone {auroc(y, expit(pairs['age alone'][1])) - auroc(y, expit(age)):.4f}")
    print("the challenger is | challenger | AUROC, less champion | strokes | pass | hold | refuse", flush=True)
    for name, (worth, old, new) in pairs.items():
        for strokes in given.strokes:
            counts = dict.fromkeys(("pass", "hold", "refuse"), 0)
            for _ in range(given.times):
                who = rng.choice(len(y), int(strokes / y.mean()), replace=False)
                counts[verdict(y[who], *(expit(z[who]) for z in (old, new, age)), rng)] += 1
            print(worth, name, f"{auroc(y, expit(new)) - auroc(y, expit(old)):+.4f}", strokes,
                  *(share(count, given.times) for count in counts.values()), sep=" | ", flush=True)
    for is_anchored in (True, False) if given.chains else ():
        lost = chain(pairs["the same model"][1], age, y, rng, 400, given.chains, is_anchored)
        print(f"chain of ten, 400 strokes, {'with' if is_anchored else 'without'} the first champion: "
              f"AUROC lost {np.mean(lost):.4f} (most {max(lost):.4f})", flush=True)
    print(f"{time.process_time() - start:.0f} s of CPU")


if __name__ == "__main__": main()
