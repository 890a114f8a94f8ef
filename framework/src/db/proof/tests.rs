use super::*;
use crate::{
    db::{PoolSettings, RoleUrls, provision},
    testing::{NoMigrations, TestDb},
};

/// A database with three roles of its own: those of other tests are shared, and what is done here would harm them.
struct Ground {
    admin: Url,
    urls: RoleUrls,
    migrations: Migrations,
    _server: TestDb,
}

impl Ground {
    async fn new() -> Self {
        let server = TestDb::new(&NoMigrations).await;
        let name = format!("catena_proof_{}", uuid::Uuid::now_v7().simple());
        let urls = RoleUrls::derived(&server.admin_url(), &name, &name);
        provision(&server.admin_url(), &urls).await.unwrap();
        let admin = server.admin_url().with_database(&name);
        let migrations = Migrations::read(&NoMigrations).unwrap();
        let ground = Self { admin, urls, migrations, _server: server };
        ground.migrate().await;
        ground
    }

    async fn migrate(&self) {
        let [web, jobs] = [&self.urls.web, &self.urls.jobs].map(|url| url.user().unwrap());
        self.migrations.run(&self.urls.owner, &web, &jobs).await.unwrap();
    }

    /// Runs statements in which `{web}`, `{jobs}` and `{owner}` stand for the roles.
    async fn run(&self, url: &Url, sql: &str) {
        let sql = self.filled(sql);
        let session = Session::open(url).await.unwrap();
        session.attempt(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    fn filled(&self, text: &str) -> String {
        let RoleUrls { owner, web, jobs } = &self.urls;
        [("{owner}", owner), ("{web}", web), ("{jobs}", jobs), ("{database}", owner)].iter().fold(
            text.to_owned(),
            |text, (place, url)| {
                let name = if *place == "{database}" { url.database() } else { url.user() };
                text.replace(place, &name.unwrap())
            },
        )
    }

    /// What keeps production from starting.
    async fn proof(&self) -> Vec<Finding> {
        self.examine(true).await.proof(&self.migrations).await
    }

    async fn examine(&self, is_production: bool) -> Examination {
        let RoleUrls { owner, web, jobs } = self.urls.clone();
        Examination::open(&Prepared::of_roles(web, jobs, Some(owner)), is_production).await
    }

    async fn end(self) {
        let admin = Session::open(&self.admin.with_database("postgres")).await.unwrap();
        let clean = "DROP DATABASE {database} WITH (FORCE)";
        admin.run("clean", &self.filled(clean)).await.unwrap();
        admin.run("clean", &self.filled("DROP ROLE {owner}, {web}, {jobs}")).await.unwrap();
    }
}

/// What the owner does, what a superuser does, and the fault that comes of it; what mends it is run, and mends it.
const WRONG: &[(&str, &str, &str)] = &[
    // Roles.
    ("", "ALTER ROLE {web} SUPERUSER", "the role of requests, {web}, is SUPERUSER"),
    ("", "ALTER ROLE {web} BYPASSRLS", "the role of requests, {web}, is BYPASSRLS"),
    ("", "ALTER ROLE {web} CREATEROLE", "the role of requests, {web}, is CREATEROLE"),
    ("", "ALTER ROLE {web} CREATEDB", "the role of requests, {web}, is CREATEDB"),
    ("", "ALTER ROLE {web} REPLICATION", "the role of requests, {web}, is REPLICATION"),
    ("", "ALTER ROLE {jobs} NOBYPASSRLS SUPERUSER", "the role of jobs, {jobs}, is SUPERUSER"),
    ("", "ALTER ROLE {jobs} CREATEROLE", "the role of jobs, {jobs}, is CREATEROLE"),
    (
        "CREATE TABLE own_table (owner_id uuid); ALTER TABLE own_table ENABLE ROW LEVEL SECURITY;
         CREATE POLICY all_own ON own_table TO {web} USING (owner_id = (SELECT catena.user_id()))",
        "ALTER TABLE own_table OWNER TO {web}",
        "the role of requests, {web}, owns table own_table: ",
    ),
    ("", "CREATE SCHEMA own_schema AUTHORIZATION {web}", "{web}, owns schema own_schema: "),
    ("", "ALTER DATABASE {database} OWNER TO {web}", "{web}, owns database {database}: "),
    (
        "CREATE FUNCTION own_function() RETURNS int LANGUAGE sql RETURN 1",
        "ALTER FUNCTION own_function OWNER TO {web}",
        "{web}, owns function own_function(): ",
    ),
    ("", "CREATE SCHEMA job_schema AUTHORIZATION {jobs}", "the role of jobs, {jobs}, owns schema job_schema: "),
    ("", "GRANT pg_read_all_data TO {web}", "the role of requests, {web}, is a member of pg_read_all_data"),
    ("", "GRANT pg_read_server_files TO {web}", "is a member of pg_read_server_files"),
    ("", "GRANT pg_execute_server_program TO {web}", "is a member of pg_execute_server_program"),
    ("", "ALTER ROLE {web} NOINHERIT; GRANT {jobs} TO {web}", "is a member of {jobs}"),
    ("", "GRANT CREATE ON SCHEMA public TO {web}", "may make tables and functions in the schema public"),
    ("CREATE SCHEMA more", "GRANT CREATE ON SCHEMA more TO PUBLIC", "functions in the schema more"),
    ("", "GRANT CREATE ON DATABASE {database} TO {web}", "may make schemas in the database"),
    ("", "GRANT TEMPORARY ON DATABASE {database} TO PUBLIC", "may make temporary tables"),
    ("GRANT SELECT ON catena.sessions TO {web}", "", "may SELECT catena.sessions, which belongs to catena"),
    ("GRANT SELECT (hash) ON catena.passwords TO PUBLIC", "", "may SELECT catena.passwords"),
    ("GRANT USAGE ON SEQUENCE catena.job_lease_seq TO {web}", "", "may USAGE catena.job_lease_seq"),
    ("GRANT EXECUTE ON FUNCTION catena.token_create TO {web}", "", "may call catena.token_create("),
    ("GRANT EXECUTE ON FUNCTION catena.password_changed TO PUBLIC", "", "may call catena.password_changed("),
    ("REVOKE USAGE ON SCHEMA catena FROM {web}", "", "{web}, may not use the schema catena"),
    ("REVOKE USAGE ON SCHEMA catena FROM {jobs}", "", "{jobs}, may not use the schema catena"),
    ("REVOKE EXECUTE ON FUNCTION catena.enqueue FROM {web}", "", "{web}, may not call catena.enqueue("),
    ("REVOKE INSERT, DELETE ON catena.jobs FROM {jobs}", "", "{jobs}, may not DELETE, INSERT catena.jobs"),
    // Rows.
    ("CREATE TABLE bare (n int)", "", "requests may DELETE, INSERT, SELECT, UPDATE public.bare, all of it"),
    ("CREATE TABLE with_owner (user_id uuid)", "", "public.with_owner, all of it: it has no row-level security"),
    (
        "CREATE TABLE switched_off (user_id uuid); CREATE POLICY own ON switched_off USING (true)",
        "",
        "public.switched_off, all of it: it has no row-level security",
    ),
    (
        "CREATE TABLE \"No policy\" (user_id uuid); ALTER TABLE \"No policy\" ENABLE ROW LEVEL SECURITY",
        "",
        "public.\"No policy\", but it has no policy that shows them a row",
    ),
    (
        "CREATE TABLE of_others (n int); ALTER TABLE of_others ENABLE ROW LEVEL SECURITY;
         CREATE POLICY others ON of_others TO {jobs} USING (true)",
        "",
        "public.of_others, but it has no policy",
    ),
    ("CREATE TABLE a_column (n int); REVOKE ALL ON a_column FROM {web}; GRANT SELECT (n) ON a_column TO {web}", "",
        "requests may SELECT public.a_column, all of it"),
    ("CREATE TABLE everybody (n int); REVOKE ALL ON everybody FROM {web}; GRANT SELECT ON everybody TO PUBLIC", "",
        "requests may SELECT public.everybody, all of it"),
    (
        "CREATE TABLE parted (user_id uuid) PARTITION BY HASH (user_id); ALTER TABLE parted ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON parted USING (user_id = (SELECT catena.user_id()));
         CREATE TABLE part PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
        "",
        "public.part by its own name, past the policies of the table",
    ),
    ("CREATE MATERIALIZED VIEW summary AS SELECT 1 AS n", "", "the materialized view public.summary, which no policy"),
    (
        "",
        "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
         CREATE FOREIGN TABLE far (n int) SERVER nowhere; GRANT SELECT ON far TO {web}",
        "requests may SELECT the foreign table public.far, which no policy can guard",
    ),
    ("CREATE VIEW window_pane AS SELECT hash FROM catena.passwords", "", "the view public.window_pane, which shows"),
    ("CREATE TABLE hollow (n int); COMMENT ON TABLE hollow IS 'catena: public'; GRANT TRUNCATE, TRIGGER ON hollow TO {web}",
        "", "requests may TRIGGER, TRUNCATE public.hollow, which no policy guards"),
    (
        "CREATE TABLE referred (n int UNIQUE); REVOKE ALL ON referred FROM {web};
         GRANT REFERENCES (n) ON referred TO {web}",
        "",
        "requests may REFERENCES public.referred",
    ),
    (
        "CREATE FUNCTION helpful(n int) RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "",
        "requests may call public.helpful, which acts as its owner, {owner}",
    ),
];

#[tokio::test]
async fn whatever_is_wrong_is_a_fault_and_mended_by_what_it_says() {
    let ground = Ground::new().await;
    assert_eq!(ground.proof().await, [], "roles made by us are as they should be");
    for (by_owner, by_superuser, expected) in WRONG {
        let expected = ground.filled(expected);
        ground.run(&ground.urls.owner, by_owner).await;
        ground.run(&ground.admin, by_superuser).await;
        let found = ground.proof().await;
        assert!(
            matches!(&found[..], [Finding { level: Level::Fault, what, .. }] if what.contains(&expected)),
            "{by_owner}{by_superuser}\nexpected: {expected}\nfound: {found:#?}"
        );
        ground.run(&ground.admin, found[0].mend.as_deref().unwrap()).await;
        assert_eq!(ground.proof().await, [], "after {:?}", found[0].mend);
    }
    ground.end().await;
}

#[tokio::test]
async fn what_is_public_guarded_or_not_the_applications_is_no_fault() {
    let ground = Ground::new().await;
    let good = "
        CREATE TABLE shown (n int); COMMENT ON TABLE shown IS E'What anybody may read.\\ncatena: public';
        CREATE VIEW shown_view AS SELECT 1 AS n; COMMENT ON VIEW shown_view IS 'catena: public';
        CREATE MATERIALIZED VIEW shown_summary AS SELECT 1 AS n;
        COMMENT ON MATERIALIZED VIEW shown_summary IS 'catena: public';
        CREATE TABLE parts (n int) PARTITION BY HASH (n); COMMENT ON TABLE parts IS 'catena: public';
        CREATE TABLE part PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        CREATE TABLE own (user_id uuid); ALTER TABLE own ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON own USING (user_id = (SELECT catena.user_id()));
        CREATE VIEW own_view WITH (security_invoker) AS SELECT * FROM own;
        CREATE TABLE hidden (n int); REVOKE ALL ON hidden FROM {web};
        CREATE FUNCTION definer() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
            AS 'SELECT 1';
        CREATE FUNCTION not_theirs() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';
        REVOKE ALL ON FUNCTION not_theirs FROM {web};";
    ground.run(&ground.urls.owner, good).await;
    // An extension with a view that everybody may read, and with functions.
    ground.run(&ground.admin, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await;
    // What anybody may make.
    ground.run(&ground.urls.web, "SELECT lo_create(0)").await;
    // A job's table of its own, while its session lasts.
    let job = Session::open(&ground.urls.jobs).await.unwrap();
    job.run("test", "CREATE TEMPORARY TABLE scratch (id serial)").await.unwrap();
    assert_eq!(ground.proof().await, []);

    // What mentions the words does not say them.
    ground.run(&ground.urls.owner, "COMMENT ON TABLE shown IS 'this is not catena: public'").await;
    assert_eq!(ground.proof().await.len(), 1);
    ground.end().await;
}

/// What the SQL of a partition leaves: no rows by its own name, and those of the user by its table's.
#[tokio::test]
async fn a_partition_under_row_level_security_needs_no_policy() {
    let ground = Ground::new().await;
    let parted = "CREATE TABLE parted (user_id uuid) PARTITION BY HASH (user_id);
        ALTER TABLE parted ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON parted USING (user_id IS NOT DISTINCT FROM (SELECT catena.user_id()));
        CREATE TABLE part PARTITION OF parted FOR VALUES WITH (MODULUS 1, REMAINDER 0);
        INSERT INTO parted VALUES (NULL), (gen_random_uuid());";
    ground.run(&ground.urls.owner, parted).await;
    let seen = async |table: &str| {
        let web = Session::open(&ground.urls.web).await.unwrap();
        web.texts("test", &format!("SELECT count(*)::text FROM {table}"), &[]).await.unwrap().concat()
    };
    assert_eq!([seen("parted").await, seen("part").await], ["1", "2"]);
    let found = ground.proof().await;
    ground.run(&ground.urls.owner, found[0].mend.as_deref().unwrap()).await;
    assert_eq!(ground.proof().await, []);
    assert_eq!([seen("parted").await, seen("part").await], ["1", "0"]);
    ground.end().await;
}

#[tokio::test]
async fn development_warns_of_what_production_does_not_start_with() {
    let ground = Ground::new().await;
    ground.run(&ground.urls.owner, "CREATE TABLE bare (n int)").await;
    let levels = async |is_production| {
        let found = ground.examine(is_production).await.proof(&ground.migrations).await;
        found.into_iter().map(|finding| finding.level).collect::<Vec<_>>()
    };
    assert_eq!(levels(false).await, [Level::Warning]);
    assert_eq!(levels(true).await, [Level::Fault]);
    ground.run(&ground.admin, "ALTER ROLE {web} BYPASSRLS; DROP TABLE bare").await;
    assert_eq!(levels(false).await, [Level::Fault], "what hides nothing anywhere");
    ground.end().await;
}

#[tokio::test]
async fn all_faults_are_told_at_once() {
    let ground = Ground::new().await;
    ground.run(&ground.urls.owner, "CREATE TABLE one (n int); CREATE TABLE other (n int)").await;
    ground
        .run(&ground.admin, "ALTER ROLE {web} CREATEDB; DELETE FROM catena.migrations WHERE version = '0003'")
        .await;
    let found = ground.proof().await;
    assert_eq!(found.iter().filter(|finding| finding.level == Level::Fault).count(), 4, "{found:#?}");
    ground.end().await;
}

/// Where nobody may give BYPASSRLS.
#[tokio::test]
async fn jobs_under_row_level_security_see_every_row_by_policies_that_migrations_make() {
    let ground = Ground::new().await;
    let own = "CREATE TABLE {name} (user_id uuid); ALTER TABLE {name} ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON {name} USING (user_id = (SELECT catena.user_id()));
        INSERT INTO {name} VALUES (gen_random_uuid());";
    let seen = async |table: &str| {
        let jobs = Session::open(&ground.urls.jobs).await.unwrap();
        jobs.ask("test", &format!("SELECT count(*) = 1 FROM {table}"), &[]).await.unwrap()
    };
    ground.run(&ground.urls.owner, &own.replace("{name}", "first")).await;
    ground.run(&ground.admin, "ALTER ROLE {jobs} NOBYPASSRLS").await;
    let found = ground.proof().await;
    assert!(
        matches!(&found[..], [Finding { level: Level::Fault, what, .. }]
            if what.starts_with("jobs would not see all of public.first: ")),
        "{found:#?}"
    );
    assert!(!seen("first").await);
    ground.run(&ground.admin, found[0].mend.as_deref().unwrap()).await;
    assert_eq!(ground.proof().await, []);
    assert!(seen("first").await);

    // Another table, and a policy that was made for another role.
    let other =
        own.replace("{name}", "second") + "CREATE POLICY catena_jobs ON second TO {web} USING (false)";
    ground.run(&ground.urls.owner, &other).await;
    assert_eq!(ground.proof().await.len(), 1);
    for _ in 0..2 {
        ground.migrate().await;
        assert_eq!(ground.proof().await, []);
        assert!(seen("first").await && seen("second").await);
    }

    let restrictive =
        "CREATE POLICY no_more ON first AS RESTRICTIVE USING (user_id = (SELECT catena.user_id()))";
    ground.run(&ground.urls.owner, restrictive).await;
    let found = ground.proof().await;
    let expected = ground.filled(
        "jobs would not see all of public.first: the restrictive policy no_more reaches their role, {jobs}",
    );
    assert_eq!(found.iter().map(|finding| finding.what.as_str()).collect::<Vec<_>>(), [expected]);
    assert!(!seen("first").await);
    ground.run(&ground.admin, found[0].mend.as_deref().unwrap()).await;
    assert_eq!(ground.proof().await, []);
    assert!(seen("first").await);

    // With BYPASSRLS they are of no use.
    ground.run(&ground.admin, "ALTER ROLE {jobs} BYPASSRLS").await;
    assert_eq!(ground.proof().await, []);
    ground.migrate().await;
    let owner = Session::open(&ground.urls.owner).await.unwrap();
    let left = "SELECT polrelid::regclass::text || ' ' || polname FROM pg_policy ORDER BY 1";
    assert_eq!(owner.texts("test", left, &[]).await.unwrap(), ["first no_more", "first own", "second own"]);
    drop(owner);
    ground.end().await;
}

#[tokio::test]
async fn policies_that_cost_more_than_they_need_are_mended_too() {
    let ground = Ground::new().await;
    let slow =
        "CREATE TABLE slow (\"the owner\" uuid, other uuid); ALTER TABLE slow ENABLE ROW LEVEL SECURITY;
        CREATE INDEX ON slow (other, \"the owner\");
        CREATE POLICY a_row ON slow USING (\"the owner\" = catena.user_id())
            WITH CHECK (other = (SELECT catena.user_id()) AND other = catena.user_id());
        CREATE POLICY read ON slow FOR SELECT USING (other = catena.user_id());
        CREATE POLICY write ON slow FOR INSERT WITH CHECK (other = catena.user_id());
        CREATE POLICY fine ON slow FOR SELECT USING ((SELECT catena.user_id()) = other);";
    ground.run(&ground.urls.owner, slow).await;
    assert_eq!(ground.proof().await, [], "they work");
    let found = ground.examine(true).await.policies().await;
    let what: Vec<_> = found.iter().map(|finding| finding.what.as_str()).collect();
    assert_eq!(
        what,
        [
            "the policy a_row of public.slow calls catena.user_id() once a row",
            "the policy a_row of public.slow compares \"the owner\" with the user, and no index begins with that column",
            "the policy read of public.slow calls catena.user_id() once a row",
            "the policy write of public.slow calls catena.user_id() once a row",
        ]
    );
    for finding in &found {
        ground.run(&ground.urls.owner, finding.mend.as_deref().unwrap()).await;
    }
    assert_eq!(ground.examine(true).await.policies().await, []);
    ground.end().await;
}

#[tokio::test]
async fn a_login_that_is_refused_and_a_database_that_was_never_migrated_are_named() {
    let ground = Ground::new().await;
    let RoleUrls { web, jobs, .. } = &ground.urls;
    let examine = async |web: &Url, jobs: &Url| {
        let prepared = Prepared::of_roles(web.clone(), jobs.clone(), None);
        Examination::open(&prepared, false).await.proof(&ground.migrations).await
    };
    let found = examine(&web.with_login("nobody_we_know", None), jobs).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].what.starts_with("DATABASE_URL: cannot connect to "), "{found:#?}");

    let [web, jobs] = [web, jobs].map(|url| url.with_database("postgres"));
    let found = examine(&web, &jobs).await;
    let fault = Finding {
        level: Level::Fault,
        what: "the database has not been migrated".to_owned(),
        mend: Some("run the command `migrate`".to_owned()),
    };
    assert!(found.contains(&fault), "{found:#?}");
    assert!(found.iter().all(|finding| finding == &fault || finding.level == Level::Warning), "{found:#?}");
    ground.end().await;
}

#[tokio::test]
async fn one_role_for_both_is_a_fault_and_gets_no_policy_that_shows_all() {
    let ground = Ground::new().await;
    let own = "CREATE TABLE own (user_id uuid); ALTER TABLE own ENABLE ROW LEVEL SECURITY;
        CREATE POLICY own ON own USING (user_id = (SELECT catena.user_id()))";
    ground.run(&ground.urls.owner, own).await;
    let web = &ground.urls.web;
    let prepared = Prepared::of_roles(web.clone(), web.clone(), None);
    let examination = Examination::open(&prepared, false).await;
    let found = [examination.roles().await, examination.tables().await].concat();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].what.starts_with("requests and jobs log in as one role, "), "{found:#?}");
    ground.end().await;
}

#[tokio::test]
async fn two_databases_are_a_fault() {
    let ground = Ground::new().await;
    let (web, jobs) = (ground.urls.web.with_database("postgres"), ground.urls.jobs.clone());
    let examination = Examination::open(&Prepared::of_roles(web, jobs, None), false).await;
    let found = examination.proof(&ground.migrations).await;
    assert!(
        matches!(&found[..], [one] if one.what.starts_with("requests and jobs use two databases")),
        "{found:#?}"
    );
    ground.end().await;
}

/// What of the server is no fault of roles or tables: what a superuser does, what is found, and mends it.
#[tokio::test]
async fn settings_of_the_server_that_harm_are_mended_by_what_is_said() {
    let ground = Ground::new().await;
    let server = async || {
        let found = ground.examine(true).await.server(&PoolSettings::default()).await;
        found.into_iter().filter(|finding| finding.level != Level::Ok).collect::<Vec<_>>()
    };
    assert_eq!(server().await, []);
    let cases = [
        ("ALTER ROLE {web} SET row_security = off", "the sessions of requests begin with row_security = off"),
        (
            "ALTER ROLE {web} SET statement_timeout = '2s'",
            "requests begin with statement_timeout = 2000 ms, less",
        ),
        (
            "ALTER ROLE {jobs} SET idle_in_transaction_session_timeout = '1min'",
            "the sessions of jobs begin with idle_in_transaction_session_timeout = 60000 ms, less",
        ),
        (
            "ALTER DATABASE {database} CONNECTION LIMIT 30",
            "up to 26 connections, and the server allows 30: enough for one",
        ),
    ];
    for (sql, expected) in cases {
        ground.run(&ground.admin, sql).await;
        let found = server().await;
        assert!(matches!(&found[..], [one] if one.what.contains(expected)), "{sql}: {found:#?}");
        ground.run(&ground.admin, found[0].mend.as_deref().unwrap()).await;
        assert_eq!(server().await, []);
    }
    ground.end().await;
}
