//! Secrets stay out of every log line, answer and record, whatever `RUST_LOG` says.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use catena::testing::TestApp;
use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::RunQueryDsl as _;
use serde_json::{Value, json};

use crate::{
    process::{agent, on},
    redis::Redis,
    support::example,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// What must not be found anywhere, each with its name.
#[derive(Default)]
struct Planted(Vec<(&'static str, String)>);

impl Planted {
    /// A value that nothing else looks like; a space and a sign have it travel in another form.
    fn plant(&mut self, what: &'static str) -> String {
        let value = format!("pl4nted {} Zq7+{}", what.replace(' ', "-"), self.0.len());
        self.note(what, &value);
        value
    }

    fn note(&mut self, what: &'static str, value: &str) {
        self.0.push((what, value.to_owned()));
    }

    /// The names of those that a text holds, in whatever form.
    fn found_in(&self, text: &str) -> Vec<&'static str> {
        let found = self.0.iter().filter(|(_, value)| forms(value).iter().any(|form| text.contains(form)));
        found.map(|(what, _)| *what).collect()
    }
}

/// A value as it stands, and as it stands in a form, a header, a dump of bytes.
fn forms(value: &str) -> [String; 7] {
    let bytes = value.as_bytes();
    let percent: String = bytes
        .iter()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(*byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect();
    [
        value.to_owned(),
        percent.replace("%20", "+"),
        percent,
        BASE64_STANDARD.encode(bytes).trim_end_matches('=').to_owned(),
        BASE64_URL_SAFE_NO_PAD.encode(bytes),
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", "),
    ]
}

/// The example in a process of its own that logs everything into a file.
struct Loud {
    child: Child,
    /// Where it counts, with a password.
    redis: Redis,
    address: String,
    log: std::path::PathBuf,
}

impl Loud {
    fn start(app: &TestApp, folder: &Path, format: &str, planted: &mut Planted) -> Self {
        let log = folder.join("log");
        let file = fs::File::create(&log).expect("a folder to write into");
        let mut command: Command = on("example", app.db());
        command
            .current_dir(folder)
            .env("RUST_LOG", "trace,fred=trace")
            .env("LOG_FORMAT", format)
            .env("CATENA_SECRET", planted.plant("the secret of the application"))
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(Stdio::from(file));
        for (name, url, what) in [
            ("DATABASE_URL", app.db().web_url(), "the password of the role of requests"),
            ("DATABASE_JOBS_URL", app.db().jobs_url(), "the password of the role of jobs"),
            ("DATABASE_OWNER_URL", app.db().owner_url(), "the password of the owner"),
        ] {
            command.env(name, with_password(url, &planted.plant(what)));
        }
        let password = planted.plant("the password of Redis");
        let redis = Redis::start_on_port(&["--requirepass", &password]);
        let at = format!("127.0.0.1:{}", redis.port);
        for setting in ["RATE_LIMIT_AUTH", "RATE_LIMIT_ACCOUNT", "RATE_LIMIT_PUBLIC"] {
            command.env(setting, "1000/1m");
        }
        if format == "json" {
            command
                .env("UPSTASH_REDIS_REST_URL", format!("http://{at}"))
                .env("UPSTASH_REDIS_REST_TOKEN", &password);
        } else {
            command.env("REDIS_URL", format!("redis://:{}@{at}", forms(&password)[2]));
        }
        let child = command.spawn().expect("the program is built");
        let mut loud = Self { child, redis, address: String::new(), log };
        loud.address = loud.until(|text| {
            let (_, address) = text.split_once("listening on http://")?;
            let end = address.find([',', '"', '\n', ' '])?;
            Some(address[..end].to_owned())
        });
        loud
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).expect("it was created")).into_owned()
    }

    /// Waits for something in the log of another process, so there is nothing to be woken by.
    fn until<T>(&self, found: impl Fn(&str) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            let text = self.text();
            if let Some(found) = found(&text) {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "it did not happen within {PATIENCE:?}: {text:.4000}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a body as it is; returns the status, the answer as text, and the cookies that it sets.
    fn post(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> (u16, String, Vec<String>) {
        let mut request =
            agent().post(format!("http://{}{path}", self.address)).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.send(body).expect("the server answers");
        let cookies = answer.headers().get_all("set-cookie").iter();
        let cookies = cookies.filter_map(|cookie| Some(cookie.to_str().ok()?.to_owned())).collect();
        (answer.status().as_u16(), answer.body_mut().read_to_string().expect("text"), cookies)
    }
}

impl Drop for Loud {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The URL with a password in it. The test's server asks for none, so it takes any.
fn with_password(url: &str, password: &str) -> String {
    let password = forms(password)[2].clone();
    let (before, after) = url.split_once('@').expect("the URL of a test names a role");
    let role =
        before.rsplit_once("//").map_or(before, |(_, login)| login).split(':').next().unwrap_or_default();
    format!("postgres://{role}:{password}@{after}")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_as_text() {
    plant_and_search("text").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_as_json() {
    plant_and_search("json").await;
}

async fn plant_and_search(format: &str) {
    let app = example().await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut planted = Planted::default();
    let mut server = Loud::start(&app, folder.path(), format, &mut planted);
    sign_in_and_out(&server, &mut planted);
    reset(&server, folder.path(), &mut planted);
    let mut refusals = refused(&server, &mut planted);
    refusals.push_str(&server.post("/api/auth/me", "null", &[]).1);

    // It loses its connection, and logs in again.
    server.redis.kill();
    for _ in 0..5 {
        assert_eq!(server.post("/api/auth/logout", "null", &[]).0, 401);
    }
    server.redis.restart();
    server.until(|text| text.contains("Redis answers again").then_some(()));

    over_http2(&server.address, &planted.plant("a bearer token over HTTP/2"));
    server.post("/api/nothing/here", "{}", &[]);
    let log = server.until(|text| text.contains("/api/nothing/here").then(|| text.to_owned()));
    // The last is what the client of Redis says of each call that it sends.
    for told in ["TRACE", "Encoded "] {
        assert!(log.contains(told), "everything is logged, {told} too: {log:.2000}");
    }
    let path = Planted(vec![("what is logged", "/api/auth/request_reset".to_owned())]);
    assert_eq!(path.found_in(&log), ["what is logged"], "the search finds what is there");
    assert_eq!(planted.found_in(&log), [""; 0], "in the log");
    assert_eq!(planted.found_in(&refusals), [""; 0], "in an answer that refuses it: {refusals}");
    for table in tables(&app).await {
        assert_eq!(planted.found_in(&table), [""; 0], "in a table of the framework: {table:.200}");
    }
}

/// Signs up, calls with a cookie and with a token, and leaves.
fn sign_in_and_out(server: &Loud, planted: &mut Planted) {
    let body = json!({"email": "ada@example.test", "password": planted.plant("a password")}).to_string();
    let (status, answer, cookies) = server.post("/api/auth/signup", &body, &[]);
    assert_eq!(status, 201, "{answer}");
    let session: Value = serde_json::from_str(&answer).expect("JSON");
    let token = session["token"].as_str().expect("a token").to_owned();
    planted.note("a session's token", &token);
    assert_eq!(cookies.len(), 2, "the session, and the browser's");
    for cookie in &cookies {
        let value = cookie.split([';', '=']).nth(1).expect("a value");
        planted.note("a cookie", value);
    }
    let task = json!({"title": "buy milk"}).to_string();
    let pairs: Vec<_> = cookies.iter().filter_map(|cookie| cookie.split(';').next()).collect();
    assert_eq!(server.post("/api/tasks/create", &task, &[("cookie", &pairs.join("; "))]).0, 201);
    let bearer = format!("Bearer {token}");
    assert_eq!(server.post("/api/tasks/create", &task, &[("authorization", &bearer)]).0, 201);
    assert_eq!(server.post("/api/auth/login", &body, &[("cookie", &pairs.join("; "))]).0, 200);
    assert_eq!(
        server.post("/api/auth/logout", "null", &[("authorization", &bearer)]).0,
        401,
        "it was rotated"
    );
}

/// Has a token mailed, and uses it twice.
fn reset(server: &Loud, folder: &Path, planted: &mut Planted) {
    let asked = json!({"email": "ada@example.test"}).to_string();
    assert_eq!(server.post("/api/auth/request_reset", &asked, &[]).0, 204);
    let mails = folder.join(".catena/mail");
    let token = server.until(|_| {
        let files = fs::read_dir(&mails).ok()?.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
        files.filter(|mail| mail.contains("A new password")).find_map(|mail| {
            let mut words = mail.split_whitespace().map(str::to_owned).collect::<Vec<_>>().into_iter();
            words.find(|word| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()))
        })
    });
    planted.note("a token that was mailed", &token);
    let body = json!({"token": token, "password": planted.plant("a new password")}).to_string();
    // The job that mailed it may not have committed yet.
    let start = Instant::now();
    while server.post("/api/auth/reset", &body, &[]).0 != 204 {
        assert!(start.elapsed() < PATIENCE, "the token did not become valid");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.post("/api/auth/reset", &body, &[]).0, 401);
}

/// Sends secrets where they are refused, in every way; returns the answers.
fn refused(server: &Loud, planted: &mut Planted) -> String {
    let nobody = "pl4nted-cookie-of-nobody";
    planted.note("a cookie of nobody", nobody);
    let mut plant = |what| planted.plant(what);
    let email = "ada@example.test";
    let bodies = [
        ("/api/auth/login", json!({"email": email, "password": plant("a wrong password")}).to_string(), 401),
        (
            "/api/auth/signup",
            json!({"email": email, "password": plant("a password for a taken address")}).to_string(),
            409,
        ),
        (
            "/api/auth/login",
            json!({"email": 1, "password": plant("a password beside a mistake")}).to_string(),
            422,
        ),
        (
            "/api/auth/login",
            json!({"email": email, "password": [plant("a password in a list")]}).to_string(),
            422,
        ),
        (
            "/api/auth/login",
            json!({"email": email, "password": plant("a long password").repeat(20)}).to_string(),
            422,
        ),
        (
            "/api/auth/login",
            format!("{{\"email\": \"{email}\", \"password\": \"{}\"", plant("a password that breaks off")),
            400,
        ),
        (
            "/api/auth/reset",
            json!({"token": plant("a token of a wrong length"), "password": plant("a password with it")})
                .to_string(),
            422,
        ),
    ];
    let mut answers = String::new();
    for (path, body, expected) in bodies {
        let (status, answer, _) = server.post(path, &body, &[]);
        assert_eq!(status, expected, "{path}: {answer}");
        answers.push_str(&answer);
    }
    let bearer = format!("Bearer {}", plant("a bearer token"));
    let basic = format!("Basic {}", BASE64_STANDARD.encode(plant("a user and a password")));
    let cookie = format!("catena={nobody}; other={nobody}");
    for (name, value) in [("authorization", &bearer), ("authorization", &basic), ("cookie", &cookie)] {
        let (status, answer, _) = server.post("/api/auth/logout", "null", &[(name, value)]);
        assert_eq!(status, 401, "{answer}");
        answers.push_str(&answer);
    }
    let query = format!("/api/auth/login?password={}", forms(&plant("a password in the address"))[2]);
    answers.push_str(&server.post(&query, "{}", &[]).1);
    answers
}

/// Calls with a Bearer token over HTTP/2, whose library logs what it reads, and waits for the answer.
fn over_http2(address: &str, token: &str) {
    let mut block = Vec::new();
    let authorization = format!("Bearer {token}");
    for (name, value) in [
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/api/auth/me"),
        (":authority", address),
        ("authorization", &authorization),
    ] {
        // A literal that is not to be remembered: name and value, each behind its length.
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("short"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    // SETTINGS, empty; then HEADERS of stream 1, which end both themselves and the stream.
    sent.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0, 0]);
    sent.extend_from_slice(&[0, 0, u8::try_from(block.len()).expect("short"), 1, 5, 0, 0, 0, 1]);
    sent.extend_from_slice(&block);
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    stream.write_all(&sent).expect("it reads");
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).expect("it answers");
        let mut payload = vec![0; usize::from(head[1]) * 256 + usize::from(head[2])];
        stream.read_exact(&mut payload).expect("whole frames");
        // HEADERS: the answer.
        if head[3] == 1 {
            return;
        }
    }
}

#[derive(QueryableByName)]
struct Rows {
    #[diesel(sql_type = Text)]
    text: String,
}

/// Every row of every table of the framework, a text a table.
async fn tables(app: &TestApp) -> Vec<String> {
    let mut db = app.db().connect().await;
    let names: Vec<Rows> = sql_query(
        "SELECT format('%I.%I', n.nspname, c.relname) AS text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = 'catena' AND c.relkind IN ('r', 'p')",
    )
    .load(&mut db)
    .await
    .expect("the catalogue is readable");
    let mut texts = Vec::new();
    for Rows { text: name } in names {
        let query =
            format!("SELECT '{name} ' || coalesce(string_agg(t::text, ' '), '') AS text FROM {name} t");
        texts.push(sql_query(query).get_result::<Rows>(&mut db).await.expect("the owner may read it").text);
    }
    assert!(texts.iter().any(|text| text.contains("send_reset")), "jobs are among them");
    texts
}
