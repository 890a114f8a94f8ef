//! Limits in a build without the feature `limits`: there are none.

use std::net::IpAddr;

use poem::http::HeaderMap;
use uuid::Uuid;

use super::Setup;
use crate::{
    auth::device::DeviceId, clock::Clock, ctx::RequestScope, error::Result, finding::Finding,
    procedure::Procedure,
};

/// What one request was charged: nothing.
#[derive(Default)]
pub(crate) struct Ledger(());

/// The limits of an application, of which there is no value.
pub(crate) enum Limits {}

impl Limits {
    pub(crate) async fn start(
        setup: &Setup,
        _: &str,
        _: &[&'static Procedure],
        _: &Clock,
    ) -> Result<Option<Self>, String> {
        match &setup.redis {
            None => Ok(None),
            Some(endpoint) => Err(format!(
                "{endpoint} is set, and the program was built without limits: build it with the feature `limits` of catena"
            )),
        }
    }

    pub(crate) async fn examine(
        setup: &Setup,
        app: &str,
        procedures: &[&'static Procedure],
        _: bool,
    ) -> Vec<Finding> {
        match Self::start(setup, app, procedures, &Clock::default()).await {
            Ok(_) => vec![Finding::ok("the program was built without limits")],
            Err(why) => vec![Finding::fault(why)],
        }
    }

    #[cfg(feature = "testing")]
    pub(crate) fn in_memory(_: &Setup, _: &[&'static Procedure], _: &Clock) -> Self {
        panic!("build catena with its feature `limits`")
    }

    pub(crate) async fn enter(&self, _: &'static Procedure, _: Option<IpAddr>) -> Result<Ledger> {
        match *self {}
    }

    pub(crate) async fn charge_stranger(&self, _: &RequestScope) -> Result<()> {
        match *self {}
    }

    pub(crate) async fn charge_user(&self, _: &RequestScope, _: Uuid) -> Result<()> {
        match *self {}
    }

    pub(crate) async fn charge_attempt(
        &self,
        _: &RequestScope,
        _: Option<&str>,
        _: Option<DeviceId>,
    ) -> Result<()> {
        match *self {}
    }

    pub(crate) async fn settle(&self, _: &Ledger) {
        match *self {}
    }

    pub(crate) fn notice_proxy(&self, _: Option<IpAddr>, _: &HeaderMap) {
        match *self {}
    }
}

impl Ledger {
    pub(crate) fn sign_in(&self) {}

    pub(crate) fn write(&self, _: &mut HeaderMap) {}
}
