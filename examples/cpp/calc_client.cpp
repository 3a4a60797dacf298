// The client of ../README.md: calc_client TARGET

#include <algorithm>
#include <fast.hpp>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

using nlohmann::json;
using steady = std::chrono::steady_clock;
using namespace std::chrono_literals;

// The code, and for a server's own error the name, of a call that should fail.
static std::string code_of(fast::client& calc, const char* method, const char* args, const fast::call_options& options = {}) {
  try {
    calc.call(method, args, options);
    return "";
  } catch (const fast::error& error) {
    std::string code = error.code_name();
    return *error.remote_name() ? code + " " + error.remote_name() : code;
  }
}

static std::int64_t percentile(const std::vector<std::int64_t>& sorted, std::size_t percent) {
  return sorted.empty() ? 0 : sorted[sorted.size() * percent / 100];
}

int main(int argc, char** argv) try {
  if (argc < 2) return std::cerr << "usage: calc_client TARGET\n", 2;
  fast::client calc(argv[1], {{"policy", "round_robin"}});

  int ok = 0, failed = 0, values = 0;
  std::map<std::string, int> servers;
  std::vector<std::int64_t> times;
  fast::call_options repeatable;
  repeatable.idempotent = true;
  for (int i = 0; i < 1000; i++) {
    auto start = steady::now();
    try {
      json answers = json::parse(calc.call("add", json{i, 1}.dump(), repeatable));
      times.push_back(std::chrono::duration_cast<std::chrono::microseconds>(steady::now() - start).count());
      if (answers.size() != 1 || answers[0].at("sum") != i + 1) throw std::runtime_error("wrong answer " + answers.dump());
      servers[answers[0].at("server")]++;
      ok++;
    } catch (const std::exception& error) {
      std::cerr << "add " << i << ": " << error.what() << '\n';
      failed++;
    }
  }
  try {
    for (std::string_view value : calc.stream("range", "[1000]")) values += json::parse(value) == json{{"value", values}};
  } catch (const fast::error& error) {
    std::cerr << "range: " << error.what() << '\n';
  }
  std::string error = code_of(calc, "fail", "[]");
  fast::call_options impatient;
  impatient.timeout = 100ms;
  std::string timeout = code_of(calc, "slow", "[10000]", impatient);

  std::sort(times.begin(), times.end());
  json summary = {{"language", "cpp"}, {"ok", ok}, {"failed", failed}, {"values", values}, {"servers", servers},
                  {"p50_us", percentile(times, 50)}, {"p99_us", percentile(times, 99)},
                  {"error", error}, {"timeout", timeout}};
  std::cout << summary.dump() << std::endl;
} catch (const std::exception& failure) {
  std::cerr << failure.what() << '\n';
  return 1;
}
