use std::time::Duration;

use quote::quote;

use super::{backoff::Backoff, job};
use crate::testing::{mistakes, pretty};

#[test]
fn plain() {
    let item = quote! {
        /// Rests.
        async fn rest(job: &JobCtx) -> Result<()> {
            todo!()
        }
    };
    insta::assert_snapshot!(pretty(job(quote!(), item)));
}

#[test]
fn args() {
    let item = quote! {
        pub(crate) async fn send_mail(job: &JobCtx, mail: Mail) -> Result<(), MailError> {
            todo!()
        }
    };
    let options = quote!(
        retries = 3,
        backoff = "exponential(2s, 1h)",
        timeout = "30s",
        queue = "mail",
        priority = 2,
        keep = "none"
    );
    insta::assert_snapshot!(pretty(job(options, item)));
}

#[test]
fn keys() {
    let item = quote! {
        async fn transfer(job: &JobCtx, transfer: Transfer) -> Result<()> {
            todo!()
        }
    };
    let options = quote!(unique(by = [id], within = "1h"), concurrency(by = [from, to], limit = 2));
    insta::assert_snapshot!(pretty(job(options, item)));
}

#[test]
fn versions() {
    let item = quote! {
        async fn send_mail(job: &JobCtx, mail: Mail) -> Result<()> {
            todo!()
        }
    };
    insta::assert_snapshot!(pretty(job(quote!(version = 2, upgrade = mails::older), item)));
}

#[test]
fn cron() {
    let item = quote! {
        async fn purge(job: &JobCtx) -> Result<()> {
            todo!()
        }
    };
    insta::assert_snapshot!(pretty(job(quote!(cron = "0 3 * * MON", backoff = "fixed(30s)"), item)));
}

#[test]
fn blocking() {
    let item = quote! {
        fn crunch(job: &JobCtx, numbers: Numbers) -> Result<()> {
            todo!()
        }
    };
    insta::assert_snapshot!(pretty(job(quote!(blocking), item)));
}

#[test]
fn a_job_with_mistakes_can_still_be_enqueued() {
    let expansion = job(
        quote!(retries = 1001),
        quote!(
            async fn send(job: &JobCtx, mail: Mail) -> Result<()> {}
        ),
    );
    let text = pretty(expansion.clone());
    assert!(text.contains("fn enqueue") && !text.contains("submit"), "{text}");
    assert_eq!(mistakes(expansion), ["retries are a number from 0 to 1000: write `retries = 5`"]);
}

#[test]
fn backoffs_and_durations() {
    let ms = Duration::from_millis;
    let check = |text, expected| assert_eq!(Backoff::parse(text), Ok(expected), "{text}");
    check("fixed(250ms)", Backoff::Fixed(ms(250)));
    check(" fixed( 30s ) ", Backoff::Fixed(ms(30_000)));
    check("fixed(0s)", Backoff::Fixed(ms(0)));
    check("exponential(2m, 1d)", Backoff::Exponential { base: ms(120_000), cap: ms(86_400_000) });
    check("exponential(1h, 1h)", Backoff::Exponential { base: ms(3_600_000), cap: ms(3_600_000) });
    for text in [
        "",
        "fixed",
        "fixed()",
        "fixed(30)",
        "fixed(s)",
        "fixed(-1s)",
        "fixed(1.5s)",
        "fixed(1s",
        "fixed(1s, 2s)",
        "fixed(99999999999999999999s)",
        "fixed(18446744073709551615d)",
        "exponential(1s)",
        "exponential(0s, 1h)",
        "exponential(2s, 1s)",
        "linear(1s)",
    ] {
        assert!(Backoff::parse(text).is_err(), "{text}");
    }
}

#[test]
fn cron_expressions() {
    let mistakes_of = |cron: &str| {
        mistakes(job(
            quote!(cron = #cron),
            quote!(
                async fn purge(job: &JobCtx) -> Result<()> {}
            ),
        ))
        .len()
    };
    for sound in ["* * * * *", "*/5 0-6,22 1 JAN-MAR MON-FRI", "0 0 L * *", "0 0 * * 5#2", "0 0 29 2 *"] {
        assert_eq!(mistakes_of(sound), 0, "{sound}");
    }
    for wrong in ["", "* * * *", "* * * * * *", "@daily", "60 * * * *", "* * * FOO *", "5-1 * * * *"] {
        assert_eq!(mistakes_of(wrong), 1, "{wrong}");
    }
    assert_eq!(mistakes_of("60 24 32 13 8"), 5);
}
