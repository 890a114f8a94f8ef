//! What an attempt does step by step, and how that goes together with `job.db()`.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::{Future, pending, poll_fn},
    panic::Location,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::Poll,
    time::Duration,
};

use tokio::{sync::OnceCell, task_local};

use super::{
    JobCtx, LONGEST_DELAY,
    runtime::Outcome,
    store::{self, NewStep, Stored},
};
use crate::{
    db::{Access, Db, Scope},
    error::{Error, Result},
    model::{Schema, read_kept, write_body},
};

/// The longest name of a step, in bytes.
const LONGEST_NAME: usize = 200;

/// The longest result of a step, in bytes of JSON.
const LONGEST_RESULT: usize = 1024 * 1024;

task_local! {
    /// The step in which the current task is.
    static INSIDE: String;
}

type Place = &'static Location<'static>;

/// The steps of one attempt.
pub(super) struct Steps {
    /// What earlier attempts left.
    stored: OnceCell<HashMap<String, Stored>>,
    state: Mutex<State>,
}

struct State {
    /// Whether the job's own row says that it has some.
    marked: bool,
    /// Whether it may have some, even if nobody waited for the answer.
    may_have_rows: bool,
    way: Way,
    /// Where each step of this attempt was called that is finished or under way.
    called: HashMap<String, Place>,
    /// How a step has the attempt end.
    ending: Option<Outcome>,
}

/// How the attempt writes.
enum Way {
    Unknown,
    Db,
    /// In steps, of which this was the first.
    Steps(String),
}

impl Steps {
    /// Those of an attempt that begins; `stepped` says whether earlier ones finished some.
    pub(super) fn new(stepped: bool) -> Self {
        let state = State {
            marked: stepped,
            may_have_rows: stepped,
            way: Way::Unknown,
            called: HashMap::new(),
            ending: None,
        };
        Self { stored: OnceCell::new(), state: Mutex::new(state) }
    }

    /// Whether the job may have rows of steps.
    pub(super) fn may_have_rows(&self) -> bool {
        self.state().may_have_rows
    }

    /// Notes that the attempt writes through `job.db()`.
    pub(super) fn use_db(&self) -> Result<()> {
        let mut state = self.state();
        match &state.way {
            Way::Steps(name) => Err(Error::internal(format!(
                "a job writes through `job.db()` or in steps, not both, and this one has the step `{name}`: write through \
                 the `db` that a step is given"
            ))),
            Way::Unknown | Way::Db => {
                state.way = Way::Db;
                Ok(())
            }
        }
    }

    /// Notes that a step begins.
    fn enter(&self, name: &str, at: Place) -> Result<Entered<'_>> {
        if !(1..=LONGEST_NAME).contains(&name.len()) || name.contains('\0') {
            return Err(Error::internal(format!(
                "`{name}` is no name of a step: write 1 to {LONGEST_NAME} bytes of text"
            )));
        }
        if let Ok(outer) = INSIDE.try_with(Clone::clone) {
            return Err(Error::internal(format!(
                "the step `{name}` was begun inside the step `{outer}`: write them one after the other"
            )));
        }
        let mut state = self.state();
        match &state.way {
            Way::Db => {
                return Err(Error::internal(format!(
                    "a job writes through `job.db()` or in steps, not both, and this one used `job.db()` before the step \
                     `{name}`: put what it did there into a step of its own"
                )));
            }
            Way::Unknown => state.way = Way::Steps(name.to_owned()),
            Way::Steps(_) => {}
        }
        if let Some(first) = state.called.get(name) {
            return Err(Error::internal(format!(
                "two steps of one attempt are called `{name}`, at {first} and at {at}: give each a name of its own, in a \
                 loop as in `format!(\"{name} {{n}}\")`"
            )));
        }
        state.called.insert(name.to_owned(), at);
        Ok(Entered { steps: self, name: name.to_owned(), done: false })
    }

    /// Has the attempt end, as soon as its handler waits. Dropped before that, it goes on.
    async fn end(&self, outcome: Outcome) -> Infallible {
        struct Ending<'a>(&'a Steps);
        impl Drop for Ending<'_> {
            fn drop(&mut self) {
                self.0.state().ending = None;
            }
        }
        self.state().ending = Some(outcome);
        let _ending = Ending(self);
        pending().await
    }

    /// Runs the handler until it is done or a step ends the attempt, and says how.
    pub(super) async fn run(&self, handler: impl Future<Output = Result<()>>) -> Result<Option<Outcome>> {
        let mut handler = pin!(handler);
        poll_fn(|context| match handler.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(result.map(|()| None)),
            Poll::Pending => match self.state().ending.take() {
                Some(outcome) => Poll::Ready(Ok(Some(outcome))),
                None => Poll::Pending,
            },
        })
        .await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A step that has begun. Dropped before it is finished, it may be begun again.
struct Entered<'a> {
    steps: &'a Steps,
    name: String,
    done: bool,
}

