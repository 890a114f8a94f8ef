//! The dispatcher's statements keep to the indexes, whatever the tables hold when they are planned.

use super::*;
use crate::jobs::store::{Completion, Dispatch};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    text: String,
}

/// The plan of a statement as the dispatcher's connection would keep it.
async fn plan(connection: &mut AsyncPgConnection, hot: &Hot) -> String {
    explain(connection, "COSTS OFF", hot).await
}

async fn explain(connection: &mut AsyncPgConnection, options: &str, hot: &Hot) -> String {
    let Hot { types, sql, values } = hot;
    connection.batch_execute(&format!("PREPARE planned ({types}) AS {sql}")).await.unwrap();
    let lines: Vec<Line> =
        sql_query(format!("EXPLAIN ({options}) EXECUTE planned ({values})")).load(connection).await.unwrap();
    connection.batch_execute("DEALLOCATE planned").await.unwrap();
    lines.into_iter().map(|line| line.text + "\n").collect()
}

/// A statement of the dispatcher, as it is prepared.
struct Hot {
    types: &'static str,
    sql: &'static str,
    values: &'static str,
}

const CLAIM: Hot = Hot {
    types: "text[], int[], bigint[], int, text[], bigint, text[], smallint[], text[]",
    sql: store::claim::CLAIM,
    values: "'{default,mail}', '{50,5}', '{0,0,0,0,0,0,0,0}', 50, '{noop}', 1, '{}', '{}', '{}'",
};
fn complete(completion: Completion, counts: bool) -> Hot {
    Hot { types: "bigint[], bigint[]", sql: completion.sql(counts), values: "'{1,2}', '{1,2}'" }
}
const FAIL: Hot = Hot {
    types: "bigint[], bigint[], bigint[], text[]",
    sql: store::finish::FAIL,
    values: "'{1,2}', '{1,2}', '{0,0}', '{a,b}'",
};
const CANCEL: Hot = Hot {
    types: "bigint[], bigint[], text[]",
    sql: store::finish::CANCEL,
    values: "'{1,2}', '{1,2}', '{a,NULL}'",
};
const RELEASE: Hot = Hot {
    types: "bigint[], bigint[], bigint[]",
    sql: store::finish::RELEASE,
    values: "'{1,2}', '{1,2}', '{0,NULL}'",
};
const MAY_BE_ALONE: Hot = Hot {
    types: "bigint, text[], text[], smallint[]",
    sql: store::alone::MAY_BE_ALONE,
    values: "1, '{noop}', '{}', '{}'",
};
const FIRST_ALONE: Hot = Hot { sql: store::alone::FIRST_ALONE, ..MAY_BE_ALONE };
const TO_STOP: Hot = Hot { types: "bigint", sql: store::cancel::TO_STOP, values: "1" };

const BLOCKING: Hot = Hot {
    types: "bytea, text[], int[]",
    sql: store::concurrency::BLOCKING,
    values: r"'\x', '{noop}', '{3}'",
};
const CLAIM_KEYED: Hot = Hot {
    types: "bytea[], text[], int[], int, text[], int[], smallint[], bigint",
    sql: store::concurrency::CLAIM_KEYED,
    values: r"ARRAY['\x01010101010101010101010101010101'::bytea], '{default,mail}', '{50,5}', 50, '{noop}', '{3}', '{1}', 1",
};

async fn dispatcher(queue: &Queue) -> AsyncPgConnection {
    store::open_dispatcher(&Connector::of_test(queue.db.jobs_url()), "test").await.unwrap().connection
}

async fn check(queue: &Queue) {
    check_of(dispatcher(queue).await).await;
    let pooler = Connector::of_pooler(queue.db.jobs_url());
    let Dispatch { mut connection, begin, .. } = store::open_dispatcher(&pooler, "test").await.unwrap();
    connection.batch_execute(&begin).await.unwrap();
    check_of(connection).await;
}

