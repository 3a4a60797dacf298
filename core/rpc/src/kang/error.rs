//! Errors as a snapshot shows them.

use serde::Serialize;

/// At least a name and a message; of the members that node-fast's errors have, those that say more.
#[derive(Debug, Serialize)]
pub(super) struct ShownError {
    name: String,
    jse_shortmsg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    jse_cause: Option<Box<ShownError>>,
    message: String,
}

impl ShownError {
    pub fn new(name: &str, message: &str) -> Self {
        Self { name: name.into(), jse_shortmsg: message.into(), jse_cause: None, message: message.into() }
    }

    /// The error of a request, whose cause is this one.
    pub fn of_request(self) -> Self {
        Self {
            name: "FastRequestError".into(),
            jse_shortmsg: "request failed".into(),
            message: format!("request failed: {}", self.message),
            jse_cause: Some(Box::new(self)),
        }
    }
}
