#include "measured.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <limits>

namespace measured {

using namespace std::chrono_literals;

/// Latencies kept by one meter; later calls are counted without.
static constexpr std::size_t LATENCIES = 1 << 22;

Meter::Meter(const Order& order) : counting(Clock::now() + 300ms), duration(order.duration) {}

bool Meter::count(Clock::time_point began, Clock::time_point ended) {
  made++;
  if (first == Clock::time_point{}) {
    if (ended >= counting) first = last = ended;
  } else if (last - first < duration) {
    last = ended;
    calls++;
    if (latencies.size() < LATENCIES) latencies.push_back((ended - began) / 1ns);
  }
  return last - first < duration;
}

std::string report(std::vector<Meter> meters, const Order& order) {
  std::uint64_t calls = 0, made = 0;
  double per_second = 0;
  std::vector<std::int64_t> all;
  for (const Meter& meter : meters) {
    made += meter.made;
    if (meter.calls == 0) continue;
    calls += meter.calls;
    std::chrono::duration<double> seconds = meter.last - meter.first;
    per_second += static_cast<double>(meter.calls * order.units) / seconds.count();
    all.insert(all.end(), meter.latencies.begin(), meter.latencies.end());
  }
  if (all.empty()) fail("no call was counted: measure for longer");
  std::sort(all.begin(), all.end());
  auto at = [&](double quantile) {
    return static_cast<double>(all[static_cast<std::size_t>(static_cast<double>(all.size()) * quantile)]) / 1e3;
  };
  auto member = [](const char* name, auto value) { return "\"" + std::string(name) + "\":" + std::to_string(value); };
  return "{" + member("per_second", per_second) + "," + member("calls", calls) + "," + member("made", made) + "," +
         member("p50_us", at(0.5)) + "," + member("p99_us", at(0.99)) + "," + member("p999_us", at(0.999)) + "}";
}

void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::_Exit(1);
}

void expect(std::size_t came, const Order& order) {
  if (came != order.size) fail(std::to_string(came) + " came instead of " + std::to_string(order.size));
}

void serve_until_input_ends(int port) {
  std::cout << "listening " << port << std::endl;
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  std::_Exit(0);
}

/// A JSON object of exactly so many bytes.
static std::string payload(std::size_t size) {
  const std::string before = R"({"id":12345,"name":"bench","on":true,"text":")", after = R"("})";
  std::size_t filled = before.size() + after.size();
  return before + std::string(size > filled ? size - filled : 0, 'x') + after;
}

static Order read_order(const std::vector<std::string>& words) {
  Order order;
  order.port = std::stoi(words[1]);
  order.duration = std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(std::stod(words[3])));
  order.connections = std::stoi(words[4]);
  order.in_flight = std::stoi(words[5]);
  order.stream = words[6] == "stream";
  order.size = std::stoull(words[7]);
  order.units = std::stoull(words[8]);
  if (!order.stream) order.text = payload(order.size);
  return order;
}

int run(int argc, char** argv, const std::function<void()>& serve,
        const std::function<std::vector<Meter>(const Order&)>& load) {
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words == std::vector<std::string>{"server"}) {
    serve();
  } else if (words.size() == 9 && words[0] == "client") {
    Order order = read_order(words);
    std::cout << report(load(order), order) << std::endl;
  } else {
    fail("write `server`, or `client PORT WORKLOAD SECONDS CONNECTIONS IN_FLIGHT METHOD SIZE UNITS`");
  }
  return 0;
}

}  // namespace measured
