//! Two users against every operation of the API's document: nobody reads or changes what is somebody else's.
//!
//! Nothing here names an operation or a table. What is new in the example is called, and guarded, from the day on which
//! it is in the document and the database.

use std::collections::{BTreeMap, BTreeSet};

use catena::testing::{Answer, Client, Method, TestApp};
use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::RunQueryDsl as _;
use serde_json::{Map, Value, json};

use crate::support::{credentials, example, signed_up};

/// What is a little too common to be told apart in an answer.
const SHORTEST: usize = 10;

#[tokio::test]
async fn nobody_reads_or_changes_what_is_somebody_elses_by_any_operation() {
    let app = example().await;
    let scene = Scene::set(&app).await;
    assert_eq!(scene.breaches().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_policy_that_lets_everybody_in_is_noticed() {
    let app = example().await;
    let scene = Scene::set(&app).await;
    app.db().execute("CREATE POLICY everybody ON tasks USING (true)").await;
    let breaches = scene.breaches().await;
    for expected in
        ["get /api/tasks/list shows", "get /api/tasks/{id} shows", "patch /api/tasks/{id} changed"]
    {
        assert!(breaches.iter().any(|breach| breach.starts_with(expected)), "{expected}: {breaches:#?}");
    }
}

/// One call of an operation.
struct Call {
    method: Method,
    path: String,
    body: Option<Value>,
}

/// The victim's rows and what is in them.
struct Scene<'a> {
    app: &'a TestApp,
    document: Value,
    rows: BTreeMap<String, BTreeSet<String>>,
    /// Every text in the rows that an answer can be searched for.
    planted: BTreeSet<String>,
    /// Those of them by which a call can ask for a row.
    handles: Vec<String>,
}

impl<'a> Scene<'a> {
    /// Makes an account with rows in every table.
    async fn set(app: &'a TestApp) -> Self {
        let mut ben = signed_up(app, "planted-ben").await;
        let task =
            json!({"title": "planted title", "notes": "planted notes", "due_at": "2031-03-04T05:06:07Z"});
        for _ in 0..2 {
            assert_eq!(ben.post("/api/tasks/create", task.clone()).await.status, 201);
        }
        let cursor = ben.get("/api/tasks/list?limit=1").await.json()["next"].as_str().map(str::to_owned);
        let me = ben.get("/api/auth/me").await.json()["id"].as_str().expect("an id").to_owned();
        app.db().execute(&PLANT.replace("{user}", &me)).await;

        let rows = rows(app).await;
        for table in rows.iter().filter(|(name, _)| name.starts_with("public.")) {
            assert!(!table.1.is_empty(), "{} has a row of the victim", table.0);
        }
        let mut planted = BTreeSet::new();
        for row in rows.values().flatten() {
            texts(&serde_json::from_str(row).expect("JSON"), &mut planted);
        }
        let is_handle =
            |text: &&String| text.contains('@') || (text.len() == 36 && text.matches('-').count() == 4);
        let mut handles: Vec<String> = planted.iter().filter(is_handle).cloned().collect();
        handles.extend(cursor);
        assert!(handles.len() >= 5, "an address, a user, two tasks, a session: {handles:?}");
        let document = app.client().get("/openapi.json").await.json();
        Self { app, document, rows, planted, handles }
    }

    /// Has another user, and nobody, call every operation in many ways; returns what should not have been.
    async fn breaches(&self) -> Vec<String> {
        let mut breaches = Vec::new();
        let mut ada = signed_up(self.app, "ada").await;
        // What was sent in a body may come back in a later answer.
        let mut sent = String::new();
        for (path, method, operation) in self.operations() {
            let name = format!("{method} {path}");
            let mut statuses = BTreeSet::new();
            for call in self.calls(method, path, operation) {
                if ada.get("/api/auth/me").await.status == 401 {
                    assert_eq!(ada.post("/api/auth/login", credentials("ada")).await.status, 200);
                }
                sent.extend(call.body.iter().map(Value::to_string));
                let answer = send(&mut ada.clone(), &call).await;
                statuses.insert(answer.status);
                breaches.extend(self.shown(&name, &call, &sent, &answer));
                let answer = send(&mut self.app.client(), &call).await;
                breaches.extend(self.shown(&name, &call, &sent, &answer));
            }
            breaches.extend(self.changed(&name).await);
            assert_reached(&name, operation, &statuses);
        }
        breaches
    }

    /// Path, method and description of every operation: those that read come first, those that delete last.
    fn operations(&self) -> Vec<(&str, &str, &Value)> {
        let paths = self.document["paths"].as_object().expect("paths");
        let mut operations = Vec::new();
        for (path, item) in paths {
            let item = item.as_object().expect("operations");
            operations.extend(item.iter().map(|(method, operation)| (&**path, &**method, operation)));
        }
        operations.sort_by_key(|(_, method, _)| (*method != "get", *method == "delete"));
        operations
    }

    /// What an answer says of the victim that the caller did not.
    fn shown(&self, name: &str, call: &Call, sent: &str, answer: &Answer) -> Option<String> {
        let got = format!("{:?} {}", answer.headers, answer.text());
        let is_known = |text: &String| call.path.contains(text) || sent.contains(text);
        let found = self.planted.iter().find(|text| got.contains(*text) && !is_known(text))?;
        Some(format!("{name} shows {found:?} to {} {}: {got:.500}", call.method, call.path))
    }

    /// What is no longer as it was.
    async fn changed(&self, name: &str) -> Option<String> {
        let now = rows(self.app).await;
        let lost = |(table, rows): (&String, &BTreeSet<String>)| rows.difference(&now[table]).next().cloned();
        let lost = self.rows.iter().find_map(lost)?;
        Some(format!("{name} changed {lost}"))
    }

    /// The calls of an operation: as its example says, and with everything of the victim's in every place of it.
    fn calls(&self, method: &str, path: &str, operation: &Value) -> Vec<Call> {
        let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().collect();
        let named = |place: &str| {
            let found = parameters.iter().filter(|parameter| parameter["in"] == place);
            found.map(|parameter| parameter["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
        };
        let (in_path, in_query) = (named("path"), named("query"));
        let mut paths = BTreeSet::new();
        for handle in &self.handles {
            let filled = in_path
                .iter()
                .fold(path.to_owned(), |path, name| path.replace(&format!("{{{name}}}"), handle));
            assert!(!filled.contains('{'), "every parameter of {path} is described");
            paths.extend(in_query.iter().map(|name| format!("{filled}?{name}={handle}")));
            paths.insert(filled);
        }
        let mut methods = vec![Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method")];
        if method == "get" {
            methods.push(Method::HEAD);
        }
        let bodies = self.bodies(operation);
        let mut calls = Vec::new();
        for path in &paths {
            for method in &methods {
                let call = |body: &Option<Value>| Call {
                    method: method.clone(),
                    path: path.clone(),
                    body: body.clone(),
                };
                calls.extend(bodies.iter().map(call));
            }
        }
        calls
    }

    fn bodies(&self, operation: &Value) -> Vec<Option<Value>> {
        let Some(content) = operation.get("requestBody").map(|body| &body["content"]["application/json"])
        else {
            return vec![None];
        };
        let example = &content["example"];
        let mut bodies = vec![Some(example.clone())];
        let Some(members) = example.as_object() else { return bodies };
        for handle in &self.handles {
            for name in members.keys() {
                bodies.push(Some(with(members, name, handle)));
            }
        }
        // Columns that the models leave out.
        for name in ["id", "owner_id", "user_id"] {
            bodies.push(Some(with(members, name, &self.handles[0])));
        }
        bodies
    }
}

fn with(members: &Map<String, Value>, name: &str, value: &str) -> Value {
    let mut members = members.clone();
    members.insert(name.to_owned(), json!(value));
    Value::Object(members)
}

async fn send(client: &mut Client, call: &Call) -> Answer {
    let body = call.body.as_ref().map(Value::to_string);
    let content_type = body.as_ref().map(|_| "application/json");
    client.send(call.method.clone(), &call.path, content_type, body.unwrap_or_default()).await
}

/// An operation that refuses every call for its form has not been tried.
fn assert_reached(name: &str, operation: &Value, statuses: &BTreeSet<u16>) {
    assert!(
        statuses.iter().any(|status| ![400, 415, 422].contains(status)),
        "{name} was called: {statuses:?}"
    );
    assert!(statuses.iter().all(|status| *status < 500), "{name} failed: {statuses:?}");
    let needs_user = operation["security"].as_array().is_some_and(|ways| !ways.is_empty());
    let as_user = statuses.iter().any(|status| ![400, 401, 415, 422].contains(status));
    assert!(as_user || !needs_user, "{name} was called by a user: {statuses:?}");
}

/// Every text in a row that is long enough.
fn texts(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.len() >= SHORTEST => drop(found.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => members.values().for_each(|member| texts(member, found)),
        _ => {}
    }
}

/// Puts a row into each table that has none, in the victim's name: defaults say whose it is.
const PLANT: &str = "
    DO $$
    DECLARE
        empty regclass;
        columns text;
        texts text;
        rows bigint;
    BEGIN
        PERFORM set_config('catena.user_id', '{user}', true);
        FOR empty IN SELECT oid FROM pg_class
            WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
                AND relname <> '__diesel_schema_migrations'
        LOOP
            EXECUTE format('SELECT count(*) FROM %s', empty) INTO rows;
            CONTINUE WHEN rows > 0;
            SELECT string_agg(quote_ident(attname), ', '), string_agg(CASE typcategory
                    WHEN 'S' THEN quote_literal('planted ' || attname) WHEN 'N' THEN '7' WHEN 'B' THEN 'false'
                    WHEN 'D' THEN 'now()' WHEN 'A' THEN quote_literal('{}')
                    WHEN 'E' THEN (SELECT quote_literal(enumlabel) FROM pg_enum WHERE enumtypid = t.oid
                        ORDER BY enumsortorder LIMIT 1)
                    ELSE CASE typname WHEN 'uuid' THEN quote_literal('{user}') WHEN 'bytea' THEN quote_literal('planted')
                        ELSE quote_literal('{}') END END, ', ')
                INTO columns, texts
            FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
            WHERE attrelid = empty AND attnum > 0 AND NOT attisdropped AND NOT atthasdef AND attidentity = ''
                AND attnotnull;
            EXECUTE CASE WHEN columns IS NULL THEN format('INSERT INTO %s DEFAULT VALUES', empty)
                ELSE format('INSERT INTO %s (%s) VALUES (%s)', empty, columns, texts) END;
        END LOOP;
    END
    $$";

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    text: String,
}

/// The rows of every table of the application, and of those with credentials, each row as JSON.
async fn rows(app: &TestApp) -> BTreeMap<String, BTreeSet<String>> {
    let mut db = app.db().connect().await;
    let names: Vec<Found> = sql_query(
        "SELECT format('%I.%I', n.nspname, c.relname) AS text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND (
             n.nspname = 'public' AND c.relname <> '__diesel_schema_migrations'
             OR n.nspname = 'catena' AND c.relname IN ('passwords', 'sessions', 'one_time_tokens'))",
    )
    .load(&mut db)
    .await
    .expect("the catalogue is readable");
    let mut tables = BTreeMap::new();
    for Found { text: name } in names {
        let query = sql_query(format!("SELECT to_jsonb(t)::text AS text FROM {name} t"));
        let rows: Vec<Found> = query.load(&mut db).await.expect("the owner may read it");
        tables.insert(name, rows.into_iter().map(|row| row.text).collect());
    }
    tables
}
