#include <fast.hpp>
#include <iostream>

int main() {
  fast::server server;
  server.method("greet", [](fast::request& request) { request.end("\"Hello!\""); });
  server.intercept([](fast::incoming_call& call) {
    if (call.args() == "[\"Mallory\"]") throw fast::remote_error("Denied", "not you");
  });

  fast::client client(server.start());
  client.intercept([](fast::outgoing_call& call) {
    call.on_end([method = call.method()](const fast::outcome& end) {
      std::string how = "ok";
      try {
        if (end.error) std::rethrow_exception(end.error);
      } catch (const fast::error& error) {
        how = error.remote_name();
      }
      std::cout << method << ": " << end.values << " values, " << how << ", " << end.attempts << " attempts\n";
    });
  });
  std::string values;
  client.try_call("greet", "[\"world\"]", values);
  client.try_call("greet", "[\"Mallory\"]", values);
}
