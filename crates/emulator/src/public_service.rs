//! The service of an emulator's public listener: `/v4`, the control API, and the application of response faults.

use crate::control;
use crate::emulator::PendingFault;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::{Request, Response};
use portraitd_admin::router;
use portraitd_api::gateway::Gateway;
use std::net::IpAddr;
use std::sync::Arc;

/// Answers the requests of the public listener.
#[derive(Clone)]
pub struct PublicService {
    gateway: Arc<Gateway>,
    control: Router,
}

impl PublicService {
    /// `control` is the router of the control API with this listener's access rules.
    pub fn new(gateway: Arc<Gateway>, control: Router) -> Self {
        Self { gateway, control }
    }

    /// Answers one request.
    pub async fn answer(self, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        if control::is_control_path(request.uri().path()) {
            // A web page in a browser can send requests to this machine, but not without its `Host` or `Origin`.
            let (head, body) = request.into_parts();
            if let Err(refused) = self.gateway.check_host(&head) {
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
