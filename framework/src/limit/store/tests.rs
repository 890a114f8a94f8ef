use std::{mem, os::unix::net::UnixStream};

use super::script::{REFUND, TAKE, taking};
use crate::limit::{
    quota::Quota,
    window::{Standing, Window, take, tests::Numbers},
};

pub(crate) mod server;

use server::{Connection, Redis, Reply};

/// A script with the clock of a test, and with keys that outlive it: how long each were to be kept is beside it.
fn with_clock(script: &str) -> String {
    let clock = script.replace("redis.call('TIME')", "{ARGV[#ARGV - 1], ARGV[#ARGV]}");
    let clock = clock.replace("word = 3, #ARGV, 2", "word = 3, #ARGV - 2, 2");
    let patient = clock.replace(
        "'SET', key, value, 'PX', view.stays",
        "'SET', key, value, 'PX', 100000000) redis.call('SET', key .. ':stays', view.stays",
    );
    assert!(patient.matches("ARGV[#ARGV]").count() == 1 && patient.matches("':stays'").count() == 1);
    assert_eq!(patient.matches("#ARGV - 2, 2").count(), 1);
    patient
}

/// One limit that a request is charged to: the name of its key, and its quota.
type Limit<'a> = (&'a str, Quota);

impl Connection<UnixStream> {
    /// Has the script decide on requests at a time, in microseconds; returns its words.
    fn decide(&mut self, script: &str, requests: &[Vec<Limit<'_>>], now_us: u64) -> Vec<Reply> {
        let words = taking(requests.iter().map(|limits| limits.iter().copied()), 7);
        let mut words = words.behind("").into_iter().map(|word| word.as_bytes().expect("a word").to_vec());
        words.next();
        let mut call = vec![b"EVAL".to_vec(), script.as_bytes().to_vec()];
        call.extend(words);
        call.extend([now_us / 1_000_000, now_us % 1_000_000].map(|number| number.to_string().into_bytes()));
        match self.call(&call) {
            Reply::List(mut reply) if reply[0] == Reply::Text("7".to_owned()) => reply.split_off(1),
            other => panic!("{other:?}"),
        }
    }
}

/// What the script replies to a request that the model has decided on.
fn reply_of((is_admitted, standings): &(bool, Vec<Standing>)) -> Vec<Reply> {
    let numbers = standings.iter().flat_map(|it| [it.remaining.into(), it.retry_ms, it.more_ms, it.slot_ms]);
    [u64::from(*is_admitted)].into_iter().chain(numbers).map(|it| Reply::Number(it as i64)).collect()
}

#[test]
fn the_script_does_what_the_model_does() {
    let server = Redis::start(&[]);
    let mut redis = server.connect();
    let script = with_clock(TAKE.text);
    let mut numbers = Numbers(11);
    let (mut admitted, mut denied) = (0, 0);
    for schedule in 0..400 {
        let keys: Vec<_> = (0..=numbers.below(3)).map(|key| format!("{{{schedule}}}{key}")).collect();
        let mut windows = vec![Window::default(); keys.len()];
        let mut quotas: Vec<_> = keys.iter().map(|_| a_quota(&mut numbers)).collect();
        let mut now = 1_764_000_000_000 + numbers.below(100_000);
        let mut last_slot = 0;
        for step in 0..100 {
            now = later(now, &mut numbers);
            if numbers.below(40) == 0 {
                quotas[0] = a_quota(&mut numbers);
            }
            if numbers.below(20) == 0 {
                let text = [REFUND.text, "1", &keys[0], "x", &last_slot.to_string()];
                let words: Vec<_> = ["EVAL"].into_iter().chain(text).collect();
                assert!(matches!(redis.call(&words), Reply::List(_)));
                windows[0].refund(last_slot);
            }
            let limits: Vec<_> = keys.iter().map(String::as_str).zip(quotas.iter().copied()).collect();
            let reply = redis.decide(&script, &[limits], now * 1000 + numbers.below(1000));

            let mut limits: Vec<_> = quotas.iter().copied().zip(&mut windows).collect();
            let expected = take(&mut limits, now);
            assert_eq!(reply, reply_of(&expected), "schedule {schedule}, step {step}, {quotas:?}");
            *(if expected.0 { &mut admitted } else { &mut denied }) += 1;
            last_slot = if expected.0 { expected.1[0].slot_ms } else { last_slot };
        }
    }
    assert!(admitted > 5_000 && denied > 5_000, "both are tried: {admitted} and {denied}");
}

#[test]
fn requests_together_are_decided_on_as_one_by_one() {
    let server = Redis::start(&[]);
    let mut redis = server.connect();
    let script = with_clock(TAKE.text);
    let mut numbers = Numbers(13);
    let (mut admitted, mut denied) = (0, 0);
    for schedule in 0..200 {
        let names = |set| (0..6).map(move |key| format!("{{{schedule}}}{set}{key}")).collect::<Vec<_>>();
        let (together, alone) = (names("together"), names("alone"));
        let quotas: Vec<_> = together.iter().map(|_| a_quota(&mut numbers)).collect();
        let mut windows = vec![Window::default(); together.len()];
        let mut now = 1_764_000_000_000 + numbers.below(100_000);
        for step in 0..20 {
            now = later(now, &mut numbers);
            let requests: Vec<Vec<(usize, Quota)>> = (0..=numbers.below(12))
                .map(|_| {
                    let first = numbers.below(6) as usize;
                    // Now and then a limit has another quota in one request than in the next.
                    let mut limit = |key| {
                        let quota = if numbers.below(15) == 0 { a_quota(&mut numbers) } else { quotas[key] };
                        (key, quota)
                    };
                    let limits = [limit(first), limit((first + 1) % 6), limit((first + 3) % 6)];
                    limits[..=numbers.below(3) as usize].to_vec()
                })
                .collect();
            let now_us = now * 1000 + numbers.below(1000);
            let reply = redis.decide(&script, &named(&requests, &together), now_us);
            let mut one_by_one = Vec::new();
            for request in named(&requests, &alone) {
                one_by_one.extend(redis.decide(&script, &[request], now_us));
            }
            assert_eq!(reply, one_by_one, "schedule {schedule}, step {step}: {requests:?}");

            let mut expected = Vec::new();
            for limits in &requests {
                let mut taken: Vec<_> = limits.iter().map(|(key, _)| mem::take(&mut windows[*key])).collect();
                let mut both: Vec<_> = limits.iter().map(|(_, quota)| *quota).zip(&mut taken).collect();
                let decided = take(&mut both, now);
                *(if decided.0 { &mut admitted } else { &mut denied }) += 1;
                expected.extend(reply_of(&decided));
                for ((key, _), window) in limits.iter().zip(taken) {
                    windows[*key] = window;
                }
            }
            assert_eq!(reply, expected, "schedule {schedule}, step {step}: {requests:?}");
            for (key, other) in together.iter().zip(&alone) {
                for part in ["", ":stays"] {
                    let mut kept = |key: &str| redis.call(&["GET", &format!("{key}{part}")]);
                    assert_eq!(kept(key), kept(other), "schedule {schedule}, step {step}: {requests:?}");
                }
            }
        }
    }
    assert!(admitted > 5_000 && denied > 5_000, "both are tried: {admitted} and {denied}");
}

/// Requests whose limits have these names.
fn named<'a>(requests: &[Vec<(usize, Quota)>], names: &'a [String]) -> Vec<Vec<Limit<'a>>> {
    let name = |(key, quota): &(usize, Quota)| (names[*key].as_str(), *quota);
    requests.iter().map(|limits| limits.iter().map(name).collect()).collect()
}

