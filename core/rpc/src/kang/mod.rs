pub struct KangSnapshot;
pub fn kang_snapshot() {}
