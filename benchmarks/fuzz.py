"""Coverage-guided fuzzing of what strangers hand in: a table (checked, drafted), a record, a request's body.

    python benchmarks/fuzz.py reader|record|drafted|body [--seconds 1200]      # needs atheris, which the lock doesn't hold

Inputs are mutated from good ones, and those that reach new lines of `stroke_nb` are mutated further. Whatever isn't refused in words
(`UserError`, a problem of the service's) is a finding: it ends the run with its traceback and is written beside it as `crash-...`.
"""
import argparse
import json
import re
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["stroke_nb"]):
    from stroke_nb.errors import UserError
    import stroke_nb.record
    from stroke_nb.fields import INPUTS, OUTCOME
    from stroke_nb.predictions import new_id, Outcome
    from stroke_nb.record.drafting import draft
    from stroke_nb.record.reading import read_record
    from stroke_nb.schema import validate
    from stroke_nb.service.api import EXAMPLE, OutcomesIn, People, inputs_of
    from stroke_nb.service.checks import check_known, check_once
    from stroke_nb.service.problems import Problem, invalid, parse_json
    from stroke_nb.simulation import simulate
    from stroke_nb.tables import read_rows
from pydantic import TypeAdapter, ValidationError

warnings.simplefilter("ignore")
FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-"))
PEOPLE, OUTCOMES = TypeAdapter(People), TypeAdapter(OutcomesIn)

def reader(data: bytes) -> None:
    "A file is read and checked, or refused."
    path = FOLDER / "people.csv"
    path.write_bytes(data)
    try: validate(read_rows(path)[0])
    except UserError: pass

def record(data: bytes) -> None:
    "A record is read and checked, or refused."
    path = FOLDER / "record.yaml"
    path.write_bytes(data)
    try: read_record(path)
    except UserError: pass

def drafted(data: bytes) -> None:
    "A table is drafted, or refused."
    path = FOLDER / "people.csv"
    path.write_bytes(data)
    try: draft(read_rows(path)[0], "stroke")
    except UserError: pass

def body(data: bytes) -> None:
    "A body is taken, or refused as a problem."
    try:
        content = parse_json(data)
        for adapter in (PEOPLE, OUTCOMES):
            try: value = adapter.validate_python(content)
            except ValidationError as error: invalid(error.errors(include_url=False))
            else: (take_outcomes if adapter is OUTCOMES else take_people)(value)
    except Problem: pass

def take_people(value) -> None:
    "As the route does."
    many = hasattr(value, "records")
    people = value.records if many else [value.__dict__]
    check_known(people, many)
    inputs_of(people)

def take_outcomes(value) -> None:
    "As the route does, the log left out."
    sent = value.model_dump()["outcomes"]
    check_once([outcome["prediction_id"] for outcome in sent])
    for values in sent:
        Outcome(prediction_id=values["prediction_id"], outcome=int(values[OUTCOME]), observed=values["observed"])

def seeds(target: str) -> list[bytes]:
    "Good inputs to begin with."
    people = simulate(12, seed=1).drop(columns="true_risk")
    if target in ("reader", "drafted"):
        return [people.to_csv(index=False).encode(), people.to_csv(index=False, sep=";", decimal=",").encode("utf-16")]
    if target == "record":
        packaged = (Path(stroke_nb.record.__file__).parent / "records/stroke.yaml").read_bytes()
        return [packaged, b"extends: stroke\nfields:\n  avg_glucose_level: {unit: mmol/L}\n"]
    one = {name: EXAMPLE[name] for name in INPUTS}
    outcome = {"prediction_id": new_id(), OUTCOME: 1, "observed": "2026-03-01"}
    return [json.dumps(text).encode() for text in (one, dict(records=[one, one]), dict(outcomes=[outcome]))]

def write_words(target: str) -> Path:
    "A dictionary for the fuzzer: what good inputs consist of."
    text = " ".join(seed.decode("utf-8", "ignore") for seed in seeds(target))
    path = FOLDER / "words"
    path.write_text("".join(f'"{word}"\n' for word in sorted(set(re.findall(r"[A-Za-z_]{3,30}", text)))))
    return path

def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("target", choices=("reader", "record", "drafted", "body"))
    options.add_argument("--seconds", type=int, default=1200)
    chosen = options.parse_args()
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    for n, seed in enumerate(seeds(chosen.target)): (corpus / f"seed-{n}").write_bytes(seed)
    words = [f"-max_total_time={chosen.seconds}", "-max_len=20000", "-timeout=300", "-rss_limit_mb=4000", "-print_final_stats=1"]
    words.append(f"-dict={write_words(chosen.target)}")
    atheris.Setup([sys.argv[0], *words, str(corpus)], globals()[chosen.target])
    print(f"{chosen.target}: from {len(list(corpus.iterdir()))} good inputs", flush=True)
    atheris.Fuzz()   # ends the process

if __name__ == "__main__": main()
