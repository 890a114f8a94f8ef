"""Runs the programs of this folder side by side and compares their figures."""

import bisect
import contextlib
import http.client as http_client
import json
import math
import os
import pathlib
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

import generate
import jobs
from common import BIN, HERE, OUT, PORT, need, row

BODY = '{"title":"write it down","priority":3,"labels":["home","soon"]}'


def a_call(program):
    """Instructions a call, in process: the difference of two runs of callgrind."""
    need("valgrind", "valgrind")

    def count(calls):
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(BIN / program)]
        run = subprocess.run(command, env={**os.environ, "CALLS": str(calls), "RUST_LOG": "off"}, capture_output=True,
                             text=True, check=True)
        collected = next(line for line in run.stderr.splitlines() if "Collected" in line)
        return int(collected.split(":")[1])

    return (count(1200) - count(200)) / 1000


def instructions():
    """Instructions a call."""
    ours, theirs = a_call("ours"), a_call("poem_openapi")
    ratio = ours / theirs
    return [row("instructions a validated JSON POST, against hand-written poem-openapi", ours, theirs, ratio,
                "<= 0.8", ratio <= 0.8)]


def answered(port):
    """Waits for a server's first answer: it may listen before it serves."""
    while True:
        try:
            call = urllib.request.Request(f"http://127.0.0.1:{port}/api/make", BODY.encode(),
                                          {"content-type": "application/json"})
            return urllib.request.urlopen(call, timeout=60).read()
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.05)


def load(port, seconds, expected=200):
    """Calls as often as it can from 64 connections; returns the rate and the number of calls."""
    need("wrk", "wrk")
    script = OUT / "post.lua"
    script.write_text(f"wrk.method='POST'\nwrk.body='{BODY}'\nwrk.headers['content-type']='application/json'\n")
    run = subprocess.run(["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{port}/api/make"],
                         capture_output=True, text=True, check=True)
    words = run.stdout.split()
    calls = int(words[words.index("requests") - 1])
    refused = int(words[words.index("Non-2xx") + 4]) if "Non-2xx" in words else 0
    assert refused == (0 if expected == 200 else calls), run.stdout
    return float(words[words.index("Requests/sec:") + 1]), calls


