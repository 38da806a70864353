"""A year in an hour: served predictions, delayed outcomes, a change in mid-year, and the loop that answers it, by the real commands.

    python benchmarks/year.py FOLDER [--weeks 52] [--change 26] [--people 1000] [--shift 0.8] [--seed 1]

FOLDER (new) becomes a workspace of simulated people. Each week `--people` of them are scored by whatever `models/champion` is then, the way the
service does it: `Models` with its canary, and the prediction log. What became of them is known `DELAY` weeks later. From week `--change` on the
log-odds of a stroke are higher by `--shift`. At the end of each week `stroke-nb loop --now ...` runs, by the rule of RULE, with an address that
is told (a web server here). Nothing else decides. In weeks `OFFERS` somebody offers a model that is worse than the champion: `stroke-nb models
promote` asks for a comparison, `stroke-nb run compare` gives one, and promotion is asked for again.

What comes out: FOLDER/year.html and FOLDER/year.json. Observed over expected is shown by week as served, and as the first champion would have
served the same people all year. The rest of the page is read from FOLDER/reports and models/history.jsonl alone. The run ends with exit code 1
where something that ought to hold doesn't: no alarm before the change and one after it, a challenger promoted by the gate, O/E back within 0.8
to 1.25, nothing promoted that the gate should refuse, and the decisions the same to the last digit when `stroke-nb rerun` makes them again.
"""
import argparse
import base64
import io
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pandas as pd

from stroke_nb import __version__
from stroke_nb.service.canary import Models
from stroke_nb.cohort import simulate
from stroke_nb.validation.calibration import observed_expected_interval
from stroke_nb.fields import INPUTS
from stroke_nb.jobs.result import commit
from stroke_nb.jobs.report import to_html
from stroke_nb.model import recalibrate, RiskModel
from stroke_nb.arithmetic import expit, logit
from stroke_nb.predictions import Outcome, PredictionLog, PredictionRow
from stroke_nb.scoring.load import Scorer

MONDAY = datetime(2026, 1, 5, tzinfo=timezone.utc)
BOUNDS = (0.8, 1.25)
GREY, BLUE, VERMILION = "#7a7a7a", "#1f6fb2", "#d55e00"


@dataclass(frozen=True)
class Plan:
    "What kind of year it is."
    weeks: int = 52
    change: int = 26        # first week in which log-odds are higher
    people: int = 1000      # a week
    shift: float = 0.8      # in log-odds
    delay: int = 4          # weeks until an outcome is known
    days: int = 7           # between two looks of the loop
    base: int = 8000        # people of the first training
    events: int = 100       # strokes asked for, to learn from and by the gate
    trial: int = 7          # days of canary before promotion
    offers: tuple = (18, 44)  # weeks in which a worse model is offered
    kind: str = "catboost"  # of the first model
    repeat: int = 20        # runs that are made again at the end
    seed: int = 1

    @property
    def rule(self) -> str:
        "What loop.yaml says."
        return (f'watch: {{begin: "{MONDAY:%Y-%m-%d}", days: {self.days}, outcomes_per_year: {52 * self.people}}}\n'
                f"retrain: {{base: base.parquet, events: {self.events}, settle: {7 * self.delay}, refits: 30, again: 7}}\n"
                f"gate: {{events: {self.events}}}\npromote: {{by: gate}}\ncanary: {{days: {self.trial}, share: 0.2, mode: shadow}}\n")


# ---- the world -------------------------------------------------------------------------------------------------------------------------

def people_of(plan: Plan, week: int) -> pd.DataFrame:
    "Who comes in a week, with what becomes of them."
    people, rng = simulate(plan.people, seed=10_000 * plan.seed + week), np.random.default_rng([plan.seed, week])
    shift = plan.shift if week >= plan.change else 0.0
    return people.assign(stroke=(rng.random(plan.people) < expit(logit(people.true_risk) + shift)) * 1)


def records_of(people: pd.DataFrame) -> list[dict]:
    "The ten inputs of each, None where unknown."
    return people[list(INPUTS)].astype(object).where(people[list(INPUTS)].notna(), None).to_dict("records")


