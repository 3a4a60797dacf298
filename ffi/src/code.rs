//! Result codes.

use libfast_model::{Error, ErrorKind};

/// 0 or positive: success. Negative: one of the `FAST_E_` codes.
pub type fast_code = i32;

pub(crate) const OK: fast_code = 0;
pub(crate) const END: fast_code = 1;
pub(crate) const AGAIN: fast_code = 2;

/// The code of an outcome.
pub(crate) fn of(result: &Result<fast_code, Error>) -> fast_code {
    match result {
        Ok(code) => *code,
        Err(error) => error.kind().code(),
    }
}

/// The name of a code.
pub(crate) fn name(code: fast_code) -> Option<&'static str> {
    match code {
        OK => Some("FAST_OK"),
        END => Some("FAST_END"),
        AGAIN => Some("FAST_AGAIN"),
        _ => ErrorKind::TABLE.iter().find(|row| row.code == code).map(|row| row.name),
    }
}
