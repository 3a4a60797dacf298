@0xb8c1f5d2a3e94760;

struct Object {
  i @0 :UInt64;
  on @1 :Bool;
}

interface Bench {
  echo @0 (argument :Text) -> (value :Text);
  stream @1 (objects :UInt64) -> (objects :List(Object));
}
