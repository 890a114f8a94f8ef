//! What the attributes print compiles where `catena` has another name, nothing is imported by itself, the names of the
//! prelude mean something else, and no lint is forgiven. Checking the workspace compiles it.
#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    elided_lifetimes_in_paths,
    rust_2018_idioms,
    let_underscore_drop,
    unused_results
)]

mod everything;

/// Takes the names that an expansion could rely on by mistake.
macro_rules! shadow {
    ($($name:ident)*) => {
        $(
            /// Not what it seems to be.
            #[derive(::core::fmt::Debug)]
            pub struct $name;
        )*

        /// Not the crate.
        pub mod core {}
        /// Not the crate.
        pub mod std {}
        /// Not the crate.
        pub mod catena {}
        /// Not the crate.
        pub mod serde {}
    };
}

/// The tables, by a macro of Diesel that needs the prelude.
pub mod schema {
    ::diesel::table! {
        /// Links of a chain.
        links (id) {
            /// Which one.
            id -> Int8,
            /// What it is called.
            label -> Text,
            /// What is known about it.
            notes -> Nullable<Text>,
            /// What it is made of.
            #[sql_name = "type"]
            r#type -> Text,
        }
    }
}

/// Rows. Diesel's derives want to see `std`, so that it is the one name that means what it says.
#[no_implicit_prelude]
pub mod rows {
    use ::diesel;
    use ::std;

    use crate::schema::links;

    /// Not the one of the prelude.
    #[derive(::core::fmt::Debug)]
    pub struct Result;

    /// A link, as it is read.
    #[::chain::model(table = links, omit(notes), crate = ::chain)]
    #[derive(::core::fmt::Debug, ::core::clone::Clone)]
    pub struct Link {
        /// Which one.
        pub id: i64,
        /// What it is called.
        pub label: ::std::string::String,
        /// What it is made of.
        pub r#type: ::std::string::String,
    }

    /// A link, as it is inserted.
    #[::chain::model(crate = ::chain, table = links, insert, omit(id))]
    #[derive(::core::fmt::Debug)]
    pub struct NewLink {
        /// What it is called.
        #[check(len = 1..=20, pattern = "^[a-z]+$")]
        pub label: ::std::string::String,
        /// What is known about it.
        pub notes: ::std::option::Option<::std::string::String>,
        /// What it is made of.
        pub r#type: ::std::string::String,
    }

    /// A change of a link.
    #[::chain::model(crate = "::chain", table = links, patch)]
    #[derive(::core::fmt::Debug)]
    pub struct EditLink {
        /// What it is called.
        #[check(len = 1..=20)]
        pub label: ::std::option::Option<::std::string::String>,
        /// What is known about it.
        pub notes: ::chain::Patch<::std::string::String>,
    }
}

/// Values of columns. Diesel's derives need the prelude here, and the path of the crate may be a relative one.
pub mod values {
    /// What a link is made of.
    #[chain::model(crate = chain, db)]
    #[derive(Debug, Clone, Copy)]
    pub enum Metal {
        /// Strong.
        Iron,
        /// Soft.
        #[model(rename = "AU")]
        Gold,
    }

    /// What a link is called.
    #[chain::model(crate = "chain", db = diesel::sql_types::Text)]
    #[derive(Debug, Clone)]
    #[check(len = 1..=20, custom = is_called)]
    pub struct Label(pub String);

    fn is_called(label: &str) -> Result<(), &'static str> {
        if label == "link" { Err("must not be what every link is called") } else { Ok(()) }
    }
}

/// Models that have the names of what expansions use.
#[no_implicit_prelude]
pub mod namesakes {
    /// Whether it went well.
    #[::chain::model(crate = ::chain)]
    #[derive(::core::fmt::Debug)]
    pub enum Result {
        /// It did.
        Ok,
        /// It did not.
        Err,
    }

    /// Whether there is one.
    #[::chain::model(crate = ::chain, tag = "type")]
    #[derive(::core::fmt::Debug)]
    pub enum Option {
        /// There is.
        Some {
            /// What there is.
            value: Result,
        },
        /// There is none.
        None,
    }

    /// Words.
    #[::chain::model(crate = ::chain)]
    #[derive(::core::fmt::Debug)]
    pub struct String {
        /// Each of them.
        pub words: ::std::vec::Vec<Result>,
    }

