//! What `/metrics` says of limits, read after each thing that changes them.

use std::time::{Duration, Instant};

use catena::testing::TestApp;

use super::{
    server::Redis,
    service::{PING, at, service},
};

/// The decisions that were counted, by whom and how; the losses and the returns of Redis.
async fn counted(app: &TestApp) -> [f64; 8] {
    let text = app.client().get("/metrics").await.text().to_owned();
    let value = |name: &str| {
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        found.unwrap_or(0.0)
    };
    let decisions = |by: &str, outcome: &str| {
        value(&format!("catena_limit_decisions_total{{by=\"{by}\",outcome=\"{outcome}\"}}"))
    };
    [
        decisions("redis", "admitted"),
        decisions("redis", "denied"),
        decisions("cache", "admitted"),
        decisions("cache", "denied"),
        decisions("process", "admitted"),
        decisions("process", "denied"),
        value("catena_limit_redis_changes_total{change=\"lost\"}"),
        value("catena_limit_redis_changes_total{change=\"back\"}"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_state_is_counted() {
    let mut redis = Redis::start(&[]);
    let url = redis.url();
    let app = service(&[("REDIS_URL", &url), ("RATE_LIMIT_PUBLIC", "2/1h")]).start().await;
    let mut before = counted(&app).await;
    let mut since = async || {
        let now = counted(&app).await;
        let change = std::array::from_fn::<_, 8, _>(|at| now[at] - before[at]);
        before = now;
        change
    };
    let mut ada = at(&app, "1.2.3.4");

    for status in [204, 204, 429] {
        assert_eq!(ada.get(PING).await.status, status);
    }
    assert_eq!(since().await, [2.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], "Redis decides");
    for _ in 0..4 {
        assert_eq!(ada.get(PING).await.status, 429);
    }
    assert_eq!(since().await, [0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0], "the denial is remembered");

    redis.kill();
    let mut grace = at(&app, "1.2.3.5");
    for status in [204, 204, 429, 429] {
        assert_eq!(grace.get(PING).await.status, status);
    }
    assert_eq!(
        since().await,
        [0.0, 0.0, 0.0, 1.0, 2.0, 1.0, 1.0, 0.0],
        "this process decides, and remembers"
    );
    redis.restart();
    let start = Instant::now();
    while counted(&app).await[7] == 0.0 {
        assert!(start.elapsed() < Duration::from_secs(30), "it is back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(at(&app, "1.2.3.6").get(PING).await.status, 204);
    assert_eq!(since().await, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0], "Redis decides again");
}
