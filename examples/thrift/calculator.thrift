namespace cpp calculator
namespace py calculator
namespace php Calculator

struct Sum {
  1: i64 sum
  2: string server
}

service Calculator {
  // May be repeated: it changes nothing.
  Sum add(1: i64 a, 2: i64 b)
}
