//! Every option of the attributes, on items of every visibility.

mod schema {
    ::diesel::table! {
        tasks (id) {
            id -> Uuid,
            title -> Text,
            notes -> Nullable<Text>,
            priority -> Int4,
            #[sql_name = "type"]
            r#type -> Text,
        }
    }
}

// Diesel's derives want to see `std`, its `table!` a whole prelude.
#[no_implicit_prelude]
mod rows {
    // Serde's `flatten` calls their methods.
    use ::diesel;
    use ::std::{self, option::Option, string::String};

    use crate::everything::schema::tasks;

    /// A thing to do.
    #[::chain::model(crate = ::chain, table = tasks, omit(priority))]
    #[derive(::core::fmt::Debug, ::core::clone::Clone)]
    pub(crate) struct Task {
        pub(crate) id: ::chain::types::Uuid,
        /// What to do.
        pub(crate) title: String,
        pub(crate) notes: Option<String>,
        pub(crate) r#type: String,
    }

    #[derive(::core::fmt::Debug)]
    #[::chain::model(crate = ::chain, table = tasks, insert, omit(id))]
    pub(crate) struct NewTask {
        #[check(len = 1..=200)]
        pub(crate) title: String,
        #[check(len = ..=1000)]
        pub(crate) notes: Option<String>,
        #[check(range = -1..=5)]
        pub(crate) priority: i32,
        #[check(len = 1..)]
        pub(crate) r#type: String,
    }

    /// What a task is called.
    #[::chain::model(crate = ::chain, table = tasks, pick)]
    #[allow(dead_code, reason = "nothing receives or sends it")]
    pub(crate) struct Title {
        #[diesel(column_name = title)]
        pub(crate) name: String,
    }

    /// What people write about a task.
    #[::chain::model(crate = ::chain, table = tasks, pick)]
    pub(crate) struct Words {
        pub(crate) title: String,
        #[diesel(column_name = notes)]
        pub(crate) remarks: Option<String>,
    }

    /// A task in parts, whose columns count as its own.
    #[::chain::model(crate = ::chain, table = tasks, omit(priority))]
    pub(crate) struct Whole {
        pub(crate) id: ::chain::types::Uuid,
        #[model(flatten)]
        pub(crate) words: Words,
        pub(crate) r#type: String,
    }

    /// What people write about a new task.
    #[::chain::model(crate = ::chain, table = tasks, insert, omit(id, r#type, priority))]
    pub(crate) struct NewWords {
        pub(crate) title: String,
        pub(crate) notes: Option<String>,
    }

    /// A new task in parts.
    #[::chain::model(crate = ::chain, table = tasks, insert, omit(id, priority))]
    pub(crate) struct NewWhole {
        #[model(flatten)]
        pub(crate) words: NewWords,
        pub(crate) r#type: String,
    }

    /// A change of a task.
    #[::chain::model(crate = ::chain, table = tasks, patch)]
    pub(crate) struct EditTask {
        #[check(len = 1..=200)]
        pub(crate) title: Option<String>,
        pub(crate) notes: ::chain::Patch<String>,
        #[model(rename = "type")]
        #[diesel(column_name = r#type)]
        kind: Option<String>,
    }
}

// Diesel's `AsExpression` names `diagnostic`, which is not found without the prelude.
mod values {
    #[::chain::model(crate = ::chain, db)]
    #[derive(::core::fmt::Debug)]
    pub(crate) enum Priority {
        Low,
        #[model(rename = "HIGH")]
        High,
    }

    #[::chain::model(crate = ::chain, db = ::diesel::sql_types::Text)]
    #[derive(::core::fmt::Debug)]
    #[check(len = 1..)]
    pub(crate) struct Label(pub(crate) String);
}

#[no_implicit_prelude]
mod models {
    // Serde's `flatten` calls their methods.
    use ::std::{option::Option, string::String, vec::Vec};

    use crate::everything::{
        rows::Task,
        values::{Label, Priority},
    };

    /// What a model may hold.
    #[::chain::model(crate = ::chain)]
    pub(crate) struct Summary {
        #[check(range = -0.5..=100.0)]
        pub(crate) share: f64,
        #[check(range = 0..)]
        pub(crate) count: ::core::option::Option<i64>,
        pub(crate) tasks: Vec<Task>,
        pub(crate) latest: Option<Task>,
    }

    #[::chain::model(crate = ::chain)]
    #[derive(::core::fmt::Debug)]
    pub(crate) struct Nothing {}

    /// Part of a list.
    #[::chain::model(crate = ::chain)]
    #[derive(::core::fmt::Debug)]
    #[allow(dead_code, reason = "nothing receives or sends it")]
    pub(crate) struct Page<T, C: ::core::default::Default = String>
    where
        T: ::core::clone::Clone,
    {
        #[check(items = ..=100)]
        pub(crate) items: Vec<T>,
        #[secret]
        #[model(default)]
        pub(crate) cursor: C,
        #[model(flatten)]
        pub(crate) nothing: Nothing,
    }

    /// What has happened.
    #[::chain::model(crate = ::chain, tag = "type")]
    #[derive(::core::fmt::Debug)]
    #[allow(dead_code, reason = "nothing receives or sends it")]
    pub(crate) enum Event {
        /// It was made.
        Made {
            #[secret]
            #[model(default)]
            r#pin: String,
            #[check(pattern = "^a")]
            fields: Option<String>,
            within: Vec<Event>,
        },
        Listed(Page<i64>),
        Nothing(Nothing),
        Nowhere {},
        Gone,
    }

