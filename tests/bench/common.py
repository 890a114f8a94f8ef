"""What all measurements share."""

import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
BIN = HERE / "target/release"
OUT = HERE.parent.parent / "target/bench"
PORT = 18400


def need(program, package):
    """Installs a Debian package if a program is missing."""
    if not shutil.which(program):
        root = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run([*root, "apt-get", "install", "--yes", package], check=True, stdout=subprocess.DEVNULL)


def row(what, ours, yardstick, ratio, goal, met):
    return {"what": what, "ours": ours, "yardstick": yardstick, "ratio": ratio, "goal": goal, "met": met}
