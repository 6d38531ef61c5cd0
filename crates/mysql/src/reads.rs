//! What the trait's longer reads do: several statements, or pages of one.

use crate::fault::Fault;
use crate::load::{StoredEvent, parsed_user};
use crate::outbox;
use crate::reader::decoded_profile;
use crate::sql::Arg;
use crate::statements;
use crate::store::MysqlStore;
use crate::stored_rows::{decoded_settings, outbox_event};
use portraitd_model::{AppRecord, SdkAppId, Tag, UnixSeconds, UserId};
use portraitd_store::{OutboxCursor, OutboxEvent, OutboxSeq, StoreError};
use std::collections::{BTreeMap, BTreeSet};

impl MysqlStore {
    pub(crate) async fn read_catalog(&self) -> Result<Vec<AppRecord>, StoreError> {
        /// The apps whose admins are asked for in one statement.
        const APPS_MAX: usize = 64;
        let stored: Vec<(u32, u64, Vec<u8>, Vec<u8>)> = self.rows(statements::READ_APPS, &[]).await?;
        let mut records = Vec::with_capacity(stored.len());
        for (id, revision, settings, words) in stored {
            let app = SdkAppId(id);
            let settings = decoded_settings(app, settings, words)?;
            records.push(AppRecord { settings, revision, kicked_admins: BTreeMap::new() });
        }
        for apps in records.chunks_mut(APPS_MAX) {
            self.read_kicked_admins(apps).await?;
        }
        Ok(records)
    }

    /// Fills in when the admins of apps were kicked.
    async fn read_kicked_admins(&self, apps: &mut [AppRecord]) -> Result<(), StoreError> {
        let admins: BTreeSet<&UserId> = apps.iter().flat_map(|app| &app.settings.admins).collect();
        if admins.is_empty() {
            return Ok(());
        }
        let ids = Arg::List(apps.iter().map(|app| app.settings.id.0.into()).collect());
        let names = Arg::List(admins.into_iter().map(|admin| admin.as_str().into()).collect());
        let kicked: Vec<(u32, Vec<u8>, u64)> = self.rows(statements::READ_KICKED, &[ids, names]).await?;
        for (id, user, at) in kicked {
            let user = parsed_user(&user).map_err(Fault::into_store_error)?;
            let app = apps.iter_mut().find(|app| app.settings.id.0 == id);
            if let Some(app) = app.filter(|app| app.settings.admins.contains(&user)) {
                app.kicked_admins.insert(user, UnixSeconds(at));
            }
        }
        Ok(())
    }

    pub(crate) async fn count_holders(&self, app: SdkAppId, tag: Tag) -> Result<u64, StoreError> {
        const STEP: usize = 500;
        let (mut holders, mut after) = (0, Vec::new());
        loop {
            let args = [app.0.into(), Arg::Bytes(&after), STEP.into()];
            let page: Vec<(Vec<u8>, Vec<u8>)> = self.rows(statements::READ_PROFILES_AFTER, &args).await?;
            let Some((last, _)) = page.last() else { return Ok(holders) };
            after.clone_from(last);
            for (user, profile) in &page {
                // A damaged profile counts as one without a value: it can't be read either.
                let user = parsed_user(user).map_err(Fault::into_store_error)?;
                let has =
                    decoded_profile(app, user, profile).is_some_and(|profile| profile.get(tag).is_some());
                holders += u64::from(has);
            }
        }
    }

    pub(crate) async fn read_deliverable(
        &self,
        app: SdkAppId,
        cursor: &mut OutboxCursor,
        limit: usize,
    ) -> Result<Vec<OutboxEvent>, StoreError> {
        outbox::follow_leases(cursor, |part| self.shared.leases.epoch(part));
        let mut events = Vec::new();
        for scan in &mut cursor.scans {
            if events.len() >= limit {
                break;
            }
            let (from, page) = outbox::next_page(scan);
            let args = [app.0.into(), from.0.into(), page.into()];
            let places: Vec<(u64,)> = self.rows(statements::READ_PLACES, &args).await?;
            let places: Vec<OutboxSeq> = places.into_iter().map(|(place,)| OutboxSeq(place)).collect();
            let mut ahead = scan.clone();
            let taken = outbox::take_page(&mut ahead, &places, limit - events.len());
            if !taken.is_empty() {
                let args = [app.0.into(), Arg::List(taken.iter().map(|place| place.0.into()).collect())];
                let stored: Vec<StoredEvent> = self.rows(statements::READ_EVENTS_AT, &args).await?;
                events.extend(stored.into_iter().map(outbox_event));
            }
            // Only now: what could not be read is taken again.
            *scan = ahead;
        }
        Ok(events)
    }
}