    /// A number.
    #[::chain::model(crate = ::chain)]
    #[derive(::core::fmt::Debug)]
    #[check(range = 1..)]
    pub struct Schema(pub i64);
}

/// Models of every kind, among names that mean something else.
#[no_implicit_prelude]
pub mod models {
    shadow!(Box Clone Debug Default Deserialize Err From Into None Ok Option Result Schema Send Serialize Some String Vec);

    // Serde's `flatten` calls their methods.

    use crate::values::{Label, Metal};

    /// Nothing at all.
    #[::chain::model(crate = ::chain)]
    #[derive(::core::fmt::Debug)]
    pub struct Nothing {}

    /// A field of each kind, some named like the variables of an expansion.
    #[::chain::model(crate = ::chain)]
    #[derive(::core::fmt::Debug)]
    pub struct Everything {
        /// Nothing, in this place.
        #[model(flatten)]
        pub nothing: Nothing,
        /// Which link.
        #[identity]
        pub label: Label,
        /// What it is made of.
        #[model(default = Metal::Iron, deprecated, rename = "madeOf")]
        pub metal: Metal,
        /// What opens it.
        #[secret]
        #[model(default)]
        pub r#type: ::std::string::String,
        /// How heavy it is.
        #[check(range = 0.5..=100.0)]
        pub value: f64,
        /// How many there are.
        #[check(custom = even)]
        pub failures: ::core::option::Option<i64>,
        /// What they are called.
        #[check(items = ..=10, unique_items)]
        pub fields: ::std::vec::Vec<::std::string::String>,
        /// How often.
        pub out: ::std::collections::BTreeMap<::std::string::String, i64>,
    }

    fn even(value: &i64) -> ::core::result::Result<(), &'static str> {
        if value % 2 == 0 {
            ::core::result::Result::Ok(())
        } else {
            ::core::result::Result::Err("must be even")
        }
    }

    impl ::chain::Check for Everything {
        fn check(&self, failures: &mut ::chain::Failures) {
            if self.fields.is_empty() && self.failures.is_some() {
                failures.add("fields", "must not be empty");
            }
        }
    }

    /// Part of a list.
    #[::chain::model(crate = ::chain)]
    #[derive(::core::fmt::Debug)]
    pub struct Part<T, C: ::core::default::Default>
    where
        T: ::core::clone::Clone,
    {
        /// What is in it.
        pub items: ::std::vec::Vec<T>,
        /// Where it begins.
        #[secret]
        #[model(default)]
        pub start: C,
    }

    /// What has happened.
    #[::chain::model(crate = ::chain, tag = "type")]
    #[derive(::core::fmt::Debug)]
    pub enum Event {
        /// It was made.
        Made {
            /// What it is made of.
            r#in: Metal,
            /// What it was called.
            #[check(len = 1..)]
            value: ::core::option::Option<::std::string::String>,
            /// What opens it.
            #[secret]
            #[model(default)]
            key: ::std::string::String,
        },
        /// Some were listed.
        Listed(Part<i64, i64>),
        /// It is gone.
        Gone,
    }
}

/// Procedures and their errors, among names that mean something else.
#[no_implicit_prelude]
pub mod procedures {
    shadow!(Box Default Err From Into None Ok Option Result Send Some String Vec);

    use crate::{
        models::{Event, Everything},
        rows::{EditLink, Link, NewLink},
    };

    /// Why a link is not changed.
    #[derive(::core::fmt::Debug, ::chain::Problem)]
    #[problem(crate = ::chain)]
    pub enum ChangeError {
        /// The link is closed.
        #[problem(status = 409, code = "closed")]
        Closed,
        /// The link is too weak, for this reason.
        #[problem(status = 422, code = "too_weak", title = "Too weak")]
        TooWeak(::std::string::String),
        /// Anything else.
        #[problem(other)]
        Other(::chain::Error),
    }