/// A time after another, but for a clock that is put back every now and then.
fn later(now_ms: u64, numbers: &mut Numbers) -> u64 {
    let back = if numbers.below(40) == 0 { numbers.below(4_000_000) } else { 0 };
    let step = match numbers.below(4) {
        0 => 0,
        1 => numbers.below(40),
        2 => numbers.below(2_000),
        _ => numbers.below(90_000),
    };
    now_ms + step - back
}

fn a_quota(numbers: &mut Numbers) -> Quota {
    let windows = [1000, 1234, 60_000, 900_000];
    Quota::new(1 + numbers.below(12) as u32, windows[numbers.below(4) as usize])
}

#[test]
fn what_is_no_window_is_as_good_as_nothing() {
    let server = Redis::start(&[]);
    let mut redis = server.connect();
    for foreign in [
        &["SET", "{k}", "hello"][..],
        &["SET", "{k}", "123456789012345678901234"],
        &["LPUSH", "{k}", "hello"],
        &["SET", "{k}", ""],
    ] {
        redis.call(&["DEL", "{k}"]);
        redis.call(foreign);
        let Reply::List(reply) =
            redis.call(&["EVAL", TAKE.text, "1", "{k}", "n", "\u{1}\u{1}", "2", "60000"])
        else {
            panic!("{foreign:?} spoils the limit")
        };
        assert_eq!(reply.len(), 6);
        let left = redis.call(&["PTTL", "{k}"]).number();
        assert!((60_000..=61_000).contains(&left), "no key stays for ever: {left}");
    }
}
