// What programs put around calls. Part of fast.hpp.

#ifndef FAST_INTERCEPTORS_HPP
#define FAST_INTERCEPTORS_HPP
#include "error.hpp"

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fast {
// How a call ended.
struct outcome {
  // How many values there were.
  std::uint64_t values = 0;
  // Why it failed, if it did: what the call threw, or the handler.
  std::exception_ptr error;
  // The other side: where the last attempt went, empty if none was made; for a server, its caller.
  std::string endpoint;
  // How often it was tried; 0 if an interceptor ended it. A server sees one attempt.
  std::uint32_t attempts = 0;
  // From its beginning to its end.
  std::chrono::nanoseconds duration{0};
};

// What interceptors of both sides can do with a call.
class intercepted {
 public:
  intercepted() = default;
  intercepted(const intercepted&) = delete;
  intercepted& operator=(const intercepted&) = delete;

  // Answers the call with the JSON text of a value, after those that were given before, or without one. The interceptors after
  // this one, and the other side, do not see it.
  void answer() { answered_ = true; }
  void answer(std::string value) {
    answered_ = true;
    given_.push_back(std::move(value));
  }
  // Has `hook` told of the JSON text of each value.
  void on_value(std::function<void(std::string_view)> hook) { on_value_.push_back(std::move(hook)); }
  // Has `hook` told, once, of the end. The last interceptor hears first.
  void on_end(std::function<void(const outcome&)> hook) { on_end_.push_back(std::move(hook)); }

 protected:
  // What a hook throws is not the business of the call.
  void saw(std::string_view value) noexcept {
    count_++;
    for (auto hook = on_value_.rbegin(); hook != on_value_.rend(); ++hook) quietly([&] { (*hook)(value); });
  }
  void ended(std::exception_ptr error, std::string endpoint, std::uint32_t attempts) noexcept {
    auto hooks = std::exchange(on_end_, {});
    auto took = std::chrono::steady_clock::now() - began_;
    outcome how{count_, std::move(error), std::move(endpoint), attempts, took};
    for (auto hook = hooks.rbegin(); hook != hooks.rend(); ++hook) quietly([&] { (*hook)(how); });
  }

  bool answered_ = false;
  std::vector<std::string> given_;

 private:
  template <class Run>
  static void quietly(Run run) noexcept {
    try {
      run();
    } catch (...) {
    }
  }

  std::vector<std::function<void(std::string_view)>> on_value_;
  std::vector<std::function<void(const outcome&)>> on_end_;
  std::uint64_t count_ = 0;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace fast
#endif  // FAST_INTERCEPTORS_HPP
