"""How often the gate errs: champions and challengers of known worth, judged on fresh people, many times.

    python benchmarks/gate.py [--strokes 50 100 200] [--times 100] [--resamples 200] [--seed 1]

Models are fitted to simulated people and judged on others drawn without replacement from 60,000 more, as many as hold about so many strokes.
All but the pair "no better, no worse" start from one champion whose level was put right on the 60,000; a challenger is it again with
something done to its log-odds, or another model. Policy: the defaults, but with too few strokes asked for to count (so that 50 can be seen too);
subgroups are left out, and looked at alone in the last line. Intervals: Clopper-Pearson, 95 %.
"""
import argparse
import time

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.stats import beta

from stroke_nb.cohort import simulate
from stroke_nb.promotion.gate import judge
from stroke_nb.promotion.rules import Policy
from stroke_nb.validation.discrimination import auroc
from stroke_nb.model import RiskModel
from stroke_nb.arithmetic import expit, logit


def fitted(kind, seed, n=5110):
    "A model of that kind from people of its own."
    people = simulate(n, seed=100 + seed)
    return RiskModel(kind, refits=0).fit(people.drop(columns=["stroke", "true_risk"]), people.stroke)


def levelled(z, y):
    "Log-odds with the intercept that makes observed and expected equal."
    return z + brentq(lambda a: expit(z + a).mean() - y.mean(), -5, 5)


def challengers(people, rng):
    "Champion and challenger as log-odds, and what the gate ought to say."
    y = people.stroke.to_numpy()
    z = {name: levelled(logit(fitted(kind, seed).predict_proba(people)[:, 1]), y) for name, kind, seed in
         (("one", "catboost", 0), ("two", "catboost", 1), ("age", "age_only", 0), ("recipe 2", "reference_2", 0))}
    one, truth = z["one"], logit(people.true_risk.to_numpy())
    noise = rng.normal(0, 0.7, len(y))
    return {"put right: the champion is 0.7 too low": (one - 0.7, one, "pass"), "the truth itself": (one, truth, "pass"), "no better, no worse: fitted to other people": (one, z["two"], "pass"),
            "age alone": (one, z["age"], "-"), "30 % too high": (one, one + np.log(1.3), "-"), "recipe 2": (one, z["recipe 2"], "refuse"), "60 % too high": (one, one + np.log(1.6), "refuse"),
            "noise of 0.7": (one, levelled(one + noise, y), "refuse"), "half the slope": (one, levelled(one / 2, y), "refuse"),
            "half of the people mixed up": (one, np.where(rng.random(len(y)) < 0.5, rng.permutation(one), one), "refuse")}


def share(k, n):
    "A share in percent with its interval."
    low, high = beta.ppf(0.025, k, n - k + 1) if k else 0, beta.ppf(0.975, k + 1, n - k) if k < n else 1
    return f"{k / n:4.0%} ({low:.0%} to {high:.0%})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--strokes", type=int, nargs="+", default=[50, 100, 200])
    for name, default in (("times", 100), ("resamples", 200), ("seed", 1)): parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    rng, people, start = np.random.default_rng(given.seed), simulate(60_000, seed=9), time.monotonic()
    y, pairs = people.stroke.to_numpy(), challengers(people, rng)
    policy = Policy(events=10)
    rows = []
    for name, (old, new, ought) in pairs.items():
        for strokes in given.strokes:
            n, verdicts = int(strokes / y.mean()), []
            for turn in range(given.times):
                who = rng.choice(len(y), n, replace=False)
                verdicts.append(judge(y[who], expit(old[who]), expit(new[who]), policy=policy, n_boot=given.resamples, seed=turn).verdict)
            counts = pd.Series(verdicts).value_counts()
            rows.append({"challenger": name, "ought to": ought, "AUROC": f"{auroc(y, new) - auroc(y, old):+.3f}", "strokes": strokes}
                        | {word: share(int(counts.get(word, 0)), given.times) for word in ("pass", "hold", "refuse")})
            print(*rows[-1].values(), sep=" | ", flush=True)
    old, new, _ = pairs["no better, no worse: fitted to other people"]
    worse = []
    for turn in range(given.times):
        who = rng.choice(len(y), int(200 / y.mean()), replace=False)
        worse.append(judge(y[who], expit(old[who]), expit(new[who]), people.iloc[who], policy, n_boot=20, seed=turn).rules.verdict.iloc[-1] == "refuse")
    print(f"subgroups alone, 200 strokes, no better and no worse: refused {share(sum(worse), given.times)}")
    print(f"{(time.monotonic() - start) / 60:.0f} minutes\n")
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__": main()
