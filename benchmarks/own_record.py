"""From a table that nobody has described to a report, a calculator and a service: seconds of wall clock and of CPU, step by step.

    python benchmarks/own_record.py [people.csv --outcome COLUMN] [--folder scratch]
    python benchmarks/own_record.py --draft 100000      the draft of so many rows and 62 columns, and nothing else

Without a file the table is one of 4,240 people and 17 columns after the Framingham teaching data. Every step is the command that a person
types; training has its usual size. The page counts from the start of `stroke-nb app` to the form of the first visit, the service from the
start of `stroke-nb serve` to the first answer of /predict.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.request import Request, urlopen

import psutil

from stroke_nb.tests.other_records import framingham, wide

COMMAND = Path(sys.executable).with_name("stroke-nb")
PORTS = dict(app=18866, serve=18000)


SECONDS: dict[tuple, float] = {}   # of CPU, by process


def watch() -> None:
    "Look at all processes that this one has started, helpers of helpers among them, four times a second."
    while True:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error): SECONDS[process.pid, process.create_time()] = sum(process.cpu_times()[:2])
        time.sleep(0.25)


def cpu() -> float: return sum(SECONDS.values())


@contextmanager
def timed(step: str):
    began, used = time.perf_counter(), cpu()
    yield
    print(f"{step:<32} {time.perf_counter() - began:7.1f} s   {cpu() - used:7.1f} s of CPU", flush=True)


def ask(url: str, body: dict | None = None) -> bytes:
    "An answer, as soon as there is one."
    request = Request(url, body and json.dumps(body).encode(), {"Content-Type": "application/json"})
    while True:
        try: return urlopen(request, timeout=120).read()
        except OSError: time.sleep(0.2)


@contextmanager
def running(name: str, *words: str):
    "A server of the workspace on a port of its own."
    process = subprocess.Popen([COMMAND, name, "--port", str(PORTS[name]), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try: yield f"http://127.0.0.1:{PORTS[name]}"
    finally: process.terminate(), process.wait()


def run(*words: str) -> None:
    done = subprocess.run([COMMAND, *words], capture_output=True, text=True)
    if done.returncode: raise SystemExit(done.stdout[-2000:] + done.stderr[-2000:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?")
    parser.add_argument("--outcome", default="TenYearCHD")
    parser.add_argument("--folder")
    parser.add_argument("--draft", type=int)
    parser.add_argument("--trained", action="store_true", help="the folder has a record and a model already: begin with the page")
    args = parser.parse_args()
    Thread(target=watch, daemon=True).start()
    source = args.file and Path(args.file).resolve()
    os.chdir(args.folder or tempfile.mkdtemp())
    for name in ("STROKE_NB_RECORD", "STROKE_NB_DATABASE"): os.environ.pop(name, None)
    if args.draft:
        wide(args.draft).assign(id=range(args.draft)).to_csv("people.csv", index=False)
        with timed(f"draft of {args.draft:,} rows"): run("record", "draft", "people.csv", "--outcome", "readmitted", "--out", "record.yaml")
        return
    if not source: framingham(4240).to_csv("people.csv", index=False)
    os.environ["STROKE_NB_DATA"] = str(source or Path("people.csv").resolve())
    began, used = time.perf_counter(), cpu()
    if not args.trained:
        with timed("draft"): run("record", "draft", os.environ["STROKE_NB_DATA"], "--outcome", args.outcome, "--out", "record.yaml")
        with timed("check"): run("record", "check", "--data", os.environ["STROKE_NB_DATA"])
        with timed("training report"): run("run", "train")
    with timed("first page of the calculator"), running("app") as url:
        assert b"sn-" in ask(url)
    with timed("first answer of the service"), running("serve") as url:
        example = json.loads(ask(f"{url}/openapi.json"))["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["examples"]
        assert b"risk" in ask(f"{url}/predict", next(iter(example.values()))["value"])
    print(f"{'altogether':<32} {time.perf_counter() - began:7.1f} s   {cpu() - used:7.1f} s of CPU")


if __name__ == "__main__": main()
