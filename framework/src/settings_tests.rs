use super::*;

/// What is wrong with these settings about the secret.
fn faults(vars: &[(&str, &str)]) -> Vec<String> {
    let read = Settings::read(|name| {
        vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    });
    let faults = read.err().unwrap_or_default();
    faults.into_iter().filter(|fault| fault.contains("SECRET")).collect()
}

#[test]
fn production_demands_a_secret() {
    const PRODUCTION: (&str, &str) = ("CATENA_ENV", "production");
    let missing = "CATENA_SECRET is not set: production signs with it; write at least 32 characters that nobody can \
                   guess, as `openssl rand -hex 32` prints them, the same for all processes";
    assert_eq!(faults(&[PRODUCTION]), [missing]);
    assert_eq!(faults(&[]), [""; 0], "development makes one");
    assert_eq!(faults(&[PRODUCTION, ("CATENA_SECRET", &"x".repeat(32))]), [""; 0]);
    let short = "CATENA_SECRET has 7 characters: write at least 32 that nobody can guess, as `openssl rand -hex 32` \
                 prints them";
    assert_eq!(faults(&[PRODUCTION, ("CATENA_SECRET", "hunter2")]), [short]);
    assert_eq!(faults(&[("CATENA_SECRET", "hunter2")]), [short], "in development too");
}
