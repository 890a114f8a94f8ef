use super::*;
use crate::{
    Patch,
    db::{Session, Url},
    finding::Level,
    model,
    testing::{NoMigrations, TestDb},
    types::{DateTime, Utc},
};

diesel::table! {
    live_things (id) {
        id -> Int8,
        name -> Text,
        notes -> Nullable<Text>,
        seen_at -> Timestamptz,
        unused -> Int4,
    }
}

#[model(table = live_things, omit(unused))]
struct Thing {
    id: i64,
    name: String,
    notes: Option<String>,
    seen_at: DateTime<Utc>,
}

#[model(table = live_things, insert, omit(id, unused, seen_at))]
struct NewThing {
    name: String,
    notes: Option<String>,
}

#[model(table = live_things, patch)]
struct EditThing {
    name: Option<String>,
    notes: Patch<String>,
}

const THINGS: &str = "CREATE TABLE live_things (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    notes text,
    seen_at timestamptz NOT NULL DEFAULT now(),
    unused integer NOT NULL DEFAULT 0
)";

mod sql_types {
    #[derive(diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "live_mood"))]
    pub struct LiveMood;
    #[derive(diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "aside", schema = "live_other"))]
    pub struct Aside;
    #[derive(diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "hidden"))]
    pub struct Hidden;
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::*;

    live_other.kinds (id) {
        id -> Uuid,
        short -> Text,
        long -> Varchar,
        fixed -> Bpchar,
        padded -> Text,
        word -> Text,
        short_list -> Array<Text>,
        rated -> Int4,
        rated_list -> Array<Int4>,
        mail -> Nullable<Text>,
        price -> Numeric,
        extra -> Jsonb,
        plain -> Json,
        bytes -> Bytea,
        small -> Int2,
        real -> Float4,
        double -> Float8,
        day -> Date,
        time -> Time,
        span -> Interval,
        precise -> Timestamptz,
        period -> Tstzrange,
        mood -> LiveMood,
        moods -> Array<LiveMood>,
        aside -> Aside,
        hidden -> Hidden,
    }
}

#[model(table = kinds, pick)]
struct Kind {
    id: crate::types::Uuid,
}

const KINDS: &str = "CREATE SCHEMA live_other;
    CREATE SCHEMA live_hidden;
    CREATE TYPE live_mood AS ENUM ('fine', 'tired');
    CREATE TYPE live_other.aside AS ENUM ('a');
    CREATE TYPE live_hidden.hidden AS ENUM ('a');
    CREATE DOMAIN live_rating AS integer CHECK (value > 0);
    CREATE DOMAIN live_stars AS live_rating CHECK (value < 6);
    CREATE DOMAIN live_mail AS text CHECK (value LIKE '%@%');
    CREATE TABLE live_other.kinds (
        id uuid PRIMARY KEY, short varchar(20) NOT NULL, long text NOT NULL, fixed char(3) NOT NULL,
        padded char(3) NOT NULL, word name NOT NULL, short_list varchar(20)[] NOT NULL, rated live_stars NOT NULL,
        rated_list live_rating[] NOT NULL, mail live_mail, price numeric(10, 2) NOT NULL, extra jsonb NOT NULL,
        plain json NOT NULL, bytes bytea NOT NULL, small smallint NOT NULL, \"real\" real NOT NULL,
        double double precision NOT NULL, day date NOT NULL, time time NOT NULL, span interval NOT NULL,
        precise timestamptz(3) NOT NULL, period tstzrange NOT NULL, mood live_mood NOT NULL,
        moods live_mood[] NOT NULL, aside live_other.aside NOT NULL, hidden live_hidden.hidden NOT NULL
    )";

/// The models of these tests whose table the predicate takes.
fn models(of: impl Fn(&str) -> bool) -> Vec<&'static Rows> {
    let ours = |rows: &&Rows| rows.at().contains("live/tests.rs");
    rows::all().into_iter().filter(ours).filter(|rows| of(&(rows.table)())).collect()
}

