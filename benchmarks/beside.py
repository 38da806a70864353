"""What people wait for, at two commits, in one run: keystroke to number and waterfall, click to answer, first paint of a training report.

    python benchmarks/beside.py [--before 842dbba] [--now HEAD] [--rounds 4] [--slides 15] [--paints 12]

Each commit is checked out by `git worktree` and serves its own calculator, on a model that the earlier one fitted; each trains its own
report at the same small size (3 folds, 30 refits: the figures of a whole run, smaller tables), or `--reports OLD.html NEW.html` names
two. The commits take turns, round by round, so that what the machine does besides falls on both; medians over all rounds are compared.
A key comes 0.4 s after the one before was answered. First paint is Chromium's first contentful paint, in a context that knows nothing.
"""
import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from importlib.metadata import distributions
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from calculator import free_port, running, sure
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
LINK = ("#age=67&gender=Female&hypertension=1&heart_disease=0&ever_married=Yes&work_type=Private&residence_type=Urban"
        "&avg_glucose_level=105&bmi=29&smoking_status=formerly+smoked")
PARTS = dict(slider=":is(.sn-field-age, .sn-age) input[type=range]", number=".sn-part-answer", picture=".sn-part-why")
ANSWER = ".sn-part-answer .sn-big strong"
FIRST_PAINT = """() => new Promise(tell => new PerformanceObserver(list => {
    const [first] = list.getEntriesByName("first-contentful-paint"); if (first) tell(first.startTime);
}).observe({type: "paint", buffered: true}))"""
FROM = "try: from {} import {}\nexcept ImportError: from {} import {}\n"   # before the house had wings, and after
FIT = (FROM.format("stroke_nb.scoring.alike", "reference_of", "stroke_nb.reference", "reference_of") +
       "from stroke_nb.cohort import load; from stroke_nb.model import RiskModel\n"
       "people = load(); X, y = people.drop(columns='stroke'), people.stroke\n"
       "model = RiskModel(refits=30).fit(X, y); model.about_ = dict(model.about_, reference=reference_of(model, X, y))\n"
       "model.save({place!r})")
TRAIN = (FROM.format("stroke_nb.jobs.run", "run_job", "stroke_nb.jobs", "run_job") +
         "run = run_job('train', dict(folds=3, repeats=1, refits=30, resamples=50), out={place!r}, progress=False); print(run.report)")


def bring(tree: Path) -> None:
    "What a commit's lock asks for and isn't installed here, beside its files; versions of what is here are this environment's."
    lines = [line.rstrip(" \\") for line in (tree / "requirements.txt").read_text().splitlines() if "==" in line]
    asked = [one for one in map(Requirement, lines) if one.marker is None or one.marker.evaluate()]
    here = {canonicalize_name(one.metadata["Name"]) for one in distributions()}
    missing = [f"{one.name}{one.specifier}" for one in asked if canonicalize_name(one.name) not in here]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tree / ".beside")]
    if missing: subprocess.run([*pip, *missing], check=True)


def surroundings(tree: Path) -> dict[str, str]:
    "The environment of a commit's processes."
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(tree), str(tree / ".beside")])}


def in_commit(tree: Path, code: str, **values) -> str:
    "What a piece of code prints with a commit's package."
    done = subprocess.run([sys.executable, "-c", code.format(**values)], env=surroundings(tree), cwd=tree,
                          stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


@contextmanager
def worktree(commit: str, folder: Path):
    "A commit's files."
    subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(folder), commit], cwd=ROOT, check=True)
    try:
        bring(folder)
        yield folder
    finally: subprocess.run(["git", "worktree", "remove", "--force", str(folder)], cwd=ROOT, check=True)


@contextmanager
def served(tree: Path, model: Path):
    "The address of a commit's calculator, with warm sessions."
    port = free_port()
    line = (FROM.format("stroke_nb.calculator.app", "serve_app", "stroke_nb.app", "serve_app") +
            f"serve_app({port}, {str(model)!r}, warm=2, grace=5)")
    ready = lambda: b'"warm": 2' in urlopen(f"http://localhost:{port}/healthz", timeout=5).read()
    with running([sys.executable, "-c", line], ready, tree, surroundings(tree)): yield f"http://localhost:{port}/{LINK}"


def paint(browser, report: Path) -> float:
    "Milliseconds until something of a page is to be seen."
    context = browser.new_context(viewport=dict(width=1400, height=900), offline=True)
    page = context.new_page()
    page.goto(report.as_uri())
    milliseconds = page.evaluate(FIRST_PAINT)
    context.close()
    return milliseconds


def measured(browser, addresses: list[str], reports: list[Path], options) -> dict[str, list[list[float]]]:
    "Name of what is measured to the values of both commits, the earlier one first."
    values = {name: [[], []] for name in ("click to answer", "key to number", "key to waterfall", "first paint")}
    failures = []
    for turn in range(options.rounds):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            page = sure(browser, addresses[side], ANSWER, failures)
            values["click to answer"][side].append(1000 * page.seconds)
            slid = page.slides(**PARTS, n=options.slides)
            page.close()
            values["key to number"][side] += slid[2:, 0].tolist()   # the first keys warm it up
            values["key to waterfall"][side] += slid[2:, 1].tolist()
    print(f"visits without an answer within 45 s: {failures or 0}")
    for turn in range(options.paints):
        for side in (0, 1) if turn % 2 == 0 else (1, 0): values["first paint"][side].append(paint(browser, reports[side]))
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", default="842dbba")
    parser.add_argument("--now", default="HEAD")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--slides", type=int, default=15)
    parser.add_argument("--paints", type=int, default=12)
    parser.add_argument("--reports", type=Path, nargs=2)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        commits = (options.before, options.now)
        trees = [stack.enter_context(worktree(commit, folder / name)) for name, commit in zip(("before", "now"), commits)]
        reports = options.reports or [
            Path(in_commit(tree, TRAIN, place=str(folder / f"reports-{tree.name}")).splitlines()[-1]) for tree in trees]
        in_commit(trees[0], FIT, place=str(folder / "model"))
        addresses = [stack.enter_context(served(tree, folder / "model")) for tree in trees]
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        values = measured(browser, addresses, [path.resolve() for path in reports], options)
        browser.close()
        print(f"reports: {' and '.join(f'{path.stat().st_size / 1e3:,.0f} kB' for path in reports)}")
    print(f"{'median, ms':<20}{commits[0]:>12}{commits[1]:>12}   ratio (10th and 90th percentile of each)")
    for name, sides in values.items():
        before, now = map(np.median, sides)
        ends = "; ".join(f"{np.percentile(side, 10):.0f} to {np.percentile(side, 90):.0f}" for side in sides)
        print(f"{name:<20}{before:>12.0f}{now:>12.0f}   {now / before:.2f} ({ends})")
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__": main()
