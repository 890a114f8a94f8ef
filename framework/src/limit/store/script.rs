//! The scripts that run inside Redis, what they are told and what they reply.

use std::{fmt::Display, io::Write as _, sync::LazyLock};

use bytes::Bytes;
use fred::{
    error::{Error, ErrorKind},
    prelude::Value,
};
use sha1::{Digest as _, Sha1};

use super::super::{quota::Quota, tier::Taken, window::Standing};

/// A script, and the name under which a Redis knows it that has seen it.
pub(super) struct Script {
    pub(super) text: &'static str,
    pub(super) sha1: String,
}

pub(super) static TAKE: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("value.lua"), include_str!("take.lua"))));
pub(super) static REFUND: LazyLock<Script> =
    LazyLock::new(|| Script::new(concat!(include_str!("value.lua"), include_str!("refund.lua"))));

impl Script {
    fn new(text: &'static str) -> Self {
        let sha1 = Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { text, sha1 }
    }
}

/// What a script is told, in one piece of memory.
#[derive(Default)]
pub(super) struct Words {
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl Words {
    pub(super) fn push(&mut self, word: impl Display) {
        write!(self.text, "{word}").expect("memory takes what is written");
        self.ends.push(self.text.len());
    }

    /// The words behind `first`.
    pub(super) fn behind(self, first: &'static str) -> Vec<Value> {
        let text = Bytes::from(self.text);
        let starts = [0].into_iter().chain(self.ends.iter().copied());
        let words = starts.zip(&self.ends).map(|(start, end)| Value::Bytes(text.slice(start..*end)));
        [Value::from_static_str(first)].into_iter().chain(words).collect()
    }
}

/// What `take.lua` is told of some requests, each of which has some limits: the name of a key, and a quota. There are
/// at most 255 quotas.
pub(super) fn taking<R, L, N>(requests: R, nonce: u64) -> Words
where
    R: Iterator<Item = L> + Clone,
    L: ExactSizeIterator<Item = (N, Quota)>,
    N: Display,
{
    let mut words = Words::default();
    words.push(requests.clone().map(|limits| limits.len()).sum::<usize>());
    let (mut shape, mut quotas) = (Vec::new(), Vec::new());
    for limits in requests {
        shape.push(byte(limits.len()));
        for (name, quota) in limits {
            words.push(name);
            let known = quotas.iter().position(|known| *known == quota);
            // Bytes are counted from 1, as Lua does.
            shape.push(byte(1 + known.unwrap_or(quotas.len())));
            if known.is_none() {
                quotas.push(quota);
            }
        }
    }
    words.push(nonce);
    words.text.extend(shape);
    words.ends.push(words.text.len());
    for quota in quotas {
        words.push(quota.count);
        words.push(quota.window_ms);
    }
    words
}

fn byte(number: usize) -> u8 {
    u8::try_from(number).expect("a script takes few requests")
}

/// What `take.lua` has replied behind the nonce, to requests that have so many limits each.
pub(super) fn taken(reply: &[Value], limits: impl Iterator<Item = usize>) -> Result<Vec<Taken>, Error> {
    let strange = || Error::new(ErrorKind::Protocol, "Redis answered with something strange");
    let number = |value: &Value| value.as_i64().and_then(|number| u64::try_from(number).ok());
    let mut numbers = reply.iter().map(number);
    let mut next = || numbers.next().flatten().ok_or_else(strange);
    let taken = limits.map(|limits| {
        let is_admitted = next()? == 1;
        let standings = (0..limits).map(|_| {
            Ok(Standing {
                remaining: u32::try_from(next()?).unwrap_or(u32::MAX),
                retry_ms: next()?,
                more_ms: next()?,
                slot_ms: next()?,
            })
        });
        Ok(Taken { is_admitted, standings: standings.collect::<Result<_, Error>>()? })
    });
    let taken = taken.collect::<Result<_, Error>>()?;
    numbers.next().map_or(Ok(taken), |_| Err(strange()))
}
