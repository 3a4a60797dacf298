//! A server gets three times what it can do, and clients repeat what failed.
