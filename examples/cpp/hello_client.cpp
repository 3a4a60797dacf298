// Calls the method "hello": hello_client TARGET
#include <fast.hpp>
#include <iostream>

int main(int argc, char** argv) try {
  fast::client client(argc > 1 ? argv[1] : "hello");
  for (std::string_view value : client.stream("hello")) std::cout << value << '\n';
} catch (const fast::error& failure) {
  std::cerr << failure.code_name() << ": " << failure.what() << '\n';
  return 1;
}
