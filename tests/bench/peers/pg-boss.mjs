// pg-boss: `fill` makes its tables and JOBS jobs; otherwise works on them and prints how many seconds they took, from
// the first to the last handler, in batches as large as ours and without pauses between them.
import { PgBoss } from "pg-boss";

const jobs = Number(process.env.JOBS);
const boss = new PgBoss({ connectionString: process.env.DATABASE_URL, supervise: false, schedule: false });
boss.on("error", console.error);
await boss.start();
if (process.argv[2] === "fill") {
  await boss.createQueue("noop");
  for (let made = 0; made < jobs; made += 1000) {
    const size = Math.min(1000, jobs - made);
    await boss.insert("noop", Array.from({ length: size }, (_, n) => ({ data: { n: made + n } })));
  }
} else {
  const all = Promise.withResolvers();
  let began;
  let done = 0;
  const options = { batchSize: 1000, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 };
  await boss.work("noop", options, async (batch) => {
    began ??= performance.now();
    done += batch.length;
    if (done >= jobs) all.resolve((performance.now() - began) / 1000);
  });
  console.log(JSON.stringify({ jobs, seconds: await all.promise }));
}
process.exit(0);
