//! What the methods of a store return.

use crate::error::StoreError;
use futures_util::future::BoxFuture;

/// What a store method returns.
pub type StoreFuture<'a, T> = BoxFuture<'a, Result<T, StoreError>>;
