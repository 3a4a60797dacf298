// The scenario runner of the C++ binding; see README.md.

#include <fast.hpp>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

using nlohmann::json;
using steady = std::chrono::steady_clock;

static fast::config config_of(const json& options) {
  fast::config config;
  for (const auto& [name, value] : options.items()) {
    if (value.is_boolean()) config.set(name, value.get<bool>());
    else if (value.is_number_integer()) config.set(name, value.get<std::int64_t>());
    else config.set(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return config;
}

static fast::call_options options_of(const json& options) {
  fast::call_options set;
  if (options.contains("timeout_ms")) set.timeout = std::chrono::milliseconds(options["timeout_ms"].get<std::int64_t>());
  if (options.contains("retries")) set.retries = options["retries"].get<int>();
  if (options.contains("idempotent")) set.idempotent = options["idempotent"].get<bool>();
  if (options.contains("ignore_null_values")) set.ignore_null_values = options["ignore_null_values"].get<bool>();
  return set;
}

// JSON text, or null if it is empty.
static json parsed(const char* text) { return *text ? json::parse(text) : json(); }

static json describe(const fast::error& error) {
  return {{"code", error.code_name()}, {"message", error.what()}, {"endpoint", error.endpoint()},
          {"retriable", error.retriable()}, {"name", error.remote_name()}, {"info", parsed(error.remote_info())},
          {"remote_message", error.remote_message()}, {"context", parsed(error.remote_context())},
          {"ase_errors", parsed(error.remote_ase_errors())}, {"cause_name", error.cause_name()},
          {"merged_info", parsed(error.merged_info())}};
}

// Does what one line says; the values go to the answer one by one when they are streamed.
static void run(const json& scenario, fast::client& client, json& answer) {
  const std::string& method = scenario.at("method").get_ref<const std::string&>();
  std::string args = scenario.value("args", json::array()).dump();
  fast::call_options options = options_of(scenario.value("options", json::object()));
  json& values = answer["values"];
  if (scenario.value("stream", false)) {
    for (std::string_view value : client.stream(method, args, options)) values.push_back(json::parse(value));
  } else if (scenario.contains("max_values")) {
    auto buffered = client.call_buffered(method, args, scenario["max_values"].get<std::uint64_t>(), options);
    values = json::parse(buffered.values);
    answer["count"] = buffered.count;
    if (buffered.error) answer["error"] = describe(*buffered.error);
  } else if (scenario.contains("keys")) {
    for (int i = 0; i < scenario["keys"].get<int>(); i++) {
      std::string key = "key-" + std::to_string(i);
      options.affinity = key;
      values.push_back(json::parse(client.call(method, args, options)).at(0));
    }
  } else {
    values = json::parse(client.call(method, args, options));
  }
}

int main() {
  std::map<std::string, fast::client> clients;
  for (std::string line; std::getline(std::cin, line);) {
    json scenario = json::parse(line), answer = {{"values", json::array()}, {"error", nullptr}};
    const std::string& target = scenario.at("target").get_ref<const std::string&>();
    auto start = steady::now();
    try {
      json own = scenario.value("client_options", json());
      if (own.is_object()) {
        fast::client once(target, config_of(own));
        run(scenario, once, answer);
      } else {
        run(scenario, clients.try_emplace(target, target).first->second, answer);
      }
    } catch (const fast::error& error) {
      answer["error"] = describe(error);
    }
    answer["ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(steady::now() - start).count();
    std::cout << answer.dump() << std::endl;
  }
}