impl Entered<'_> {
    /// Notes that the step is finished and has its row.
    fn finished(mut self) {
        self.done = true;
        self.steps.state().marked = true;
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.steps.state().called.remove(&self.name);
        }
    }
}

impl JobCtx {
    pub(super) async fn run_step<T: StepResult>(
        &self,
        name: String,
        at: Place,
        work: impl AsyncFnOnce(Db) -> Result<T>,
    ) -> Result<T> {
        let entered = self.course.steps.enter(&name, at)?;
        match self.stored(&name).await? {
            Some(Stored::Result(text)) => {
                let value = T::read(text).map_err(|fault| {
                    Error::discard(format!("the step `{name}` left what this version of it does not return"))
                        .because(fault)
                })?;
                entered.finished();
                return Ok(value);
            }
            Some(Stored::Sleep(_)) => return Err(changed(&name, "a step", "a sleep")),
            None => {}
        }
        let scope = Scope::new(self.services.database.jobs.clone(), Access::ReadWrite);
        let value = INSIDE.scope(name.clone(), work(scope.db().await?)).await?;
        let result = value.write()?;
        if result.len() > LONGEST_RESULT {
            return Err(Error::internal(format!(
                "the step `{name}` returned {} bytes of JSON; it may return {LONGEST_RESULT}: keep the rest in a table",
                result.len()
            )));
        }
        scope.hasten();
        let recorded =
            store::finish_step(&mut scope.db().await?, self.new_step(&name, Stored::Result(result))).await;
        if matches!(recorded, Ok(false)) {
            drop(scope);
            match self.course.steps.end(Outcome::Lost).await {}
        }
        // After a statement that failed and was ignored, the record fails too; the commit says why.
        scope.commit().await?;
        recorded?;
        entered.finished();
        if scope.has_enqueued() {
            self.services.wake.wake();
        }
        Ok(value)
    }

    pub(super) async fn run_sleep(&self, name: String, at: Place, delay: Result<Duration>) -> Result<()> {
        let entered = self.course.steps.enter(&name, at)?;
        let left = match self.stored(&name).await? {
            Some(Stored::Sleep(left)) => *left,
            Some(Stored::Result(_)) => return Err(changed(&name, "a sleep", "a step")),
            None => {
                let delay = delay?.min(LONGEST_DELAY);
                let left = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
                let scope = Scope::new(self.services.database.jobs.clone(), Access::ReadWrite);
                let step = self.new_step(&name, Stored::Sleep(left));
                if !store::finish_step(&mut scope.aside().await?, step).await? {
                    match self.course.steps.end(Outcome::Lost).await {}
                }
                left
            }
        };
        entered.finished();
        if left <= 0 {
            return Ok(());
        }
        match self.course.steps.end(Outcome::Snoozed { delay_ms: left }).await {}
    }

    /// What is to be recorded, and may be from now on.
    fn new_step<'a>(&self, name: &'a str, stored: Stored) -> NewStep<'a> {
        let mut state = self.course.steps.state();
        state.may_have_rows = true;
        NewStep { id: self.id, lease: self.lease, name, stored, is_first: !state.marked }
    }

    /// What the step left in an earlier attempt.
    async fn stored(&self, name: &str) -> Result<Option<&Stored>> {
        let load = || async {
            if !self.course.steps.may_have_rows() {
                return Ok(HashMap::new());
            }
            let scope = Scope::new(self.services.database.jobs.clone(), Access::ReadWrite);
            let rows = store::steps(&mut scope.aside().await?, self.id).await?;
            Ok::<_, Error>(rows.into_iter().collect())
        };
        Ok(self.course.steps.stored.get_or_try_init(load).await?.get(name))
    }
}

fn changed(name: &str, is: &str, was: &str) -> Error {
    Error::discard(format!(
        "`{name}` is {is}, and was {was} in an earlier attempt of this job: give it another name"
    ))
}

/// What a step may return: what a job's arguments may be, and `()`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a step",
    label = "a step cannot return this, as the next attempt could not read it",
    note = "return `()`, a model (`#[model]` above the definition of `{Self}`), or what a field of a model may be"
)]
pub trait StepResult: Sized {
    /// Reads what [`StepResult::write`] wrote.
    #[doc(hidden)]
    fn read(text: &str) -> Result<Self, String>;

    /// Writes the value as JSON.
    ///
    /// # Errors
    /// `internal` for a value that its own schema cannot express.
    #[doc(hidden)]
    fn write(&self) -> Result<String>;
}

impl StepResult for () {
    fn read(_: &str) -> Result<Self, String> {
        Ok(())
    }

    fn write(&self) -> Result<String> {
        Ok("null".to_owned())
    }
}

#[diagnostic::do_not_recommend]
impl<T: Schema> StepResult for T {
    fn read(text: &str) -> Result<Self, String> {
        read_kept(text.as_bytes())
    }

    fn write(&self) -> Result<String> {
        String::from_utf8(write_body(self)?).map_err(Error::internal)
    }
}
