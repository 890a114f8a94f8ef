//! The service with poem-openapi, written by hand.

use catena_bench::{Mode, answer, block_on, mode};
use poem::{EndpointExt as _, IntoEndpoint as _, Route, Server, listener::TcpListener};
use poem_openapi::{Object, OpenApi, OpenApiService, payload::Json};

#[derive(Object)]
#[oai(deny_unknown_fields)]
struct NewTask {
    #[oai(validator(min_length = 1, max_length = 200))]
    title: String,
    #[oai(validator(minimum(value = "1"), maximum(value = "5")))]
    priority: i32,
    labels: Vec<String>,
}

#[derive(Object)]
struct Task {
    id: i64,
    title: String,
    priority: i32,
    labels: Vec<String>,
}

struct Api;

#[OpenApi]
impl Api {
    #[oai(path = "/api/make", method = "post")]
    async fn make(&self, input: Json<NewTask>) -> Json<Task> {
        let NewTask { title, priority, labels } = input.0;
        Json(Task { id: 1, title, priority, labels })
    }
}

fn main() {
    let app = Route::new().nest("/", OpenApiService::new(Api, "poem-openapi", "0.0.0")).into_endpoint();
    match mode() {
        Mode::Serve(port) => tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
            Server::new(TcpListener::bind(("127.0.0.1", port))).run(app).await.expect("it serves");
        }),
        Mode::Calls(n) => block_on(async { answer(&app.map_to_response(), n).await }),
    }
}
