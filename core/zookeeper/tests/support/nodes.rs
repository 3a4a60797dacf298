//! The nodes of a list.

use super::LIMIT;
use std::time::Duration;
use zookeeper_client::Client;

/// What the nodes of a list hold, by name.
pub async fn texts(client: &Client, folder: &str) -> Vec<(String, String)> {
    let mut names = client.list_children(folder).await.unwrap_or_default();
    names.sort();
    let mut texts = Vec::new();
    for name in names {
        if let Ok((text, _)) = client.get_data(&format!("{folder}/{name}")).await {
            texts.push((name, String::from_utf8(text).unwrap()));
        }
    }
    texts
}

pub async fn until_texts(
    client: &Client,
    folder: &str,
    wanted: impl Fn(&[(String, String)]) -> bool,
) -> Vec<(String, String)> {
    let look = async {
        loop {
            let found = texts(client, folder).await;
            if wanted(&found) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    match tokio::time::timeout(LIMIT, look).await {
        Ok(found) => found,
        Err(_) => panic!("{folder}: still {:?}", texts(client, folder).await),
    }
}
