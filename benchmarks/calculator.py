"""The calculator's page beside a plain Voila notebook with CatBoost and shap.plots.waterfall, in one run on one machine.

    STROKE_NB_DATA=... python benchmarks/calculator.py [--clicks 8] [--slides 40] [--sessions 20] [--model models/champion]
    python benchmarks/calculator.py --starts 8      a forked session beside an ordinary kernel, and nothing else

Both are opened by the same Chromium and driven by the same keys:
- click to answer: from the moment a browser asks for the page until the answer stands there and can be read. Ours has warm sessions, as it is
  served; the plain one starts a kernel for each visit, as Voila does by itself (`plain, preheated` is the same notebook with Voila's pool).
- slide: from a key on the age slider until the number has changed, and until the waterfall has, measured in the page by a MutationObserver.
  A key comes 0.4 s after the one before has been answered, so that none waits for another.
- sessions: as many pages opened at once; what each session's process has that no other shares (USS), and its share of all (PSS).
Requests to other hosts, which the plain template makes, are refused at once, so that no network is measured.
"""
import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import numpy as np
import psutil
from playwright.sync_api import sync_playwright, TimeoutError as NotShown

PLAIN = """
import matplotlib.pyplot as plt, pandas as pd, shap, ipywidgets as ui
from catboost import CatBoostClassifier
from IPython.display import display
model = CatBoostClassifier().load_model(MODEL)
person = dict(PERSON)
explainer, number, picture = shap.TreeExplainer(model), ui.HTML(), ui.Output()
age = ui.IntSlider(67, 18, 82, description="Age")
def show(change):
    row = pd.DataFrame([person | dict(age=float(age.value))])
    number.value = f"<b class=answer>{model.predict_proba(row)[0, 1]:.4f}</b>"
    picture.clear_output(wait=True)
    with picture:
        shap.plots.waterfall(explainer(row)[0], show=False)
        display(plt.gcf()); plt.close()
age.observe(show, "value"); show(None)
display(ui.VBox([age, number, picture]))
"""
TIMER = """([slider, number, picture]) => {
  window.times = [];
  const at = (selector) => document.querySelector(selector);
  let start = 0, one = 0;
  const seen = (what) => new MutationObserver(() => {
    if (!start) return;
    if (what === "number" && !one) one = performance.now() - start;
    if (what === "picture" && one) { const two = performance.now() - start; start = 0; requestAnimationFrame(() => window.times.push([one, two])); }
  });
  seen("number").observe(at(number), { childList: true, subtree: true, characterData: true });
  seen("picture").observe(at(picture), { childList: true, subtree: true, attributes: true });
  addEventListener("keydown", () => { start = performance.now(); one = 0; }, true);
}"""


def plain_model(folder: Path) -> tuple[str, dict]:
    "A CatBoost model such as one would train in a notebook."
    from catboost import CatBoostClassifier
    from stroke_nb.cohort import load
    from stroke_nb.fields import INPUTS
    people = load()
    X = people[list(INPUTS)].copy()
    for name in X.columns[X.dtypes == object].tolist() + [name for name in X if str(X[name].dtype) in ("str", "string")]: X[name] = X[name].astype(str).astype("category").cat.codes.astype(float)
    CatBoostClassifier(iterations=300, verbose=0, allow_writing_files=False, thread_count=2).fit(X, people.stroke).save_model(str(folder / "plain.cbm"))
    return str(folder / "plain.cbm"), X.dropna().iloc[0].to_dict()


def free_port() -> int:
    import socket
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


