// Options by name. Part of fast.hpp.

#ifndef FAST_CONFIG_HPP
#define FAST_CONFIG_HPP
#include "error.hpp"

#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>

namespace fast {
// One option: {"policy", "p2c"}, {"retries", 3}, {"idempotent", true}.
struct option {
  option(std::string key, std::string text) : name(std::move(key)), value(std::move(text)) {}
  option(std::string key, const char* text) : name(std::move(key)), value(text) {}
  template <class T, class = std::enable_if_t<std::is_integral_v<T>>>
  option(std::string key, T number) : name(std::move(key)), value(std::to_string(number)) {}

  std::string name, value;
};

// Options by name; an unknown name or a bad value is FAST_E_INVALID.
class config {
 public:
  config() : handle_(fast_config_new()) {}
  config(std::initializer_list<option> options) : config() {
    for (const option& one : options) set(one);
  }

  config& set(const option& one) {
    const char* name = detail::terminated(one.name);
    const char* value = detail::terminated(one.value);
    detail::checked([&](fast_error** err) { return fast_config_set(handle_.get(), name, value, err); });
    return *this;
  }
  template <class T>
  config& set(std::string name, T&& value) { return set(option(std::move(name), std::forward<T>(value))); }
  fast_config* get() const noexcept { return handle_.get(); }

 private:
  detail::owner<fast_config, fast_config_free> handle_;
};

}  // namespace fast
#endif  // FAST_CONFIG_HPP
