//! Where providers are listed and found: the traits, and the registries that need no server.
//!
//! A provider *announces* an endpoint, a consumer *resolves* a service and *watches* it. [`DirRegistry`] keeps a
//! folder of this machine, [`fixed()`] answers with endpoints that were written out. ZooKeeper is in its own crate,
//! behind the same traits. Starting point: [`Announcer`] and [`Resolver`].

#![forbid(unsafe_code)]

mod announcement;
mod cache;
mod dir;
mod fixed;
mod news;
mod overrides;
mod record;
mod resolution;
mod roster;

pub use announcement::{Announcement, AnnouncementState, Announcer, Change, Withdraw, in_time, withdrawn};
pub use cache::{CacheSettings, CachedResolver};
pub use dir::{DirRegistry, ListedService};
pub use fixed::fixed;
pub use news::{changed, tell_news};
pub use overrides::{MAX_OVERRIDES_BYTES, Override, Overrides};
pub use record::{MAX_RECORD_BYTES, Record, Role};
pub use resolution::{Condition, Provider, Resolution, Resolver, Watch};
pub use roster::{Patience, Reach, Roster, RosterCounts};