def http():
    """Requests a second over loopback: short rounds in turn, medians of rates and of the ratios of a round.

    Ours writes a line a request and counts it, and so does the second yardstick. The others do neither.
    """
    # Ours starts a private database beside it, which the calls do not touch.
    programs = {
        "ours": ([BIN / "ours", "serve", "--no-jobs"], {"CATENA_DIR": str(OUT / "database")}),
        "poem_openapi": ([BIN / "poem_openapi"], {}),
        "axum_line": ([BIN / "axum_garde"], {"LINE": "1"}),
        "axum_garde": ([BIN / "axum_garde"], {}),
    }
    rates = {program: [] for program in programs}
    costs = {program: [] for program in programs}

    def spent(server):
        """The processor time of a running process, in seconds."""
        fields = pathlib.Path(f"/proc/{server.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(program, port, seconds):
        before = spent(servers[program])
        rate, calls = load(port, seconds)
        return rate, (spent(servers[program]) - before) / calls * 1e6

    servers, ports = {}, {}
    try:
        for port, (program, (command, env)) in enumerate(programs.items(), PORT):
            ports[program] = port
            with open(OUT / f"{program}.log", "w") as log:
                env = {**os.environ, **env, "PORT": str(port)}
                servers[program] = subprocess.Popen(command, cwd=OUT, env=env, stderr=log)
            answered(port)
            measure(program, port, 1)
        for _ in range(11):
            for program, port in ports.items():
                rate, cost = measure(program, port, 2)
                rates[program].append(rate)
                costs[program].append(cost)
    finally:
        for server in servers.values():
            server.send_signal(signal.SIGTERM)
            server.wait()

    def compare(what, figures, program, goal=None, met=None):
        ratio = statistics.median(ours / theirs for ours, theirs in zip(figures["ours"], figures[program]))
        return row(what, statistics.median(figures["ours"]), statistics.median(figures[program]), ratio, goal,
                   met and met(ratio))

    poem, line, bare = ("bare hand-written poem-openapi", "axum with garde, the same line and metrics", "bare axum with garde")
    rows = [
        compare(f"requests a second, with a line and metrics, against {poem}", rates, "poem_openapi", ">= 1.1",
                lambda ratio: ratio >= 1.1),
        compare(f"requests a second, against {line}", rates, "axum_line", ">= 1.0", lambda ratio: ratio >= 1),
        compare(f"requests a second, with a line each, against {bare}", rates, "axum_garde"),
    ]
    for program, yardstick in [("poem_openapi", poem), ("axum_line", line), ("axum_garde", bare)]:
        rows.append(compare(f"processor microseconds a request, against {yardstick}", costs, program))
    return rows


def compile():
    """`cargo check` of 300 procedures in one file that was touched, everything below it built: median of five rounds."""
    found = {name: [] for name in ("ours", "poem_openapi")}
    workspace = HERE / "target/compile"
    sources = generate.workspace(workspace, HERE)
    for name, source in [*sources.items()] * 6:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        source.touch()
        started = time.monotonic()
        subprocess.run(["cargo", "check", "--quiet", "--package", f"bench-{name}"], cwd=workspace, check=True)
        wall = time.monotonic() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found[name].append((wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))

    def compare(what, index, goal=None):
        # The first round builds what is below.
        ours, theirs = ([round[index] for round in found[name][1:]] for name in ("ours", "poem_openapi"))
        ratio = statistics.median(a / b for a, b in zip(ours, theirs))
        return row(what, statistics.median(ours), statistics.median(theirs), ratio, goal and f"<= {goal}",
                   goal and ratio <= goal)

    return [
        compare("seconds to check 300 procedures, against hand-written poem-openapi", 0, 0.6),
        compare("processor seconds to check them", 1),
    ]


def rls():
    """Microseconds and round trips of a read under row-level security, against the same read without it.

    The identity is known. Round trips are counted by a proxy in front of the server's socket: one each time something
    is sent after an answer.
    """
    run = subprocess.run([BIN / "rls"], stdout=subprocess.PIPE, text=True, check=True,
                         env={**os.environ, "CATENA_TEST_DIR": str(OUT / "rls"), "RUST_LOG": "off"})
    found = json.loads(run.stdout)

    def compare(what, ours, theirs, goal=None):
        pairs = [(round[ours], round[theirs]) for round in found["rounds"]]
        ratio = statistics.median(a / b for a, b in pairs)
        return row(what, statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), ratio,
                   goal and f"<= {goal}", goal and ratio <= goal)

    trips, bare = found["our_trips"], found["bare_trips"]
    return [
        compare("microseconds at the median of a query that reads under row-level security, against a bare read", "query",
                "bare", 2),
        compare("microseconds of the same read where it could also write", "writing", "bare_beside"),
        row("round trips of such a read, the commit's among them, against a bare read", trips, bare, trips / bare, "<= 2 over the bare one",
            trips - bare <= 2),
        compare("microseconds of a call in process that looks up its session, against one that does not", "known",
                "unknown"),
    ]


def mann_whitney(ours, theirs):
    """How likely two samples of one distribution differ as much as these: two-sided, normal approximation, ties."""
    ranks, ties, place = {}, 0, 0
    every = sorted(ours + theirs)
    while place < len(every):
        end = bisect.bisect_right(every, every[place])
        ranks[every[place]] = (place + 1 + end) / 2
        ties += (end - place) ** 3 - (end - place)
        place = end
    n, m = len(ours), len(theirs)
    u = sum(ranks[value] for value in ours) - n * (n + 1) / 2
    spread = math.sqrt(n * m / 12 * (n + m + 1 - ties / ((n + m) * (n + m - 1))))
    distance = max(abs(u - n * m / 2) - 0.5, 0)
    return math.erfc(distance / spread / math.sqrt(2)) if spread else 1.0