    /// Adds a link.
    #[::chain::procedure(tier = "protected", crate = ::chain)]
    pub async fn add(
        ctx: &::chain::Ctx<::chain::User>,
        input: NewLink,
    ) -> ::chain::Result<::chain::Created<Link>> {
        let _job = crate::jobs::forge::enqueue(ctx, Event::Gone).await?;
        let _jobs = crate::jobs::forge::enqueue_many(ctx, [Event::Gone]).await?;
        let NewLink { label, r#type, .. } = input;
        ::core::result::Result::Ok(::chain::Created(Link { id: 1, label, r#type }))
    }

    /// Says what it was asked.
    #[::chain::procedure(crate = ::chain, query, tier = "public")]
    pub async fn input(_: &::chain::Ctx, ctx: NewLink) -> ::chain::Result<::core::option::Option<NewLink>> {
        ::core::result::Result::Ok(::core::option::Option::Some(ctx))
    }

    /// Takes everything.
    #[::chain::procedure(
        crate = "::chain",
        tier = "auth",
        timeout = "1m",
        body_limit = "8KiB",
        limit = "20/1m",
        deprecated,
        hidden
    )]
    pub async fn r#type(_: &::chain::Ctx, input: Everything) -> ::chain::Result<::std::vec::Vec<Everything>> {
        ::core::result::Result::Ok(::std::vec![input])
    }

    /// Changes a link.
    #[::chain::procedure(crate = ::chain, tier = "protected", method = "PATCH", path = "/api/{call}/links/{type}")]
    pub async fn change(
        _: &::chain::Ctx<::chain::User>,
        call: i64,
        r#type: ::std::string::String,
        input: EditLink,
    ) -> ::core::result::Result<(), ChangeError> {
        match input.label {
            ::core::option::Option::None if call == 0 => ::core::result::Result::Err(ChangeError::Closed),
            ::core::option::Option::None => ::core::result::Result::Err(ChangeError::TooWeak(r#type)),
            ::core::option::Option::Some(_) => ::core::result::Result::Ok(()),
        }
    }
}

/// Jobs, among names that mean something else.
#[no_implicit_prelude]
pub mod jobs {
    shadow!(Box Default Err From Into None Ok Option Result Send Some String Vec);

    use crate::models::Event;

    /// Makes a link.
    #[::chain::job(crate = ::chain, retries = 3, backoff = "exponential(250ms, 1d)")]
    pub async fn forge(job: &::chain::JobCtx, args: Event) -> ::chain::Result<()> {
        ::core::mem::drop(args);
        polish::with().enqueue(job).await.map(|_| ())
    }

    /// Makes all links shine.
    #[::chain::job(cron = "0 3 * * *", crate = ::chain)]
    pub async fn polish(_: &::chain::JobCtx) -> ::chain::Result<()> {
        ::core::result::Result::Ok(())
    }
}

/// What comes out of a `macro_rules!`, which may pass the path of the crate on.
#[no_implicit_prelude]
pub mod generated {
    shadow!(Err None Ok Option Result Some String Vec);

    macro_rules! echo {
        ($chain:path, $model:ident { $field:ident: $type:ty }, $procedure:ident, $job:ident) => {
            /// What is sent and sent back.
            #[::chain::model(crate = $chain)]
            #[derive(::core::fmt::Debug)]
            pub struct $model {
                /// What it holds.
                pub $field: $type,
                /// How often.
                #[model(default = 1)]
                pub times: i64,
            }

            /// Sends back what was sent.
            #[::chain::procedure(tier = "public", crate = $chain)]
            pub async fn $procedure(_: &::chain::Ctx, input: $model) -> ::chain::Result<$model> {
                ::core::result::Result::Ok(input)
            }

            /// Takes what was sent.
            #[::chain::job(crate = $chain)]
            pub async fn $job(_: &::chain::JobCtx, args: $model) -> ::chain::Result<()> {
                ::core::mem::drop(args);
                ::core::result::Result::Ok(())
            }
        };
    }

    echo!(::chain, Echo { r#type: ::core::option::Option<::std::vec::Vec<i64>> }, echo, r#loop);
}

#[cfg(test)]
mod tests {
    use chain::__private::{inventory, jobs, procedure};

    /// What an attribute registers is found under the other name as well.
    #[test]
    fn procedures_and_jobs_are_registered() {
        assert_eq!(inventory::iter::<procedure::Entry>().count(), 10);
        assert_eq!(inventory::iter::<jobs::Entry>().count(), 9);
    }
}