def serve(plan: Plan, week: int, models: Models, log: PredictionLog) -> tuple[list[Outcome], pd.DataFrame]:
    "A week of the service: the champion answers, the challenger scores its share beside it; outcomes to come, and who was told what."
    models.refresh()
    people, lineup = people_of(plan, week), models.lineup
    records, moments = records_of(people), [MONDAY + timedelta(weeks=week, minutes=9 * n) for n in range(plan.people)]
    made = {}
    for role, scorer in lineup.roles().items():
        scores = scorer.score(records)
        low, high = (np.where(np.isnan(end), scores.risk, end) for end in (scores.low, scores.high))
        for n, record in enumerate(records):
            key = f"person {week}-{n}"
            if role == "challenger" and not lineup.tries(key): continue
            made[role, n] = PredictionRow(model_version=scorer.version or "1", model_sha256=scorer.sha256, role=role, served=role == "champion", inputs=record,
                                       risk=float(scores.risk[n]), low=float(low[n]), high=float(high[n]), imputed=scores.imputed[n], time=moments[n], person=key, request_id=key)
    log.add(list(made.values()))
    outcomes = [Outcome(prediction_id=made["champion", n].id, outcome=int(stroke)) for n, stroke in enumerate(people.stroke)]
    return outcomes, people.assign(risk=[made["champion", n].risk for n in range(plan.people)])


class Listener:
    "A web server that is told of things, in place of a chat."
    def __enter__(self):
        heard = self.heard = []
        class Ear(BaseHTTPRequestHandler):
            def do_POST(self):
                heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(204), self.end_headers()
            def log_message(self, *args): pass
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
        Thread(target=self.server.serve_forever, daemon=True).start()
        os.environ["STROKE_NB_NOTIFY"] = f"json://127.0.0.1:{self.server.server_port}/year"
        return self

    def __exit__(self, *error):
        del os.environ["STROKE_NB_NOTIFY"]
        self.server.shutdown(), self.server.server_close()


# ---- the commands ----------------------------------------------------------------------------------------------------------------------

def command(*words) -> subprocess.CompletedProcess:
    "`stroke-nb ...` in the workspace."
    script = shutil.which("stroke-nb") or str(Path(sys.executable).with_name("stroke-nb"))
    return subprocess.run([script, *map(str, words)], capture_output=True, text=True)


