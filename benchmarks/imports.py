"""Start-up times side by side: this package, its command, and pandas, in one run.

    python benchmarks/imports.py [--repeats 7]
"""
import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMAND = Path(sys.executable).with_name("stroke-nb")
CASES = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import stroke_nb": [sys.executable, "-c", "import stroke_nb"],
    "stroke-nb --help": [COMMAND, "--help"],
    "stroke-nb params train": [COMMAND, "params", "train"],
    "import pandas": [sys.executable, "-c", "import pandas"],
    "import stroke_nb.model": [sys.executable, "-c", "import stroke_nb.model"],
}


def seconds(command) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[1])
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    taken = {name: [] for name in CASES}
    for _ in range(repeats + 1):  # interleaved, so that a busy moment hits all alike; the first round warms the disk
        for name, command in CASES.items(): taken[name].append(seconds(command))
    medians = {name: statistics.median(times[1:]) for name, times in taken.items()}
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, median of {repeats}")
    for name, median in medians.items():
        print(f"{name:26s} {median:6.3f} s   {median / medians['import pandas']:5.2f} x import pandas")


if __name__ == "__main__": main()