/// A database with these tables, and a session as their owner.
async fn database(sql: &str) -> (TestDb, Session) {
    let db = TestDb::new(&NoMigrations).await;
    let session = Session::open(&Url::parse(db.owner_url()).unwrap()).await.unwrap();
    session.run("make the tables", sql).await.unwrap();
    (db, session)
}

/// What is said after a change of the tables, which is undone afterwards.
async fn said(session: &Session, change: &str, of: impl Fn(&str) -> bool) -> Vec<Finding> {
    session.run("change", &format!("BEGIN; {change}")).await.unwrap();
    let found = compare(session, &models(of)).await.unwrap();
    session.run("change back", "ROLLBACK").await.unwrap();
    found
}

#[tokio::test]
async fn tables_that_agree_say_nothing() {
    let (_db, session) = database(&format!("{THINGS}; {KINDS}")).await;
    assert_eq!(compare(&session, &models(|_| true)).await.unwrap(), []);
}

#[tokio::test]
async fn a_type_that_sends_other_bytes_is_told_from_one_that_does_not() {
    let (_db, session) = database(KINDS).await;
    let changes = [
        ("short TYPE integer USING 0", "short is integer in the database and text in `table!`"),
        ("extra TYPE json", "extra is json in the database and jsonb in `table!`"),
        ("small TYPE bigint", "small is bigint in the database and smallint in `table!`"),
        (
            "precise TYPE timestamp",
            "precise is timestamp without time zone in the database and timestamp with time zone in `table!`",
        ),
        ("rated TYPE bigint", "rated is bigint in the database and integer in `table!`"),
        ("short_list TYPE text USING ''", "short_list is text in the database and text[] in `table!`"),
        ("short TYPE text[] USING '{}'", "short is text[] in the database and text in `table!`"),
        ("mood TYPE text", "mood is text in the database and live_mood in `table!`"),
        ("moods TYPE text[] USING '{}'", "moods is text[] in the database and live_mood[] in `table!`"),
        (
            "hidden TYPE text",
            "hidden is text in the database and hidden in `table!`, a type that is not there",
        ),
    ];
    for (change, expected) in changes {
        let change = format!("ALTER TABLE live_other.kinds ALTER {change}");
        let found = said(&session, &change, |table| table.contains("kinds")).await;
        let [Finding { level, what, .. }] = &found[..] else { panic!("{change}: {found:?}") };
        assert_eq!(*what, format!("column live_other.kinds.{expected}"), "{change}");
        assert_eq!(*level, Level::Warning, "no model has the column");
    }
}

