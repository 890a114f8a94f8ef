//! The grammar of `backoff = ".."`.

use std::time::Duration;

use crate::{errors::nearest, units::duration};

/// How long a failed job waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backoff {
    Fixed(Duration),
    Exponential { base: Duration, cap: Duration },
}

impl Backoff {
    /// Reads `exponential(2s, 1h)` and `fixed(30s)`.
    ///
    /// # Errors
    /// With what is wrong and what to write.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        const FORMS: &str = "write `exponential(2s, 1h)`, which doubles from 2s up to 1h, or `fixed(30s)`";
        let call = text.trim().strip_suffix(')').and_then(|call| call.split_once('('));
        let (name, durations) = call.ok_or_else(|| format!("`{text}` is no backoff: {FORMS}"))?;
        let durations: Vec<_> = durations.split(',').map(str::trim).collect();
        match (name.trim(), &durations[..]) {
            ("exponential", [base, cap]) => {
                let (base, cap) = (duration(base)?, duration(cap)?);
                if base.is_zero() {
                    Err("a delay of zero does not grow: write `exponential(1s, 1h)` or `fixed(0s)`"
                        .to_owned())
                } else if base > cap {
                    Err(format!("`{text}` shrinks: write the shorter delay first"))
                } else {
                    Ok(Self::Exponential { base, cap })
                }
            }
            ("fixed", [delay]) => Ok(Self::Fixed(duration(delay)?)),
            ("exponential", _) => {
                Err("`exponential` takes two durations: write `exponential(2s, 1h)`".to_owned())
            }
            ("fixed", _) => Err("`fixed` takes one duration: write `fixed(30s)`".to_owned()),
            (other, _) => match nearest(other, ["exponential", "fixed"]) {
                Some(name) => Err(format!("there is no backoff `{other}`; did you mean `{name}`?")),
                None => Err(format!("there is no backoff `{other}`: {FORMS}")),
            },
        }
    }
}
