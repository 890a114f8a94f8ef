//! The attributes, with their documentation: here their examples can be compiled.

/// Makes a struct or an enum something that procedures and jobs can receive and send.
///
/// It gets a published schema, serde's traits that read and write exactly what the schema says, and, where a
/// table is named, Diesel's traits for its rows.
///
/// ```
/// use catena::{model, types::{DateTime, Utc, Uuid}};
///
/// diesel::table! {
///     tasks (id) {
///         id -> Uuid,
///         owner_id -> Uuid,
///         title -> Text,
///         priority -> Integer,
///         due_at -> Nullable<Timestamptz>,
///     }
/// }
///
/// /// A thing to do, as it is read.
/// #[model(table = tasks, omit(owner_id))]
/// pub struct Task {
///     pub id: Uuid,
///     pub title: String,
///     pub priority: i32,
///     pub due_at: Option<DateTime<Utc>>,
/// }
///
/// /// A thing to do, as it is inserted.
/// #[model(table = tasks, insert, omit(id, owner_id))]
/// pub struct NewTask {
///     /// What to do.
///     #[check(len = 1..=200)]
///     pub title: String,
///     #[check(range = 1..=5)]
///     pub priority: i32,
///     pub due_at: Option<DateTime<Utc>>,
/// }
///
/// /// What to look for: the input of a query, or anything else that is no row.
/// #[model]
/// pub struct Search {
///     #[check(range = 1..=100)]
///     pub limit: Option<i64>,
/// }
/// ```
///
/// - `table = tasks`: the model is a row of this Diesel table, which is in scope. It derives `Queryable` and
///   `Selectable`: `tasks::table.select(Task::as_select())`.
/// - `insert`: the model is inserted into the table instead. It derives `Insertable`: `.values(input)`.
/// - `omit(id, owner_id)`: these columns of the table are left out on purpose. A column that is neither a field nor
///   omitted stops the build, so that a new one is never exposed or forgotten by itself.
/// - `patch`: the model changes a row. Each field is an `Option<T>`, which leaves its column alone when it is absent, or a
///   [`Patch<T>`](crate::Patch), which also sets it to NULL when it is `null`. The model is `AsChangeset` by reference,
///   and has `is_empty` and `apply`, which returns the row: `edit.apply(tasks::table.find(id), &mut db).await?`.
/// - `pick`: the model reads some columns of the table and need not mention the others.
/// - `crate = chain`: the path of `catena`, where it goes by another name than `::catena`.
/// - `#[check(len = 1..=200)]` on a field limits the characters of a text, `#[check(range = 1..=5)]` the value of a
///   number, `#[check(items = 1..=10)]` the items of a list or the entries of a map. Bounds are included; either may be
///   left open, as in `1..` and `..=200`. `#[check(multiple_of = 5)]` lets an integer be a multiple only,
///   `#[check(unique_items)]` no item of a list be there twice,
///   `#[check(pattern = r"^[a-z]+$")]` a text only match: anywhere, unless `^` and `$` say otherwise, and as JavaScript
///   reads it, since the pattern is published. `#[check(email)]` lets a text be an e-mail address that the Internet can
///   deliver to, such as `someone@example.com`, `#[check(url)]` an absolute `http` or `https` URL without user and
///   password, such as `https://example.com/page`, whose host is a name or an IPv4 address.
/// - `#[check(custom = function)]` asks a function, `fn(&T) -> Result<(), &'static str>` (or `String`) for a field that is
///   a `T` or an `Option<T>`; it is asked only about what is there and has passed all else. Rules across fields are an
///   implementation of [`Check`](trait@crate::Check). Neither is in the published schema: describe them in words.
///
/// | a field may be | on the wire |
/// |---|---|
/// | `String`, `bool` | a string, a boolean |
/// | `i16`, `i32`, `i64`, `u16`, `u32` | an integer (an `i64` of at most 53 bits, which every reader of JSON keeps) |
/// | `f32`, `f64` | a number |
/// | `Uuid`, `DateTime<Utc>`, `NaiveDate`, all in [`types`](crate::types) | a string of their form |
/// | `Decimal`, `BigInt`, in [`types`](crate::types) | a string such as `"19.90"`, as JSON's numbers would be rounded |
/// | `Json<T>`, in [`types`](crate::types) | a `T`, which is a `jsonb` in a table |
/// | `Option<T>` | a `T`, or nothing at all |
/// | [`Patch<T>`](crate::Patch) | a `T`, `null`, or nothing at all |
/// | `Vec<T>`, `Box<T>`, another model | an array, a `T`, an object |
/// | `BTreeMap<String, T>`, `HashMap<String, T>` | an object with any keys |
///
/// `#[model(flatten)]` on a field whose type is another model puts that model's fields in its place: in the document, in
/// bodies and query strings, and in the row of a table. Two fields of one name stop the build.
///
/// ```
/// # use catena::model;
/// #[model]
/// pub struct PageQuery {
///     #[check(range = 1..=100)]
///     #[model(default = 20)]
///     pub limit: i64,
/// }
///
/// #[model]
/// pub struct Search {
///     pub text: Option<String>,
///     #[model(flatten)]
///     pub page: PageQuery,
/// }
/// ```
///
/// On a field, `#[model(rename = "dueAt")]` gives it another name on the wire, `#[model(default)]` and
/// `#[model(default = 5)]` a value when it is absent (one that the field's own checks refuse stops the boot), `#[model(deprecated)]` says that it should no longer be used.
/// `#[secret]` marks what only callers send, such as a password: the document says so, and a `Debug` that is derived
/// below `#[model]` does not show it. Of a job's arguments it is wiped when the job is completed or cancelled, as are the
/// fields of objects in which there is one. `#[identity]` marks the account that an attempt to sign in is for.
///
/// ```
/// # use catena::model;
/// #[model(db)]
/// #[derive(Debug)]
/// pub enum Priority { Low, #[model(rename = "very-high")] VeryHigh }
///
/// #[model(db = diesel::sql_types::Citext)]
/// #[derive(Debug)]
/// pub struct Email(#[check(len = 3..=320)] pub String);
/// ```
///
/// An enum is a string, its variants in snake case. A struct that wraps one value looks like that value, under its own
/// name and with checks of its own. Either stands in a column of the SQL type that `db` names (`db` alone is `Text`),
/// which may be an enum of PostgreSQL.
///
/// A struct may have parameters for types: each stands for a type with a schema, and what it is given becomes part of
/// the name, so that a `Page<Task>` is published as `Page_Task`.
///
/// ```
/// # use catena::model;
/// #[model]
/// pub struct Page<T> {
///     pub items: Vec<T>,
///     pub next: Option<String>,
/// }
/// ```
///
/// `tag = "type"` makes an enum a tagged union: each variant is an object whose field `type` is the variant's name. A
/// variant has fields of its own, those of the model that it holds, or none.
///
/// ```
/// # use catena::{model, types::Uuid};
/// #[model]
/// pub struct Rename { pub name: String }
///
/// #[model(tag = "type")]
/// pub enum Event {
///     /// `{"type": "created", "id": "…"}`
///     Created { id: Uuid },
///     /// `{"type": "renamed", "name": "…"}`
///     Renamed(Rename),
///     /// `{"type": "deleted"}`
///     Deleted,
/// }
/// ```
///
/// In a query string a field is a parameter of its name. Doc comments become descriptions. Other derives, such as
/// `Debug` and `Clone`, may stand beside the attribute.
pub use catena_macros::model;

