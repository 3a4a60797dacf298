// libfast for C++17: owners and exceptions over fast.h. Header only; link with libfast.
//
// Values and arguments are JSON text: use the JSON library that you like. Objects are moved, not copied, and may be destroyed
// in any order. Functions throw fast::error. The names are those of the other languages; docs/OPTIONS.md has the options.

#ifndef FAST_HPP
#define FAST_HPP
#include "fast/client.hpp"
#include "fast/config.hpp"
#include "fast/error.hpp"
#include "fast/server.hpp"

namespace fast {
// The numbers of all clients and servers of this process, in Prometheus' text format; docs/METRICS.md lists them.
inline std::string metrics_text() {
  return detail::text([](fast_buf** text, fast_error** err) { return fast_metrics_text(text, err); });
}
}  // namespace fast

#endif  // FAST_HPP
