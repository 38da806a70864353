"""How often the gate errs: champions and challengers of known worth, judged on fresh people, many times.

    python benchmarks/gate.py [--strokes 50 130 400] [--times 60] [--resamples 100] [--seed 1]

Models are fitted to simulated people and judged on others drawn without replacement from 60,000 more, as many as hold about so many strokes.
The champion's level was put right on the 60,000; a challenger is it again with something done to its log-odds, or another model. The strongest
field alone is an anchor, as in `gate`. Policy: the defaults, but with too few strokes asked for to count (so that 50 can be seen too);
subgroups are left out. `chain` is ten promotions, each of a challenger with a little more noise than the champion before it: the first
champion is the other anchor.
"""
import argparse
import time

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import beta

from stroke_nb.arithmetic import expit, logit
from stroke_nb.cohort import simulate
from stroke_nb.model import RiskModel
from stroke_nb.promotion.gate import FIELD, FIRST, judge
from stroke_nb.promotion.rules import Policy
from stroke_nb.validation.discrimination import auroc


def fitted(kind, seed, n=5110):
    "A model of that kind from people of its own."
    people = simulate(n, seed=100 + seed)
    return RiskModel(kind, refits=0).fit(people.drop(columns=["stroke", "true_risk"]), people.stroke)


def levelled(z, y):
    "Log-odds with the intercept that makes observed and expected equal."
    return z + brentq(lambda a: expit(z + a).mean() - y.mean(), -5, 5)


def challengers(people, rng):
    "Name of a pair -> champion and challenger as log-odds, and which of them is better."
    y = people.stroke.to_numpy()
    z = {name: levelled(logit(fitted(kind, seed).predict_proba(people)[:, 1]), y)
         for name, kind, seed in (("one", "catboost", 0), ("two", "catboost", 1), ("age", "age_only", 0))}
    one, truth = z["one"], logit(people.true_risk.to_numpy())
    noisy = lambda size: levelled(one + rng.normal(0, size, len(y)), y)
    return z["age"], {
        "the same": (one, one, "equal"), "fitted to other people": (one, z["two"], "equal"),
        "the champion 0.7 too low, put right": (one - 0.7, one, "better"),
        "O/E 1.6 to 1.3": (one - 0.56, one - 0.32, "better"), "the truth itself": (one, truth, "better"),
        "the champion with noise of 0.7, without": (noisy(0.7), one, "better"),
        "O/E 1.22": (one, one - 0.235, "worse"), "O/E 1.35": (one, one - 0.36, "worse"),
        "slope 0.8": (one, levelled(one / 0.8, y), "worse"), "noise of 0.4": (one, noisy(0.4), "worse"),
        "noise of 0.7": (one, noisy(0.7), "worse"), "age alone": (one, z["age"], "worse"),
    }


def share(k, n):
    "A share in percent with its interval (Clopper-Pearson)."
    low, high = beta.ppf(0.025, k, n - k + 1) if k else 0, beta.ppf(0.975, k + 1, n - k) if k < n else 1
    return f"{k / n:.0%} ({low:.0%} to {high:.0%})"


def chain(one, age, y, rng, strokes, times, resamples):
    "Mean AUROC lost after ten chances to promote a slightly worse challenger, with and without anchors."
    lost, policy, n = {True: [], False: []}, Policy(events=10), int(strokes / y.mean())
    for anchored in lost:
        for turn in range(times):
            champion = one
            for step in range(10):
                who, worse = rng.choice(len(y), n, replace=False), champion + rng.normal(0, 0.25, len(y))
                anchors = {FIELD: expit(age[who]), FIRST: expit(one[who])} if anchored else {}
                judged = judge(y[who], expit(champion[who]), expit(worse[who]), policy=policy, n_boot=resamples,
                               seed=100 * turn + step, anchors=anchors)
                if judged.verdict == "pass": champion = worse
            lost[anchored].append(auroc(y, one) - auroc(y, champion))
    return lost


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strokes", type=int, nargs="+", default=[50, 130, 400])
    for name, default in (("times", 60), ("resamples", 100), ("seed", 1), ("chains", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    rng, people, start = np.random.default_rng(given.seed), simulate(60_000, seed=9), time.monotonic()
    y, policy = people.stroke.to_numpy(), Policy(events=10)
    age, pairs = challengers(people, rng)
    print(f"strokes {given.strokes}, {given.times} times, {given.resamples} resamples, seed {given.seed}")
    print("the challenger is | challenger | AUROC | strokes | pass | hold | refuse", flush=True)
    for strokes in given.strokes:
        for name, (old, new, worth) in pairs.items():
            verdicts = []
            for turn in range(given.times):
                who = rng.choice(len(y), int(strokes / y.mean()), replace=False)
                verdicts.append(judge(y[who], expit(old[who]), expit(new[who]), policy=policy, n_boot=given.resamples,
                                      seed=turn, anchors={FIELD: expit(age[who])}).verdict)
            counts = pd.Series(verdicts).value_counts()
            words = [share(int(counts.get(word, 0)), given.times) for word in ("pass", "hold", "refuse")]
            print(worth, name, f"{auroc(y, new) - auroc(y, old):+.3f}", strokes, *words, sep=" | ", flush=True)
    if given.chains:
        lost = chain(pairs["the same"][0], age, y, rng, 400, given.chains, given.resamples)
        for anchored, values in lost.items():
            print(f"chain of ten, 400 strokes, {'with' if anchored else 'without'} anchors: "
                  f"AUROC lost {np.mean(values):.4f} (worst {max(values):.4f})", flush=True)
    print(f"{(time.monotonic() - start) / 60:.0f} minutes")


if __name__ == "__main__": main()