def expect(done: subprocess.CompletedProcess, *codes: int) -> subprocess.CompletedProcess:
    "Go on only after an exit code that was meant."
    if done.returncode not in codes: sys.exit(f"{' '.join(done.args[1:])} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


def begin(plan: Plan) -> None:
    "A workspace with data, rule and a first champion."
    simulate(plan.base, seed=plan.seed).to_parquet("base.parquet")
    Path("loop.yaml").write_text(plan.rule)
    expect(command("loop", "--check"), 0)
    expect(command("run", "train", "-p", "data", "base.parquet", "-p", "folds", 3, "-p", "repeats", 1, "-p", "refits", 30, "-p", "resamples", 60,
                   "-p", "kind", plan.kind, "-p", "challengers", "age_only"), 0, 3)


def newest(job: str) -> Path: return max(Path("reports", job).glob("[0-9]*"))


def offer(plan: Plan, week: int) -> dict:
    "Somebody wants a model that tells people apart half as well in champion's place; what the commands say to that."
    from stroke_nb.promotion.registry import list_versions, log_run
    from stroke_nb.promotion.published import publish
    champion, base = RiskModel.load("models/champion"), pd.read_parquet("base.parquet")
    base.attrs = dict(source="base.parquet", sha256=None, simulated=True)
    worse = recalibrate(champion, logit(base.stroke.mean()) / 2, 0.5, base.stroke.mean())
    worse.version_, worse.about_ = f"offered in week {week}", dict(champion.about_, sha256=None)
    folder = Path("offers", f"{week}")
    worse.save(folder / "model")
    version = log_run(folder, folder / "model", dict(run_id=f"offer-{week}", verdict="ok", metrics={}, data=dict(simulated=True), code={}), {})
    plain = command("models", "promote", version)
    since = MONDAY + timedelta(weeks=max(0, week - plan.delay - 8) if week < plan.change else plan.change)
    compared = expect(command("run", "compare", "-p", "challenger", folder / "model", "-p", "source", "log", "-p", "since", f"{since:%Y-%m-%d}", "-p", "events", plan.events), 0)
    asked = command("models", "promote", version, "--comparison", newest("compare"))
    gate = json.loads((newest("compare") / "gate.json").read_text())
    return dict(week=week, version=version, without_comparison=plain.returncode, said=plain.stderr.strip(), gate=gate["verdict"], reasons=gate["reasons"],
                with_comparison=asked.returncode, answer=asked.stderr.strip(), comparison=newest("compare").name, champion_stays=Scorer.load("models/champion").sha256 == champion.sha256_)


# ---- the year --------------------------------------------------------------------------------------------------------------------------

def run_year(folder: Path, plan: Plan = Plan(), tell=print) -> dict:
    "The whole of it; what happened, week by week."
    folder.mkdir(parents=True)
    before, settings = Path.cwd(), dict(os.environ)
    os.chdir(folder)
    os.environ |= {"STROKE_NB_DATABASE": f"sqlite:///{folder.absolute().as_posix()}/predictions.db", "MLFLOW_TRACKING_URI": f"sqlite:///{folder.absolute().as_posix()}/mlflow.db",
                   "STROKE_NB_DATA": str(folder.absolute() / "base.parquet")}
    try:
        with Listener() as listener, PredictionLog() as log: year = _weeks(plan, log, tell)
        return year | dict(told=[each["title"] + ": " + each["message"] for each in listener.heard], plan=asdict(plan))
    finally:
        os.chdir(before)
        os.environ.clear(), os.environ.update(settings)


def _weeks(plan: Plan, log: PredictionLog, tell) -> dict:
    "Week after week."
    start = time.monotonic()
    begin(plan)
    first, models, waiting, rows, offers = RiskModel.load("models/champion"), Models("models/champion", "models/challenger"), [], [], []
    for week in range(plan.weeks):
        outcomes, people = serve(plan, week, models, log)
        waiting.append(outcomes)
        if week >= plan.delay: log.add([replace(each, received=datetime.now(timezone.utc)) for each in waiting[week - plan.delay]])
        champion = models.lineup.champion
        said = expect(command("loop", "--now", f"{MONDAY + timedelta(weeks=week + 1):%Y-%m-%d}"), 0).stdout if (week + 1) * 7 % plan.days == 0 else ""
        kept = first.predict_proba(people[list(INPUTS)])[:, 1]
        rows.append(dict(week=week, observed=int(people.stroke.sum()), served=float(people.risk.sum()), kept=float(kept.sum()), champion=champion.sha256,
                         actions=[line.split(":")[0] for line in said.splitlines() if ": " in line and not line.startswith(("Report", "Told", "Nobody"))]))
        if week in plan.offers: offers.append(offer(plan, week))
        tell(f"week {week:2} after {time.monotonic() - start:5.0f} s: O/E {rows[-1]['observed'] / rows[-1]['served']:.2f}, {', '.join(rows[-1]['actions'])}", flush=True)
    return dict(weeks=rows, offers=offers, again=again(plan, tell), seconds=time.monotonic() - start)


def again(plan: Plan, tell) -> list[dict]:
    "Run the decisions again, each from its own report: the alarm, each retraining and comparison, the last step."
    def of(job, verdict=""): return [path.parent for path in sorted(Path("reports", job).glob("[0-9]*/result.json")) if verdict in ("", json.loads(path.read_text())["verdict"])]
    found = []
    for run in [*of("drift", "alarm")[:1], *of("compare"), *of("retrain"), *of("loop")[-1:]][:plan.repeat]:
        done = command("rerun", run)
        found.append(dict(run=f"{run.parent.name}/{run.name}", code=done.returncode, said=(done.stdout.splitlines() or [done.stderr.strip()])[-1]))
        tell(f"{found[-1]['run']} again: {found[-1]['said']}", flush=True)
    return found


# ---- what is read from it --------------------------------------------------------------------------------------------------------------

def ratios(year: dict, name: str) -> pd.DataFrame:
    "Observed over expected of each week with its interval."
    return pd.DataFrame([observed_expected_interval(row["observed"], row[name]) for row in year["weeks"]], columns=["value", "low", "high"])


def story(reports: Path) -> pd.DataFrame:
    "The decisions of the year, from the reports alone."
    runs = [json.loads(path.read_text()) for path in sorted(reports.glob("*/*/result.json"))]
    rows = [dict(job=run["job"], run=run["run_id"], verdict=run["verdict"], words=run["reasons"][0] if run["reasons"] else "", model=(run["model"]["sha256"] or "")[:12],
                 data=(run["data"]["sha256"] or "")[:12]) for run in runs]
    frame = pd.DataFrame(rows).sort_values("run", ignore_index=True)
    return frame[(frame.job != "loop") & ((frame.job != "drift") | (frame.verdict != "ok"))]


def held(year: dict) -> dict[str, bool]:
    "What ought to hold, and whether it does."
    plan, weeks = year["plan"], year["weeks"]
    week_of = {what: [row["week"] for row in weeks if what in row["actions"]] for what in ("alarm", "retrained", "promoted", "passed", "failed")}
    first = weeks[0]["champion"]
    after = [row for row in weeks if row["champion"] != first][:10]
    ratio = sum(row["observed"] for row in after) / max(sum(row["served"] for row in after), 1e-9)
    return {"no alarm before the change": not any(week < plan["change"] for week in week_of["alarm"]),
            "an alarm after it": any(week >= plan["change"] for week in week_of["alarm"]),
            "a challenger was retrained and the gate let it pass": bool(week_of["retrained"] and week_of["passed"]),
            "it was promoted by the rule, by no hand": bool(week_of["promoted"]),
            "O/E is back within 0.8 to 1.25": bool(after) and BOUNDS[0] <= ratio <= BOUNDS[1],
            "every worse model was refused, with and without a comparison": bool(year["offers"]) and all(
                each["without_comparison"] and each["with_comparison"] and each["champion_stays"] and each["gate"] == "refuse" for each in year["offers"]),
            "somebody was told of alarm and promotion": {"alarm", "promoted"} <= {word for line in year["told"] for word in line.replace(":", " ").split()},
            "no step failed": not week_of["failed"],
            "alarm, retraining and comparisons, run again from their reports, gave the same numbers": bool(year["again"]) and not any(each["code"] for each in year["again"])}


def figures(year: dict) -> dict:
    "O/E before the change, after it until the promotion, and since, with the loop and without."
    weeks, first = pd.DataFrame(year["weeks"]), year["weeks"][0]["champion"]
    old, late = weeks.champion == first, weeks.week >= year["plan"]["change"]
    parts = {"oe_before_the_change": (~late, "served"), "oe_until_the_promotion": (late & old, "served"), "oe_since_with_the_loop": (~old, "served"), "oe_since_without": (~old, "kept")}
    return {name: observed_expected_interval(weeks.observed[which].sum(), weeks[column][which].sum())._asdict() for name, (which, column) in parts.items() if which.any()}


def drawing(year: dict) -> str:
    "O/E by week with and without the loop, as a PNG in base64."
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    figure, ax = plt.subplots(figsize=(9, 4.2), dpi=110, layout="constrained")
    weeks, plan = np.arange(len(year["weeks"])) + 1, year["plan"]
    ax.axhspan(*BOUNDS, color=GREY, alpha=0.12, lw=0)
    for name, colour, label, place in (("kept", GREY, "the first champion kept all year", -0.12), ("served", BLUE, "as served, with the loop", 0.12)):
        frame = ratios(year, name)
        ax.errorbar(weeks + place, frame.value, [frame.value - frame.low, frame.high - frame.value], fmt="o", ms=3.5, lw=1, color=colour, label=label)
    ax.axvline(plan["change"] + 0.5, color=GREY, ls=":", lw=1.2)
    for row in year["weeks"]:
        for what, colour, marker, height in (("alarm", VERMILION, "s", 3.2), ("promoted", BLUE, "^", 3.2)):
            if what in row["actions"]: ax.plot(row["week"] + 1, height, marker, color=colour, ms=7, label=what)
    ax.set(yscale="log", ylim=(0.5, 4), xlabel="week (dotted: the change)", ylabel="observed / expected")
    ax.set_yticks([0.5, 0.8, 1, 1.25, 2, 3, 4], ["0.5", "0.8", "1", "1.25", "2", "3", "4"]), ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
    handles = dict(zip(*reversed(ax.get_legend_handles_labels())))
    ax.legend(handles.values(), handles.keys(), frameon=False, loc="upper left")
    memory = io.BytesIO()
    figure.savefig(memory, format="png")
    plt.close(figure)
    return base64.b64encode(memory.getvalue()).decode()


def page(folder: Path, year: dict) -> str:
    "The report of the year, in the house's own look."
    says, plan = held(year), year["plan"]
    def prose(text): return dict(cell_type="markdown", source=text, metadata={})
    def shown(**data): return dict(cell_type="code", source="", metadata={}, outputs=[dict(output_type="display_data", data=data, metadata={})])
    def table(frame): return shown(**{"text/html": frame.to_html(index=False, border=0)})
    offers = pd.DataFrame([{"week": each["week"] + 1, "version": each["version"], "the gate": each["gate"], "why": " ".join(each["reasons"][1:3]), "promote, without comparison": f"exit code {each['without_comparison']}",
                            "promote, with it": f"exit code {each['with_comparison']}"} for each in year["offers"]])
    acts = pd.DataFrame([{"week": row["week"] + 1, "what the loop did": ", ".join(each for each in row["actions"] if each != "looked")} for row in year["weeks"]
                         if set(row["actions"]) - {"looked", "nothing was due"}])
    history = pd.read_json(folder / "models" / "history.jsonl", lines=True, dtype=str).fillna("").replace("nan", "")
    history = history.assign(time=history.time.str[:16], sha256=history.sha256.str[:12])[["time", "action", "version", "sha256", "by", "comparison"]]
    with pd.option_context("display.max_colwidth", None):
        cells = [prose(f"# A year in an hour\n> {plan['weeks']} weeks of {plan['people']:,} simulated people, by the real commands"),
                 prose(f"## Do the risks hold?\nObserved over expected by week, with 95 % intervals. From week {plan['change'] + 1} on, strokes are more frequent by {plan['shift']:g} in log-odds; outcomes are known "
                       f"{plan['delay']} weeks after the prediction. Grey band: 0.8 to 1.25."), shown(**{"image/png": drawing(year)}),
                 prose("## What the loop did"), table(acts), prose("## Worse models that were offered\nThe champion's order of people with risks half as spread, in log-odds."), table(offers),
                 prose("## The decisions, from the reports alone\nQuiet looks left out."), table(story(folder / "reports")),
                 prose("## The same again?\n`stroke-nb rerun` takes notebook, parameters and model's hash from a report and compares every number."), table(pd.DataFrame([{"run": each["run"], "again": each["said"]} for each in year["again"]])),
                 prose("## Who became champion, from models/history.jsonl"), table(history),
                 prose("## Who was told"), table(pd.DataFrame({"message": [" ".join(line.split()) for line in year["told"]]})), prose(f"## The rule\n```\n{Plan(**plan).rule}```")]
    now = datetime.now(timezone.utc)
    result = dict(job="year", run_id=f"{now:%Y%m%dT%H%M%SZ}", started=f"{now - timedelta(seconds=year['seconds']):%Y-%m-%dT%H:%M:%SZ}", finished=f"{now:%Y-%m-%dT%H:%M:%SZ}",
                  verdict="ok" if all(says.values()) else "alarm", reasons=[f"{'Yes' if so else 'NO'}: {what}." for what, so in says.items()], parameters=plan | dict(offers=str(plan["offers"])),
                  data=dict(source="simulated people", sha256=None, rows=plan["weeks"] * plan["people"], simulated=True), model=dict(version=None, sha256=None),
                  code=dict(commit=commit(Path(__file__).parent), version=__version__), metrics=figures(year), files=["report.html"])
    return to_html(dict(cells=cells, metadata={}), "A year in an hour", result)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    for name in ("weeks", "change", "people", "seed"): parser.add_argument(f"--{name}", type=int, default=getattr(Plan, name))
    parser.add_argument("--shift", type=float, default=Plan.shift)
    given = vars(parser.parse_args())
    folder = given.pop("folder").absolute()
    year = run_year(folder, Plan(**given))
    (folder / "year.json").write_text(json.dumps(year, indent=1))
    (folder / "year.html").write_text(page(folder, year))
    for what, so in held(year).items(): print(f"{'yes' if so else 'NO '}  {what}")
    print(f"{year['seconds'] / 60:.0f} minutes; {folder / 'year.html'}")
    return int(not all(held(year).values()))


if __name__ == "__main__": sys.exit(main())
