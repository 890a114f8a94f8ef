use super::{Method, Output as _, PathParameter, Procedure, Settings, Tier, clashes};
use crate::{macros::model, model::Schema as _};

/// A procedure as the macro would describe it.
pub(crate) fn procedure(
    function: &'static str,
    line: u32,
    method: Method,
    settings: Settings,
) -> &'static Procedure {
    Box::leak(Box::new(Procedure { line, settings, ..template(function, method) }))
}

/// A procedure in which nothing was said.
fn template(function: &'static str, method: Method) -> Procedure {
    Procedure {
        module: "app::procedures::tasks",
        function,
        file: "src/tasks.rs",
        line: 1,
        method,
        tier: Tier::Public,
        settings: Settings::DEFAULT,
        summary: "",
        description: "",
        path: &[],
        input: None,
        output: <()>::answer,
        problems: &[],
        call: |_| unreachable!("it is not called"),
    }
}

fn at(path: &'static str) -> Settings {
    Settings { path: Some(path), ..Settings::DEFAULT }
}

fn check(procedures: &[&'static Procedure], expected: &[&str]) {
    assert_eq!(clashes(procedures), expected);
}

#[test]
fn defaults_come_from_the_place_of_the_function() {
    let create = procedure("create", 1, Method::POST, Settings::DEFAULT);
    assert_eq!(
        (&*create.id(), &*create.path(), create.tag()),
        ("tasks.create", "/api/tasks/create", Some("tasks"))
    );
    let moved = Settings { id: Some("make"), tag: Some("all"), ..at("/api/made") };
    let moved = procedure("create", 1, Method::POST, moved);
    assert_eq!((&*moved.id(), &*moved.path(), moved.tag()), ("make", "/api/made", Some("all")));
}

#[test]
fn one_path_may_have_many_methods() {
    let get = procedure("get", 1, Method::GET, at("/api/tasks/{id}"));
    let remove = procedure("remove", 9, Method::DELETE, at("/api/tasks/{id}"));
    check(&[get, remove], &[]);
}

#[test]
fn a_route_is_served_once_whatever_its_parameters_are_called() {
    let get = procedure("get", 1, Method::GET, at("/api/tasks/{id}"));
    let find = procedure("find", 9, Method::GET, at("/api/tasks/{task_id}"));
    check(
        &[get, find],
        &[
            "GET /api/tasks/{task_id} is served twice: by `get` at src/tasks.rs:1 and by `find` at src/tasks.rs:9; \
           write another `path` for one of them",
        ],
    );
}

#[test]
fn a_parameter_has_one_name() {
    let get = procedure("get", 1, Method::GET, at("/api/tasks/{id}"));
    let edit = procedure("edit", 9, Method::PATCH, at("/api/tasks/{task_id}"));
    check(
        &[get, edit],
        &["/api/tasks/{id} and /api/tasks/{task_id} are one path with two names for a parameter: \
           `get` at src/tasks.rs:1 and `edit` at src/tasks.rs:9; use one name"],
    );
}

#[test]
fn everything_is_listed_at_once() {
    let one = procedure("get", 1, Method::POST, Settings { id: Some("tasks.find"), ..Settings::DEFAULT });
    let two = procedure("find", 9, Method::POST, Settings::DEFAULT);
    let three = procedure("show", 20, Method::GET, at("/docs"));
    check(
        &[one, two, three],
        &[
            "two procedures have the id `tasks.find`: `get` at src/tasks.rs:1 and `find` at src/tasks.rs:9; \
             write another `id` for one of them",
            "/docs is served by the framework, and by `show` at src/tasks.rs:20: write another `path`",
        ],
    );
}

#[test]
fn a_path_parameter_is_described_by_its_argument_its_type_or_its_name() {
    /// The colour of a thing.
    #[model]
    enum Colour {
        Red,
    }

    let describe = |doc, shape| PathParameter { name: "main_colour", doc, shape }.description();
    assert_eq!(describe("That of the door.", Colour::shape), "That of the door.");
    assert_eq!(describe("", Colour::shape), "The colour of a thing.");
    assert_eq!(describe("", String::shape), "The main colour.");
}
