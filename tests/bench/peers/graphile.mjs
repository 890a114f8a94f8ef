// Graphile Worker: `migrate`, or works on JOBS jobs and prints how many seconds they took, from the first to the last
// handler. LOCAL is the size of its local queue, if it is to have one; then completions are written in batches too.
import { Logger, run, runMigrations } from "graphile-worker";

const connectionString = process.env.DATABASE_URL;
const logger = new Logger(() => () => {});
if (process.argv[2] === "migrate") {
  await runMigrations({ connectionString, logger });
} else {
  const jobs = Number(process.env.JOBS);
  const size = Number(process.env.LOCAL ?? -1);
  const batches = size > 0 ? { localQueue: { size }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {};
  const all = Promise.withResolvers();
  let began;
  let done = 0;
  const noop = async () => {
    began ??= performance.now();
    done += 1;
    if (done === jobs) all.resolve((performance.now() - began) / 1000);
  };
  await run({
    connectionString,
    logger,
    noHandleSignals: true,
    taskList: { noop },
    preset: { worker: { concurrentJobs: 24, maxPoolSize: 25, ...batches } },
  });
  console.log(JSON.stringify({ jobs, seconds: await all.promise }));
  process.exit(0);
}
