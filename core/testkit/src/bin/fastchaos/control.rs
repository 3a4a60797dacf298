//! Commands over a Unix socket.

use crate::session::{End, Session};
use libfast_testkit::ChaosProxy;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::task::JoinSet;

/// Most connections at once; more wait until one of them has ended.
const MOST_SESSIONS: usize = 64;
/// How long accepting rests after a failure: as a rule, all descriptors are taken.
const REST: Duration = Duration::from_millis(20);

/// The socket, and its file, which goes when it does.
pub struct Control {
    listener: UnixListener,
    path: PathBuf,
}

impl Control {
    pub fn listen(path: PathBuf) -> Result<Self, String> {
        match UnixListener::bind(&path) {
            Ok(listener) => Ok(Self { listener, path }),
            Err(error) => {
                let what = format!("cannot listen on {}: {error}", path.display());
                Err(format!("{what}; choose another path, or remove the file if nobody uses it"))
            }
        }
    }

    /// Runs until one of the sessions says `quit`.
    pub async fn serve(self, proxy: &Arc<ChaosProxy>) -> ExitCode {
        let mut sessions = JoinSet::new();
        loop {
            tokio::select! {
                Some(ended) = sessions.join_next(), if !sessions.is_empty() => {
                    if matches!(ended, Ok(End { quit: true, .. })) {
                        break;
                    }
                }
                accepted = self.listener.accept(), if sessions.len() < MOST_SESSIONS => match accepted {
                    Ok((stream, _)) => {
                        let proxy = proxy.clone();
                        sessions.spawn(async move {
                            let (input, output) = stream.into_split();
                            Session::new(input, output).run(&proxy).await
                        });
                    }
                    Err(_) => tokio::time::sleep(REST).await,
                }
            }
        }
        sessions.shutdown().await;
        ExitCode::SUCCESS
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
