"""A PostgreSQL server of a run's own, from the installed binaries."""

import contextlib
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

# Durable, as in production; the rest keeps checkpoints out of short rounds.
SETTINGS = {
    "fsync": "on", "synchronous_commit": "on", "shared_buffers": "512MB", "max_wal_size": "8GB",
    "checkpoint_timeout": "1h", "max_connections": "100", "listen_addresses": "", "logging_collector": "on",
    "log_destination": "jsonlog", "log_directory": "log", "log_filename": "postgres", "log_rotation_age": "0",
    "log_rotation_size": "0", "log_checkpoints": "off",
}


def binaries():
    """The folder of the newest server that is installed."""
    servers = pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(servers, key=lambda path: int(path.parent.parent.name), default=None)
    return newest.parent if newest else pathlib.Path(shutil.which("initdb")).parent


class Postgres:
    """The server, and its databases."""

    def __init__(self, folder):
        self.folder, self.bin = folder, binaries()
        self.sockets = tempfile.mkdtemp(prefix="catena-bench-")
        self.user = "postgres" if os.geteuid() == 0 else None
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if self.user:
            for path in (folder, self.sockets):
                shutil.chown(path, self.user)
        self._run("initdb", "--pgdata", folder, "--username", "postgres", "--auth", "trust", "--no-sync",
                  "--encoding", "UTF8", "--locale", "C")
        words = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        self.process = subprocess.Popen([self.bin / "postgres", "-D", folder, "-k", self.sockets, *words],
                                        user=self.user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while subprocess.run([self.bin / "pg_isready", "-q", "-h", self.sockets]).returncode:
            assert self.process.poll() is None, f"the server did not start; see {folder}/log"

    def _run(self, program, *words):
        subprocess.run([self.bin / program, *words], user=self.user, cwd="/", check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.sockets, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database):
        return f"postgres://postgres@{self.sockets.replace('/', '%2F')}/{database}"

    def environment(self, database, **more):
        """What a program that works on a database needs."""
        return {**os.environ, "DATABASE_URL": self.url(database), "PGHOST": self.sockets, "PGUSER": "postgres",
                "PGDATABASE": database, **more}

    def sql(self, database, *statements):
        """Runs statements, each by itself; returns the lines of their answers."""
        words = [word for statement in statements for word in ("-c", statement)]
        run = subprocess.run([self.bin / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *words], text=True, check=True,
                             stdout=subprocess.PIPE,
                             env=self.environment(database, PGOPTIONS="-c client_min_messages=warning"))
        return run.stdout.splitlines()

    def number(self, database, statement):
        return float(self.sql(database, statement)[0])

    @contextlib.contextmanager
    def copy(self, template, name="measured"):
        """A database as `template` is, for one measurement."""
        self.sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
                 f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY", "CHECKPOINT")
        yield name
        self.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def pgbench(self, database, script, *words, values=(), settings=(), wait=True):
        """Runs a script, every statement prepared once a connection, `:name` standing for one of `values`."""
        path = pathlib.Path(self.sockets) / f"{abs(hash(script))}.sql"
        path.write_text(script)
        values = [word for name, value in dict(values).items() for word in ("-D", f"{name}={value}")]
        options = " ".join(f"-c {name}={value}" for name, value in dict(settings).items())
        command = [self.bin / "pgbench", "-n", "-M", "prepared", "-f", path, *map(str, words), *values]
        process = subprocess.Popen(command, env=self.environment(database, PGOPTIONS=options), text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return process.communicate() if wait else process

    def executed(self, database):
        """The statements that were executed in a database with `log_statement = all`, and their values."""
        found = {}
        for line in (self.folder / "log/postgres.json").read_text().splitlines():
            entry = json.loads(line)
            message = entry.get("message", "")
            if entry.get("dbname") == database and message.startswith("execute "):
                values = entry.get("detail", "").removeprefix("parameters: ")
                found[message.split(": ", 1)[1]] = values
        return found
