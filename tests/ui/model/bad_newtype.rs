use catena::model;

#[model]
pub struct Maybe(pub Option<String>);

#[model(insert)]
pub struct Row(pub String);

#[model]
pub struct Email(#[identity] pub String);

fn main() {}
