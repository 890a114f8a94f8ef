use catena::model;

#[model]
pub struct PageQuery {
    pub limit: i32,
}

#[model]
pub struct Search {
    #[model(rename = "limit")]
    pub most: i32,
    #[model(flatten)]
    pub page: PageQuery,
}

fn main() {}

// Mend: `#[model(rename = "..")]` on one of the two fields, or another name.
