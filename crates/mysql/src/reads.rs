//! What the trait's longer reads do: several statements, or pages of one.

use crate::fault::Fault;
use crate::outbox;
use crate::reader::decoded_profile;
use crate::sql::Arg;
use crate::statements;
use crate::store::MysqlStore;
use crate::stored_rows::outbox_event;
use crate::transaction::{StoredEvent, parsed_user};
use portraitd_model::{AppRecord, SdkAppId, Tag, UnixSeconds, UserId, bilingual};
use portraitd_store::{OutboxCursor, OutboxEvent, OutboxSeq, Store, StoreError, codec};
use std::collections::BTreeMap;

impl MysqlStore {
    pub(crate) async fn read_catalog(&self) -> Result<Vec<AppRecord>, StoreError> {
        let stored: Vec<(u32, u64, Vec<u8>, Vec<u8>)> = self.rows(statements::READ_APPS, &[]).await?;
        let mut records = Vec::with_capacity(stored.len());
        for (id, revision, settings, words) in stored {
            let app = SdkAppId(id);
            let damaged = |why: &dyn std::fmt::Display| {
                StoreError::Corrupt(bilingual!(
                    "the settings of app {app}: {why}",
                    "应用 {app} 的设置：{why}"
                ))
            };
            let text = |bytes| String::from_utf8(bytes).map_err(|error| damaged(&error));
            let settings =
                codec::decode_settings(app, &text(settings)?, &text(words)?).map_err(|why| damaged(&why))?;
            let states = self.states(app, settings.admins.clone()).await?;
            let kicked = settings.admins.iter().zip(states);
            let kicked_admins = kicked
                .filter_map(|(admin, state)| Some((*admin, state?.kicked_at?)))
                .collect::<BTreeMap<UserId, UnixSeconds>>();
            records.push(AppRecord { settings, revision, kicked_admins });
        }
        Ok(records)
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
