// What the programs share: the two commands, when to count, and what a client prints. As ../../src/measured.rs.

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace measured {

using Clock = std::chrono::steady_clock;

/// What a client was told.
struct Order {
  int port = 0;
  std::chrono::nanoseconds duration{};
  int connections = 0, in_flight = 0;
  bool stream = false;
  /// Bytes of the payload, or objects of the stream.
  std::size_t size = 0;
  std::uint64_t units = 0;
  /// The payload of an echo.
  std::string text;
};

/// When to count, and when to stop. Of one thread.
class Meter {
 public:
  explicit Meter(const Order& order);
  /// Counts one call; false once the time is over.
  bool count(Clock::time_point began, Clock::time_point ended);

 private:
  friend std::string report(std::vector<Meter> meters, const Order& order);
  Clock::time_point counting, first, last;
  std::chrono::nanoseconds duration;
  std::uint64_t calls = 0, made = 0;
  std::vector<std::int64_t> latencies;
};

/// A call that did not end as it should. Ends the program.
[[noreturn]] void fail(const std::string& what);

/// Ends the program unless what came, the bytes of an echo or the objects of a stream, is what was asked for.
void expect(std::size_t came, const Order& order);

/// Prints where a server listens, and ends the program when the input does.
[[noreturn]] void serve_until_input_ends(int port);

/// `serve()` does not return; `load(order)` gives one meter for each of its threads.
int run(int argc, char** argv, const std::function<void()>& serve,
        const std::function<std::vector<Meter>(const Order&)>& load);

}  // namespace measured
