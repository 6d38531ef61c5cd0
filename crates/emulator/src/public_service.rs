//! The service of an emulator's public listener: `/v4`, the control API, and the application of response faults.

use crate::control;
use crate::emulator::{Emulator, PendingFault};
use crate::refused::RefusedRequest;
use axum::Router;
use axum::body::Body;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::{Request, Response};
use portraitd_admin::router;
use portraitd_api::gateway::Gateway;
use portraitd_http::connection::Handler;
use portraitd_http::unreadable::Unreadable;
use portraitd_model::Clock;
use std::net::IpAddr;
use std::sync::Arc;

/// Answers the requests of the public listener.
#[derive(Clone)]
pub struct PublicService {
    gateway: Arc<Gateway>,
    control: Router,
    emulator: Arc<Emulator>,
}

impl PublicService {
    /// `control` is the router of the control API with this listener's access rules.
    pub fn new(gateway: Arc<Gateway>, control: Router, emulator: Arc<Emulator>) -> Self {
        Self { gateway, control, emulator }
    }

    /// Answers one request.
    async fn answer(self, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        if control::is_control_path(request.uri().path()) {
            // A web page in a browser can send requests to this machine, but not without its `Host` or `Origin`.
            let (head, body) = request.into_parts();
            if let Err(refused) = self.gateway.check_host(&head) {
                let at = self.emulator.clock.now();
                self.emulator.refused.add(RefusedRequest::of_host(at, head.uri.path(), &refused));
                return control::forbidden(&refused);
            }
            return router::answer(self.control, Request::from_parts(head, body), peer).await;
        }
        let mut response = self.gateway.answer(request, peer).await;
        match response.extensions_mut().remove::<PendingFault>() {
            None => response.map(Body::new),
            Some(PendingFault { fault, body }) => fault.apply(response, &body),
        }
    }
}

impl Handler for PublicService {
    type Body = Body;
    type Future = BoxFuture<'static, Response<Body>>;

    fn handle(&self, request: Request<Incoming>, peer: IpAddr) -> Self::Future {
        self.clone().answer(request, peer).boxed()
    }

    fn unreadable(&self, reason: &Unreadable, peer: IpAddr) {
        let refused = RefusedRequest::of_connection(self.emulator.clock.now(), reason, peer);
        self.emulator.refused.add(refused);
    }
}
