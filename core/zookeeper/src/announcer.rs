//! Keeps one entry listed in libfast's own layout.

use crate::failure::ZkResult;
use crate::keeping;
use crate::node;
use crate::place::Place;
use crate::security::Grants;
use crate::session::Session;
use crate::upkeep::{Listing, Owned, delete};
use libfast_model::{Error, ErrorKind, Result, ZooKeeperAccess};
use libfast_registry::{Announcement, Record, Role};
use std::sync::Arc;
use zookeeper_client::Client;

/// Lists `record` at `place` until the returned value is withdrawn or dropped.
pub fn announce(
    session: Arc<Session>,
    access: &ZooKeeperAccess,
    place: Place,
    role: Role,
    record: Record,
) -> Announcement {
    let encode = move |record: &Record| text(role, record);
    keeping::announcement(session, access, record, encode, |grants| Entry { place, placed: 1, grants })
}

/// What is stored; an error if every reader would pass it over.
fn text(role: Role, record: &Record) -> Result<Vec<u8>> {
    if role == Role::Provider {
        record.endpoint().map_err(|error| Error::new(ErrorKind::Invalid, error.message()))?;
    }
    Ok(record.to_stored()?.into_bytes())
}

struct Entry {
    place: Place,
    /// The number of the record that `place` is for.
    placed: u64,
    grants: Grants,
}

impl Listing for Entry {
    type Data = Vec<u8>;

    fn name(&self) -> String {
        self.place.path()
    }

    async fn own(&mut self, client: &Client, number: u64, data: &Vec<u8>) -> ZkResult<Owned> {
        if number != self.placed {
            self.place.advance();
            self.placed = number;
        }
        node::own(client, &mut self.place, data, &self.grants).await
    }

    async fn remove(&mut self, client: &Client) -> ZkResult<()> {
        let paths = [&self.place.former[..], &[self.place.path()]].concat();
        delete(client, &paths).await
    }
}