/// Makes an async function an operation of the API.
///
/// ```
/// use catena::{Created, Ctx, Error, Result, User, model, procedure, types::Uuid};
///
/// # #[model]
/// # pub struct NewTask { pub title: String }
/// # #[model]
/// # pub struct Task { pub title: String }
/// # #[model]
/// # pub struct Search { pub word: Option<String> }
/// /// Creates a task for the signed-in user.
/// #[procedure(tier = "protected")]
/// pub async fn create(ctx: &Ctx<User>, input: NewTask) -> Result<Created<Task>> {
///     if input.title == "procrastinate" {
///         return Err(Error::conflict("that can wait"));
///     }
///     Ok(Created(Task { title: input.title }))
/// }
///
/// /// Finds tasks.
/// #[procedure(query, tier = "public")]
/// pub async fn search(ctx: &Ctx, input: Search) -> Result<Vec<Task>> {
///     Ok(Vec::new())
/// }
///
/// /// Changes a task.
/// #[procedure(tier = "protected", method = "PATCH", path = "/api/tasks/{id}")]
/// pub async fn edit(ctx: &Ctx<User>, id: Uuid, input: NewTask) -> Result<Option<Task>> {
///     Ok(None)
/// }
/// ```
///
/// - `tier` is mandatory: `"public"` (anyone may call it), `"auth"` (anyone may call it, to sign in, to sign up and
///   the like) or `"protected"` (only signed-in users may call it).
/// - `query`: it only reads. It is called by GET, its input stands in the query string, its transaction is read-only.
///
/// - `path = "/api/tasks/{id}"`: where it is served. Each `{parameter}` is an argument of that name: a `Uuid`, `String`,
///   integer or `bool`, or a newtype of one, or an enum that is a string. The document says of it what a doc comment
///   above the argument says, else what its type's does.
/// - `method = "PATCH"`: `"POST"` unless said otherwise, `"PUT"`, `"PATCH"` or `"DELETE"`. A `DELETE` has no input.
/// - `id = "tasks.edit"`: the operation id, instead of `<module>.<function>`.
/// - `tag = "tasks"`: under which heading the documentation shows it, instead of its module's name.
/// - `timeout = "30s"`: how long it may take; 15 seconds unless said otherwise.
/// - `limit = "20/1m"`: how many calls of one caller in any window of so long (`s`, `m`, `h` or `d`), in place of the
///   tier's quota and counted for itself; tier `auth` limits accounts as before. Without a Redis in the settings nothing
///   is limited.
/// - `body_limit = "8KiB"`: the longest body; 1 MiB unless said otherwise, 8 KiB for tier `auth`.
/// - `deprecated`: the documentation says that it should no longer be called.
/// - `hidden`: it is served, but the documentation does not mention it.
/// - `crate = chain`: the path of `catena`, where it goes by another name than `::catena`.
///
/// Without `path` the path is that of the function: `create` in `src/procedures/tasks.rs` is `POST /api/tasks/create`. In
/// `src/main.rs` it is `POST /api/create`. Procedures are found by themselves, in whatever module they stand.
///
/// The context comes first: `&Ctx<User>` for protected procedures, `&Ctx` for the others. Path arguments follow, and at
/// most one input, a `#[model]`. The answer is a model, a `Vec` of them, an `Option` (`None` is a 404),
/// [`Created`](crate::Created) (201), [`Redirect`](crate::Redirect) (303), [`Page`](crate::Page) (a part of a long list)
/// or `()` (204). The function stays as it is
/// written and can be called; a struct of the same name carries its types.
pub use catena_macros::procedure;

