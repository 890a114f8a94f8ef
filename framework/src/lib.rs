//! Catena: a backend framework in which the decisions are already made.
//!
//! One annotates plain async functions and structs: [`#[procedure]`](procedure) makes an endpoint, [`#[job]`](job) work
//! in the background, [`#[model]`](model) what goes in and out. What is annotated is found by itself; [`app!`] makes the
//! application, and [`App::run`] its command line.
//!
//! An application depends on this crate and, for its queries, on `diesel` (2.3) and `diesel-async` (0.9); the features
//! they need come with it. This is a whole one, but for its migration:
//!
//! ```no_run
//! use catena::{Created, Ctx, Result, model, procedure, types::Uuid};
//! use diesel::{ExpressionMethods as _, QueryDsl as _, SelectableHelper as _};
//! use diesel_async::RunQueryDsl as _;
//!
//! diesel::table! {
//!     notes (id) {
//!         id -> Uuid,
//!         text -> Text,
//!         stars -> Integer,
//!     }
//! }
//!
//! /// A note.
//! #[model(table = notes)]
//! pub struct Note {
//!     pub id: Uuid,
//!     pub text: String,
//!     pub stars: i32,
//! }
//!
//! /// A note to write down.
//! #[model(table = notes, insert, omit(id))]
//! pub struct NewNote {
//!     #[check(len = 1..=500)]
//!     pub text: String,
//!     #[check(range = 0..=5)]
//!     pub stars: i32,
//! }
//!
//! /// Which notes to find.
//! #[model]
//! pub struct Search {
//!     pub stars: i32,
//!     pub text: Option<String>,
//! }
//!
//! /// Writes a note down: `POST /api/add`.
//! #[procedure(tier = "public")]
//! pub async fn add(ctx: &Ctx, input: NewNote) -> Result<Created<Note>> {
//!     let note = diesel::insert_into(notes::table)
//!         .values(input)
//!         .returning(Note::as_returning())
//!         .get_result(&mut ctx.db().await?)
//!         .await?;
//!     Ok(Created(note))
//! }
//!
//! /// Finds notes: `GET /api/search?stars=3`.
//! #[procedure(query, tier = "public")]
//! pub async fn search(ctx: &Ctx, input: Search) -> Result<Vec<Note>> {
//!     let mut query = notes::table.filter(notes::stars.ge(input.stars)).select(Note::as_select()).into_boxed();
//!     if let Some(text) = input.text {
//!         query = query.filter(notes::text.eq(text));
//!     }
//!     Ok(query.load(&mut ctx.db().await?).await?)
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     catena::app!().run()
//! }
//! ```
//!
//! Its table is made by `migrations/2026-01-31-120000_notes/up.sql`:
//!
//! ```sql
//! CREATE TABLE notes (
//!     id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
//!     text text NOT NULL,
//!     stars integer NOT NULL
//! );
//! COMMENT ON TABLE notes IS 'catena: public';
//! ```
//!
//! The program allocates with mimalloc, by the feature `mimalloc`. It is there by default, as is `limits`; one that declares
//! a `#[global_allocator]` of its own leaves it out: `default-features = false, features = ["limits"]`.

#![warn(missing_docs)]

// The attributes name `::catena`; so they work in here too.
extern crate self as catena;

mod app;
mod auth;
mod cli;
mod clock;
mod ctx;
mod db;
mod error;
mod finding;
mod http;
mod jobs;
mod limit;
mod macros;
mod metrics;
mod model;
mod paging;
mod parts;
mod procedure;
mod secret;
mod services;
mod settings;
mod spec;
#[cfg(feature = "testing")]
pub mod testing;
mod tls;
mod units;

pub use app::{App, Boot};
pub use auth::{OneTimeToken, Purpose, Session, SessionInfo};
pub use ctx::{Anyone, Authenticate, Ctx, User};
pub use db::{Db, Detached};
pub use error::{Code, Error, Failure, Place, Result};
pub use http::{Created, Output, Redirect};
pub use jobs::{
    Batch, BatchCounts, BatchId, Delay, Enqueue, EnqueueOn, EnqueuedBatch, JobArgs, JobCtx, JobId, OldArgs,
    StepResult,
};
pub use macros::{Problem, job, model, procedure};
pub use model::{Failures, Patch, Schema, custom::Check};
pub use paging::{Page, PageQuery, Paging, Row, row};
pub use procedure::Problem;
pub use settings::Setting;

/// What programs allocate with.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The types of values that models are made of, so that an application need not name their crates.
pub mod types {
    pub use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
    pub use rust_decimal::Decimal;
    pub use uuid::Uuid;

    pub use crate::model::{BigInt, Json};
}

/// What the macros name. Not part of the interface: it changes with them.
#[doc(hidden)]
pub mod __private {
    pub use diesel;
    pub use diesel_migrations;
    pub use inventory;
    pub use serde;
    pub use serde_json;

    pub use crate::{__object as object, __poem_model as poem_model, http::Call, spec::openapi_type};

    /// For `#[model]`.
    pub mod model {
        pub use std::{
            option::Option::{self, None, Some},
            result::Result::{self, Ok},
        };

        pub use futures_util::future::BoxFuture;

        pub use crate::db::Db;
        pub use crate::model::{
            Bound, Change, ChangedBy, Changes, Check, Checked, Choice, ChoiceShape, Columns, CustomOf,
            DefaultOf, Failures, Field, FieldVisitor, Fields, Fill, HasFields, HasItems, HasLength,
            HasMultiples, HasOrder, InQuery, IsList, IsText, Kind, NamedShape, Object, ObjectShape, Outcome,
            Own, Pattern, Repeated, Rules, Schema, Shape, Unchecked, UnionShape, Use, VariantShape, Wraps,
            admits, choice_from_sql, covers, custom, default_of, email, field, flat, items, label, len,
            multiple_of, part, pattern, range, read_choice, read_nothing, read_object, read_union, refusal,
            rows, rules, rules_if, tag, unique_items, url, variant_rules, write_object,
        };
    }

    /// For `#[procedure]`.
    pub mod procedure {
        pub use crate::{
            http::Output,
            limit::Quota,
            model::{Schema, parameters},
            procedure::{
                Answer, Entry, Method, PathArgument, PathParameter, Problem, Procedure, ProcedureType,
                Settings, Tier, both, boxed, tier, written,
            },
        };
    }

    /// For `#[job]`.
    pub mod jobs {
        pub use crate::jobs::{
            Args, Backoff, Entry, Job, JobType, Keep, Key, Misfire, OldArgs, Schedule, Unique, args,
            enqueue_many, finished, reads, upgraded,
        };
    }
}
