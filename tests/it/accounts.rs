//! What signing in offers to an application beyond what the example needs: a club, whose procedures are all in here.

#[path = "accounts/club.rs"]
mod club;
#[path = "accounts/elevated.rs"]
mod elevated;
#[path = "accounts/in_the_name.rs"]
mod in_the_name;
#[path = "accounts/members.rs"]
mod members;
#[path = "accounts/rights.rs"]
mod rights;
#[path = "accounts/sessions.rs"]
mod sessions;
#[path = "accounts/tokens.rs"]
mod tokens;
