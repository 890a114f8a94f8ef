//! The tables, as Diesel sees them.

diesel::table! {
    profiles (id) {
        id -> Uuid,
        email -> Text,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    tasks (id) {
        id -> Uuid,
        owner_id -> Uuid,
        title -> Text,
        notes -> Nullable<Text>,
        done_at -> Nullable<Timestamptz>,
        due_at -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
    }
}

diesel::joinable!(tasks -> profiles (owner_id));
diesel::allow_tables_to_appear_in_same_query!(profiles, tasks);
