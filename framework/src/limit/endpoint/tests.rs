use super::*;

#[test]
fn two_variables_of_upstash_are_enough() {
    for (url, expected) in [
        ("https://eu1-fine-1.upstash.io", "rediss://eu1-fine-1.upstash.io:6379"),
        ("https://eu1-fine-1.upstash.io/", "rediss://eu1-fine-1.upstash.io:6379"),
        ("https://fine.upstash.io:31234", "rediss://fine.upstash.io:31234"),
        ("http://127.0.0.1:7000", "redis://127.0.0.1:7000"),
        ("redis://localhost", "redis://localhost:6379"),
        ("rediss://localhost:1", "rediss://localhost:1"),
    ] {
        let endpoint = Endpoint::of_upstash(url, "hush".to_owned()).expect(url);
        assert_eq!(endpoint.to_string(), expected);
        assert_eq!(endpoint.user.as_deref(), Some("default"));
        assert_eq!(endpoint.secret(), b"hush");
        assert!(!format!("{endpoint:?} {endpoint}").contains("hush"));
    }
    for url in ["", "name.upstash.io", "https://", "ftp://x", "https://default:hush@x.upstash.io"] {
        let fault = Endpoint::of_upstash(url, "hush".to_owned()).expect_err(url);
        assert!(!fault.contains("hush"), "{fault}");
    }
}

#[test]
fn the_url_of_a_redis_says_all() {
    for (url, expected, user, password, database) in [
        ("redis://localhost", "redis://localhost:6379", None, None, None),
        ("redis://:hush@localhost:7/3", "redis://localhost:7", None, Some("hush"), Some(3)),
        ("rediss://me:h%75sh@cache.test/0", "rediss://cache.test:6379", Some("me"), Some("hush"), None),
        ("redis://[::1]:7000", "redis://::1:7000", None, None, None),
        ("redis-cluster://a:1?node=b:2&node=c:3", "redis-cluster://a:1,b:2,c:3", None, None, None),
        ("rediss-cluster://me:hush@a", "rediss-cluster://a:6379", Some("me"), Some("hush"), None),
        ("unix:///run/redis.sock", "unix:///run/redis.sock", None, None, None),
        ("redis+unix:///run/redis.sock?password=hush", "unix:///run/redis.sock", None, Some("hush"), None),
    ] {
        let endpoint = Endpoint::of_redis(url).expect(url);
        assert_eq!(endpoint.to_string(), expected);
        assert_eq!((endpoint.user.as_deref(), endpoint.password.as_deref()), (user, password), "{url}");
        assert_eq!(endpoint.database, database, "{url}");
        assert!(!format!("{endpoint:?}").contains("hush"), "{endpoint:?}");
    }
    for url in [
        "localhost:6379",
        "hush",
        "redis://",
        "https://hush.upstash.io",
        "redis://localhost/hush",
        "redis://localhost/-1",
        "redis-cluster://a/2",
        "redis-cluster://a?node=b",
        "unix://run/redis.sock",
        "unix://",
        "postgres://me:hush@host",
    ] {
        let fault = Endpoint::of_redis(url).expect_err(url);
        assert!(!fault.contains("hush"), "{fault}");
    }
}
