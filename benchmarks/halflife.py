"""What forgetting gives a retrained model: log loss on people of the changed world, with and without a half-life.

    python benchmarks/halflife.py [--tries 40]

10,000 people in two years. In the last weeks of them the outcome is likelier by 0.7 on the log-odds, and who has hypertension has no more
than that; or nothing changes. A logistic model is fitted to all, or to those whom a half-life keeps, and judged on 20,000 people of the
last day's world.
"""
import argparse
from datetime import datetime, timedelta, timezone

import numpy as np
from scipy.special import expit, logit
from stroke_nb.fields import INPUTS, OUTCOME
from stroke_nb.model import RiskModel
from stroke_nb.predictions.windows import thinned
from stroke_nb.simulation import simulate
from stroke_nb.validation.metrics import log_loss

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
HALFLIVES = (None, 365, 90, 30)


def world(people, changed, seed: int):
    "People whose outcome is drawn anew: as simulated, or of the changed world where `changed`."
    shift = np.where(changed, 0.7 - 0.5 * people.hypertension, 0)
    risk = expit(logit(people.true_risk) + shift)
    return people.assign(**{OUTCOME: (np.random.default_rng(seed).random(len(people)) < risk).astype(int)})


def losses(weeks: int, seed: int) -> list[float]:
    "Log loss of the model of each half-life."
    people = simulate(10_000, seed=seed)
    days = np.random.default_rng(3_000_000 + seed).uniform(0, 730, len(people))
    people = world(people, days < 7 * weeks, 1_000_000 + seed).assign(time=[NOW - timedelta(days=each) for each in days])
    test = world(simulate(20_000, seed=10_000 + seed), np.full(20_000, weeks > 0), 2_000_000 + seed)
    found = []
    for halflife in HALFLIVES:
        kept = thinned(people, halflife, now=NOW)
        model = RiskModel("logistic", refits=0).fit(kept[[*INPUTS]], kept[OUTCOME])
        found.append(log_loss(test[OUTCOME].to_numpy(), model.predict_proba(test[[*INPUTS]])[:, 1]))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=40)
    tries = parser.parse_args().tries
    print("log loss times 10,000 against everybody kept (standard error)\nchanged for    " + "".join(f"{name} days".rjust(16) for name in HALFLIVES[1:]))
    for weeks in (0, 4, 13, 26, 52):
        gained = np.array([losses(weeks, seed) for seed in range(tries)])
        gained = 1e4 * (gained[:, 1:] - gained[:, :1])
        cells = (f"{mean:+.1f} ({error:.1f})".rjust(16) for mean, error in zip(gained.mean(0), gained.std(0, ddof=1) / tries ** 0.5))
        print(f"{weeks:>3} weeks     " + "".join(cells))


if __name__ == "__main__": main()
