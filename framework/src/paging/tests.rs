use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::CursorKey;
use crate::secret::Secret;

type Key = (DateTime<Utc>, Uuid);

fn key() -> Key {
    (DateTime::from_timestamp_micros(1_769_860_800_123_457).unwrap(), Uuid::from_u128(7))
}

fn signer() -> CursorKey {
    CursorKey::new(&Secret::of_test())
}

#[test]
fn a_cursor_holds_a_key_exactly() {
    let (signer, user) = (signer(), Some(Uuid::from_u128(1)));
    let cursor = signer.seal("tasks.list", user, &key()).unwrap();
    assert_eq!(signer.open("tasks.list", user, &cursor), Some(key()), "to the microsecond");
    assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{cursor}");
}

#[test]
fn a_cursor_is_good_where_it_was_given_out_only() {
    let (signer, user) = (signer(), Some(Uuid::from_u128(1)));
    let cursor = signer.seal("tasks.list", user, &key()).unwrap();
    for (operation, user) in
        [("tasks.find", user), ("tasks.list", None), ("tasks.list", Some(Uuid::from_u128(2))), ("", user)]
    {
        assert_eq!(signer.open::<Key>(operation, user, &cursor), None, "{operation} {user:?}");
    }
    let elsewhere =
        CursorKey::new(&Secret::new("another secret, of another application".to_owned()).unwrap());
    assert_eq!(elsewhere.open::<Key>("tasks.list", user, &cursor), None);
    assert_eq!(signer.open::<i64>("tasks.list", user, &cursor), None, "nor as another type");
}

#[test]
fn a_cursor_that_was_changed_is_none() {
    let signer = signer();
    let cursor = signer.seal("tasks.list", None, &key()).unwrap();
    for length in 0..cursor.len() {
        assert_eq!(signer.open::<Key>("tasks.list", None, &cursor[..length]), None, "the first {length}");
    }
    for index in 0..cursor.len() {
        for other in ["A", "z", "!", "="] {
            let mut changed = cursor.clone();
            changed.replace_range(index..=index, other);
            if changed != cursor {
                assert_eq!(signer.open::<Key>("tasks.list", None, &changed), None, "{changed}");
            }
        }
    }
    assert_eq!(signer.open::<Key>("tasks.list", None, &format!("{cursor}A")), None);
}
