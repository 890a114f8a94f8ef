use diesel::{
    migration::{Migration, MigrationSource},
    pg::Pg,
};

use super::*;
use crate::{
    db::{Migrations, Pooler, Prepared},
    finding::Level,
    testing::TestDb,
};

/// An application without migrations.
struct Nothing;

impl MigrationSource<Pg> for Nothing {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<Pg>>>> {
        Ok(Vec::new())
    }
}

/// What the boot of production finds of poolers, and whether the sessions of jobs are shared.
async fn found(web: &str, jobs: &str) -> (Vec<Finding>, bool) {
    let [web, jobs] = [web, jobs].map(|url| Url::parse(url).expect("the URL of a test"));
    let examination = Examination::open(&Prepared::of_roles(web, jobs, None), true).await;
    let mut findings = examination.proof(&Migrations::read(&Nothing).expect("there are none")).await;
    findings.retain(|finding| finding.what.contains("pooler"));
    (findings, examination.shares_jobs().await)
}

#[tokio::test]
async fn a_pooler_that_shares_sessions_is_known() {
    let db = TestDb::new(&Nothing).await;
    assert_eq!(found(db.web_url(), db.jobs_url()).await, (vec![], false));
    let pooler = Pooler::start(db.jobs_url()).await;
    assert_eq!(found(db.web_url(), pooler.url()).await, (vec![], true), "it is no fault");
    let pooler = Pooler::start(db.web_url()).await;
    assert_eq!(found(pooler.url(), db.jobs_url()).await, (vec![], false));
}

#[tokio::test]
async fn production_does_not_begin_with_a_pooler_that_forgets_prepared_statements() {
    let db = TestDb::new(&Nothing).await;
    let pooler = Pooler::start(db.jobs_url()).await;
    pooler.forget_statements();
    let (findings, _) = found(db.web_url(), pooler.url()).await;
    let [fault] = &findings[..] else { panic!("one is a fault: {findings:?}") };
    assert_eq!(fault.level, Level::Fault);
    assert!(fault.what.starts_with("DATABASE_JOBS_URL leads to a pooler"), "{fault}");
    assert!(fault.mend.as_deref().is_some_and(|mend| mend.contains("PgBouncer 1.21 or newer")), "{fault}");
}
