//! One thing that was looked at.

use crate::table::table;
use serde::Serialize;

/// What was found.
#[derive(Debug, Serialize)]
pub struct Item {
    check: &'static str,
    subject: String,
    status: Status,
    detail: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Ok,
    /// It works, and may not for long or for everybody.
    Warning,
    Failed,
}

impl Item {
    pub fn ok(check: &'static str, subject: impl ToString, detail: impl ToString) -> Self {
        Self::new(check, subject, Status::Ok, detail, "")
    }

    pub fn warning(
        check: &'static str,
        subject: impl ToString,
        detail: impl ToString,
        help: &'static str,
    ) -> Self {
        Self::new(check, subject, Status::Warning, detail, help)
    }

    pub fn failed(
        check: &'static str,
        subject: impl ToString,
        detail: impl ToString,
        help: &'static str,
    ) -> Self {
        Self::new(check, subject, Status::Failed, detail, help)
    }

    fn new(
        check: &'static str,
        subject: impl ToString,
        status: Status,
        detail: impl ToString,
        help: &'static str,
    ) -> Self {
        Self { check, subject: subject.to_string(), status, detail: detail.to_string(), help }
    }

    pub fn status(&self) -> Status {
        self.status
    }

    /// What to do about it.
    pub fn remedy(&self) -> Option<String> {
        (!self.help.is_empty()).then(|| format!("{} {}: {}", self.check, self.subject, self.help))
    }
}

/// Columns with a header.
pub fn to_table(items: &[Item]) -> String {
    let status = |status| match status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Failed => "FAILED",
    };
    let rows = items.iter().map(|item| {
        vec![status(item.status).into(), item.check.into(), item.subject.clone(), item.detail.clone()]
    });
    table(&["STATUS", "CHECK", "SUBJECT", "DETAIL"], rows)
}
