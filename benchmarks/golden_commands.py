"""Commands of two packages side by side: every help page, and what a set of good and faulty lines answers.

    python benchmarks/golden_commands.py OLD NEW

OLD and NEW are folders that hold a `stroke_nb`. Exit code 1 where a help page or an exit code differs; a message that differs
is shown, for a reader to say whether it became clearer.
"""
import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

_JOB = '["from stroke_nb.jobs import record\\n", "record(verdict=verdict, reasons=[\'said so\'], metrics={})"]'
_NOTEBOOK = """{"cells": [
 {"cell_type": "code", "id": "a", "metadata": {"tags": ["parameters"]}, "outputs": [], "execution_count": null, "source": ["verdict: str = 'ok'"]},
 {"cell_type": "code", "id": "b", "metadata": {}, "outputs": [], "execution_count": null, "source": %s}],
 "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}, "nbformat": 4, "nbformat_minor": 5}""" % _JOB

FILES = {   # what lies in the folder where the lines are tried
    "quick.ipynb": _NOTEBOOK,
    "good.yaml": "watch: {days: 14}\n",
    "typo.yaml": "watch:\n  days: 7\n  budgt: 0.1\n",
    "word.yaml": "retrain: {events: many}\n",
    "range.yaml": "promote: {days: 0}\n",
    "choice.yaml": "promote: {by: everybody}\n",
    "twice.yaml": "watch: {days: 7, days: 8}\n",
    "site.yaml": "site: {newest: 3}\n",
    "site_range.yaml": "site: {last: 0}\n",
    "unknown/schedule.yaml": "runs:\n  drift: {job: drift, corn: '1 2 * * *'}\n",
    "no_cron/schedule.yaml": "runs: {pages: {command: index}}\n",
    "limit/schedule.yaml": "runs: {pages: {command: index, cron: '1 2 * * *', limit: long}}\n",
    "zone/schedule.yaml": "timezone: Berlin\nruns: {}\n",
    "parameter/schedule.yaml": "runs: {drift: {job: drift, cron: '1 2 * * *', parameters: {budgt: 1}}}\n",
    "good/schedule.yaml": "runs: {pages: {command: index, cron: '1 2 * * *'}}\n",
    "blank/schedule.yaml": "",
    "people.csv": "age,sex\n1,2\n",
}

LINES = """
--version
nonsense
run nothing
run quick.ipynb -p verdct ok
run quick.ipynb -p verdict
run quick.ipynb --no-register
run quick.ipynb -p verdict alarm --no-register
run quick.ipynb -p verdict alarm --fail-on alarm --no-register
run quick.ipynb -p verdict wrong --no-register
run quick.ipynb --fail-on nonsense
rerun nowhere
params nothing
params drift
index
simulate 3 out.txt
simulate 3 nowhere/out.csv
simulate 3 out.csv
score people.csv out.txt
score people.csv scored.csv
canary 2
canary 0.5 --mode nonsense
loop --check
loop --rule good.yaml --check
loop --rule typo.yaml --check
loop --rule word.yaml --check
loop --rule range.yaml --check
loop --rule choice.yaml --check
loop --rule twice.yaml --check
loop --rule good.yaml --now yesterday
gate --rule good.yaml
gate --rule none.yaml
models list
models show 7
models promote 7
models rollback
models history
models prune
summary drift
summary drift --to nobody
summary drift --to issue
site --file site.yaml
site --file site_range.yaml
site --out good
prune --file site.yaml
prune
state check
state restore
state save mine
schedule list
schedule list --folder unknown
schedule list --folder no_cron
schedule list --folder limit
schedule list --folder zone
schedule list --folder parameter
schedule list --folder good
schedule list --folder blank
schedule install --print --folder good --every 7
schedule run-due --folder good
log status --database sqlite:///none.db
log retain never --database sqlite:///none.db
keys add somebody --scope nonsense --database sqlite:///none.db
""".strip().splitlines()

_PROBE = """
import json, sys
from typer.main import get_command
from typer.testing import CliRunner
from stroke_nb.cli import app
try: from stroke_nb.cli.workflow import app as workflow
except ModuleNotFoundError: from stroke_nb.workflow import app as workflow

def commands(command, words=()):
    yield words
    for name, below in getattr(command, "commands", {}).items(): yield from commands(below, (*words, name))

def ask(app, words):
    answer = CliRunner().invoke(app, words)
    error = answer.exception
    if error is not None and not isinstance(error, SystemExit): return [answer.exit_code, f"{type(error).__name__}: {error}"]
    return [answer.exit_code, answer.output]

answers = {}
for name, each in (("stroke-nb", app), ("stroke_nb.cli.workflow", workflow)):
    for words in commands(get_command(each)): answers[" ".join([name, *words, "--help"])] = ask(each, [*words, "--help"])
for line in json.loads(sys.argv[1]):
    which = workflow if line.split()[0] in ("gate", "state", "prune") else app
    answers[line] = ask(which, line.split())
json.dump(answers, open(sys.argv[2], "w"))
"""


def answers(package: Path) -> dict:
    "Exit code and words of every command of a package, asked in a folder of its own."
    with tempfile.TemporaryDirectory() as folder:
        for name, text in FILES.items():
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("STROKE_NB", "MLFLOW", "GITHUB"))}
        env |= dict(PYTHONPATH=str(package.absolute()), COLUMNS="160", PATH=os.defpath)   # neither gh nor crontab
        subprocess.run([sys.executable, "-c", _PROBE, json.dumps(LINES), "answers.json"], cwd=folder, env=env, check=True)
        text = Path(folder, "answers.json").read_text().replace(str(package.absolute()), "PACKAGE").replace(folder, "FOLDER")
        return json.loads(re.sub(r"\d{8}T\d{6}Z-\w{6}|\d{4}-\d\d-\d\d \d\d:\d\d|0x[0-9a-f]+|_?[.]tmp_?\w+", "...", text))


def main() -> int:
    old, new = (answers(Path(folder)) for folder in sys.argv[1:3])
    wrong = 0
    for line in {**old, **new}:
        before, now = old.get(line, [None, ""]), new.get(line, [None, ""])
        if before == now: continue
        bad = before[0] != now[0] or line.endswith("--help")
        wrong += bad
        print(f"\n{'WRONG' if bad else 'words'}: {line}: exit code {before[0]} then, {now[0]} now")
        print("\n".join(difflib.unified_diff(before[1].splitlines(), now[1].splitlines(), lineterm="", n=0)))
    codes = sorted({code for code, _ in new.values()})
    print(f"\n{len(new)} command lines, exit codes {', '.join(map(str, codes))}; {wrong} differ in help or exit code")
    return int(wrong > 0)


if __name__ == "__main__": sys.exit(main())
