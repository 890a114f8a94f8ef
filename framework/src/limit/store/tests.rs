use super::*;
use crate::limit::{
    quota::Quota,
    window::{Window, take, tests::Numbers},
};

pub(crate) mod server;

use server::{Redis, Reply};

/// The script with the clock of a test, and with keys that outlive it.
fn with_clock(script: &str) -> String {
    let clock = script.replace("redis.call('TIME')", "{ARGV[#ARGV - 1], ARGV[#ARGV]}");
    let patient = clock.replace("'PX', last + window - now", "'PX', 100000000");
    assert!(patient.matches("ARGV[#ARGV]").count() == 1 && patient.matches("100000000").count() == 1);
    patient
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
            now += match numbers.below(4) {
                0 => 0,
                1 => numbers.below(40),
                2 => numbers.below(2_000),
                _ => numbers.below(90_000),
            };
            // Every now and then the clock is put back, or a limit changes.
            if numbers.below(40) == 0 {
                now -= numbers.below(4_000_000);
            }
            if numbers.below(40) == 0 {
                quotas[0] = a_quota(&mut numbers);
            }
            if numbers.below(20) == 0 {
                let text = [REFUND.text, "1", &keys[0], "x", &last_slot.to_string()];
                let words: Vec<_> = ["EVAL"].into_iter().chain(text).collect();
                assert!(matches!(redis.call(&words), Reply::List(_)));
                windows[0].refund(last_slot);
            }
            let mut words = vec!["EVAL".to_owned(), script.clone(), keys.len().to_string()];
            words.extend(keys.iter().cloned());
            words.push(format!("n{step}"));
            words.extend(quotas.iter().flat_map(|it| [it.count.to_string(), it.window_ms.to_string()]));
            words.extend([(now / 1000).to_string(), (now % 1000 * 1000 + numbers.below(1000)).to_string()]);
            let reply = redis.call(&words.iter().map(String::as_str).collect::<Vec<_>>());

            let mut limits: Vec<_> = quotas.iter().copied().zip(&mut windows).collect();
            let (is_admitted, standings) = take(&mut limits, now);
            let mut expected = vec![Reply::Text(format!("n{step}")), Reply::Number(i64::from(is_admitted))];
            for it in &standings {
                let numbers = [u64::from(it.remaining), it.retry_ms, it.more_ms, it.slot_ms];
                expected.extend(numbers.map(|number| Reply::Number(number as i64)));
            }
            assert_eq!(reply, Reply::List(expected), "schedule {schedule}, step {step}, {quotas:?}");
            *(if is_admitted { &mut admitted } else { &mut denied }) += 1;
            last_slot = if is_admitted { standings[0].slot_ms } else { last_slot };
        }
    }
    assert!(admitted > 5_000 && denied > 5_000, "both are tried: {admitted} and {denied}");
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
        let Reply::List(reply) = redis.call(&["EVAL", TAKE.text, "1", "{k}", "n", "2", "60000"]) else {
            panic!("{foreign:?} spoils the limit")
        };
        assert_eq!(reply.len(), 6);
        let left = redis.call(&["PTTL", "{k}"]).number();
        assert!((60_000..=61_000).contains(&left), "no key stays for ever: {left}");
    }
}