@contextmanager
def running(command, ready, folder=None, env=None):
    "A server, until it is ready and then while it is used."
    with open(os.devnull, "w") as nothing: process = subprocess.Popen(command, cwd=folder, env=env, stdout=nothing, stderr=nothing, start_new_session=True)
    try:
        end = time.monotonic() + 90
        while True:
            try:
                if ready(): break
            except OSError: pass
            assert process.poll() is None and time.monotonic() < end, f"{command} didn't start"
            time.sleep(0.2)
        yield psutil.Process(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


@contextmanager
def ours(model: str, sessions: int):
    port = free_port()
    line = f"from stroke_nb.calculator.app import serve_app; serve_app({port}, {model!r}, warm=2, sessions={sessions + 2}, grace=0.5)"
    health = lambda: json.load(urlopen(f"http://localhost:{port}/healthz", timeout=5))
    with running([sys.executable, "-c", line], lambda: health()["warm"] >= 2) as server: yield f"http://localhost:{port}/", server, lambda: health()["warm"] >= 2


@contextmanager
def plain(folder: Path, preheated: bool):
    port, found = free_port(), lambda: urlopen(f"http://localhost:{port}/voila/static/voila.js", timeout=5).status == 200
    command = [sys.executable, "-m", "voila", "plain.ipynb", "--no-browser", f"--port={port}", f"--preheat_kernel={preheated}", "--pool_size=2"]
    with running(command, found, folder) as server:
        kernels = lambda: sum("kernel-" in " ".join(child.cmdline()) for child in server.children(recursive=True))
        warm = lambda: not preheated or kernels() >= 2
        if preheated: time.sleep(20)   # Voila doesn't say when its pool has rendered
        yield f"http://localhost:{port}/", server, warm


class Page:
    "One of the pages in the browser."
    def __init__(self, browser, address, answer):
        self.context = browser.new_context(viewport=dict(width=1400, height=900))
        self.page = self.context.new_page()
        self.page.route(lambda url: "localhost" not in url, lambda route: route.abort())
        start = time.perf_counter()
        self.page.goto(address, wait_until="commit")
        try: self.page.wait_for_selector(answer, timeout=45_000)
        except NotShown:
            self.close()
            raise
        self.seconds = time.perf_counter() - start

    def slides(self, slider: str, number: str, picture: str, n: int) -> np.ndarray:
        "Milliseconds until number and waterfall of each of n keys."
        self.page.wait_for_timeout(1500)
        self.page.evaluate(TIMER, [slider, number, picture])
        self.page.locator(slider).focus()
        for k in range(n):
            self.page.keyboard.press("ArrowRight" if k % 2 == 0 else "ArrowLeft")
            self.page.wait_for_function(f"() => window.times.length > {k}", timeout=30_000)
            self.page.wait_for_timeout(400)
        return np.array(self.page.evaluate("window.times"))

    def close(self): self.context.close()


def starts(n: int, model: str) -> None:
    "Seconds, processor time and memory until a forked and an ordinary kernel have the calculator open."
    from jupyter_client import BlockingKernelClient
    from jupyter_client.connect import write_connection_file
    from stroke_nb.calculator.fork import Parent, Sessions
    os.environ["STROKE_NB_MODEL"] = str(Path(model).absolute())
    options, parent = Sessions().get_kernel_spec("python3").argv[5:], Parent()
    rows = {"forked": [], "ordinary": []}
    parent.start()
    for kind in ["forked", *list(rows) * n]:   # the first one waits for the parent's imports and doesn't count
        with tempfile.TemporaryDirectory() as folder:
            path, _ = write_connection_file(str(Path(folder, "kernel.json")))
            begin = time.perf_counter()
            if kind == "forked": pid = parent.fork(["kernel", "-f", path, *options], dict(os.environ), folder).pid
            else: pid = subprocess.Popen([sys.executable, "-m", "ipykernel_launcher", "-f", path, *options], stdout=subprocess.DEVNULL).pid
            client = BlockingKernelClient(connection_file=path)
            client.load_connection_file()
            client.start_channels(hb=False, stdin=False, iopub=False)
            client.execute("from stroke_nb.calculator.widget import open_calculator; calculator = open_calculator()")
            client.get_shell_msg(timeout=60)
            seconds, process = time.perf_counter() - begin, psutil.Process(pid)
            used = process.cpu_times()
            rows[kind].append((seconds, used.user + used.system, process.memory_full_info().uss / 1e6))
            client.stop_channels()
            process.kill()
    parent.stop()
    for kind, measured in rows.items():
        seconds, used, memory = np.median(measured[1:] if kind == "forked" else measured, axis=0)
        print(f"{kind:<10} {seconds:6.2f} s   {used:5.2f} s of processor time   {memory:4.0f} MB of its own")


def sure(browser, address, answer, failures: list) -> Page:
    "A page that shows its answer; visits that showed none within 45 s are counted and made again."
    while True:
        try: return Page(browser, address, answer)
        except NotShown:
            failures.append(address)
            assert len(failures) < 8, "too many pages without an answer"


def clicks(browser, address, answer, ready, n, failures) -> list[float]:
    "Seconds from click to answer, each visit by a browser that knows nothing yet."
    taken = []
    for _ in range(n):
        while not ready(): time.sleep(0.1)
        time.sleep(0.5)
        page = sure(browser, address, answer, failures)
        taken.append(page.seconds)
        page.close()
        time.sleep(1.5)
    return taken


def memory(server: psutil.Process, of: str) -> list[tuple[float, float]]:
    "USS and PSS in MB of each kernel: `of` tells one by its command line."
    kernels = [child for child in server.children(recursive=True) if of in " ".join(child.cmdline()) and not any(of in " ".join(below.cmdline()) for below in child.children())]
    return [(full.uss / 1e6, full.pss / 1e6) for full in (kernel.memory_full_info() for kernel in kernels)]


def in_words(name: str, values, unit: str, target: float | None = None) -> str:
    "Median and 95th percentile in words."
    middle, high = np.median(values), np.percentile(values, 95)
    verdict = "" if target is None else f"   target {target:g} {unit}: {'held' if middle <= target else 'MISSED'}"
    return f"{name:<44}{middle:9.2f} {unit:<3} median {high:9.2f} {unit} p95{verdict}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=8)
    parser.add_argument("--slides", type=int, default=40)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--starts", type=int, default=0)
    parser.add_argument("--model", default="models/champion")
    options = parser.parse_args()
    if options.starts: return starts(options.starts, options.model)
    print(f"{platform.platform()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
    link = "#age=67&gender=Female&hypertension=1&heart_disease=0&ever_married=Yes&work_type=Private&residence_type=Urban&avg_glucose_level=105&bmi=29&smoking_status=formerly+smoked"
    our = dict(slider=".sn-field-age input[type=range]", number=".sn-part-answer", picture=".sn-part-why")
    their = dict(slider=".noUi-handle", number=".widget-html-content", picture=".widget-output")
    failed, their_failed = [], []
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        with ours(str(Path(options.model).absolute()), options.sessions) as (address, server, ready):
            opened = clicks(browser, address + link, ".sn-part-answer .sn-big strong", ready, options.clicks, failed)
            page = sure(browser, address + link, ".sn-part-answer .sn-big strong", failed)
            slid = page.slides(**our, n=options.slides)
            page.close()
            time.sleep(3)   # until the sessions before have ended
            pages = []
            for _ in range(options.sessions):
                pages.append(sure(browser, address + link, ".sn-part-answer .sn-big strong", failed))
            at_once = [each.seconds for each in pages]
            used, whole = memory(server, "warm_parent"), server.memory_full_info().uss / 1e6
            for each in pages: each.close()
        folder = Path(place)
        saved, person = plain_model(folder)
        source = PLAIN.replace("MODEL", repr(saved)).replace("PERSON", repr(person))
        cell = dict(cell_type="code", id="a", metadata={}, execution_count=None, outputs=[], source=source)
        (folder / "plain.ipynb").write_text(json.dumps(dict(cells=[cell], metadata=dict(kernelspec=dict(name="python3", display_name="Python", language="python")), nbformat=4, nbformat_minor=5)))
        with plain(folder, False) as (address, server, ready):
            cold = clicks(browser, address, ".answer", ready, max(3, options.clicks // 2), their_failed)
            page = sure(browser, address, ".answer", their_failed)
            their_slid = page.slides(**their, n=options.slides)
            their_used = memory(server, "ipykernel_launcher")
            page.close()
        with plain(folder, True) as (address, server, ready): warm = clicks(browser, address, ".answer", lambda: time.sleep(12) or True, max(3, options.clicks // 2), their_failed)
        browser.close()
    kernels = sorted(used)[1:] if len(used) > options.sessions else used
    print("\nClick to readable answer")
    print(in_words("  calculator, warm session", opened, "s", 1.5))
    print(in_words("  plain notebook, as Voila serves it", cold, "s"), f"\n    {np.median(cold) / np.median(opened):.1f} times as long")
    print(in_words("  plain notebook, preheated", warm, "s"), f"\n    {np.median(warm) / np.median(opened):.1f} times as long")
    print("\nSlide")
    print(in_words("  calculator, key to number", slid[:, 0], "ms", 100), "" if np.percentile(slid[:, 0], 95) <= 200 else "\n    p95 over 200 ms")
    print(in_words("  calculator, key to waterfall", slid[:, 1], "ms", 250))
    print(in_words("  plain notebook, key to number", their_slid[:, 0], "ms"), f"\n    {np.median(their_slid[:, 0]) / np.median(slid[:, 0]):.1f} times as long")
    print(in_words("  plain notebook, key to waterfall", their_slid[:, 1], "ms"), f"\n    {np.median(their_slid[:, 1]) / np.median(slid[:, 1]):.1f} times as long")
    print(f"\nMemory, {options.sessions} sessions open at once")
    uss, pss = np.array(kernels).T
    print(f"  calculator: {np.median(uss):.0f} MB of its own a session (share of all: {np.median(pss):.0f} MB), {uss.sum() + whole:,.0f} MB for {len(kernels)} sessions and the server ({whole:.0f} MB)")
    print(f"  opened one after the other in {np.median(at_once):.2f} s each (median), {np.max(at_once):.2f} s the slowest")
    their_uss = np.median([each[0] for each in their_used])
    print(f"  plain notebook: {their_uss:.0f} MB a session, {their_uss / np.median(uss):.1f} times as much")
    print(f"\nVisits without an answer within 45 s: calculator {len(failed)}, plain notebook {len(their_failed)}")
    print(f"load {os.getloadavg()[0]:.1f} after")


if __name__ == "__main__": main()
