//! The public listener of an emulator: the control API beside `/v4`, and faulty answers on their way out.

use crate::control;
use crate::emulator::Leaving;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::{Request, Response};
use portraitd_admin::router;
use portraitd_api::gateway::Gateway;
use std::net::IpAddr;
use std::sync::Arc;

/// What answers on the public listener.
#[derive(Clone)]
pub struct Front {
    gateway: Arc<Gateway>,
    control: Router,
}

impl Front {
    /// `control` is the control API as this listener offers it.
    pub fn new(gateway: Arc<Gateway>, control: Router) -> Self {
        Self { gateway, control }
    }

    /// Answers one request.
    pub async fn answer(self, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        if control::has(request.uri().path()) {
            // Any web page can send requests here, but not without telling where it comes from.
            let (head, body) = request.into_parts();
            if let Err(refused) = self.gateway.admits_host(&head) {
                return control::refused(&refused);
            }
            return router::answer(self.control, Request::from_parts(head, body), peer).await;
        }
        let mut response = self.gateway.answer(request, peer).await;
        match response.extensions_mut().remove::<Leaving>() {
            None => response.map(Body::new),
            Some(Leaving { manner, answer }) => manner.apply(response, &answer),
        }
    }
}
