// Serves the method "hello" until its input ends: hello_server TARGET
#include <fast.hpp>
#include <iostream>

int main(int argc, char** argv) try {
  fast::server server({{"announce", argc > 1 ? argv[1] : "hello"}});
  server.method("hello", [](fast::request& request) { request.end("\"hello from C++\""); });
  std::cout << "listening " << server.start() << std::endl;
  while (std::cin.get() != EOF) continue;
  server.stop();
} catch (const std::exception& failure) {
  std::cerr << failure.what() << '\n';
  return 1;
}
