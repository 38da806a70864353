"""HTTP answers of two versions of the package, side by side: status, headers, bodies, OpenAPI, page, the log's rows.

    python benchmarks/golden_service.py OLD NEW --model models/champion
    python benchmarks/golden_service.py golden.json NEW --model models/champion   (answers kept with --keep golden.json)

OLD and NEW are folders that hold a `stroke_nb` package. Ids that the service makes and durations aren't compared.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PERSON = dict(
    gender="Female", age=67, hypertension=0, heart_disease=1, ever_married="Yes", work_type="Private",
    residence_type="Urban", avg_glucose_level=227.4, bmi=36.2, smoking_status="formerly smoked",
)
GAPS = [
    {}, dict(age=41, gender="Male"), PERSON | dict(bmi=None), PERSON, dict(age=0.64, work_type="children"),
    PERSON | dict(avg_glucose_level=None, smoking_status=None),
    PERSON | dict(age=119.5, bmi=61.0, avg_glucose_level=281.4),
]
FORTY = [PERSON | dict(age=20 + n, person_id=f"p{n}") for n in range(40)]
BODIES = {
    "one": PERSON, "nothing known": {}, "gaps": dict(records=GAPS, request_id="visit-2"),
    "one elsewhere": PERSON | dict(prevalence=0.018, person_id="ward-7/1234", request_id="visit-1"),
    "gaps elsewhere": dict(records=GAPS, prevalence=0.3), "forty": dict(records=FORTY, request_id="visit-3"),
    "bool": PERSON | dict(hypertension=True), "text": PERSON | dict(age="67"), "none": dict(records=[]), "list": [1],
    "mmol": dict(records=[PERSON, PERSON | dict(avg_glucose_level=6.2, sex="F")]), "range": PERSON | dict(age=150),
    "prevalence": PERSON | dict(prevalence=1.8), "both": dict(records=[PERSON], age=67), "sex": dict(gender="f"),
    "too many": dict(records=[{}] * 1001), "request id": PERSON | dict(request_id="a\nb"),
}
RAW = {
    "not JSON": b"{'age': 67}", "NaN": b'{"age": NaN}', "empty": b"", "large": b" " * 2_000_001, "deep": b"[" * 50_000,
}
STRANGE = "019aa853-7e3a-7c2a-8e6f-1d3b5a7c9e0d"


def package():
    "`create_app`, `Settings` and `PredictionLog`, wherever this version has them."
    try: from stroke_nb.service.assembly import create_app
    except ModuleNotFoundError: from stroke_nb.service.app import create_app
    try: from stroke_nb.service.settings import Settings
    except ModuleNotFoundError: from stroke_nb.service.worker import Settings
    from stroke_nb.predictions import PredictionLog
    return create_app, Settings, PredictionLog


def answers(model: str) -> dict:
    "Every answer of this version, by name."
    from fastapi.testclient import TestClient
    import stroke_nb
    assert Path(stroke_nb.__file__).is_relative_to(os.environ["PYTHONPATH"]), stroke_nb.__file__
    create_app, Settings, PredictionLog = package()
    settings = lambda name, **more: Settings(model, f"sqlite:///{name}.db", f"{name}.spool", **more)
    got = {}

    def note(name, answer):
        headers = {key: value for key, value in answer.headers.items() if key not in ("date", "content-length")}
        is_json = "json" in answer.headers.get("content-type", "")
        got[name] = [answer.status_code, headers, answer.json() if is_json else answer.text]

    with TestClient(create_app(settings("plain")), "http://localhost") as client:
        for path in ("/predict", "/explain", "/outcomes"):
            for name, body in BODIES.items(): note(f"{path} {name}", client.post(path, json=body))
            for name, body in RAW.items():
                note(f"{path} {name}", client.post(path, content=body, headers={"Content-Type": "application/json"}))
            note(f"{path} form", client.post(path, data=dict(age=67)))
            note(f"{path} get", client.get(path))
        known = client.post("/predict", json=PERSON, headers={"X-Request-Id": "mine"})
        note("own request id", known)
        outcome = dict(prediction_id=known.json()["prediction_id"], stroke=1, observed="2026-03-01")
        note("outcome", client.post("/outcomes", json=dict(outcomes=[outcome])))
        strange = dict(outcomes=[outcome, outcome | dict(prediction_id=STRANGE)])
        note("strange outcome", client.post("/outcomes", json=strange))
        for path in ("/model", "/live", "/ready", "/health", "/openapi.json", "/docs", "/nowhere"):
            note(path, client.get(path))
        note("canary", client.put("/canary", json=dict(share=0.5)))
        note("metrics", client.get("/metrics"))
    for mode in ("shadow", "serve"):
        tried = settings(mode, challenger="challenger", share=0.5, mode=mode, prevalence=0.02, threshold=0.1)
        with TestClient(create_app(tried), "http://localhost") as client:
            for path in ("/predict", "/explain"): note(f"{mode} {path}", client.post(path, json=BODIES["forty"]))
            note(f"{mode} /model", client.get("/model"))
            note(f"{mode} canary", client.put("/canary", json=dict(share=0.25, mode=mode)))
            Path("canary.json").unlink(missing_ok=True)
    with PredictionLog("sqlite:///keyed.db", "keyed.spool") as log: key = log.add_key("ward 7", ["predict"])
    with TestClient(create_app(settings("keyed", api_keys="required", rate=0.01, burst=2)), "http://localhost") as client:
        note("no key", client.post("/predict", json=PERSON))
        note("wrong key", client.post("/predict", json=PERSON, headers={"X-API-Key": "snb_wrong_key"}))
        key = {"Authorization": f"Bearer {key}"}
        note("forbidden", client.post("/outcomes", json={}, headers=key))
        for n in range(4): note(f"rate {n}", client.post("/predict", json=PERSON, headers=key))
        note("keyed /openapi.json", client.get("/openapi.json"))
    for name in ("plain", "shadow", "serve"): got[f"log {name}"] = rows(name)
    return got


def rows(name: str) -> list:
    "The log's predictions, but for what differs from run to run."
    import sqlite3
    with sqlite3.connect(f"{name}.db") as base:
        base.row_factory = sqlite3.Row
        all_rows = [dict(row) for row in base.execute("select * from predictions order by seq")]
    return [{key: row[key] for key in row if key not in ("id", "time", "latency_ms", "seq")} for row in all_rows]


def alike(value, key: str = ""):
    "A value without what a service makes anew each time."
    if key == "uptime_seconds": return 0
    if isinstance(value, dict): return {name: alike(part, name) for name, part in value.items()}
    if isinstance(value, list): return [alike(part) for part in value]
    if not isinstance(value, str): return value
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<id>", value)
    if text.startswith("<!doctype html>"): text = re.sub(r"\s|;(?=\s*})", "", text)   # how a page's source is laid out
    if "# HELP stroke_nb" in text:   # counts stay, times go
        text = "\n".join(line for line in text.splitlines() if "_seconds" not in line and "memory_bytes" not in line)
        text = re.sub(r"(\.\d{12})\d+", r"\1", text)   # sums differ in the last digit by the order in which they are made
    return re.sub(r"\bkey [0-9a-f]{8}\b", "key <id>", text)


def run(version: Path, model: Path) -> dict:
    "The answers of a version, or those that were kept."
    if version.is_file(): return json.loads(version.read_text())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "champion").symlink_to(model.resolve())
        shutil.copytree(model, Path(folder, "challenger"))
        # under another hash, or it would be taken for the champion
        with open(Path(folder, "challenger", "manifest.json"), "a") as manifest: manifest.write("\n")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("STROKE_NB_")}
        environment |= {"PYTHONPATH": str(version.resolve()), "STROKE_NB_PERSON_KEY": "a secret of sixteen"}
        words = [sys.executable, Path(__file__).resolve(), "--answers", "champion"]
        done = subprocess.run(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    if sys.argv[1] == "--answers": return print(json.dumps(answers(sys.argv[2])))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, default=Path("models/champion"))
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    results = [run(version, options.model) for version in options.versions]
    if options.keep: options.keep.write_text(json.dumps(results[0]))
    if len(results) == 1: return print(f"{len(results[0])} answers")
    first, second = ({name: alike(answer) for name, answer in result.items()} for result in results)
    different = [name for name in first | second if first.get(name) != second.get(name)]
    print(f"{len(results[0])} answers, {len(different)} different", *different, sep="\n  ")
    sys.exit(bool(different))


if __name__ == "__main__": main()