/// Makes an enum the errors that a procedure tells apart: its codes and statuses are in the API's document.
///
/// ```
/// use catena::{Ctx, Problem, Result, User, procedure, types::Uuid};
///
/// #[derive(Problem)]
/// pub enum RemoveError {
///     /// The task is done and stays as it is.
///     #[problem(status = 409, code = "task_done", title = "Task is done")]
///     Done,
///     #[problem(status = 402, code = "costs_money")]
///     CostsMoney(String),
///     #[problem(other)]
///     Other(catena::Error),
/// }
///
/// /// Removes a task.
/// #[procedure(tier = "protected", method = "DELETE", path = "/api/tasks/{id}")]
/// pub async fn remove(ctx: &Ctx<User>, id: Uuid) -> Result<(), RemoveError> {
///     ctx.db().await?;
///     Err(RemoveError::CostsMoney("removing a task costs 3 euros".to_owned()))
/// }
/// ```
///
/// - `status`: the HTTP status, from 400 to 599. The caller of a 5xx is not told the detail.
/// - `code`: a stable name for programs.
/// - `title`: a name for people; the code in words unless said otherwise.
/// - `other`: the variant that all other errors go to, so that `?` works on `catena::Error` and on Diesel's errors.
///   There is one.
/// - `crate = chain`, above the enum: the path of `catena`, where it goes by another name than `::catena`.
///
/// The caller is told what the variant holds, else the first paragraph of its doc comment, else the title.
pub use catena_macros::Problem;