    /// A field of each kind.
    #[::chain::model(crate = ::chain)]
    #[derive(::core::fmt::Debug)]
    #[allow(dead_code, reason = "nothing receives or sends it")]
    pub(crate) struct Ticket {
        #[identity]
        pub(crate) label: Label,
        #[model(default = Priority::Low, deprecated, rename = "howSoon")]
        pub(crate) priority: Priority,
        #[secret]
        #[model(default)]
        pub(crate) pin: String,
        pub(crate) counts: ::std::collections::BTreeMap<String, i64>,
    }
}

#[no_implicit_prelude]
mod procedures {
    use ::chain::{Created, Ctx, Result, User, procedure};
    use ::std::vec::Vec;

    use crate::everything::{
        models::{Nothing, Summary},
        rows::{NewTask, Task},
    };

    /// Why a task is not changed.
    #[derive(::core::fmt::Debug, ::chain::Problem)]
    #[problem(crate = ::chain)]
    pub(crate) enum ChangeError {
        /// The task is done.
        #[problem(status = 409, code = "done")]
        Done,
        #[problem(status = 402, code = "costs_money", title = "Costs money")]
        CostsMoney(::std::string::String),
        #[problem(other)]
        Other(::chain::Error),
    }

    fn id() -> ::chain::types::Uuid {
        ::chain::types::Uuid::nil()
    }

    /// Creates a task.
    ///
    /// It begins undone.
    #[procedure(crate = ::chain, tier = "protected")]
    pub(crate) async fn create(ctx: &Ctx<User>, input: NewTask) -> Result<Created<Task>> {
        crate::everything::jobs::send::enqueue(ctx, Nothing {}).await.map(|_| ())?;
        let NewTask { title, notes, r#type, .. } = input;
        ::core::result::Result::Ok(Created(Task { id: id(), title, notes, r#type }))
    }

    #[procedure(crate = ::chain, query, tier = "public")]
    pub(super) async fn summary(_: &Ctx) -> Result<Summary> {
        let tasks = Vec::new();
        let latest = ::core::option::Option::None;
        ::core::result::Result::Ok(Summary { share: 0.5, count: ::core::option::Option::None, tasks, latest })
    }

    #[procedure(crate = ::chain, tier = "auth",)]
    async fn r#type(_ctx: &Ctx, Nothing {}: Nothing) -> ::core::result::Result<(), ::chain::Error> {
        ::core::result::Result::Ok(())
    }

    #[procedure(crate = ::chain, tier = "protected", query)]
    pub(in crate::everything::procedures) async fn input(
        call: &Ctx<User>,
        ctx: Nothing,
    ) -> Result<Vec<Task>> {
        let _ = (call, ctx);
        ::core::result::Result::Ok(Vec::new())
    }

    /// Changes a task.
    #[procedure(
        crate = ::chain,
        tier = "protected",
        method = "PATCH",
        path = "/api/lists/{list}/tasks/{type}",
        id = "tasks.change",
        tag = "Tasks",
        timeout = "1m",
        body_limit = "8KiB",
        limit = "20/1m",
        deprecated,
        hidden
    )]
    async fn change(
        ctx: &Ctx<User>,
        r#type: ::std::string::String,
        input: NewTask,
        list: ::chain::types::Uuid,
    ) -> Result<(), ChangeError> {
        if list.is_nil() {
            ::core::result::Result::Err(ChangeError::Done)?;
        }
        if list.is_max() {
            let detail = ::std::string::String::new();
            return ::core::result::Result::Err(ChangeError::CostsMoney(detail));
        }
        let _enqueued = crate::everything::jobs::send::enqueue(ctx, Nothing {}).await?;
        ::core::mem::drop((r#type, input));
        ::core::result::Result::Ok(())
    }

    #[procedure(crate = ::chain, tier = "public")]
    #[cfg(any())]
    async fn left_out(ctx: &DoesNotExist) -> Result<()> {}
}

#[no_implicit_prelude]
mod jobs {
    use ::chain::{JobCtx, Result, job};

    use crate::everything::models::Nothing;

    /// Sends something.
    #[job(crate = ::chain, retries = 0, backoff = "exponential(250ms, 1d)")]
    pub(crate) async fn send(job: &JobCtx, args: Nothing) -> Result<()> {
        let _ = args;
        again::with().enqueue(job).await.map(|_| ())
    }

    #[job(crate = ::chain, concurrency(limit = 2))]
    async fn again(_: &JobCtx) -> Result<()> {
        ::core::result::Result::Ok(())
    }

    #[job(crate = ::chain, cron = "*/5 8-17 * * MON-FRI", backoff = "fixed(30s)", retries = 1000)]
    async fn args(job: &JobCtx) -> ::core::result::Result<(), ::chain::Error> {
        let _ = job.attempt();
        ::core::result::Result::Ok(())
    }

    #[job(crate = ::chain, blocking, timeout = "1h")]
    fn crunch(job: &JobCtx, args: Nothing) -> Result<()> {
        let _ = (job.is_cancelled(), args);
        ::core::result::Result::Ok(())
    }

    #[job(crate = ::chain, version = 2, upgrade = older)]
    async fn renewed(_: &JobCtx, version: Nothing) -> Result<()> {
        let _ = version;
        ::core::result::Result::Ok(())
    }

    fn older(_: u16, args: ::chain::OldArgs) -> Result<Nothing> {
        args.read()
    }

    #[job(crate = ::chain)]
    async fn steps(job: &JobCtx) -> Result<()> {
        let done: bool = job.step("one", async |_| ::core::result::Result::Ok(true)).await?;
        let _ = done;
        job.sleep("two", "10m").await
    }
}
