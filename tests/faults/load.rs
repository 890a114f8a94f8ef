//! Who goes on enqueueing, whatever happens.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use serde_json::json;

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// The sorts, which take turns.
    pub(crate) sorts: Vec<&'static str>,
    /// How long each job takes.
    pub(crate) nap: Duration,
    /// How many are asked for at once.
    pub(crate) batch: i64,
    /// How long the one who asks rests between two batches.
    pub(crate) rest: Duration,
}

/// The numbers asked for, and the answers.
#[derive(Default)]
struct Asked {
    over: AtomicBool,
    next: AtomicI64,
    /// The first numbers of the batches that were accepted, and their sizes.
    accepted: Mutex<Vec<(i64, i64)>>,
}

pub(crate) struct Load {
    asked: Arc<Asked>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Two callers of the application at an address.
    pub(crate) fn start(address: &str, shape: &Shape) -> Self {
        let asked = Arc::new(Asked::default());
        let caller = |_| {
            let (asked, shape, address) = (asked.clone(), shape.clone(), address.to_owned());
            std::thread::spawn(move || asked.go_on(&address, &shape))
        };
        Self { threads: (0..2).map(caller).collect(), asked }
    }

    /// Has it end; returns the batches that were accepted.
    pub(crate) fn end(mut self) -> Vec<(i64, i64)> {
        self.asked.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("no caller fails");
        }
        std::mem::take(&mut self.asked.accepted.lock().expect("no caller fails"))
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.asked.over.store(true, Ordering::Relaxed);
    }
}

impl Asked {
    fn go_on(&self, address: &str, shape: &Shape) {
        while !self.over.load(Ordering::Relaxed) {
            let first = self.next.fetch_add(shape.batch, Ordering::Relaxed);
            if order(address, first, shape.batch, &shape.sorts, shape.nap) {
                self.accepted.lock().expect("no caller fails").push((first, shape.batch));
            }
            std::thread::sleep(shape.rest);
        }
    }
}

/// Asks the application at an address for some pieces; whether they were accepted.
pub(crate) fn order(address: &str, first: i64, count: i64, sorts: &[&str], nap: Duration) -> bool {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)));
    let agent: ureq::Agent = config.build().into();
    let nap_ms = i64::try_from(nap.as_millis()).expect("a short nap");
    let body = json!({"first": first, "count": count, "sorts": sorts, "nap_ms": nap_ms});
    let status = agent
        .post(format!("http://{address}/api/order"))
        .send_json(body)
        .map(|answer| answer.status().as_u16());
    // Whatever else is answered, the pieces may be wanted: the database knows.
    assert!(!matches!(status, Ok(404 | 422)), "the order is wrong: {status:?}");
    matches!(status, Ok(204))
}
