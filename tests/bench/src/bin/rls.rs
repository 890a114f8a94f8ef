//! A read under row-level security from a known identity, beside the same read without it on a connection of the same
//! kind. Prints one line of JSON: microseconds at the median, and round trips.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use catena::{
    App, Ctx, Error, Result, User, model, procedure,
    testing::{Client, EmbeddedMigrations, Method, TestApp, TestDb},
    types::Uuid,
};
use diesel::{ExpressionMethods as _, QueryDsl as _};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, RunQueryDsl as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::Mutex,
};

diesel::table! {
    notes (owner_id) {
        owner_id -> Uuid,
        text -> Text,
    }
}

const TABLE: &str = "
    CREATE TABLE notes (owner_id uuid PRIMARY KEY DEFAULT catena.user_id(), text text NOT NULL);
    ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
    CREATE POLICY notes_own ON notes USING (owner_id = (SELECT catena.user_id()));
    INSERT INTO notes SELECT gen_random_uuid(), 'somebody else''s' FROM generate_series(1, 1000);
    ANALYZE notes;";

/// The reads of a round, after a tenth of it that warms up.
const READS: usize = 1000;

/// The time between two reads.
const PAUSE: Duration = Duration::from_millis(1);

#[model]
pub struct Credentials {
    #[identity]
    pub email: String,
    #[secret]
    pub password: String,
}

/// Makes an account with a note.
#[procedure(tier = "auth")]
pub async fn join(ctx: &Ctx, input: Credentials) -> Result<()> {
    let id = Uuid::now_v7();
    ctx.add_password(id, &input.email, &input.password).await?;
    ctx.sign_in(id).await?;
    diesel::insert_into(notes::table).values(notes::text.eq("mine")).execute(&mut ctx.db().await?).await?;
    Ok(())
}

/// What was measured.
#[model]
pub struct Measured {
    /// Microseconds of each read without row-level security, sorted.
    pub bare: Vec<f64>,
    /// Microseconds of each read under it, sorted.
    pub ours: Vec<f64>,
    /// Round trips of as many bare reads.
    pub bare_trips: i64,
    /// Round trips of as many of ours.
    pub our_trips: i64,
}

/// Reads the caller's note in both ways, as a query does.
#[procedure(query, tier = "protected", timeout = "60s")]
pub async fn measure(ctx: &Ctx<User>) -> Result<Measured> {
    compare(ctx).await
}

/// The same as a procedure does that could also write.
#[procedure(tier = "protected", timeout = "60s")]
pub async fn measure_writing(ctx: &Ctx<User>) -> Result<Measured> {
    compare(ctx).await
}

async fn compare(ctx: &Ctx<User>) -> Result<Measured> {
    let Rig { bare, trips } = ctx.state::<Rig>()?;
    let mut bare = bare.lock().await;
    let id = ctx.user.id;
    let detached = ctx.detach();
    let note = || notes::table.filter(notes::owner_id.eq(id)).select(notes::text);
    let mut found = Measured { bare: Vec::new(), ours: Vec::new(), bare_trips: 0, our_trips: 0 };
    for read in 0..READS + READS / 10 {
        // What a read leaves behind is over before the next one.
        tokio::time::sleep(PAUSE).await;
        let (before, begun) = (trips.load(), Instant::now());
        let text: String = note().first(&mut *bare).await?;
        let (between, bare_took) = (trips.load(), begun.elapsed());
        tokio::time::sleep(PAUSE).await;
        let begun = Instant::now();
        let same =
            detached.transaction(async |mut db| Ok::<String, Error>(note().first(&mut db).await?)).await?;
        let ours_took = begun.elapsed();
        tokio::time::sleep(PAUSE).await;
        assert_eq!(text, same);
        if read >= READS / 10 {
            found.bare.push(micros(bare_took));
            found.ours.push(micros(ours_took));
            found.bare_trips += between - before;
            found.our_trips += trips.load() - between;
        }
    }
    found.bare.sort_by(f64::total_cmp);
    found.ours.sort_by(f64::total_cmp);
    Ok(found)
}

/// Looks nobody up.
#[procedure(query, tier = "public")]
pub async fn unknown(_ctx: &Ctx) -> Result<()> {
    Ok(())
}

/// Looks the caller up.
#[procedure(query, tier = "protected")]
pub async fn known(_ctx: &Ctx<User>) -> Result<()> {
    Ok(())
}

/// A connection of its own, past row-level security, and the round trips of all.
struct Rig {
    bare: Mutex<AsyncPgConnection>,
    trips: Trips,
}

/// How often something was sent after the last answer.
#[derive(Clone, Default)]
struct Trips(Arc<AtomicUsize>);

