use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned()).unwrap()
}

/// What a signer makes of a message, in hexadecimal digits.
fn sign(signer: Signer, message: &str) -> String {
    signer.chain_update(message).finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_short_secret_is_refused_and_not_repeated() {
    let error = Secret::new("hunter2".to_owned()).unwrap_err();
    assert_eq!(
        error,
        "has 7 characters: write at least 32 that nobody can guess, as `openssl rand -hex 32` prints them"
    );
    assert!(Secret::new("x".repeat(31)).is_err() && Secret::new("x".repeat(32)).is_ok());
}

#[test]
fn a_secret_is_not_shown() {
    assert_eq!(format!("{:?}", secret(&"hunter2 ".repeat(4))), "Secret(..)");
}

#[test]
fn a_purpose_has_a_key_of_its_own() {
    // The same by `openssl kdf -keylen 32 -kdfopt digest:SHA256 -kdfopt key:<64 zeros> -kdfopt info:cursor HKDF`, and
    // `openssl mac -digest SHA256 -macopt hexkey:<that> HMAC`.
    let zeros = secret(&"0".repeat(64));
    assert_eq!(
        sign(zeros.signer("cursor"), "message"),
        "f94c7b7aa27ff0eac334ce9a330755f6a57adf22e8d1e690d64d84126642d805"
    );
    assert_ne!(sign(zeros.signer("cursor"), "message"), sign(zeros.signer("cookie"), "message"));
    let ones = secret(&"1".repeat(64));
    assert_ne!(sign(zeros.signer("cursor"), "message"), sign(ones.signer("cursor"), "message"));
}

#[test]
fn a_folder_keeps_its_secret() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join(".catena");
    let made = Secret::of_folder(&inner).unwrap();
    assert_eq!(made.0.len(), 64);
    assert_eq!(Secret::of_folder(&inner).unwrap(), made);
    let files: Vec<_> = fs::read_dir(&inner).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["secret"]);
    assert_eq!(fs::metadata(inner.join("secret")).unwrap().permissions().mode() & 0o777, 0o600);

    fs::write(inner.join("secret"), "short").unwrap();
    let error = Secret::of_folder(&inner).unwrap_err();
    assert!(error.ends_with("secret holds no secret: remove it, and a new one is made"), "{error}");
}

#[test]
fn the_second_to_make_one_takes_that_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    make(&folder.path().join("a.new"), &file).unwrap();
    let first = fs::read_to_string(&file).unwrap();
    let second = make(&folder.path().join("b.new"), &file).unwrap_err();
    assert_eq!(second.kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&file).unwrap(), first);
}

#[test]
fn a_folder_that_cannot_be_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Secret::of_folder(&file).unwrap_err();
    assert!(error.contains("cannot keep a secret in") && error.ends_with("; set CATENA_SECRET"), "{error}");
}
