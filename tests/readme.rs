//! (follows)
#[test]
fn t() {}
