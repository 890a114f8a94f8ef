use super::*;

fn read(vars: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    Settings::read(|name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
}

/// What is wrong with these settings about the secret.
fn faults(vars: &[(&str, &str)]) -> Vec<String> {
    let faults = read(vars).err().unwrap_or_default();
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

#[test]
fn sessions_live_as_long_as_the_settings_say() {
    let times = |vars: &[(&str, &str)]| {
        read(vars)
            .map(|settings| [settings.session_idle, settings.session_lifetime].map(|time| time.as_secs()))
    };
    const DAY: u64 = 24 * 60 * 60;
    assert_eq!(times(&[]), Ok([7 * DAY, 30 * DAY]));
    assert_eq!(times(&[("SESSION_IDLE", "15m"), ("SESSION_LIFETIME", "12h")]), Ok([900, DAY / 2]));
    for wrong in ["7", "d", "7 d", "0s", "-1d", "7w", "3651d", "99999999999999999999d", "7é"] {
        let expected = format!(
            "SESSION_IDLE={wrong}: write a number and s, m, h or d, as in `30m` or `7d`, at most `3650d`"
        );
        assert_eq!(times(&[("SESSION_IDLE", wrong)]), Err(vec![expected]));
    }
    let longer = "SESSION_IDLE is longer than SESSION_LIFETIME, so it would never count: write a shorter one";
    assert_eq!(times(&[("SESSION_LIFETIME", "1d")]), Err(vec![longer.to_owned()]));
}

#[test]
fn slots_of_queues() {
    let queues = |text| read(&[("JOB_QUEUES", text)]).map(|settings| settings.job_queues);
    assert_eq!(queues(""), Ok(vec![]));
    assert_eq!(queues("mail=5, reports = 0,"), Ok(vec![("mail".to_owned(), 5), ("reports".to_owned(), 0)]));
    for wrong in ["mail", "mail=", "mail=-1", "mail=10001", "mail 5"] {
        let expected = format!(
            "JOB_QUEUES={wrong}: write queues with how many of their jobs may run at once, from 0 to 10000, as in \
             `mail=5, reports=1`"
        );
        assert_eq!(queues(wrong), Err(vec![expected]));
    }
    let slots = |text| read(&[("JOB_SLOTS", text)]).map(|settings| settings.job_slots);
    assert_eq!(slots(""), Ok(50));
    assert_eq!(slots("0"), Err(vec!["JOB_SLOTS=0: write a number from 1 to 10000".to_owned()]));
}