#[tokio::test]
async fn each_difference_is_told_with_its_mend() {
    let (_db, session) = database(THINGS).await;
    // Where the models stand is not what changes here.
    let place = regex::Regex::new(" at [^ ]*live/tests.rs:[0-9]+").unwrap();
    let check = async |change: &str, expected: &[(Level, &str, &str)]| {
        let found = said(&session, change, |table| table == r#""live_things""#).await;
        let found: Vec<_> = found
            .iter()
            .map(|finding| {
                (finding.level, &*finding.what, place.replace_all(finding.mend.as_deref().unwrap(), ""))
            })
            .collect();
        let found: Vec<_> = found.iter().map(|(level, what, mend)| (*level, *what, &**mend)).collect();
        assert_eq!(found, expected, "{change}");
    };
    check(
        "DROP TABLE live_things",
        &[(
            Level::Fault,
            "table live_things is not in the database",
            "run the command `migrate`, or write a migration that makes it for `Thing`, `NewThing` and `EditThing`",
        )],
    )
    .await;
    check(
        "ALTER TABLE live_things RENAME name TO title; ALTER TABLE live_things DROP unused",
        &[
            (
                Level::Fault,
                "column live_things.name is not in the database",
                "run the command `migrate`, or write a migration that adds it, or remove it from `table!` and from \
                 `Thing`, `NewThing` and `EditThing`",
            ),
            (
                Level::Warning,
                "column live_things.unused is not in the database",
                "run the command `migrate`, or write a migration that adds it, or remove it from `table!`",
            ),
            (
                Level::Fault,
                "column live_things.title is NOT NULL and has no default, and `table!` lacks it: no row can be \
                 inserted",
                "have a migration give it a default, or write `title -> Text` into `table!` and mend `NewThing`",
            ),
        ],
    )
    .await;
    check(
        "ALTER TABLE live_things ALTER notes TYPE varchar(20)[] USING '{}'",
        &[(
            Level::Fault,
            "column live_things.notes is character varying(20)[] in the database and text in `table!`",
            "change it by a migration, or write `notes -> Nullable<Array<Varchar>>` into `table!` and mend `Thing`, \
             `NewThing` and `EditThing`",
        )],
    )
    .await;
    check(
        "ALTER TABLE live_things ALTER name DROP NOT NULL, ALTER unused DROP NOT NULL",
        &[
            (
                Level::Fault,
                "column live_things.name may be NULL in the database and not in `table!`",
                "write a migration with ALTER TABLE live_things ALTER COLUMN name SET NOT NULL, or write \
                 `name -> Nullable<Text>` into `table!` and mend `Thing`",
            ),
            (
                Level::Warning,
                "column live_things.unused may be NULL in the database and not in `table!`",
                "write a migration with ALTER TABLE live_things ALTER COLUMN unused SET NOT NULL, or write \
                 `unused -> Nullable<Int4>` into `table!`",
            ),
        ],
    )
    .await;
    let may_set = (
        Level::Fault,
        "column live_things.notes is NOT NULL in the database, and a model may set it to NULL",
        "write `notes -> Text` into `table!`, and `Option<…>` for `Patch<…>` in `EditThing`",
    );
    let may_leave = (
        Level::Fault,
        "column live_things.notes is NOT NULL and has no default, and a model may leave it out",
        "have a migration give it a default, or write the type without `Option` in `NewThing`",
    );
    check("ALTER TABLE live_things ALTER notes SET NOT NULL", &[may_leave, may_set]).await;
    check("ALTER TABLE live_things ALTER notes SET NOT NULL, ALTER notes SET DEFAULT ''", &[may_set]).await;
    check(
        "ALTER TABLE live_things DROP notes, ADD notes text GENERATED ALWAYS AS (upper(name)) STORED",
        &[(
            Level::Fault,
            "column live_things.notes is GENERATED ALWAYS, and a model writes it, which the database refuses",
            "remove the field of `NewThing` and `EditThing`; an `insert` model has `omit(notes)`",
        )],
    )
    .await;
    check(
        "CREATE TYPE live_mood AS ENUM ('a'); ALTER TABLE live_things ADD one_more live_mood",
        &[(
            Level::Warning,
            "column live_things.one_more is in the database and not in `table!`",
            "write `one_more -> Nullable<LiveMood>` there to use it",
        )],
    )
    .await;
    let added = "ALTER TABLE live_things ADD slug text NOT NULL";
    check(
        added,
        &[(
            Level::Fault,
            "column live_things.slug is NOT NULL and has no default, and `table!` lacks it: no row can be inserted",
            "have a migration give it a default, or write `slug -> Text` into `table!` and mend `NewThing`",
        )],
    )
    .await;
    check(
        &format!(
            "{added}; CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN new; END $$;
             CREATE TRIGGER fill BEFORE INSERT ON live_things FOR EACH ROW EXECUTE FUNCTION fill()"
        ),
        &[(
            Level::Warning,
            "column live_things.slug is in the database and not in `table!`",
            "write `slug -> Text` there to use it",
        )],
    )
    .await;
    check(
        "ALTER TABLE live_things RENAME TO elsewhere; CREATE VIEW live_things AS SELECT * FROM elsewhere",
        &[],
    )
    .await;
}

#[tokio::test]
async fn a_model_says_where_it_stands() {
    let (_db, session) = database("").await;
    let found = compare(&session, &models(|table| table.contains("kinds"))).await.unwrap();
    let [finding] = &found[..] else { panic!("{found:?}") };
    let mend = finding.mend.as_deref().unwrap_or_default();
    let place = mend.split("`Kind` at framework/src/model/live/tests.rs:").nth(1).expect("it is told");
    let line = place.parse::<usize>().expect("a line");
    let source = include_str!("tests.rs").lines().nth(line - 1).expect("there is one");
    assert_eq!(source, "#[model(table = kinds, pick)]");
}
