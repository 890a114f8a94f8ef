"""Runs the programs of this folder side by side and compares their figures."""

import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
BIN = HERE / "target/release"
OUT = HERE.parent.parent / "target/bench"
PORT = 18400
BODY = '{"title":"write it down","priority":3,"labels":["home","soon"]}'


def need(program, package):
    """Installs a Debian package if a program is missing."""
    if not shutil.which(program):
        root = [] if os.geteuid() == 0 else ["sudo"]
        subprocess.run([*root, "apt-get", "install", "--yes", package], check=True, stdout=subprocess.DEVNULL)


def row(what, ours, yardstick, ratio, goal, met):
    return {"what": what, "ours": ours, "yardstick": yardstick, "ratio": ratio, "goal": goal, "met": met}


def instructions():
    """Instructions a call, in process: the difference of two runs of callgrind."""
    need("valgrind", "valgrind")

    def count(program, calls):
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(BIN / program)]
        run = subprocess.run(command, env={**os.environ, "CALLS": str(calls), "RUST_LOG": "off"}, capture_output=True,
                             text=True, check=True)
        collected = next(line for line in run.stderr.splitlines() if "Collected" in line)
        return int(collected.split(":")[1])

    def a_call(program):
        return (count(program, 1200) - count(program, 200)) / 1000

    ours, theirs = a_call("ours"), a_call("poem_openapi")
    ratio = ours / theirs
    return [row("instructions a validated JSON POST, against hand-written poem-openapi", ours, theirs, ratio,
                "<= 0.8", ratio <= 0.8)]


def http():
    """Requests a second over loopback, alternating, medians of five rounds."""
    need("wrk", "wrk")
    script = OUT / "post.lua"
    script.write_text(f"wrk.method='POST'\nwrk.body='{BODY}'\nwrk.headers['content-type']='application/json'\n")
    programs = {"ours": ["serve", "--no-jobs"], "poem_openapi": [], "axum_garde": []}
    rates = {program: [] for program in programs}

    def measure(program, arguments):
        # Ours starts a private database beside it, which the calls do not touch.
        env = {**os.environ, "PORT": str(PORT), "CATENA_DIR": str(OUT / "database")}
        with open(OUT / f"{program}.log", "w") as log:
            server = subprocess.Popen([BIN / program, *arguments], env=env, stderr=log)
        try:
            while socket.socket().connect_ex(("127.0.0.1", PORT)):
                time.sleep(0.02)
            url = f"http://127.0.0.1:{PORT}/api/make"
            run = subprocess.run(["wrk", "-t1", "-c64", "-d5s", "-s", script, url], capture_output=True, text=True,
                                 check=True)
            assert "Non-2xx" not in run.stdout, run.stdout
            line = next(line for line in run.stdout.splitlines() if "Requests/sec" in line)
            return float(line.split(":")[1])
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait()

    for _ in range(5):
        for program, arguments in programs.items():
            rates[program].append(measure(program, arguments))
    median = {program: statistics.median(found) for program, found in rates.items()}
    rows = []
    for yardstick, goal in [("poem_openapi", 1.1), ("axum_garde", None)]:
        ratio = median["ours"] / median[yardstick]
        met = None if goal is None else ratio >= goal
        rows.append(row(f"requests a second, against {yardstick}; ours writes a log line a request, it none",
                        median["ours"], median[yardstick], ratio, goal and f">= {goal}", met))
    return rows


def main():
    known = {"instructions": instructions, "http": http}
    names = sys.argv[1:] or list(known)
    for name in names:
        if name not in known:
            sys.exit(f"there is no measurement `{name}`; there are {', '.join(known)}")
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=HERE, check=True)
    OUT.mkdir(parents=True, exist_ok=True)
    for name in names:
        rows = known[name]()
        (OUT / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n")
        print(f"\n{name}")
        for found in rows:
            verdict = {True: "met", False: "not met", None: ""}[found["met"]]
            print(f"  {found['what']}\n    ours {found['ours']:.0f}, yardstick {found['yardstick']:.0f}, "
                  f"ratio {found['ratio']:.2f} {found['goal'] or ''} {verdict}")


if __name__ == "__main__":
    main()
