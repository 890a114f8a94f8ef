use catena::model;

#[model]
pub struct Maybe(pub Option<String>);

#[model(insert)]
pub struct Row(pub String);

#[model]
pub struct Email(#[identity] pub String);

fn main() {}

// 3 mistakes
// Mend: `Maybe(pub String)`, and `Option<Maybe>` where it is used; a row is a struct with named fields.
