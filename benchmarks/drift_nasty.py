"""Quiet years that are hard on the drift monitor's promise: numbers with a default value, people who come back, rows twice.

    STROKE_NB_DATA=... python benchmarks/drift_nasty.py [--years 100] [--settings NAME ...] [--seed 1]

Nothing changes in any of these years, so that every alarm is a false one; at most 5 % of years may have one. Rows are drawn with
replacement from the real file (without STROKE_NB_DATA, from 5,000 simulated people); the monitor watches a risk too, age's.
Intervals are 95 %, Clopper-Pearson.
"""
import argparse
import time

import numpy as np
from drift import share_words

from stroke_nb.cohort import load
from stroke_nb.drift import DriftMonitor
from stroke_nb.scale.layout import layout_of
from stroke_nb.simulation import simulate


class ByAge:
    "A risk that rises with age."
    def predict_proba(self, X):
        p = 1 / (1 + np.exp(7.5 - .07 * X.age.fillna(40) - .4 * X.hypertension.fillna(0)))
        return np.column_stack([1 - p, p])


def defaults(people, share, rng, ages=False):
    "One default value in most rows of glucose and BMI, and of ages too."
    def typed(values, default): return np.where(rng.random(len(people)) < share, default, values)
    people = people.assign(avg_glucose_level=typed(people.avg_glucose_level, 100.0), bmi=typed(people.bmi, 25.0))
    return people.assign(age=typed(people.age, 40.0)) if ages else people


# words, looks a year, least and most people of a window, reference, share of the default, ages too, who comes
SETTINGS = {
    "plain20": ("20 people a week", 52, 20, 20, 200, 0, False, "new"),
    "default98": ("98 % of glucose and BMI one value, weekly", 52, 20, 50, 200, .98, False, "new"),
    "default99": ("99 %, weekly", 52, 20, 50, 200, .99, False, "new"),
    "default995": ("99.5 %, ages too, weekly", 52, 20, 50, 200, .995, True, "new"),
    "daily98": ("98 %, 20 people a day", 365, 20, 20, 200, .98, False, "new"),
    "panel_all": ("all of each 200 from the same 600 people, all counted", 52, 200, 200, 4000, 0, False, "panel_all"),
    "panel": ("half of each 200 from the same 600 people, all counted", 52, 200, 200, 4000, 0, False, "panel"),
    "panel_pool": ("half of each 200 from the same 600 people, left out of the pool's draw", 52, 200, 200, 4000, 0, False, "panel_pool"),
    "panel_once": ("half of each 200 from the same 600 people, counted once, as it is done", 52, 200, 200, 4000, 0, False, "panel_once"),
    "twice": ("a fifth of the rows twice, all counted", 52, 200, 200, 4000, 0, False, "twice"),
    "twice_once": ("a fifth of the rows twice, counted once, as it is done", 52, 200, 200, 4000, 0, False, "twice_once"),
}


def count_without(monitor, coded, met, name) -> bool:
    "Count a window against the pool without the people of the window who are in it."
    held = layout_of(True).count(coded.take(met).codes) if met.any() else 0
    monitor.pool_ = monitor.pool_ - held
    alarm = monitor.count(coded, name)
    monitor.pool_ = monitor.pool_ + held - (layout_of(True).count(coded.take(met).codes) if met.any() and not alarm else 0)
    return alarm


def quiet_year(monitor, code, setting, rng) -> bool:
    "Is there an alarm in a year without change?"
    _words, looks, least, most, reference, _share, _ages, who = setting
    monitor.records, monitor.restarts, monitor.details, monitor.seed = [], [], [], int(rng.integers(1 << 40))
    monitor.looks_per_year = looks
    rows = len(code.codes)
    monitor.begin(code.take(rng.integers(0, rows, reference)))
    panel, met = rng.integers(0, rows, 600), np.zeros(600, bool)
    for look in range(looks):
        size = int(rng.integers(least, most + 1))
        name, new = f"{look:04d}", rng.integers(0, rows, size)
        if who.startswith("panel"):
            back = rng.choice(600, size if who == "panel_all" else size // 2, replace=False)
            fresh, people = ~met[back], np.r_[panel[back], new[len(back):]]
            if who == "panel_once": people = np.r_[panel[back[fresh]], new[len(back):]]
            coded, before = code.take(people), np.r_[~fresh, np.zeros(size - len(back), bool)]
            met[back] = True
            if who == "panel_pool":
                if count_without(monitor, coded, before, name): return True
                continue
        elif who == "twice": coded = code.take(np.r_[new[:size * 5 // 6], new[:size - size * 5 // 6]])
        elif who == "twice_once": coded = code.take(new[:size * 5 // 6])
        else: coded = code.take(new)
        if monitor.count(coded, name): return True
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--years", type=int, default=100)
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    people = load().reset_index(drop=True)
    monitor = DriftMonitor(ByAge()).fit(simulate(1000))
    print(f"{'quiet years':58s} {'years':>5s} {'years with an alarm (95 %)':>27s} {'CPU s':>6s}", flush=True)
    for name in options.settings:
        setting, begin = SETTINGS[name], time.process_time()
        rng = np.random.default_rng([options.seed, list(SETTINGS).index(name)])
        frame = people.iloc[rng.integers(0, len(people), 20_000)].reset_index(drop=True)
        code = monitor.encode(defaults(frame, setting[5], rng, setting[6]) if setting[5] else frame)
        alarms = sum(quiet_year(monitor, code, setting, rng) for _ in range(options.years))
        print(f"{setting[0]:58s} {options.years:5d} {share_words(alarms, options.years):>27s} {time.process_time() - begin:6.0f}", flush=True)


if __name__ == "__main__": main()