async fn check_of(mut connection: AsyncPgConnection) {
    let claim = plan(&mut connection, &CLAIM).await;
    assert!(claim.contains("Index Scan using jobs_claim"), "{claim}");
    assert!(claim.contains("Index Cond: ((queue = q.name) AND (priority = p.priority)"), "{claim}");
    assert!(claim.contains("Index Scan using jobs_pkey"), "{claim}");
    assert!(!claim.contains("Seq Scan") && !claim.contains("Sort"), "{claim}");
    let to_stop = plan(&mut connection, &TO_STOP).await;
    assert!(to_stop.contains("Index Scan using jobs_cancel"), "{to_stop}");
    for alone in [&MAY_BE_ALONE, &FIRST_ALONE] {
        let alone = plan(&mut connection, alone).await;
        assert!(alone.contains("using jobs_crashed") && alone.contains("using jobs_running_key"), "{alone}");
        assert!(!alone.contains("Seq Scan on jobs") && !alone.contains("Sort"), "{alone}");
    }
    let blocking = plan(&mut connection, &BLOCKING).await;
    assert!(blocking.contains("Index Scan using jobs_blocked"), "{blocking}");
    assert!(blocking.contains("Index Only Scan using jobs_running_key"), "{blocking}");
    assert!(!blocking.contains("Seq Scan") && !blocking.contains("Sort"), "{blocking}");
    let completions = [false, true].map(|counts| Completion::ALL.map(|one| (one, complete(one, counts))));
    let [_, counting] = &completions;
    let completions = completions.as_flattened();
    let stepped = completions.iter().filter(|(completion, _)| completion.stepped).map(|(_, hot)| hot);
    for with_steps in stepped.chain([&CANCEL]) {
        let with_steps = plan(&mut connection, with_steps).await;
        assert!(with_steps.contains("Index Scan using job_steps_pkey"), "{with_steps}");
    }
    for (_, wiping) in completions.iter().filter(|(completion, _)| completion.secret) {
        let wiping = plan(&mut connection, wiping).await;
        assert!(wiping.contains("job_kinds_pkey"), "{wiping}");
    }
    let ending = counting.iter().map(|(_, hot)| hot).chain([&FAIL, &CANCEL]);
    for ends in ending {
        let ends = plan(&mut connection, ends).await;
        assert!(ends.contains("Insert on batch_ends") && ends.contains("Filter: (batch > 0)"), "{ends}");
    }
    for counted in [&CLAIM, &FAIL, &RELEASE] {
        let counted = plan(&mut connection, counted).await;
        assert!(counted.contains("Insert on job_deltas") && counted.contains("HashAggregate"), "{counted}");
    }
    for fenced in completions.iter().map(|(_, hot)| hot).chain([&FAIL, &CANCEL, &RELEASE]) {
        let fenced = plan(&mut connection, fenced).await;
        assert!(fenced.contains("Index Cond: (id = ANY ($1))"), "{fenced}");
        assert!(fenced.contains("hashed SubPlan"), "{fenced}");
        assert!(!fenced.contains("Seq Scan") && !fenced.contains("Sort"), "{fenced}");
    }
}

#[tokio::test]
async fn on_an_empty_table() {
    let mut queue = Queue::new().await;
    check(&queue).await;
    queue.sql("VACUUM ANALYZE catena.jobs").await;
    check(&queue).await;
}

/// How many rows of the table and of its indexes a statement touches, in blocks of 8 KiB.
async fn blocks(connection: &mut AsyncPgConnection, hot: &Hot) -> i64 {
    touched(&explain(connection, "ANALYZE, BUFFERS, TIMING OFF", hot).await)
}

fn touched(text: &str) -> i64 {
    let buffers =
        text.lines().find_map(|line| line.trim().strip_prefix("Buffers: shared ")).expect("it touches some");
    let counts = buffers
        .split(' ')
        .filter_map(|part| part.split_once('='))
        .filter(|(what, _)| matches!(*what, "hit" | "read"));
    counts.map(|(_, count)| count.parse::<i64>().unwrap()).sum()
}

#[tokio::test]
async fn on_a_table_of_a_million_rows() {
    let mut queue = Queue::new().await;
    let worker = store::register(&queue.owner, "BEGIN", "living", false, &[]).await.unwrap().worker;
    // All are for later but for some in the last priority.
    let fill = "INSERT INTO catena.jobs (kind, args, queue, priority, max_attempts, run_at) \
                SELECT 'noop', '{}', CASE WHEN i % 2 = 0 THEN 'default' ELSE 'mail' END, i / 2 % 4, 6, \
                    now() + CASE WHEN i > 999000 AND i / 2 % 4 = 3 THEN '-1 s' ELSE i * interval '1 s' END \
                FROM generate_series(1, 1000000) AS i";
    queue.sql(fill).await;
    check(&queue).await;
    queue.sql("VACUUM ANALYZE catena.jobs").await;
    check(&queue).await;

    let mut connection = dispatcher(&queue).await;
    let values = CLAIM.values.replace(", 1,", &format!(", {worker},"));
    let touched = blocks(&mut connection, &Hot { values: values.leak(), ..CLAIM }).await;
    assert_eq!(queue.number("SELECT count(*) FROM catena.jobs WHERE state = 1").await, 50);
    assert!(touched < 2_000, "a claim of 50 touched {touched} blocks");
    let touched = blocks(&mut connection, &MAY_BE_ALONE).await;
    assert!(touched < 20, "a look for jobs that must run alone touched {touched} blocks");
    let touched = blocks(&mut connection, &complete(Completion::ALL[0], true)).await;
    assert!(touched < 100, "a completion of 2 touched {touched} blocks");

    let fold = explained(&mut queue, "COSTS OFF", store::batches::FOLD).await;
    assert!(fold.contains("Index Scan using jobs_pkey") && fold.contains("batches_pkey"), "{fold}");
}

