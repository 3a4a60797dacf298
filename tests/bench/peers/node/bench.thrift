struct Wrapped {
  1: string value
}

struct Object {
  1: i64 i
  2: bool on
}

service Bench {
  Wrapped echo(1: string argument)
  list<Object> stream(1: i64 objects)
}
