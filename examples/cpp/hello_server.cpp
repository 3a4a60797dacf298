#include <fast.hpp>
#include <unistd.h>

#include <iostream>

int main() {
  fast::server server({{"announce", "hello"}});
  server.method("greet", [](fast::request& request) {
    std::string args(request.args());  // the text of a JSON array, here ["world"]
    request.end("\"Hello, " + args.substr(2, args.size() - 4) + "!\"");
  });
  std::cout << "listening " << server.start() << std::endl;
  for (;;) pause();
}