/// The plan of a statement without values.
async fn explained(queue: &mut Queue, options: &str, sql: &str) -> String {
    let lines: Vec<Line> =
        sql_query(format!("EXPLAIN ({options}) {sql}")).load(&mut queue.owner).await.unwrap();
    lines.into_iter().map(|line| line.text + "\n").collect()
}

#[tokio::test]
async fn of_the_counts_on_a_large_table() {
    let mut queue = Queue::new().await;
    // Twenty thousand are due, and a few of many that a process vanished with.
    let fill = "INSERT INTO catena.jobs (kind, args, queue, priority, max_attempts, run_at, state)
        SELECT 'noop', '{}', CASE WHEN i % 2 = 0 THEN 'default' ELSE 'mail' END, i / 2 % 4, 6,
            now() + CASE WHEN i % 10 = 0 THEN '-1 s' ELSE i * interval '1 h' END, CASE WHEN i % 50 = 7 THEN 5 ELSE 0 END
        FROM generate_series(1, 200000) AS i";
    queue.sql(fill).await;
    store::recount(&mut queue.owner).await.unwrap();
    for analysed in [false, true] {
        if analysed {
            queue.sql("VACUUM ANALYZE catena.jobs").await;
        }
        queue.sql(store::counts::PLANS).await;
        let stats = explained(&mut queue, "ANALYZE, BUFFERS, TIMING OFF", store::counts::STATS).await;
        queue.sql("COMMIT").await;
        assert!(stats.contains("using jobs_claim") && stats.contains("using jobs_crashed"), "{stats}");
        assert!(!stats.contains("Seq Scan on jobs") && !stats.contains("Bitmap"), "{stats}");
        assert!(touched(&stats) < 50_000, "{stats}");
    }
    let stats = store::stats(&mut queue.owner).await.unwrap();
    assert_eq!(
        stats.iter().map(|one| (one.due, one.more_due)).collect::<Vec<_>>(),
        [(10_000, true), (0, false)]
    );
}

#[tokio::test]
async fn of_keyed_jobs_on_a_table_of_a_million_rows() {
    let mut queue = Queue::new().await;
    let worker = store::register(&queue.owner, "BEGIN", "living", false, &[]).await.unwrap().worker;
    let values: &str = CLAIM_KEYED.values.replace("', 1", &format!("', {worker}")).leak();
    let claim = Hot { values, ..CLAIM_KEYED };
    // The connection has planned everything on an empty table, which was never analysed.
    let mut connection = dispatcher(&queue).await;
    blocks(&mut connection, &claim).await;
    // Of a million jobs all with a key are for later but for some, and as many are blocked, by 300 keys or by one.
    let fill = r"INSERT INTO catena.jobs (kind, args, queue, priority, max_attempts, run_at, state, concurrency_key)
        SELECT 'noop', '{}', CASE WHEN i % 2 = 0 THEN 'default' ELSE 'mail' END, i / 2 % 4, 6,
            now() + CASE WHEN i > 999000 AND i / 2 % 4 = 3 THEN '-1 s' ELSE i * interval '1 s' END, 6 * (i % 3 / 2),
            CASE WHEN i % 5 = 0 THEN '\x01010101010101010101010101010101' ELSE decode(md5((i % 300)::text), 'hex') END
        FROM generate_series(1, 1000000) AS i";
    queue.sql(fill).await;
    for analysed in [false, true] {
        if analysed {
            queue.sql("VACUUM ANALYZE catena.jobs").await;
        }
        let touched = blocks(&mut connection, &claim).await;
        assert_eq!(queue.number("SELECT count(*) FROM catena.jobs WHERE state = 1").await, 50);
        assert!(touched < 20_000, "a claim of 50 touched {touched} blocks");
        queue.sql("UPDATE catena.jobs SET state = 0 WHERE state = 1").await;
        let touched = blocks(&mut connection, &BLOCKING).await;
        assert!(touched < 10_000, "a look at 300 keys touched {touched} blocks");
    }
}
