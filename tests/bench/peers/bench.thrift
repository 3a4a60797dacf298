// Generates node/gen-nodejs and python/bench_thrift: `thrift --gen js:node,es6 -o node bench.thrift`,
// `thrift --gen py -out python bench.thrift`. What C++ needs is generated as it is built.
namespace cpp bench_thrift
namespace py bench_thrift

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
