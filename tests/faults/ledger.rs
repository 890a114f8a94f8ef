//! What was wanted, and what was done.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Integer, Text},
};
use diesel_async::RunQueryDsl as _;

use crate::postgres::Postgres;

/// The state of the ledger when nothing is left to do.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// How many jobs were enqueued.
    pub(crate) jobs: usize,
    /// The jobs, and the parts of jobs, that had no effect and were not given up; and what was accepted and is not there.
    pub(crate) lost: Vec<String>,
    /// Effects of `job.db()` and steps that are there more than once.
    pub(crate) doubled: Vec<String>,
    /// How many effects outside the database happened again.
    pub(crate) again: usize,
    /// How many jobs were given up, and can be tried again by hand.
    pub(crate) discarded: usize,
    /// What jobs saw that must not be.
    pub(crate) faults: Vec<String>,
}

#[derive(QueryableByName)]
struct Wanted {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Text)]
    sort: String,
    #[diesel(sql_type = Integer)]
    parts: i32,
    #[diesel(sql_type = Integer)]
    done: i32,
    #[diesel(sql_type = Integer)]
    doubled: i32,
    #[diesel(sql_type = Integer)]
    discarded: i32,
}

const WANTED: &str = "
WITH done AS (
    SELECT number, part, count(*) AS times FROM effects GROUP BY number, part
), by_number AS (
    SELECT number, count(*)::int AS parts, sum(times - 1)::int AS doubled FROM done GROUP BY number
), discarded AS (
    SELECT DISTINCT (args ->> 'number')::bigint AS number FROM catena.jobs WHERE state = 4
)
SELECT w.number, w.sort, w.parts, coalesce(d.parts, 0) AS done, coalesce(d.doubled, 0) AS doubled,
    (x.number IS NOT NULL)::int AS discarded
FROM wanted w LEFT JOIN by_number d USING (number) LEFT JOIN discarded x USING (number)";

#[derive(QueryableByName)]
struct Fault {
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Text)]
    what: String,
}

impl Ledger {
    /// Reads the database and the book, and compares them with the batches that were accepted.
    pub(crate) async fn read(server: &Postgres, book: &Path, accepted: &[(i64, i64)]) -> Self {
        let mut connection = server.connect().await;
        let wanted: Vec<Wanted> = sql_query(WANTED).load(&mut connection).await.expect("the ledger is there");
        let faults: Vec<Fault> =
            sql_query("SELECT number, what FROM faults").load(&mut connection).await.expect("they are there");
        let book = entries(book);
        let mut ledger = Self { jobs: wanted.len(), ..Self::default() };
        ledger.faults = faults.iter().map(|fault| format!("{}: {}", fault.number, fault.what)).collect();
        let known: BTreeSet<i64> = wanted.iter().map(|wanted| wanted.number).collect();
        let missing = accepted.iter().flat_map(|(first, count)| *first..first + count);
        let missing = missing.filter(|number| !known.contains(number));
        ledger.lost.extend(missing.map(|number| format!("{number} was accepted and is not wanted")));
        for wanted in &wanted {
            ledger.enter(wanted, book.get(&wanted.number).copied().unwrap_or(0));
        }
        ledger
    }

    fn enter(&mut self, wanted: &Wanted, in_book: usize) {
        let Wanted { number, sort, parts, done, doubled, discarded } = wanted;
        self.again += in_book.saturating_sub(1);
        if *doubled > 0 {
            self.doubled.push(format!("{sort} {number}"));
        }
        let complete = match parts {
            0 => in_book > 0,
            -1 => true,
            _ => done == parts,
        };
        if *discarded == 1 {
            self.discarded += 1;
        } else if !complete {
            self.lost.push(format!("{sort} {number}"));
        }
    }
}

/// How often each number is in the book.
fn entries(book: &Path) -> BTreeMap<i64, usize> {
    let text = std::fs::read_to_string(book).unwrap_or_default();
    let mut entries = BTreeMap::new();
    for line in text.lines() {
        let number = line.split(' ').next().and_then(|number| number.parse().ok());
        *entries.entry(number.unwrap_or_else(|| panic!("no entry: {line}"))).or_default() += 1;
    }
    entries
}
