"""Takes the pictures of the docs from the real thing: reports, the calculator, JupyterLab's scheduler.

    python nbs/docs/images/take.py SAMPLES OUT [first_look report calculator lab]     from the workspace; needs Chromium

SAMPLES is `_docs/samples`, OUT the folder that gets the pictures. `make docs` takes all but JupyterLab's for the site
that it builds, so that they show today's pages; those beside this file are for README.md. Pictures are cut down to 64 colours, so that one has well under 150 KB. None shows anybody's row.
"""
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

BIN = Path(sys.executable).parent
SAMPLES, OUT = (Path(word).resolve() for word in sys.argv[1:3])
PERSON = "gender=Female&age=67&hypertension=1&heart_disease=0&ever_married=Yes&work_type=Private&residence_type=Urban&avg_glucose_level=228.7&smoking_status=formerly+smoked"


def keep(page, name: str, **box) -> None:
    "Save what the page shows as a small PNG."
    save(shot(page, **box), name)


def shot(page, **box):
    return Image.open(io.BytesIO(page.screenshot(**box))).convert("RGB")


def save(image, name: str) -> None:
    path = OUT / f"{name}.png"
    image.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
    print(path.name, path.stat().st_size // 1000, "KB")


@contextmanager
def browser_page(width: int, height: int):
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_context(viewport=dict(width=width, height=height), color_scheme="light").new_page()
        browser.close()


@contextmanager
def serving(port: int, *words: str, env: dict | None = None):
    "A server until the pictures are taken."
    server = subprocess.Popen([str(word) for word in words], env=os.environ | (env or {}), start_new_session=True)
    try:
        for _ in range(240):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0: break
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def first_look() -> None:
    "An alarm's first screen, and the calculator in one file beside it."
    with browser_page(860, 820) as page:
        page.goto((SAMPLES / "alarm/report.html").as_uri())
        left = shot(page)
        page.set_viewport_size(dict(width=560, height=820))
        page.goto((SAMPLES / "calculator.html").as_uri() + f"#{PERSON}")
        page.reload()
        page.wait_for_timeout(500)
        right = shot(page)
    both = Image.new("RGB", (left.width + 12 + right.width, left.height), "#c5ccd3")
    both.paste(left, (0, 0))
    both.paste(right, (left.width + 12, 0))
    save(both, "first-look")


def report() -> None:
    with browser_page(1180, 670) as page:
        page.goto((SAMPLES / "training/report.html").as_uri())
        page.wait_for_timeout(500)
        keep(page, "report")


def calculator() -> None:
    model = ["--model", "model"] if Path("model").is_dir() else []   # that of the samples, where they are made
    with serving(8871, BIN / "stroke-nb", "app", "--port", "8871", *model) as url:
        for name, size in (("calculator", (1180, 820)), ("calculator-phone", (390, 780))):
            with browser_page(*size) as page:
                page.goto(f"{url}/#{PERSON}")
                page.wait_for_selector(".sn-answer", timeout=90_000)
                page.wait_for_timeout(4000)
                if name == "calculator-phone": page.locator(".sn-answer").first.scroll_into_view_if_needed()
                keep(page, name)


def lab() -> None:
    token, place = "pictures", Path(tempfile.mkdtemp())
    shutil.copytree("nbs/notebooks", place / "nbs/notebooks")
    (place / "jupyter_config.json").write_text(json.dumps({"ServerApp": {"allow_root": True, "open_browser": False, "port": 8872}, "IdentityProvider": {"token": token}}))
    env = {"JUPYTER_CONFIG_DIR": str(place), "JUPYTER_DATA_DIR": str(place / "data"), "JUPYTERLAB_SETTINGS_DIR": str(place / "settings"), "JUPYTERLAB_WORKSPACES_DIR": str(place / "workspaces")}
    with serving(8872, BIN / "jupyter", "lab", f"--notebook-dir={place}", env=env) as url, browser_page(1180, 760) as page:
        page.goto(f"{url}/lab/tree/nbs/notebooks/drift.ipynb?token={token}")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=90_000)
        page.wait_for_timeout(6000)
        page.get_by_role("button", name="No", exact=True).last.click()   # it asks whether to fetch its news
        page.wait_for_timeout(1500)
        keep(page, "lab-notebook")
        page.locator("[data-jp-item-name='create-job-from-notebook'], [data-command*='create-from-notebook'], [data-command*='scheduling']").first.click()
        page.wait_for_selector("text=Create Job", timeout=30_000)
        page.set_viewport_size(dict(width=1180, height=980))
        page.get_by_role("button", name="Add new parameter").click()
        page.locator("input[name^='parameter-'][name$='-name']").fill("looks_per_year")
        page.locator("input[name^='parameter-'][name$='-value']").fill("365")
        page.get_by_text("Run on a schedule", exact=True).click()
        page.wait_for_timeout(1500)
        keep(page, "lab-job")
    shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    known = dict(first_look=first_look, report=report, calculator=calculator, lab=lab)
    for what in sys.argv[3:] or known: known[what]()