def login():
    """Milliseconds to refuse a log-in to an account that is there, and to one that is not, in pairs in random order.

    `PAIRS` says how many. One account of each pair is always another: nothing learns a name by heart.
    """
    pairs = int(os.environ.get("PAIRS", 500))
    root = HERE.parent.parent
    subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "example-app"], cwd=root, check=True)
    folder = OUT / "login"
    folder.mkdir(parents=True, exist_ok=True)
    port = PORT + 10
    with open(folder / "log", "w") as log:
        server = subprocess.Popen([root / "target/release/example-app", "serve", "--no-jobs"], cwd=folder, stderr=log,
                                  env={**os.environ, "PORT": str(port), "CATENA_DIR": str(OUT / "database")})
    try:
        with contextlib.suppress(urllib.error.HTTPError):
            answered(port)
        line = http_client.HTTPConnection("127.0.0.1", port, timeout=60)

        def call(path, email, expected):
            body = json.dumps({"email": email, "password": "a password of nobody"})
            started = time.perf_counter()
            line.request("POST", path, body, {"content-type": "application/json"})
            answer = line.getresponse()
            answer.read()
            taken = time.perf_counter() - started
            assert answer.status == expected, (path, answer.status)
            return taken * 1000

        run = f"{time.time_ns():x}"
        accounts = [f"known{number}-{run}@example.test" for number in range(min(pairs, 50))]
        for email in accounts:
            line.request("POST", "/api/auth/signup", json.dumps({"email": email, "password": "an old oak by the river"}),
                         {"content-type": "application/json"})
            made = line.getresponse()
            made.read()
            assert made.status == 201, made.status
        found = {"known": [], "unknown": []}
        for number in range(pairs + 10):
            emails = {"known": accounts[number % len(accounts)], "unknown": f"nobody{number:04}-{run}@example.test"}
            for which in random.sample(list(found), 2):
                taken = call("/api/auth/login", emails[which], 401)
                # The first pairs warm up connections and caches.
                if number >= 10:
                    found[which].append(taken)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()

    chance = mann_whitney(found["unknown"], found["known"])
    ours, theirs = statistics.median(found["unknown"]), statistics.median(found["known"])
    what = (f"milliseconds to refuse a log-in without an account, against one with: {pairs} pairs, Mann-Whitney "
            f"p = {chance:.3f}")
    return [row(what, ours, theirs, ours / theirs, "p >= 0.01", chance >= 0.01)]


class Redis:
    """A server of this run's own, on a Unix socket."""

    def __init__(self):
        need("redis-server", "redis-server")
        self.socket = OUT / "redis.sock"
        options = {"port": "0", "unixsocket": str(self.socket), "save": "", "appendonly": "no", "dir": str(OUT)}
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self.process = subprocess.Popen(["redis-server", *words], stdout=subprocess.DEVNULL)
        while subprocess.run(["redis-cli", "-s", self.socket, "ping"], capture_output=True).stdout != b"PONG\n":
            time.sleep(0.02)

    def commands(self):
        """How often each command was called from outside; what scripts call themselves costs no round trip."""
        said = subprocess.run(["redis-cli", "-s", self.socket, "info", "commandstats"], capture_output=True, text=True,
                              check=True).stdout
        calls = (line.removeprefix("cmdstat_").split(":calls=") for line in said.splitlines() if "calls=" in line)
        calls = {name: int(rest.split(",")[0]) for name, rest in calls}
        return {name: count for name, count in calls.items() if name not in ("info", "mget", "set", "pttl", "time")}


