"Collects each notebook as a pytest item of its own, beside the exported test modules."
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

NBS = Path(__file__).parent / "nbs"
# begun first, so that no worker is left alone with one
LONGEST = (
    "test_own_record", "test_docs", "test_loop", "test_predictions", "test_app", "test_reports", "test_workflows", "test_service", "test_schedule",
    "test_model", "test_site", "test_service_faults", "test_drift", "test_deploy", "test_one_page", "test_scale", "test_app_records", "test_jobs",
    "test_home",
)

# the workers share the cores already
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"): os.environ.setdefault(name, "1")
os.environ.setdefault("JOBLIB_MULTIPROCESSING", "0")   # each of its processes imports everything anew, 3 to 5 s of CPU


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST and item.path.suffix == ".py" else len(LONGEST))


def pytest_configure(config):
    if hasattr(config, "workerinput"):
        sys.executable = os.environ["STROKE_NB_PYTHON"]   # what a test starts by it begins cold
        return
    os.environ["STROKE_NB_TESTS"] = tempfile.mkdtemp(prefix="stroke_nb-tests-")   # small runs, made once for all workers
    os.environ["STROKE_NB_PYTHON"] = sys.executable
    if hasattr(os, "pidfd_open"):
        from stroke_nb.tests.warm import start
        folder = Path(os.environ["STROKE_NB_TESTS"], "warm")
        config.warm_parent = start(folder)
        os.environ["JUPYTER_PATH"] = str(folder)   # kernels of job runs are its forks
        workers = getattr(config.option, "tx", None) or []
        config.option.tx = [f"popen//python={folder}/bin/python" for _ in workers]   # so are the workers


def pytest_unconfigure(config):
    if hasattr(config, "workerinput"): return
    if hasattr(config, "warm_parent"): config.warm_parent.stdin.close()
    shutil.rmtree(os.environ.pop("STROKE_NB_TESTS"), ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    "A command that ran in this process took a record for it; the next item begins without."
    before = os.environ.get("STROKE_NB_RECORD")
    done = yield
    os.environ.pop("STROKE_NB_RECORD", None)
    if before is not None: os.environ["STROKE_NB_RECORD"] = before
    return done


def pytest_collect_file(parent, file_path):
    if file_path.suffix == ".ipynb" and NBS in file_path.parents and ".ipynb_checkpoints" not in file_path.parts:
        return NotebookFile.from_parent(parent, path=file_path)


class NotebookFile(pytest.File):
    def collect(self):
        kind = JobItem if self.path.parent.name == "notebooks" else NotebookItem
        yield kind.from_parent(self, name=self.path.stem)


class NotebookItem(pytest.Item):
    "Runs a library notebook top to bottom, in this process: heavy packages are imported once."

    def runtest(self):
        from nbdev.test import test_nb
        ok, seconds = test_nb(self.path)
        assert ok, f"{self.path.name} failed: the cell and its error are in the output above"

    def repr_failure(self, excinfo):
        return str(excinfo.value) if excinfo.errisinstance(AssertionError) else super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, 0, f"notebook {self.path.relative_to(NBS)}"


class JobItem(NotebookItem):
    "Runs a job notebook through papermill, as `stroke-nb run` does, at a small size."

    def runtest(self):
        from stroke_nb.tests.small_runs import small_run
        run = small_run(self.path.stem)
        assert run.result["verdict"] in ("ok", "alarm", "unsure"), run.result["reasons"]