/// Makes an async function a background job.
///
/// ```
/// use catena::{Ctx, JobCtx, Result, job, model, procedure};
///
/// #[model]
/// pub struct Mail {
///     pub to: String,
/// }
///
/// /// Sends one mail.
/// #[job(retries = 5, backoff = "exponential(2s, 1h)", queue = "mail", priority = 1)]
/// pub async fn send_mail(job: &JobCtx, args: Mail) -> Result<()> {
///     Ok(())
/// }
///
/// /// Tidies up, every night.
/// #[job(cron = "0 3 * * *", tz = "Europe/Berlin")]
/// pub async fn tidy(job: &JobCtx) -> Result<()> {
///     Ok(())
/// }
///
/// #[procedure(tier = "public")]
/// pub async fn invite(ctx: &Ctx, input: Mail) -> Result<()> {
///     // Now, or as soon as the transaction has committed.
///     send_mail::enqueue(ctx, Mail { to: input.to.clone() }).await?;
///     // Or later, and before others of its queue.
///     send_mail::with(input).delay("10m").priority(0).enqueue(ctx).await?;
///     // Or many at once.
///     let mails = ["ada", "bob"].map(|name| Mail { to: format!("{name}@example.test") });
///     send_mail::enqueue_many(ctx, mails).await?;
///     Ok(())
/// }
/// ```
///
/// `enqueue_many` takes one round trip for every 10 000 jobs, and none for no jobs; it returns their numbers in the order of
/// the arguments.
///
/// - `retries = 5`: how often a failed job is tried again, from 0 to 1000; 5 unless said otherwise.
/// - `backoff`: how long it waits before that: `"exponential(2s, 1h)"` doubles from the first to the second duration,
///   `"fixed(30s)"` stays the same; `"exponential(1s, 1h)"` unless said otherwise. Durations are a whole number and one
///   of `ms`, `s`, `m`, `h`, `d`.
/// - `timeout = "30s"`: how long an attempt may take before it has failed, at most `"7d"`; ten minutes unless said
///   otherwise.
/// - `blocking`: the job computes for long without awaiting anything, which would keep others from running: it gets a
///   thread of its own. An `async fn` may await all the same; a plain `fn` will do if it does not. Nothing can stop a thread
///   that computes: when the time of the attempt is up, [`JobCtx::is_cancelled`](crate::JobCtx::is_cancelled) says so, and
///   what the handler returns then counts. One that computes on is reported in the log, and keeps its slot until it
///   returns. `JOB_QUEUES` is how few of them run at once.
/// - `queue = "mail"`: the queue in which it waits, `default` unless said otherwise. The jobs that a process runs at once
///   (`JOB_SLOTS`) are taken from its queues in turn; `JOB_QUEUES` limits a queue, and `jobs pause mail` stops one. A job
///   whose queue is changed takes along what waits.
/// - `priority = 1`: its rank among the due jobs of its queue, from 0, first and the default, to 3, last.
/// - `keep = "failures"`: which completed jobs stay in the history, where `jobs list` finds them for seven days: `"all"`,
///   unless said otherwise, those that had a failed attempt, or `"none"`. Cancelled and discarded jobs always stay.
/// - `unique(by = [to], within = "1h")`: of jobs that are alike in these fields, in all arguments without `by`, one is
///   made. Who enqueues another is given the number of the one there is: until that has ended, or only until it has begun
///   with `until = "start"`, and at least for as long as `within` says, up to `"366d"`. With `conflict = "replace"`, the one
///   that still waits takes the new arguments, time and priority. Trying a job again asks for nothing.
/// - `concurrency(by = [account], limit = 1)`: no more jobs than that run at once which are alike in these fields, of all of
///   the kind without `by`, in however many processes. The others are in nobody's way until there is room, and run in the
///   order in which they would have; `jobs show` says of which. From 1 to 1000. Jobs that a version of the program enqueued
///   which had no such limit know none.
/// - `cron = "0 3 * * *"`: the job is enqueued by itself at these times: minute, hour, day of the month, month, day of
///   the week. Such a job takes no arguments; [`JobCtx::fire_time`](crate::JobCtx::fire_time) says what time it is for.
/// - `tz = "Europe/Berlin"`: the IANA's name of the time zone of `cron`; `"UTC"` unless said otherwise.
/// - `misfire = "last"`: what becomes of fires that no process was there for, as all were stopped. The last of them is
///   made, and that is the default; with `"all"` each is, but no more than the last 100; with `"skip"` none is that is
///   more than a minute late.
/// - `version = 2, upgrade = read_older`: the arguments have changed so that they no longer read what waits in the queue.
///   `fn read_older(version: u16, args: OldArgs) -> Result<Mail>` makes those of older versions the present ones; see
///   [`OldArgs`](crate::OldArgs). It is called when such a job runs, and when the program starts, for what waits then. A
///   program leaves jobs alone that a newer version enqueued. From 1, which is meant without it.
/// - `crate = chain`: the path of `catena`, where it goes by another name than `::catena`.
///
/// Before a program works on the queue it looks through what waits, unless all programs before took the same arguments,
/// and says in the log which jobs it cannot read, how many, and what is wrong with the first. A new field with a default,
/// or an `Option`, reads what was written before; for other changes there is `version`.
///
/// An error has the job tried again. [`Error::discard`](crate::Error::discard) gives it up,
/// [`Error::retry_in`](crate::Error::retry_in) says when, [`Error::snooze`](crate::Error::snooze) has it wait without
/// counting, [`Error::cancel`](crate::Error::cancel) ends it. A panic and a timeout are errors too. Every one is kept, and
/// `jobs list --json` shows it. `jobs cancel` stops a job: [`JobCtx::cancelled`](crate::JobCtx::cancelled).
///
/// What a job writes through [`JobCtx::db`](crate::JobCtx::db) takes effect once, together with its completion. A job
/// that takes long, or does several things, writes in [steps](crate::JobCtx::step), after the last of which it goes on
/// when it is tried again; [`JobCtx::sleep`](crate::JobCtx::sleep) has it wait between two of them.
///
/// **Daylight saving.** Hours that are written out, as in `"30 2 * * *"` or `"0 9-17 * * *"`, are times of the day,
/// each once a day. One that does not come, as clocks are put forward past it, fires as soon as they have been; several
/// such fire as one. One that comes twice, as clocks are put back, fires the first time. With `*` or a step in the hours,
/// as in `"*/15 * * * *"`, the job fires whenever the clock shows such a time: every hour is every hour of real time,
/// where clocks are moved by whole hours.
///
/// A schedule fires while a process runs that has the job; one fire is one job, however many do. If they are of several
/// versions, the newest decides when. `jobs schedule` lists the next fires.
///
/// The context comes first, at most one argument follows, a `#[model]`. A struct of the function's name has `enqueue`
/// and `with`, which returns an [`Enqueue`](crate::Enqueue). A job is known by its function's name, which no other job
/// of the program may have: whoever renames it finds the old ones left in the queue.
pub use catena_macros::job;