def limits():
    """What limits cost: switched off, on with a local Redis, and while that Redis is paused."""
    without = BIN / "ours_without_limits"
    subprocess.run(["cargo", "build", "--release", "--quiet", "--no-default-features", "--bin", "ours"], cwd=HERE,
                   check=True)
    shutil.copy2(BIN / "ours", without)
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=HERE, check=True)
    # Where a process hashes and allocates differs from run to run by more than is looked for.
    counts = [(a_call("ours"), a_call(without.name)) for _ in range(9)]
    off, absent = (statistics.median(count[which] for count in counts) for which in (0, 1))
    rows = [row("instructions a call with limits off, against a build without them", off, absent, off / absent,
                "<= 1.005", off / absent <= 1.005)]

    redis, servers, ports = Redis(), {}, {}
    of_redis = {"REDIS_URL": f"unix://{redis.socket}"}
    programs = {
        "off": {},
        "on": {**of_redis, "RATE_LIMIT_PUBLIC": "1000000000/1h"},
        # It finds what the other has counted for the same address, and so denies at once.
        "denied": {**of_redis, "RATE_LIMIT_PUBLIC": "1/1h"},
    }

    def start(name):
        ports[name] = PORT + 20 + len(ports)
        with open(OUT / f"limits_{name}.log", "w") as log:
            env = {**os.environ, **programs[name], "PORT": str(ports[name]), "CATENA_DIR": str(OUT / "database")}
            servers[name] = subprocess.Popen([BIN / "ours", "serve", "--no-jobs"], cwd=OUT, env=env, stderr=log)
        with contextlib.suppress(urllib.error.HTTPError):
            answered(ports[name])

    def delays(name, calls):
        """Milliseconds of one call after the other."""
        line = http_client.HTTPConnection("127.0.0.1", ports[name], timeout=60)
        taken = []
        for _ in range(calls):
            started = time.perf_counter()
            line.request("POST", "/api/make", BODY, {"content-type": "application/json"})
            answer = line.getresponse()
            answer.read()
            taken.append((time.perf_counter() - started) * 1000)
            assert answer.status == 200, answer.status
        return taken

    try:
        rates = {"off": [], "on": []}
        for name in rates:
            start(name)
            load(ports[name], 1)
        before, calls = redis.commands(), 0
        for _ in range(7):
            for name, found in rates.items():
                rate, called = load(ports[name], 2)
                found.append(rate)
                calls += called if name == "on" else 0
        after = redis.commands()
        ratio = statistics.median(on / off for on, off in zip(rates["on"], rates["off"]))
        rows.append(row("requests a second with limits on, against off", statistics.median(rates["on"]),
                        statistics.median(rates["off"]), ratio, ">= 0.6", ratio >= 0.6))
        # wrk hangs up on the calls that are on their way when its time is over: Redis counts them, and wrk does not.
        asked, most = sum(after.values()) - sum(before.values()), calls + 7 * 64
        rows.append(row("round trips of allowed calls at once, which share them, against these", asked, calls,
                        asked / calls, "<= 1 each", 0 < asked <= most))

        before = redis.commands()
        usual = delays("on", 300)
        asked = sum(redis.commands().values()) - sum(before.values())
        rows.append(row("round trips of allowed calls one after the other, against these", asked, 300, asked / 300,
                        "1 each", asked == 300))
        redis.process.send_signal(signal.SIGSTOP)
        taken = delays("on", 300)
        redis.process.send_signal(signal.SIGCONT)
        opened = max((at for at, ms in enumerate(taken) if ms > 50), default=-1) + 1
        slowest = max(taken[:opened], default=0)
        what = f"milliseconds of the slowest of {opened} calls that find Redis paused, against the budget"
        rows.append(row(what, slowest, 100, slowest / 100, "<= 1.1", 0 < opened <= 5 and slowest <= 110))
        after_that = max(taken[opened:])
        what = "milliseconds of the slowest of the calls after them, against the slowest with Redis"
        rows.append(row(what, after_that, max(usual), after_that / max(usual), "<= 10 ms", after_that <= 10))

        start("denied")
        load(ports["denied"], 1, 429)
        before = redis.commands()
        _, calls = load(ports["denied"], 2, 429)
        asked = sum(redis.commands().values()) - sum(before.values())
        rows.append(row("round trips of denied calls, against these", asked, calls, asked / calls, "none", asked == 0))
    finally:
        redis.process.send_signal(signal.SIGCONT)
        for process in [*servers.values(), redis.process]:
            process.send_signal(signal.SIGTERM)
            process.wait()
    return rows


def main():
    known = {"instructions": instructions, "http": http, "limits": limits, "compile": compile, "rls": rls, "login": login,
             "jobs": jobs.measure}
    names = sys.argv[1:] or list(known)
    for name in names:
        if name not in known:
            sys.exit(f"there is no measurement `{name}`; there are {', '.join(known)}")
    if not set(names) <= {"compile", "login"}:
        subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=HERE, check=True)
    OUT.mkdir(parents=True, exist_ok=True)
    for name in names:
        rows = known[name]()
        (OUT / f"{name}.json").write_text(json.dumps(rows, indent=2) + "\n")
        print(f"\n{name}")
        for found in rows:
            verdict = {True: "met", False: "not met", None: ""}[found["met"]]
            print(f"  {found['what']}\n    ours {found['ours']:.5g}, yardstick {found['yardstick']:.5g}, "
                  f"ratio {found['ratio']:.2f} {found['goal'] or ''} {verdict}")


if __name__ == "__main__":
    main()
