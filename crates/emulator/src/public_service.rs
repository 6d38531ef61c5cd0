//! The service of an emulator's public listener: `/v4`, the control API, the admin API with the console, and the application
//! of response faults.

use crate::control;
use crate::emulator::{Emulator, PendingFault};
use crate::refused::RefusedRequest;
use axum::Router;
use axum::body::Body;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hyper::{Request, Response};
use portraitd_admin::router;
use portraitd_api::gateway::Gateway;
use portraitd_http::connection::Handler;
use portraitd_http::request_body::RequestBody;
use portraitd_http::unreadable::Unreadable;
use portraitd_model::Clock;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Answers the requests of the public listener.
#[derive(Clone)]
pub struct PublicService {
    gateway: Arc<Gateway>,
    control: Router,
    admin: Router,
    console: bool,
    emulator: Arc<Emulator>,
}

impl PublicService {
    /// `control` and `admin` are the routers of the control API and the admin API, with this listener's access rules;
    /// `console`: whether the latter has the console.
    pub fn new(
        gateway: Arc<Gateway>,
        control: Router,
        admin: Router,
        console: bool,
        emulator: Arc<Emulator>,
    ) -> Self {
        Self { gateway, control, admin, console, emulator }
    }

    /// Returns the router that answers a request; `None` for the gateway.
    fn router(&self, request: &Request<RequestBody>) -> Option<Router> {
        let path = request.uri().path();
        if control::is_control_path(path) {
            return Some(self.control.clone());
        }
        router::is_for_browsers(path, request.headers(), self.console).then(|| self.admin.clone())
    }

    /// Answers one request.
    async fn answer(self, request: Request<RequestBody>, peer: IpAddr) -> Response<Body> {
        if let Some(router) = self.router(&request) {
            // A web page in a browser can send requests to this machine, but not without its `Host` or `Origin`.
            let (head, body) = request.into_parts();
            if let Err(refused) = self.gateway.check_host(&head) {
                let at = self.emulator.clock.now();
                self.emulator.refused.add(RefusedRequest::of_host(at, head.uri.path(), &refused));
                return control::forbidden(&refused, &head.headers);
            }
            return router::answer(router, Request::from_parts(head, body), peer).await;
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

    fn handle(&self, request: Request<RequestBody>, peer: IpAddr) -> Self::Future {
        self.clone().answer(request, peer).boxed()
    }

    fn client(&self, peer: SocketAddr) -> IpAddr {
        self.emulator.callers.caller(peer)
    }

    fn unreadable(&self, reason: &Unreadable, peer: IpAddr) {
        let refused = RefusedRequest::of_connection(self.emulator.clock.now(), reason, peer);
        self.emulator.refused.add(refused);
    }
}
