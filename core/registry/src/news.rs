//! Values that are followed: telling them, and waiting for the next one.

use tokio::sync::watch::{Receiver, Sender};

/// Tells `followers` the value if it is another one than before.
pub fn tell_news<T: Clone + PartialEq>(value: &T, followers: &Sender<T>) {
    followers.send_if_modified(|known| {
        let is_news = known != value;
        if is_news {
            known.clone_from(value);
        }
        is_news
    });
}

/// Waits for the next value; for ever if there can be none. Cancel safe.
pub async fn changed<T>(value: &mut Receiver<T>) {
    if value.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
