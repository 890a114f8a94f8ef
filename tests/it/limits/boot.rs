//! What is said of a Redis that cannot be used, before anything is served.

use super::{
    server::{Redis, free_port},
    service::{PING, at, service},
};

/// Why the service does not come up with these variables.
async fn refusal(vars: &[(&'static str, &str)]) -> String {
    let starting = tokio::spawn(service(vars).start());
    let panic = starting.await.err().expect("it does not come up").into_panic();
    *panic.downcast::<String>().expect("it says why")
}

#[tokio::test]
async fn half_a_configuration_is_none() {
    const URL: (&str, &str) = ("UPSTASH_REDIS_REST_URL", "https://fine.upstash.io");
    const TOKEN: (&str, &str) = ("UPSTASH_REDIS_REST_TOKEN", "hush");
    assert_eq!(
        refusal(&[URL]).await,
        "UPSTASH_REDIS_REST_URL is set and UPSTASH_REDIS_REST_TOKEN is not: set both, which switches rate limits on, \
         or none of them"
    );
    assert_eq!(
        refusal(&[TOKEN]).await,
        "UPSTASH_REDIS_REST_TOKEN is set and UPSTASH_REDIS_REST_URL is not: set both, which switches rate limits on, \
         or none of them"
    );
    assert_eq!(
        refusal(&[("UPSTASH_REDIS_REST_URL", "fine.upstash.io"), TOKEN]).await,
        "UPSTASH_REDIS_REST_URL is no URL: write it as the console shows it, https://name.upstash.io"
    );
    assert_eq!(
        refusal(&[("REDIS_URL", "https://fine.upstash.io")]).await,
        "REDIS_URL is the URL of the REST interface: set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN instead"
    );
    assert_eq!(
        refusal(&[("RATE_LIMIT_PUBLIC", "lots"), ("RATE_LIMIT_AUTH", "1/1y"), ("CLIENT_IP", "guess")]).await,
        "RATE_LIMIT_PUBLIC=lots: write a count and a window of `s`, `m`, `h` or `d`, from 1 s to 31 d, as in `100/1m` \
         or `5/15m`\n\
         RATE_LIMIT_AUTH=1/1y: write a count and a window of `s`, `m`, `h` or `d`, from 1 s to 31 d, as in `100/1m` or \
         `5/15m`\n\
         CLIENT_IP=guess: write `peer`, `xff:1` (or how many proxies there are) or `header:x-real-ip` (or what your \
         proxy sets)"
    );
    // An empty variable is none.
    let app = service(&[("UPSTASH_REDIS_REST_URL", ""), ("UPSTASH_REDIS_REST_TOKEN", " ")]).start().await;
    assert_eq!(at(&app, "1.2.3.4").get(PING).await.header("ratelimit"), "");
}

#[tokio::test]
async fn credentials_that_redis_refuses_stop_the_boot() {
    let redis = Redis::start_on_port(&["--requirepass", "hush"]);
    let mut operator = redis.connect();
    operator.call(&["AUTH", "hush"]);
    operator.call(&["ACL", "SETUSER", "reader", "on", ">read", "~*", "+@read", "+@connection"]);
    let port = redis.port;
    let url = format!("http://127.0.0.1:{port}");
    assert_eq!(
        refusal(&[("UPSTASH_REDIS_REST_URL", &url), ("UPSTASH_REDIS_REST_TOKEN", "wrong")]).await,
        "Redis refuses UPSTASH_REDIS_REST_TOKEN: copy the token from the console again; a read-only token will not do, \
         since limits are written"
    );
    assert_eq!(
        refusal(&[("REDIS_URL", &format!("redis://:wrong@127.0.0.1:{port}"))]).await,
        "Redis refuses REDIS_URL: write the user and the password that it knows, redis://user:password@host:6379"
    );
    assert_eq!(
        refusal(&[("REDIS_URL", &format!("redis://127.0.0.1:{port}"))]).await,
        "Redis asks for a password that REDIS_URL lacks: write redis://:password@host:6379"
    );
    let reader = refusal(&[("REDIS_URL", &format!("redis://reader:read@127.0.0.1:{port}"))]).await;
    assert!(reader.starts_with("the user of REDIS_URL may not keep limits (NOPERM"), "{reader}");
    assert!(reader.ends_with("on the keys `*:limit:*`"), "{reader}");

    let app =
        service(&[("UPSTASH_REDIS_REST_URL", &url), ("UPSTASH_REDIS_REST_TOKEN", "hush")]).start().await;
    assert!(at(&app, "1.2.3.4").get(PING).await.header("ratelimit").starts_with("\"public\";r=99"));
}

#[tokio::test]
async fn a_replica_cannot_count() {
    let master = Redis::start_on_port(&[]);
    let replica = Redis::start(&["--replicaof", &format!("127.0.0.1 {}", master.port)]);
    let refusal = refusal(&[("REDIS_URL", &replica.url())]).await;
    assert!(
        refusal.ends_with("is a replica, which cannot count: write the address of its master"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_redis_that_is_away_is_waited_for() {
    let port = free_port();
    let vars = [("REDIS_URL", format!("redis://127.0.0.1:{port}")), ("RATE_LIMIT_PUBLIC", "3/1h".to_owned())];
    let vars = [(vars[0].0, vars[0].1.as_str()), (vars[1].0, vars[1].1.as_str())];
    let app = service(&vars).start().await;
    let mut ada = at(&app, "1.2.3.4");
    let mut admitted = 0;
    for _ in 0..10 {
        admitted += usize::from(ada.get(PING).await.status == 204);
    }
    assert_eq!(admitted, 3, "meanwhile each process counts for itself");
    let redis = Redis::on(port, &[]);
    super::faults::counts_again(&redis, &app).await;
}
