//! One announcement in several layouts at once, and one list out of several.

use libfast_model::Result;
use libfast_registry::{Announcement, AnnouncementState, Change, Condition, Provider, Record, Resolution};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// One entry for all of them: it is as far as the one that is furthest behind. Of none it is listed at once.
pub fn join(mut entries: Vec<Announcement>, record: Record) -> Announcement {
    if entries.len() == 1
        && let Some(only) = entries.pop()
    {
        return only;
    }
    let states: Vec<_> = entries.iter().map(Announcement::watch_state).collect();
    let (sender, state) = watch::channel(furthest_behind(&states));
    let sender = Arc::new(sender);
    for mut one in states.clone() {
        let (all, sender) = (states.clone(), Arc::downgrade(&sender));
        tokio::spawn(async move {
            while one.changed().await.is_ok() {
                let Some(sender) = sender.upgrade() else { return };
                one.mark_unchanged();
                sender.send_if_modified(|last| {
                    // Under the lock, so that what was found first is not told last.
                    let state = furthest_behind(&all);
                    let news = !state.says_the_same(last);
                    *last = state;
                    news
                });
            }
        });
    }
    let entries = Arc::new(Mutex::new(Some(entries)));
    let changed = entries.clone();
    let change = move |record: Record| {
        let entries = changed.lock().unwrap_or_else(PoisonError::into_inner);
        let changes = change_all(entries.as_deref().unwrap_or_default(), &record)?;
        let all: Change = Box::pin(async move {
            for change in changes {
                change.await?;
            }
            Ok(())
        });
        Ok(all)
    };
    Announcement::new(state, record, change, move || {
        let entries = entries.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Dropping them begins it, whether or not anybody waits.
        drop(entries);
        Box::pin(async move {
            for mut state in states {
                // An error is as good: nobody keeps it up any more.
                let _ = state.wait_for(|state| matches!(state, AnnouncementState::Closed)).await;
            }
            sender.send_replace(AnnouncementState::Closed);
        })
    })
}

/// All of them, or none: one may refuse what fits into another.
fn change_all(entries: &[Announcement], record: &Record) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let mut former = Vec::new();
    for entry in entries {
        let before = entry.record();
        match entry.try_change(|present| present.clone_from(record)) {
            Ok(change) => changes.push(change),
            Err(error) => {
                for (entry, before) in entries.iter().zip(former) {
                    drop(entry.change(|present| *present = before));
                }
                return Err(error);
            }
        }
        former.push(before);
    }
    Ok(changes)
}

fn furthest_behind(states: &[watch::Receiver<AnnouncementState>]) -> AnnouncementState {
    let rank = |state: &AnnouncementState| match state {
        AnnouncementState::Registered => 0,
        AnnouncementState::Suspended => 1,
        AnnouncementState::Closed => 2,
        AnnouncementState::Connecting => 3,
        AnnouncementState::Unreachable(_) => 4,
        AnnouncementState::Failed(_) => 5,
    };
    let states = states.iter().map(|state| state.borrow().clone());
    states.max_by_key(rank).unwrap_or(AnnouncementState::Registered)
}

/// Everybody who is on any of the lists, once; where two lists have an address, the first one counts.
pub fn union(lists: &[Resolution]) -> Resolution {
    let mut seen = HashSet::new();
    let mut providers: Vec<Provider> = Vec::new();
    for list in lists {
        if let Resolution::Bound(listed) = list {
            let fresh = listed.iter().filter(|provider| seen.insert(provider.endpoint.address.clone()));
            providers.extend(fresh.cloned());
        }
    }
    if !providers.is_empty() {
        providers.sort_by(|a, b| a.key.cmp(&b.key));
        return Resolution::Bound(providers);
    }
    // Nobody is there only if all say so.
    let unsure = lists.iter().find(|list| matches!(list, Resolution::Pending | Resolution::Failed(_)));
    unsure.cloned().unwrap_or(Resolution::Absent)
}

/// How good a list is that is made of lists that are so good.
pub fn worst(conditions: impl Iterator<Item = Condition>) -> Condition {
    conditions.fold(Condition::default(), |all, one| Condition {
        stale_since: all.stale_since.into_iter().chain(one.stale_since).min(),
        skipped: all.skipped + one.skipped,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use libfast_model::{Endpoint, Error, ErrorKind};
    use std::time::{Duration, Instant};

    fn bound(entries: &[(&str, &str)]) -> Resolution {
        let provider = |&(key, address): &(&str, &str)| Provider {
            key: key.into(),
            endpoint: Endpoint::new(address.parse().unwrap()),
        };
        Resolution::Bound(entries.iter().map(provider).collect())
    }

    #[test]
    fn lists_are_united_and_the_first_one_counts() {
        let Resolution::Bound(all) = union(&[bound(&[("b", "h:1")]), bound(&[("a", "h:1"), ("c", "h:2")])])
        else {
            panic!("there are providers");
        };
        let keys: Vec<_> = all.iter().map(|provider| provider.key.as_str()).collect();
        assert_eq!(keys, ["b", "c"]);
        assert!(matches!(union(&[Resolution::Absent, bound(&[("a", "h:1")])]), Resolution::Bound(_)));
    }

    #[test]
    fn nobody_is_there_only_if_all_say_so() {
        let failed = || Resolution::Failed(Error::new(ErrorKind::Registry, "x"));
        assert!(matches!(union(&[Resolution::Absent, Resolution::Absent]), Resolution::Absent));
        assert!(matches!(union(&[Resolution::Absent, Resolution::Pending]), Resolution::Pending));
        assert!(matches!(union(&[failed(), Resolution::Absent]), Resolution::Failed(_)));
    }

    #[test]
    fn a_list_is_as_old_as_the_oldest_of_its_parts() {
        let (early, late) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        let condition = |stale_since, skipped| Condition { stale_since, skipped };
        let all = [condition(None, 1), condition(Some(late), 0), condition(Some(early), 2)];
        assert_eq!(worst(all.into_iter()), condition(Some(early), 3));
        assert_eq!(worst(all.into_iter().take(1)), condition(None, 1));
    }
}
