//! The dispatcher's statements keep to the indexes, whatever the tables hold when they are planned.

use super::*;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    text: String,
}

/// The plan of a statement as the dispatcher's connection would keep it.
async fn plan(connection: &mut AsyncPgConnection, types: &str, sql: &str, values: &str) -> String {
    connection.batch_execute(&format!("PREPARE planned ({types}) AS {sql}")).await.unwrap();
    let lines: Vec<Line> =
        sql_query(format!("EXPLAIN EXECUTE planned ({values})")).load(connection).await.unwrap();
    connection.batch_execute("DEALLOCATE planned").await.unwrap();
    lines.into_iter().map(|line| line.text + "\n").collect()
}

async fn check(queue: &Queue) {
    let mut connection = store::open_dispatcher(&Connector::of_test(queue.db.jobs_url())).await.unwrap();
    let claim = plan(
        &mut connection,
        "text, int, text[], bigint, bigint[]",
        store::CLAIM,
        "'default', 50, '{noop}', 1, '{0,0,0,0}'",
    )
    .await;
    assert!(claim.contains("Index Scan using jobs_claim"), "{claim}");
    assert!(claim.contains("Index Cond: ((queue = $1) AND (priority = p.priority)"), "{claim}");
    assert!(claim.contains("Index Scan using jobs_pkey"), "{claim}");
    let complete = plan(&mut connection, "bigint[], bigint[]", store::COMPLETE, "'{1,2}', '{1,2}'").await;
    let fail_types = "bigint[], bigint[], bigint[], text[]";
    let fail = plan(&mut connection, fail_types, store::FAIL, "'{1,2}', '{1,2}', '{0,0}', '{a,b}'").await;
    let release = plan(&mut connection, "bigint[], bigint[]", store::RELEASE, "'{1,2}', '{1,2}'").await;
    for fenced in [&complete, &fail, &release] {
        assert!(fenced.contains("Index Cond: (id = ANY ($1))"), "{fenced}");
        assert!(fenced.contains("hashed SubPlan"), "{fenced}");
    }
    for any in [claim, complete, fail, release] {
        assert!(!any.contains("Seq Scan") && !any.contains("Sort"), "{any}");
    }
}

#[tokio::test]
async fn on_an_empty_table() {
    let mut queue = Queue::new().await;
    check(&queue).await;
    queue.sql("VACUUM ANALYZE catena.jobs").await;
    check(&queue).await;
}

#[tokio::test]
async fn on_a_table_of_twenty_thousand_rows() {
    let mut queue = Queue::new().await;
    queue.enqueue::<Noop>(10_000).await;
    queue.enqueue::<Noop>(10_000).await;
    queue
        .sql("UPDATE catena.jobs SET run_at = now() + interval '1 day', priority = id % 4 WHERE id % 2 = 0")
        .await;
    check(&queue).await;
    queue.sql("VACUUM ANALYZE catena.jobs").await;
    check(&queue).await;
}
