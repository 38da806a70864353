"""The service's image without a container engine: the Dockerfile's last stage carried out in a root of its own.

    sudo -E .venv/bin/python benchmarks/container.py

Needs root on Debian, the distribution of the image. What it does: a root of tmpfs over this machine's /usr, the RUN lines as they
stand, then CMD as the image's user on a read-only root with the image's environment, and HEALTHCHECK beside it.
What it doesn't: the build stage fetches packages, so this environment's take their place; Python is this machine's, not the image's.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from zipfile import ZipFile

HERE = Path(__file__).resolve().parents[1]
PORT = "18000"


def last_stage() -> list[tuple[str, str]]:
    "Instructions of the Dockerfile after the last FROM."
    text = (HERE / "deploy/Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if re.match(r"[A-Z]+ |  CMD", line)]
    start = max(n for n, line in enumerate(lines) if line.startswith("FROM"))
    return [tuple(line.split(" ", 1)) for line in lines[start + 1:]]


def shell(*words, **more) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in words], check=True, **more)


def bind(source: Path, target: Path, writable: bool = False) -> None:
    target.mkdir(parents=True, exist_ok=True)
    shell("mount", "--bind", source, target)
    if not writable: shell("mount", "-o", "remount,ro,bind", target)


def make_root(root: Path, base: Path, wheel: Path) -> None:
    "A root with this machine's programs, a /venv as the build stage leaves it, and nothing of anybody's files."
    shell("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", root)
    bind(Path("/usr"), root / "usr")
    for name in ("bin", "sbin", "lib", "lib64"): (root / name).symlink_to(f"usr/{name}")
    shutil.copytree("/etc", root / "etc", symlinks=True, ignore=lambda folder, names: [
        name for name in names if folder == "/etc" and name not in (
            "passwd", "group", "shadow", "gshadow", "login.defs", "ld.so.cache", "ld.so.conf", "nsswitch.conf", "localtime")])
    for name in ("proc", "dev", "tmp", "app"): (root / name).mkdir()
    shell("mount", "-t", "proc", "proc", root / "proc")
    for name in ("null", "zero", "random", "urandom"):
        (root / "dev" / name).touch()
        shell("mount", "--bind", f"/dev/{name}", root / "dev" / name)
    bind(base, root / base.relative_to("/"))
    venv = root / "venv"
    bind(Path(sys.prefix, "lib"), venv / "lib")
    (venv / "bin").mkdir()
    (venv / "bin/python").symlink_to(base / "bin/python3")
    shutil.copy(Path(sys.prefix, "pyvenv.cfg"), venv)
    script = "#!/venv/bin/python\nimport sys\nfrom stroke_nb.cli import app\nsys.exit(app())\n"
    (venv / "bin/stroke-nb").write_text(script)
    (venv / "bin/stroke-nb").chmod(0o755)
    with ZipFile(wheel) as archive: archive.extractall(root / "wheel")


def rehearse(work: Path) -> None:
    "Within a mount namespace of its own."
    stage, root = last_stage(), work / "root"
    root.mkdir()
    make_root(root, Path(sys.base_prefix), next(work.glob("*.whl")))
    for name, words in stage:
        if name == "RUN": shell("chroot", root, "/bin/sh", "-ec", words)
    bind(work / "models", root / "app/models")
    for place in ("app/store", "app/spool", "tmp"):
        owner = "uid=10001,gid=10001,mode=700" if place != "tmp" else "mode=1777"
        shell("mount", "-t", "tmpfs", "-o", owner, "tmpfs", root / place)
    shell("mount", "-o", "remount,ro", root)
    env = dict(re.findall(r"(\w+)=(\S+)", " ".join(words for name, words in stage if name == "ENV")))
    env |= {"STROKE_NB_SERVICE": '{"spool": "spool"}', "PATH": "/venv/bin:/usr/bin:/bin", "PYTHONPATH": "/wheel", "STROKE_NB_DATABASE": "sqlite:////app/store/predictions.db"}
    [user] = [words for name, words in stage if name == "USER"]
    text = "\n".join(f"{name} {words}" for name, words in stage)
    check, cmd = (json.loads(found.replace("8000", PORT)) for found in re.findall(r"CMD (\[.*\])", text))
    inside = ["chroot", f"--userspec={user}", str(root), "/usr/bin/env", "-i", "-C", "/app", *(f"{k}={v}" for k, v in env.items())]
    denied = subprocess.run([*inside, "/bin/sh", "-c", "id -u; touch /x; touch /app/x; touch /app/store/x && echo volume"],
                            capture_output=True, text=True)
    print("user and volume:", *denied.stdout.split(), "| refused:", denied.stderr.count("Read-only file system"))
    for words in (["log", "migrate"], ["keys", "add", "rehearsal"]):
        subprocess.run([*inside, "stroke-nb", *words], check=True, capture_output=True)
    with open(work / "log", "w") as log: service = subprocess.Popen([*inside, *cmd], stdout=log, stderr=log)
    try:
        begin = time.monotonic()
        while (code := subprocess.run([*inside, *check], capture_output=True).returncode) and time.monotonic() - begin < 90:
            if service.poll() is not None: break   # its log says why
            time.sleep(1)
        print(f"HEALTHCHECK: {'healthy' if code == 0 else 'NOT healthy'} after {time.monotonic() - begin:.0f} s")
        if code: print((work / "log").read_text()[-2000:])
        else: ask_without_key(inside)
    finally:
        service.terminate()
        print("CMD ended with", service.wait(30))


def ask_without_key(inside: list[str]) -> None:
    ask = f"import urllib.request as u, urllib.error as e\ntry: u.urlopen(u.Request('http://127.0.0.1:{PORT}/predict', b'{{}}'))\n" \
          "except e.HTTPError as error: print('predict without a key:', error.code)"
    subprocess.run([*inside, "python", "-c", ask])


if __name__ == "__main__":
    if os.environ.get("STROKE_NB_IN_NAMESPACE"): sys.exit(rehearse(Path(sys.argv[1])))
    from stroke_nb.cohort import simulate
    from stroke_nb.fields import OUTCOME
    from stroke_nb.model import RiskModel
    with tempfile.TemporaryDirectory() as place:
        people = simulate(1500, seed=1)
        RiskModel("linear", refits=10).fit(people.drop(columns=[OUTCOME, "true_risk"]), people[OUTCOME]).save(Path(place, "models/champion"))
        Path(place).chmod(0o755)
        shutil.copytree(HERE, Path(place, "source"), ignore=shutil.ignore_patterns(".git", ".venv", "reports", "models"))
        build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", place, str(Path(place, "source"))]
        subprocess.run(build, check=True)
        subprocess.run(["unshare", "--mount", sys.executable, __file__, place], check=True, env=os.environ | {"STROKE_NB_IN_NAMESPACE": "1"})
