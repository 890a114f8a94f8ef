//! Prints what stands beside a job's function.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Path, ext::IdentExt as _, spanned::Spanned as _};

use super::{
    backoff::Backoff,
    model::{Job, Keep},
    schedule::Schedule,
    unique::Unique,
};
use crate::signature::Signature;

/// The description of the job, its entry in the registry, and the struct that carries its types and enqueues it.
pub(crate) fn companion(job: &Job) -> TokenStream {
    let Job {
        signature,
        doc,
        schedule,
        retries,
        backoff,
        blocking,
        queue,
        priority,
        keep,
        unique,
        version,
        ..
    } = job;
    let name = &signature.name;
    let function = name.unraw().to_string();
    let schedule = match schedule {
        Some(Schedule { cron, tz, misfire }) => {
            let misfire = misfire.variant();
            quote!(::core::option::Option::Some(__jobs::Schedule {
                cron: #cron,
                tz: #tz,
                misfire: __jobs::Misfire::#misfire,
            }))
        }
        None => quote!(::core::option::Option::None),
    };
    let backoff = match backoff {
        None => quote!(__jobs::Backoff::DEFAULT),
        Some(Backoff::Fixed(delay)) => {
            let delay = duration(*delay);
            quote!(__jobs::Backoff::Fixed(#delay))
        }
        Some(Backoff::Exponential { base, cap }) => {
            let (base, cap) = (duration(*base), duration(*cap));
            quote!(__jobs::Backoff::Exponential { base: #base, cap: #cap })
        }
    };
    let concurrency = match &job.concurrency {
        Some(concurrency) => {
            let limit = concurrency.limit;
            quote!(::core::option::Option::Some(#limit))
        }
        None => quote!(::core::option::Option::None),
    };
    let timeout = match job.timeout {
        Some(timeout) => {
            let timeout = duration(timeout);
            quote!(::core::option::Option::Some(#timeout))
        }
        None => quote!(::core::option::Option::None),
    };
    let keep = match keep {
        Keep::All => quote!(__jobs::Keep::All),
        Keep::Failures => quote!(__jobs::Keep::Failures),
        Keep::None => quote!(__jobs::Keep::None),
    };
    let unique = match unique {
        Some(Unique { within, until_start, replaces, .. }) => {
            let within_ms = match within.map(|within| u64::try_from(within.as_millis()).unwrap_or(u64::MAX)) {
                Some(ms) => quote!(::core::option::Option::Some(#ms)),
                None => quote!(::core::option::Option::None),
            };
            quote! {
                ::core::option::Option::Some(__jobs::Unique {
                    within_ms: #within_ms,
                    until_start: #until_start,
                    replaces: #replaces,
                })
            }
        }
        None => quote!(::core::option::Option::None),
    };
    let run = run(signature);
    let registration = quote! {
        static __JOB: __jobs::Job = __jobs::Job {
            name: #function,
            doc: #doc,
            file: ::core::file!(),
            line: ::core::line!(),
            schedule: #schedule,
            retries: #retries,
            backoff: #backoff,
            timeout: #timeout,
            blocking: #blocking,
            queue: #queue,
            priority: #priority,
            keep: #keep,
            unique: #unique,
            concurrency: #concurrency,
            args: __jobs::args::<#name>(),
            version: #version,
            reads: __jobs::reads::<#name>,
            run: #run,
        };
        ::catena::__private::inventory::submit! { __jobs::Entry(&__JOB) }
    };
    with_struct(job, &registration, &quote!(&__JOB), job.upgrade.as_ref().map(upgrade).as_ref())
}

/// The struct alone, for a job with mistakes: what enqueues it shall not fail as well.
pub(crate) fn stand_in(job: &Job) -> TokenStream {
    with_struct(job, &TokenStream::new(), &quote!(::core::unreachable!()), None)
}

fn duration(duration: Duration) -> TokenStream {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    quote!(::core::time::Duration::from_millis(#ms))
}

/// The adapter from the queue to the function. An error in its types is shown at them, any other at the name.
fn run(signature: &Signature) -> TokenStream {
    let Signature { name, is_async, context, output, error, .. } = signature;
    let at = |span: Span| Span::mixed_site().located_at(span);
    let at_name = at(name.span());
    let mut arguments = quote_spanned!(at(context.span())=> &job,);
    let mut args = quote!(_);
    let read = signature.input().map(|input| {
        arguments.extend(quote_spanned!(at(input.span())=> args));
        args = quote_spanned!(at_name=> args);
        quote_spanned!(at_name=> let args = args.read::<#name>()?;)
    });
    let error = error.as_ref().map_or_else(|| quote_spanned!(at(output.span())=> _), |error| quote!(#error));
    let awaited = is_async.then(|| quote_spanned!(at_name=> .await));
    quote_spanned! {at_name=>
        |job, #args| ::std::boxed::Box::pin(async move {
            #read
            let result = #name(#arguments) #awaited;
            __jobs::finished::<#error>(result)
        })
    }
}

/// The method that calls what reads arguments of older versions; an error in its types is shown at it.
fn upgrade(path: &Path) -> TokenStream {
    let at = Span::mixed_site().located_at(path.span());
    quote_spanned! {at=>
        fn upgrade(version: u16, args: __jobs::OldArgs) -> ::catena::Result<Self::Args> {
            __jobs::upgraded(#path(version, args))
        }
    }
}

/// The method that adds these fields to a key, if there are some.
fn key(fields: &[Ident], method: &TokenStream) -> Option<TokenStream> {
    let add = fields.iter().map(|field| {
        let text = field.unraw().to_string();
        quote!(key.field(#text, &args.#field)?;)
    });
    let method = quote! {

        fn #method(args: &Self::Args, key: &mut __jobs::Key) -> ::catena::Result<bool> {
            #(#add)*
            ::core::result::Result::Ok(true)
        }
    };
    (!fields.is_empty()).then_some(method)
}

fn with_struct(
    job: &Job,
    registration: &TokenStream,
    description: &TokenStream,
    upgrade: Option<&TokenStream>,
) -> TokenStream {
    let Job { visibility, conditions, signature, .. } = job;
    let Signature { name, .. } = signature;
    let (args_type, parameter, args) = match signature.input() {
        // A type that is less visible than the function is an error of the line that names it.
        Some(input) => {
            (quote_spanned!(input.span()=> type Args = #input;), quote!(args: #input), quote!(args))
        }
        None => (
            quote!(
                type Args = ();
            ),
            TokenStream::new(),
            quote!(()),
        ),
    };
    let unique_by = job.unique.as_ref().map(|unique| key(&unique.by, &quote!(unique_by)));
    let concurrency_by =
        job.concurrency.as_ref().map(|concurrency| key(&concurrency.by, &quote!(concurrency_by)));
    let enqueue_many = signature.input().map(|input| {
        quote! {

            /// Enqueues a job for each of `args`, in their order, in the caller's transaction.
            #visibility fn enqueue_many<__On: ::catena::EnqueueOn>(
                on: __On,
                args: impl ::core::iter::IntoIterator<Item = #input>,
            ) -> impl ::core::future::Future<
                Output = ::catena::Result<::std::vec::Vec<::catena::JobId>>,
            > + ::core::marker::Send {
                __jobs::enqueue_many::<Self, _>(on, args)
            }
        }
    });
    quote! {
        #(#conditions)*
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, unreachable_pub)]
        #visibility struct #name {}

        #(#conditions)*
        const _: () = {
            use ::catena::__private::jobs as __jobs;
            #registration
            impl __jobs::JobType for #name {
                #args_type

                fn job() -> &'static __jobs::Job {
                    #description
                }
                #unique_by

                #concurrency_by

                #upgrade
            }

            #[allow(dead_code, unreachable_pub)]
            impl #name {
                /// Enqueues the job in the caller's transaction.
                #visibility fn enqueue<__On: ::catena::EnqueueOn>(
                    on: __On,
                    #parameter
                ) -> impl ::core::future::Future<Output = ::catena::Result<::catena::JobId>> + ::core::marker::Send
                {
                    ::catena::Enqueue::<Self>::new(#args).enqueue(on)
                }
                #enqueue_many

                /// Prepares the job, to be enqueued with options.
                #visibility fn with(#parameter) -> ::catena::Enqueue<Self> {
                    ::catena::Enqueue::new(#args)
                }
            }
        };
    }
}
