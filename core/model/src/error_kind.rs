//! The kinds of error: one table, from which the C codes, the exceptions of each language and
//! `docs/ERRORS.md` are made.

/// One row of the table of error kinds, for generators.
#[derive(Debug, Clone, Copy)]
pub struct KindSpec {
    /// The kind itself.
    pub kind: ErrorKind,
    /// The stable number that crosses the C ABI. Always negative.
    pub code: i32,
    /// The stable name, `FAST_E_…`, the same in every language.
    pub name: &'static str,
    /// The name of the exception class in languages that have them.
    pub class: &'static str,
    /// What it means, one sentence.
    pub meaning: &'static str,
    /// What an operator or a programmer does about it.
    pub remedy: &'static str,
}

macro_rules! error_kinds {
    ($($variant:ident = $code:literal, $name:literal, $class:literal, $meaning:literal, $remedy:literal;)*) => {
        /// What went wrong. Codes and names are frozen; new kinds are only appended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $(#[doc = $meaning] $variant,)*
        }

        impl ErrorKind {
            /// The table, in the order of the codes.
            pub const TABLE: &'static [KindSpec] = &[$(KindSpec {
                kind: ErrorKind::$variant, code: $code, name: $name, class: $class,
                meaning: $meaning, remedy: $remedy,
            },)*];
        }
    };
}

error_kinds! {
    Invalid = -1, "FAST_E_INVALID", "InvalidError",
        "An argument, option or target is malformed.",
        "Correct the value that the message names.";
    Null = -2, "FAST_E_NULL", "InvalidError",
        "A pointer that must not be NULL is NULL.",
        "Pass the object that the message names; check that its creation succeeded.";
    Timeout = -3, "FAST_E_TIMEOUT", "TimeoutError",
        "The call's time ran out before its last message.",
        "Raise `timeout_ms`, or find out why the method is slow.";
    Abandoned = -4, "FAST_E_ABANDONED", "AbandonedError",
        "The caller stopped waiting; the server may go on.",
        "Nothing: the program asked for it.";
    Closed = -5, "FAST_E_CLOSED", "ClosedError",
        "The client, server or request was closed before.",
        "Use an object only until it is closed.";
    Connect = -6, "FAST_E_CONNECT", "ConnectError",
        "No connection could be made.",
        "Check the address in the message and that a server listens there.";
    ConnectionLost = -7, "FAST_E_CONN_LOST", "ConnectionLostError",
        "The connection broke while the call was running.",
        "Mark the call `idempotent` if repeating it is harmless; look at the server.";
    NoEndpoint = -8, "FAST_E_NO_ENDPOINT", "NoEndpointError",
        "The service has no provider.",
        "Start a server that announces the service, or correct the target.";
    Remote = -9, "FAST_E_REMOTE", "RemoteError",
        "The server answered with an error.",
        "Read the remote name, message and info.";
    Protocol = -10, "FAST_E_PROTOCOL", "ProtocolError",
        "The peer sent something that is not Fast.",
        "Check that the address belongs to a Fast server and that nothing in between changes bytes.";
    TooLarge = -11, "FAST_E_TOO_LARGE", "TooLargeError",
        "A message is larger than allowed.",
        "Send less, or raise `max_frame_bytes` on both sides.";
    Overload = -12, "FAST_E_OVERLOAD", "OverloadError",
        "A bounded queue is full; nothing was run.",
        "Retry later, add servers, or raise the bound that the message names.";
    Forked = -13, "FAST_E_FORKED", "ForkedError",
        "The object was made before fork() and is used in the child.",
        "Make clients and servers after the fork.";
    Deadlock = -14, "FAST_E_DEADLOCK", "StateError",
        "A blocking function was called where it would wait for itself.",
        "Call it from a thread of your own, not from a dispatcher of the same queue.";
    State = -15, "FAST_E_STATE", "StateError",
        "The call is not allowed in this state, such as a second end of one request.",
        "End each request once; start each server once.";
    Interrupted = -16, "FAST_E_INTERRUPTED", "InterruptedError",
        "A wait was interrupted by a signal handler of the host.",
        "Repeat the wait or give up.";
    Registry = -17, "FAST_E_REGISTRY", "RegistryError",
        "The registry refused or cannot be reached.",
        "Check the folder or the ZooKeeper address that the message names, and the permissions.";
    NoMemory = -18, "FAST_E_NOMEM", "NoMemoryError",
        "The system has no memory or descriptors left.",
        "Raise the limits, or hold fewer objects at once.";
    Unsupported = -19, "FAST_E_UNSUPPORTED", "UnsupportedError",
        "This build or platform does not have the feature.",
        "Use a build with the feature that the message names.";
    Panic = -99, "FAST_E_PANIC", "PanicError",
        "A defect in libfast, or in the interceptor that the message names; the call failed, the process is intact.",
        "Report it with the message, or mend the interceptor.";
}

impl ErrorKind {
    /// The row of this kind.
    pub fn spec(self) -> &'static KindSpec {
        // The table is made by the macro that made the variants, in the same order.
        &Self::TABLE[self as usize]
    }

    /// The stable number that crosses the C ABI.
    pub fn code(self) -> i32 {
        self.spec().code
    }

    /// The stable name, such as `FAST_E_TIMEOUT`.
    pub fn name(self) -> &'static str {
        self.spec().name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_variants_and_are_unique() {
        for (i, row) in ErrorKind::TABLE.iter().enumerate() {
            assert_eq!(row.kind as usize, i);
            assert!(row.code < 0, "{}", row.name);
            assert!(
                ErrorKind::TABLE[..i].iter().all(|other| other.code != row.code && other.name != row.name)
            );
        }
    }
}
