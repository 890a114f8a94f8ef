//! What `doctor` says of limits.

use std::time::Duration;

use super::{
    ClientIp, Endpoint, Limits, Quotas, Setup,
    store::{self, Fault, Trial},
    tier::KEEPS,
};
use crate::{finding::Finding, procedure::Procedure};

/// A decision that takes longer will often be one that Redis has no part in.
const SLOW: Duration = Duration::from_millis(50);

impl Limits {
    /// Tries the Redis of the settings, and tells what is limited by what.
    pub(crate) async fn examine(
        setup: &Setup,
        app: &str,
        procedures: &[&'static Procedure],
        is_production: bool,
    ) -> Vec<Finding> {
        let Some(endpoint) = &setup.redis else { return vec![off(is_production)] };
        let mut findings = match store::attempt(endpoint, app).await {
            Ok(trial) => tried(endpoint, &trial),
            Err(Fault::Unreachable(why)) => vec![Finding {
                mend: Some(format!("start that Redis, or write the right {}", endpoint.setting)),
                ..Finding::fault(format!(
                    "{endpoint} cannot be used: {why}; until it answers, each process counts by itself"
                ))
            }],
            Err(Fault::Refused(why)) => vec![Finding::fault(why)],
        };
        if endpoint.may_be_overheard() {
            findings.push(Finding::warning(
                format!(
                    "the way to {endpoint} leads over a network without encryption, and its password with it"
                ),
                "write rediss:// or https://, if that Redis speaks TLS",
            ));
        }
        findings.extend(quotas(setup.quotas, procedures));
        findings.push(client_ip(setup.client_ip.as_ref(), is_production));
        findings
    }
}

fn off(is_production: bool) -> Finding {
    let mend = "set UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN, or REDIS_URL";
    if is_production {
        Finding::warning("limits are off: anybody may call, and guess passwords, as often as they like", mend)
    } else {
        Finding::ok(format!("limits are off: to switch them on, {mend}"))
    }
}

/// What a Redis said that took a decision.
fn tried(endpoint: &Endpoint, trial: &Trial) -> Vec<Finding> {
    let took = format!("{endpoint} took a decision in {:.1} ms", trial.took.as_secs_f64() * 1000.0);
    let mut findings = vec![if trial.took > SLOW {
        Finding::warning(
            format!("{took}: beyond 100 ms it is left out, and each process counts by itself"),
            "use a Redis near to this process: in the same region",
        )
    } else {
        Finding::ok(took)
    }];
    findings.push(match trial.when_full.as_deref() {
        Some(policy) if KEEPS.contains(&policy) => {
            Finding::ok(format!("it forgets nothing too early when its memory is full ({policy})"))
        }
        Some(policy) => Finding::warning(
            format!("it forgets what it has counted when its memory is full (maxmemory-policy {policy})"),
            "CONFIG SET maxmemory-policy noeviction",
        ),
        None => Finding::ok("it does not tell what it does when its memory is full"),
    });
    findings
}

fn quotas(quotas: Quotas, procedures: &[&'static Procedure]) -> Vec<Finding> {
    let Quotas { public, auth, account, protected } = quotas;
    let mut told = vec![
        format!("public: {public} from one address"),
        format!("auth: {auth} from one address, and {account} on one account"),
        format!("protected: {protected} by one user"),
    ];
    told.extend(procedures.iter().filter_map(|procedure| {
        let quota = procedure.settings.limit?;
        Some(format!("{}: {quota}, as it says itself", procedure.id()))
    }));
    told.into_iter().map(Finding::ok).collect()
}

fn client_ip(policy: Option<&ClientIp>, is_production: bool) -> Finding {
    match policy {
        Some(policy) => Finding::ok(format!("CLIENT_IP is {policy}")),
        None if is_production => Finding::warning(
            "CLIENT_IP is not set: behind a proxy all visitors would be one address, and share one quota",
            "set CLIENT_IP to xff:1 (or how many proxies there are) or header:x-real-ip (or what your proxy sets), or \
             to peer if there is none",
        ),
        None => Finding::ok("CLIENT_IP is not set: an address is that of the connection"),
    }
}