impl Trips {
    fn load(&self) -> i64 {
        i64::try_from(self.0.as_ref().load(Ordering::SeqCst)).expect("a count")
    }

    /// Passes connections at a socket on to the server's, and counts.
    fn watch(&self, socket: &Path, server: PathBuf) {
        let listener = UnixListener::bind(socket).expect("a free name");
        let trips = self.0.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut server = UnixStream::connect(&server).await.expect("the server is there");
                let trips = trips.clone();
                tokio::spawn(async move {
                    let answered = AtomicBool::new(true);
                    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                        (client.split(), server.split());
                    let questions = async {
                        let mut buffer = vec![0; 65536];
                        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                            if answered.swap(false, Ordering::SeqCst) {
                                trips.fetch_add(1, Ordering::SeqCst);
                            }
                            to_server.write_all(&buffer[..length]).await.expect("the server reads");
                        }
                    };
                    let answers = async {
                        let mut buffer = vec![0; 65536];
                        while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                            answered.store(true, Ordering::SeqCst);
                            if to_client.write_all(&buffer[..length]).await.is_err() {
                                break;
                            }
                        }
                    };
                    tokio::select! { () = questions => {}, () = answers => {} }
                });
            }
        });
    }
}

/// The application on a database of its own, its connections opened at `web` and `bare`.
async fn signed_in(db: &TestDb, web: &str, bare: &str, trips: Trips) -> (TestApp, Client) {
    let bare = AsyncPgConnection::establish(bare).await.expect("the owner logs in");
    let app =
        App::new("rls", "0.0.0", EmbeddedMigrations::new(&[])).state(Rig { bare: Mutex::new(bare), trips });
    let app = TestApp::builder(app)
        .var("DATABASE_URL", web)
        .var("DATABASE_JOBS_URL", db.jobs_url())
        .var("DATABASE_OWNER_URL", db.owner_url())
        .start()
        .await;
    let mut client = app.client();
    let account =
        format!(r#"{{"email":"{}@example.test","password":"an old oak by the river"}}"#, Uuid::now_v7());
    let answer = client.send(Method::POST, "/api/join", Some("application/json"), account).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    (app, client)
}

async fn measured(client: &mut Client, method: Method, path: &str) -> serde_json::Value {
    let answer = client.send(method, path, None, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

async fn request(client: &mut Client, path: &str) -> f64 {
    let mut took = Vec::new();
    for _ in 0..READS {
        let begun = Instant::now();
        let answer = client.get(path).await;
        took.push(micros(begun.elapsed()));
        assert_eq!(answer.status, 204, "{}", answer.text());
    }
    took.sort_by(f64::total_cmp);
    took[READS / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[tokio::main]
async fn main() {
    let db = TestDb::new(&EmbeddedMigrations::new(&[])).await;
    TestDb::execute(&db, TABLE).await;
    let (_app, mut client) = signed_in(&db, db.web_url(), db.owner_url(), Trips::default()).await;
    let mut rounds = Vec::new();
    for _ in 0..5 {
        let query = measured(&mut client, Method::GET, "/api/measure").await;
        let writing = measured(&mut client, Method::POST, "/api/measure_writing").await;
        let median = |found: &serde_json::Value, name: &str| found[name][READS / 2].as_f64().expect("a time");
        let (unknown, known) =
            (request(&mut client, "/api/unknown").await, request(&mut client, "/api/known").await);
        rounds.push(serde_json::json!({
            "bare": median(&query, "bare"), "query": median(&query, "ours"),
            "bare_beside": median(&writing, "bare"), "writing": median(&writing, "ours"),
            "unknown": unknown, "known": known,
        }));
    }

    // Once more through a socket at which round trips are counted.
    let folder = std::env::temp_dir().join(format!("catena-bench-{}", std::process::id()));
    std::fs::create_dir(&folder).expect("a folder");
    let (login, rest) = db.web_url().split_once('@').expect("a login");
    let (host, database) = rest.split_once('/').expect("a database");
    let owner = db.owner_url().split('@').next().expect("a login");
    let trips = Trips::default();
    let name = ".s.PGSQL.5432";
    trips.watch(&folder.join(name), Path::new(&host.replace("%2F", "/")).join(name));
    let through = folder.to_string_lossy().replace('/', "%2F");
    let at = |login: &str| format!("{login}@{through}/{database}");
    let (_watched, mut client) = signed_in(&db, &at(login), &at(owner), trips).await;
    let found = measured(&mut client, Method::POST, "/api/measure_writing").await;
    std::fs::remove_dir_all(&folder).expect("it is ours");
    let each = |name: &str| found[name].as_f64().expect("a count") / READS as f64;
    println!(
        "{}",
        serde_json::json!({"rounds": rounds, "bare_trips": each("bare_trips"), "our_trips": each("our_trips")})
    );
}
