#include <fast.hpp>
#include <iostream>

int main() {
  fast::client client("hello", {{"timeout_ms", 2000}});
  for (std::string_view greeting : client.stream("greet", R"(["world"])")) std::cout << greeting << '\n';
}
