//! The reasons for which a connection is given up, with the names that peers know them by.

/// Why a peer's bytes ended the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The version byte is neither 1 nor 2.
    UnsupportedVersion,
    /// The type byte is not 1.
    UnsupportedType,
    /// The status byte is none of 1, 2 and 3.
    UnsupportedStatus,
    /// The message id is above 2147483647.
    InvalidMsgid,
    /// The checksum does not fit the payload.
    BadCrc,
    /// The payload is no JSON, or nests too deep.
    InvalidJson,
    /// The payload is neither object nor array.
    BadData,
    /// `d` of a DATA or END frame is no array.
    BadDataD,
    /// `d` of an ERROR frame lacks its name or message.
    BadError,
    /// The stream ended inside a frame.
    IncompleteMessage,
    /// The header announces more than `max_frame_bytes`.
    TooLarge,
    /// A server used an id that no call has.
    UnknownMsgid,
    /// A client sent END.
    UnexpectedStatus,
    /// A client used the id of a request that is still running.
    DuplicateMsgid,
    /// The stream ended while calls were waiting.
    UnexpectedEnd,
    /// A server sent null as a value and the client does not ignore those; this ends the call only.
    NullValue,
}

impl Reason {
    /// The name of the reason. It is `fastReason` of the error's info, save for
    /// [`UnexpectedEnd`](Self::UnexpectedEnd) and [`NullValue`](Self::NullValue), whose info has no reason.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnsupportedVersion => "unsupported_version",
            Self::UnsupportedType => "unsupported_type",
            Self::UnsupportedStatus => "unsupported_status",
            Self::InvalidMsgid => "invalid_msgid",
            Self::BadCrc => "bad_crc",
            Self::InvalidJson => "invalid_json",
            Self::BadData => "bad_data",
            Self::BadDataD => "bad_data_d",
            Self::BadError => "bad_error",
            Self::IncompleteMessage => "incomplete_message",
            Self::TooLarge => "too_large",
            Self::UnknownMsgid => "unknown_msgid",
            Self::UnexpectedStatus => "unexpected_status",
            Self::DuplicateMsgid => "duplicate_msgid",
            Self::UnexpectedEnd => "unexpected_end",
            Self::NullValue => "null_value",
        }
    }
}
